"""Pages over the main screen: text to be read, and the picture on the machine's own screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from llmbm_console.core.ppm import Pixmap
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import line, plain


class TextPage(ModalScreen[None]):
    """Text that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "leave", "Close", show=False)]
    DEFAULT_CSS = """
    TextPage { align: center middle; background: $background 60%; }
    TextPage > VerticalScroll {
        width: 110; max-width: 96%; height: auto; max-height: 92%; padding: 1 2;
        border: round $focus; background: $surface;
        border-title-color: $accent; border-subtitle-color: $muted; scrollbar-size: 1 1;
    }
    TextPage Static { width: 1fr; background: $surface; }
    """

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, plain(text)

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with VerticalScroll() as box:
            box.border_title = line((self._title, "bold"))
            box.border_subtitle = line(("Esc closes", ""))
            yield Static(Content(self._text), markup=False)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()


class Picture(Widget):
    """A pixmap in half blocks: two pixels a cell, with its own proportions."""

    DEFAULT_CSS = "Picture { width: 1fr; height: 1fr; background: $background; }"

    def __init__(self, pixmap: Pixmap, glyphs: Glyphs) -> None:
        super().__init__()
        self.pixmap, self._half = pixmap, "▀" if glyphs.border != "ascii" else ""

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and rows that the picture takes: a cell is twice as high as it is wide."""
        width, height = max(1, self.size.width), max(1, self.size.height)
        columns = max(1, min(width, self.pixmap.width, height * 2 * self.pixmap.width // self.pixmap.height))
        rows = max(1, min(height, columns * self.pixmap.height // (2 * self.pixmap.width)))
        return columns, rows

    def render_line(self, y: int) -> Strip:
        """A row of cells."""
        columns, rows = self.cells
        if y >= rows:
            return Strip.blank(self.size.width, self.rich_style)
        segments = []
        for column in range(columns):
            top = self.pixmap.block(column, 2 * y, columns, 2 * rows)
            low = self.pixmap.block(column, 2 * y + 1, columns, 2 * rows)
            if self._half:
                style = Style(color="#{:02x}{:02x}{:02x}".format(*top), bgcolor="#{:02x}{:02x}{:02x}".format(*low))
                segments.append(Segment(self._half, style))
            else:
                segments.append(Segment(" .:-=+*#%@"[min(9, (sum(top) + sum(low)) * 10 // 1536)]))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)


class PicturePage(ModalScreen[None]):
    """The machine's screen; r takes it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Close", show=False),
        Binding("r", "again", "Again", show=False),
    ]
    DEFAULT_CSS = """
    PicturePage { align: center middle; background: $background 60%; }
    PicturePage > Picture {
        width: 96%; height: 92%; border: round $focus; border-title-color: $accent; border-subtitle-color: $muted;
    }
    """

    def __init__(self, pixmap: Pixmap, glyphs: Glyphs, again: Callable[[PicturePage], None]) -> None:
        super().__init__()
        self._picture, self._again = Picture(pixmap, glyphs), again

    def compose(self) -> ComposeResult:
        """The picture in a frame."""
        pixmap = self._picture.pixmap
        self._picture.border_title = line((f"The machine's screen, {pixmap.width} x {pixmap.height}", "bold"))
        self._picture.border_subtitle = line(("r again   Esc closes", ""))
        yield self._picture

    def show(self, pixmap: Pixmap) -> None:
        """Another picture."""
        self._picture.pixmap = pixmap
        self._picture.refresh()

    def action_again(self) -> None:
        """Another look."""
        self._again(self)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()
