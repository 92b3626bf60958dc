"""A page for the lines of a text file, however many there are: scroll, filter, copy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from llmbm_console.core.counted import counted
from llmbm_console.core.text_log import Filtered, TextLog
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.pages.ask import AskLine
from llmbm_console.tui.terminal.direct_screen import DirectScreen
from llmbm_console.tui.text import clip, line, plain
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_console.tui.widgets.strips import Strip, fit

LOOK_AGAIN = 0.1  # s between two looks at an index that grows
SIDEWAYS = 20  # columns of one step
MOST_MADE = 1000  # rows kept ready
#: What the keys do; those of the largest number are left out first where there is no room.
KEYS = (
    (1, "/ filter"), (3, "g first"), (3, "G last"), (4, "PgUp PgDn"), (2, "left right sideways"), (2, "F1 help"),
)  # fmt: skip


UNFILTERS = "Esc takes the filter off"


class TextView(LineView):
    """The lines that pass the filter, with their numbers."""

    pane, number, title_text = "text", 0, "Text"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--number", "text--line"}
    DEFAULT_CSS = """
    TextView > .text--number { color: $muted; }
    TextView > .text--line { color: $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "sideways(-1)", show=False),
        Binding("right,l", "sideways(1)", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("g,home", "first", show=False),
        Binding("G,end", "last", show=False),
        Binding("pageup,ctrl+u", "leaf(-1)", show=False),
        Binding("pagedown,ctrl+d,space", "leaf(1)", show=False),
    ]

    def __init__(self, log: TextLog, glyphs: Glyphs) -> None:
        super().__init__(id="text")
        self.title_text = clip(log.path.name, 60, glyphs.ellipsis)
        self.glyphs = glyphs
        self.following = False
        self.wanted = ""
        self._log = log
        self._filtered: Filtered | None = None
        self._made: dict[int, Line] = {}
        self._shift = 0  # columns left of what is shown
        self._known = 0  # rows that were drawn
        self._leaving = threading.Event()
        self._other_filter = threading.Event()

    @property
    def row_count(self) -> int:
        """So many were found."""
        return len(self._filtered.numbers) if self._filtered is not None else self._log.count

    def row_line(self, row: int) -> Line:
        """A row is made when it is seen."""
        made = self._made.get(row)
        if made is None:
            if len(self._made) > MOST_MADE:
                self._made.clear()
            number = self._filtered.numbers[row] if self._filtered is not None else row
            head = f"{number + 1:>{len(f'{self._log.count:,}')},} "
            text = plain(self._log.line(number))[self._shift :]
            shown = clip(text, self.scrollable_content_region.width - len(head), self.glyphs.ellipsis)
            made = self._made[row] = Line(head + shown, "text--line", len(head), "text--number")
        return made

    # ---- what is found

    def on_mount(self) -> None:
        """Finds the lines in the background."""
        self.set_glyphs(self.glyphs)
        self.run_worker(self._find(self._log.index, self._leaving), group="index", exit_on_error=False)
        self.set_interval(LOOK_AGAIN, self.look)
        self.focus()

    def on_unmount(self) -> None:
        """Nothing goes on after the page."""
        self._leaving.set()
        self._other_filter.set()

    async def _find(self, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        await asyncio.to_thread(work, stop)
        self.look()

    def on_resize(self) -> None:
        """Rows are cut to the width."""
        self._draw_anew()
        super().on_resize()

    def _draw_anew(self) -> None:
        self._made.clear()
        self.refresh()

    def look(self) -> None:
        """Takes over what was found since the last look."""
        known, self._known = self._known, self.row_count
        if known != self._known:
            if len(f"{known:,}") != len(f"{self._known:,}") and self._filtered is None:
                self._draw_anew()  # the numbers became wider
            self.rows_changed(known, known)
            self.settle()
        self._describe()

    def _describe(self) -> None:
        count, found = counted(self._log.count, "line"), self._filtered
        if found is not None:
            count = f"{len(found.numbers):,} of {count}"
        so_far = not self._log.complete or (found is not None and not found.complete)
        words = line(
            (f"/{clip(self.wanted, 30, self.glyphs.ellipsis)} " if self.wanted else "", "$accent"), (count, "$muted")
        )
        self.set_heading(line(words, (" so far" if so_far else "", "$warn")), line())

    def filter(self, query: str) -> str:
        """Shows only the lines that pass. Any text is a filter: never returns a problem."""
        found = Filtered(self._log, query) if query.strip() else None
        self._other_filter.set()
        self._other_filter = threading.Event()
        self.wanted, self._filtered, self._known = query.strip(), found, 0
        self.selected_row, self.following = -1, False
        self._draw_anew()
        self.scroll_home(animate=False)
        self.rows_changed(0, 0)
        self.look()
        if found is not None:
            self.run_worker(self._find(found.run, self._other_filter), group="filter", exit_on_error=False)
        return ""

    # ---- keys

    def action_sideways(self, direction: int) -> None:
        """Shows what is further left or right."""
        self._shift = max(0, self._shift + direction * SIDEWAYS)
        self._draw_anew()

    def action_first(self) -> None:
        """The first line."""
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        """The last line, also of those that are still to be found."""
        self.follow()

    def action_leaf(self, direction: int) -> None:
        """A page up or down."""
        self.page(direction)


class Keys(Strip):
    """What the keys do."""

    DEFAULT_CSS = "Keys { dock: bottom; background: $surface; color: $muted; }"

    def __init__(self, ways: Sequence[str]) -> None:
        super().__init__(id="text-keys")
        self._ways = ways
        self.filtered = False  # then Esc leaves no file yet

    def content_for(self, frame: Frame, width: int) -> Content:
        others = [way for way in self._ways if not way.startswith("Esc")]
        ways = (UNFILTERS, *others) if self.filtered else self._ways
        parts = (*KEYS, *((0, way) for way in ways))
        return fit([(weight, line((text, "$muted"))) for weight, text in parts], width, frame.glyphs)


class TextPage(DirectScreen[None]):
    """One file; `ways` say what leaves it, and where that leads."""

    help_page = "text"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", show=False),
        Binding("slash", "filter", "Filter", show=False),
    ]
    DEFAULT_CSS = "TextPage { background: $background; } TextPage TextView { width: 1fr; height: 1fr; }"

    def __init__(self, log: TextLog, glyphs: Glyphs, ways: Sequence[str]) -> None:
        super().__init__()
        self._ways = ways
        self.view = TextView(log, glyphs)

    def compose(self) -> ComposeResult:
        """The lines above the keys."""
        yield self.view
        yield Keys(self._ways)

    def action_filter(self) -> None:
        """Asks for words."""
        hint = 'words  !without  "with blanks"'
        self.app.push_screen(AskLine("filter", self.view.wanted, hint, str, changed=self._filter))

    def _filter(self, query: str) -> str:
        problem, keys = self.view.filter(query), self.query_one(Keys)
        keys.filtered = bool(self.view.wanted)
        keys.on_resize()
        return problem

    def action_leave(self) -> None:
        """Takes the filter off, then leaves."""
        if self.view.wanted:
            self._filter("")
        else:
            self.dismiss()
