"""A pane of a few lines that are made from a Frame: gauges, tables, short texts."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip

from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import dimmed, line, shortened
from llmbm_console.tui.widgets.edged import Edged, Look
from llmbm_console.tui.widgets.framed import Framed


class Panel(Edged, Framed, can_focus=True):
    """Base: a panel gives its heading and its lines for a size, and is repainted only when they changed."""

    DEFAULT_CSS = """
    Panel { border: round $border; padding: 0 1; background: $background; text-wrap: nowrap; text-overflow: clip; }
    Panel:focus { border: round $focus; }
    Panel.-ascii { border: ascii $border; }
    Panel.-ascii:focus { border: ascii $focus; }
    """
    of_kernel = False  # shows what a kernel tells: it is dim once that kernel is no more

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.auto_links = False  # what can be clicked keeps its own colours
        self._lines: list[Content] = []
        self._made_from: object = None
        self._top = 0  # the first line that is shown
        self._count = 0  # of all lines
        self._marked = -1  # the line that stays in view, of a panel that has one selected

    def made_from(self, frame: Frame) -> object:
        """All that the lines and edges depend on but for size and focus: as long as it is equal they stay what they
        are. None: it is not known."""
        return None

    def heading(self, frame: Frame) -> Content:
        """What stands on the right of the upper edge."""
        return line()

    def hint(self, frame: Frame) -> Content:
        """What stands on the lower edge."""
        return line()

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        """The lines for a content area of this size; where they are more than `height`, it can be scrolled. A panel
        without any is empty."""
        return []

    # ---- scrolling

    @property
    def hidden(self) -> tuple[int, int]:
        """Lines above and below those that are shown."""
        return self._top, max(0, self._count - self._top - self.content_size.height)

    def step(self, direction: int) -> bool:
        """A line down (1) or up (-1); False when there is none."""
        return self.scroll_lines(direction)

    def page(self, direction: int) -> bool:
        """As many lines as are shown, but for one."""
        return self.scroll_lines(direction * max(1, self.content_size.height - 1))

    def top(self) -> bool:
        """The first line; False where all are in sight."""
        hidden = self.hidden
        self.scroll_lines(-hidden[0])
        return any(hidden)

    def scroll_lines(self, lines: int) -> bool:
        """So many lines down, or up; False when none is hidden there."""
        above, below = self.hidden
        lines = max(-above, min(below, lines))
        self._top += lines
        if lines:
            self._draw()
        return bool(lines)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls."""
        if self.scroll_lines(1):
            event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """See on_mouse_scroll_down."""
        if self.scroll_lines(-1):
            event.stop()

    # ---- drawing

    def _draw(self) -> None:
        width, height = self.content_size
        if width <= 0 or height <= 0 or not self.display:
            return
        told = self.made_from(self._frame)
        made_from = None if told is None else (told, width, height, self.has_focus, self._frame.last_known, self._top)
        if made_from is not None and made_from == self._made_from:
            return
        self._made_from = made_from
        made = self.lines(self._frame, width, height)
        self._count = len(made)
        self._top = max(0, min(self._top, len(made) - height))
        if 0 <= self._marked < len(made):
            self._top = max(self._marked - height + 1, min(self._top, self._marked))
        self.set_heading(self._with_hidden(self.heading(self._frame)), self.hint(self._frame))
        shown = made[self._top : self._top + height]
        if self.of_kernel and self._frame.last_known:
            shown = [dimmed(content) for content in shown]
        lines = [shortened(content, width, self.glyphs.ellipsis) for content in shown]
        old, self._lines = self._lines, lines
        for y in range(max(len(lines), len(old))):
            if y >= len(lines) or y >= len(old) or not lines[y].is_same(old[y]):
                self.refresh(Region(0, y, width, 1))

    def _with_hidden(self, heading: Content) -> Content:
        """The heading, behind how many lines are not in sight, in as many words as there is room for."""
        hidden = [(count, where) for count, where in zip(self.hidden, ("above", "below"), strict=True) if count]
        if not hidden:
            return heading
        long, short = (", ".join(f"{count} {word}{where}" for count, where in hidden) for word in ("more ", ""))
        for words in (long, short):
            told = line((f"{words}  ", "$info"), heading)
            if told.cell_length <= self.heading_room:
                return told
        return line((long if len(long) <= self.heading_room else short, "$info"))

    def render(self) -> Content:
        """The lines, one below the other."""
        return Content("\n").join(self._lines) if self._lines else Content("")

    def row_strips(self, rows: range, look: Look) -> list[Strip]:
        """Some of the lines: a change of one does not make all anew."""
        selected = self.text_selection is not None
        return [
            look.around(
                self.render_line(y)
                if selected or y >= len(self._lines)
                else self.line_strip(self._lines[y], look).apply_offsets(0, y)
            )
            for y in rows
        ]

    def on_resize(self) -> None:
        """Lines depend on the size."""
        self._draw()

    def focus_changed(self) -> None:
        """A focused panel shows exact values."""
        self._draw()
