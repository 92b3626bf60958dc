"""A pane of a few lines that are made from a Frame: gauges, tables, short texts."""

from __future__ import annotations

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
        """The lines for a content area of this size; the first `height` are shown. A panel without any is empty."""
        return []

    def _draw(self) -> None:
        width, height = self.content_size
        if width <= 0 or height <= 0 or not self.display:
            return
        told = self.made_from(self._frame)
        made_from = None if told is None else (told, width, height, self.has_focus, self._frame.last_known)
        if made_from is not None and made_from == self._made_from:
            return
        self._made_from = made_from
        self.set_heading(self.heading(self._frame), self.hint(self._frame))
        shown = self.lines(self._frame, width, height)[:height]
        if self.of_kernel and self._frame.last_known:
            shown = [dimmed(content) for content in shown]
        lines = [shortened(content, width, self.glyphs.ellipsis) for content in shown]
        old, self._lines = self._lines, lines
        for y in range(max(len(lines), len(old))):
            if y >= len(lines) or y >= len(old) or not lines[y].is_same(old[y]):
                self.refresh(Region(0, y, width, 1))

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
