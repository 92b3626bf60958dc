"""Dumps and recordings in this console's folder and in the one it was started in, and what the selected one means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from llmbm_console.core.actions.key_labels import spelt
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, both_names, line, middle, plain, wrap
from llmbm_console.tui.widgets.framed import Framed
from llmbm_console.tui.widgets.lines import Line, LineView

EMPTY = (
    "No dump and no recording yet.",
    "",
    "/save_dump makes the kernel write a dump,",
    "{0[record.toggle]} records this session, {0[record.clip]} saves a clip of it.",
    "{0[file.again]} looks again.",
)

UNLIKE = (".llcap", ".ppm")  # recordings and pictures as they are named here: nothing in them is compared


class FileList(LineView):
    """One row a file, the newest first."""

    pane, number, title_text = "files", 0, "Dumps and recordings"

    COMPONENT_CLASSES: ClassVar[set[str]] = {"files--row", "files--marked", "files--note"}

    DEFAULT_CSS = """
    FileList > .files--row { color: $foreground; }
    FileList > .files--marked { color: $accent; text-style: bold; }
    FileList > .files--note { color: $muted; }
    """

    class Highlighted(Message):
        """Another file is looked at."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    class Wanted(Message):
        """The list is to be made."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.following = False
        self.marked: Path | None = None  # what others are compared with
        self.compared = False  # what differs between it and the selected one is shown
        self._files: list[tuple[Path, str]] | None = None  # None: not looked for yet
        self._seen = False  # it was on the screen with the last frame
        self._read = 0  # lines of the session's log that were looked at, those that the log forgot included
        self._saved: Path | None = None  # what the person was told to find here, and has not looked for yet
        self._came = False  # on the screen, and not made since

    @property
    def selected(self) -> Path | None:
        """The file on the selected row."""
        files = self._files or []
        return files[self.selected_row][0] if 0 <= self.selected_row < len(files) else None

    def show(self, frame: Frame) -> None:
        """Draws another frame. The list is asked for when it comes on the screen, and when a file was saved."""
        came, self._seen = self.display and not self._seen, self.display
        self._came |= came
        if self.display and (self._file_saved(frame.state.log, frame.state.dropped_log) or came):
            self._files = self._files or []
            self.post_message(self.Wanted())
        super().show(frame)

    def _file_saved(self, log: Sequence[LogLine], dropped: int) -> bool:
        """Whether one of the lines that came since the last look tells of a file; an earlier moment has none."""
        read = dropped + len(log)
        fresh, self._read = read - self._read, read
        return any(entry.code == "file" for entry in islice(reversed(log), max(0, fresh)))

    def on_resize(self) -> None:
        """Rows are cut to the width."""
        self._draw()

    def show_files(self, files: Sequence[tuple[Path, str]]) -> None:
        """The files and a word on each; the same one stays selected, but for one that was saved since the last look.
        While the list is on the screen a selection stays: it may be about to be opened."""
        before = kept = self.selected
        self._files = list(files)
        paths = [path for path, _detail in files]
        if self.marked not in paths:
            self.marked = None
        if self._came and self._saved in paths:
            kept, self._saved = self._saved, None
        self._came = False
        self.selected_row = paths.index(kept) if kept in paths else 0 if paths else -1
        self._draw()
        if self.selected is not None and self.selected != before:
            if len(self.rows) == len(paths):  # they are on the screen
                super().select(self.selected_row)  # into view
            self.post_message(self.Highlighted(self.selected))

    def announce(self, path: Path) -> None:
        """A file was saved and the person was told that it is here: it is selected when the list comes on the screen,
        unless another one is chosen until then."""
        self._saved = path.resolve()

    def mark(self, path: Path | None) -> None:
        """Marks the file that others are compared with."""
        self.marked = path
        self._draw()

    def compare(self, marked: Path | None) -> None:
        """Whether what differs between the marked and the selected file is shown."""
        self.compared = marked is not None
        self._draw()

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0 or not self.display:
            return
        rows = [self._row(path, detail, width) for path, detail in self._files or []]
        if rows:
            count = f"{len(rows)} newest"
            self.set_heading(line((count, "$muted")), line(*self._hints()))
        else:
            rows = [Line(text[a:b], "files--note") for text in self._empty() for a, b in wrap(text, width)]
            self.set_heading(line(), line())
        if rows != self.rows:
            self.set_rows(0, rows)

    def _hints(self) -> list[Piece]:
        """What the keys do with the selected file."""
        if self.compared:
            word = "ends comparing"
        elif self.marked is None:
            word = "mark to compare"
        else:
            word = "unmark" if self.selected == self.marked else f"compare with {self.glyphs.dot}"
        compares = self.selected is None or self.selected.suffix not in UNLIKE
        return [
            *(self._key("file.compare", f"{word}  ") if compares else ()),
            *self._key("file.explain", "read  "),
            *self._key("file.open", "open"),
        ]

    def _key(self, name: str, word: str) -> tuple[Piece, Piece]:
        return (self._frame.keys[name], "$accent"), (f" {word}", "$muted")

    def _empty(self) -> list[str]:
        return [spelt(text, self._frame.keys) for text in EMPTY]

    def _row(self, path: Path, detail: str, width: int) -> Line:
        marked = path == self.marked
        sign, width = f"{self.glyphs.dot} " if marked else "  ", width - 2
        name = plain(path.name)
        # What it is stands in most names already: of too long a word on it the age is kept.
        note = detail if len(name) + len(detail) + 2 <= width else detail.rpartition(", ")[2]
        room = max(12, width - len(note) - 2)
        text = f"{sign}{middle(name, room, self.glyphs.ellipsis):<{room}}  {note}"
        return Line(text, "files--marked" if marked else "files--row")

    def top(self) -> bool:
        """The first file, the newest."""
        if self._files:
            self.select(0)
        return bool(self._files)

    def follow(self) -> None:
        """The last file, the oldest."""
        if self._files:
            self.select(len(self._files) - 1)

    def action_scroll_home(self) -> None:
        """A scroll view's own key only scrolls."""
        self.top()

    def action_scroll_end(self) -> None:
        """See action_scroll_home."""
        self.follow()

    def step(self, direction: int) -> bool:
        """The next or previous file; False where there is none."""
        if not 0 <= self.selected_row + direction < len(self._files or []):
            return False
        self.select(self.selected_row + direction)
        return True

    def select(self, row: int) -> None:
        """Selects a row; its file is looked at."""
        super().select(row)
        self.compared, self._saved = False, None
        self._draw()
        if self.selected is not None:
            self.post_message(self.Highlighted(self.selected))

    def on_click(self, event: events.Click) -> None:
        """Selects a file; a double click goes to what it means."""
        offset = event.get_content_offset(self)
        if offset is not None and self.scroll_offset.y + offset.y < len(self._files or []):
            self.select(self.scroll_offset.y + offset.y)
            if event.chain == 2:
                self.app.run_worker(self.app.run_action("do('file.explain')"), exit_on_error=False)


LayOut = Callable[[int], Sequence[Content]]


class Explanation(VerticalScroll, Framed, can_focus=True):
    """Text about a file, laid out for the width."""

    pane, number, title_text = "explanation", 0, "Explained"

    DEFAULT_CSS = """
    Explanation {
        border: round $border; padding: 0 1; background: $background; scrollbar-size: 1 1; height: 1fr;
        scrollbar-color: $border; scrollbar-background: $background;
    }
    Explanation:focus { border: round $focus; }
    Explanation.-ascii { border: ascii $border; }
    Explanation.-ascii:focus { border: ascii $focus; }
    Explanation > Static { width: 1fr; height: auto; background: $background; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._words = Static(markup=False)
        self._names: Sequence[str] = ()
        self._lay_out: LayOut = lambda _width: [line(("A file that is selected is explained here.", "$muted"))]
        self._laid: tuple[int, LayOut] = (0, self._lay_out)

    def compose(self) -> ComposeResult:
        """One text."""
        yield self._words

    def on_resize(self) -> None:
        """Lines depend on the width."""
        self._draw()

    def on_focus(self) -> None:
        """The lower edge says how to get back, and how to open what is read."""
        keys = self._frame.keys
        self.set_heading(
            bottom=line(
                (keys["view.leave"], "$accent"),
                (" list  ", "$muted"),
                (keys["file.open"], "$accent"),
                (" open", "$muted"),
            )
        )

    def on_blur(self) -> None:
        """See on_focus."""
        self.set_heading(bottom=line())

    def explain(self, names: Sequence[str], lay_out: LayOut) -> None:
        """What a file means, or two beside each other, as lines for a width."""
        self._lay_out, self._names = lay_out, names
        self.scroll_home(animate=False)
        self._draw()

    def _draw(self) -> None:
        width, height = self.scrollable_content_region.size
        if width <= 0 or not self.display:
            return
        room, signs = self.heading_room, self.glyphs.ellipsis
        match self._names:
            case (one, other):
                title = both_names(one, other, room, signs)
            case names:
                title = middle("".join(names), room, signs)
        self.set_heading(line((title, "$muted")))
        if self._laid == (width, self._lay_out):
            return
        rows = self._lay_out(width)
        if len(rows) > height and not self.show_vertical_scrollbar:
            width -= self.scrollbar_size_vertical  # the bar comes, and would wrap each of them again
            rows = self._lay_out(width)
        self._laid = (width, self._lay_out)
        self._words.update(Content("\n").join(rows))
