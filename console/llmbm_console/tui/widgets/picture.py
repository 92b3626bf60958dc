"""A pixmap in half blocks: two pixels a cell, with its own proportions."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from llmbm_console.core.machine.ppm import Pixmap
from llmbm_console.tui.glyphs import Glyphs


class Picture(Widget):
    """What every terminal can show; signs of ASCII where the glyphs say so, or where no colours are wanted."""

    DEFAULT_CSS = "Picture { width: 1fr; height: 1fr; background: $background; }"
    ALLOW_SELECT = False

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
        half = "" if self.app.no_color else self._half
        for column in range(columns):
            top = self.pixmap.block(column, 2 * y, columns, 2 * rows)
            low = self.pixmap.block(column, 2 * y + 1, columns, 2 * rows)
            if half:
                style = Style(color="#{:02x}{:02x}{:02x}".format(*top), bgcolor="#{:02x}{:02x}{:02x}".format(*low))
                segments.append(Segment(half, style))
            else:
                segments.append(Segment(" .:-=+*#%@"[min(9, (sum(top) + sum(low)) * 10 // 1536)]))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)
