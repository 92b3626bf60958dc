"""A pane's frame: number and title on the left of its upper edge, the pane's own state on the right."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from textual.content import Content
from textual.geometry import Region

from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import BLOCKS, Glyphs
from llmbm_console.tui.text import line, shortened
from llmbm_console.tui.widgets.painted import Painted


@runtime_checkable
class Stepped(Protocol):
    """A pane with rows to go through, one of them perhaps selected. Each is False where there is nothing more."""

    def step(self, direction: int) -> bool:
        """The next (1) or previous (-1) row."""

    def page(self, direction: int) -> bool:
        """As many rows as are shown, but for one."""

    def top(self) -> bool:
        """The first row."""


class Framed(Painted):
    """Mix-in for panes with a frame. `pane` is the name in core.panes.PANES."""

    pane = ""
    number = 0
    title_text = ""

    glyphs: Glyphs = BLOCKS
    _frame = Frame()
    _right = Content("")
    _bottom = Content("")
    _headed: tuple[object, ...] = ()

    def show(self, frame: Frame) -> None:
        """Draws another frame."""
        self._frame = frame
        if frame.glyphs is not self.glyphs:
            self.set_glyphs(frame.glyphs)
        self._draw()

    def _draw(self) -> None:
        """Draws what is inside of the edge, from the frame that was shown last."""

    def set_heading(self, right: Content | None = None, bottom: Content | None = None) -> None:
        """Sets what stands on the right of the upper edge and on the lower edge."""
        if right is not None:
            self._right = right
        if bottom is not None:
            self._bottom = bottom
        self._draw_heading()

    def set_glyphs(self, glyphs: Glyphs) -> None:
        """Draws the frame with another set of signs."""
        self.glyphs = glyphs
        self.set_class(glyphs.name == "ascii", "-ascii")
        self._draw_heading()

    @property
    def edge_room(self) -> int:
        """Columns for a label on an edge: without the corners, and edge and blanks on both sides of it."""
        return self.outer_size.width - 6

    @property
    def heading_room(self) -> int:
        """Columns for what stands on the right of the upper edge."""
        name = len(self.title_text) + (len(f"{self.number} ") if self.number else 0)
        return max(0, self.edge_room - name - 3)

    def _draw_heading(self) -> None:
        width = self.edge_room
        focused = self.has_focus or self.has_focus_within
        key = (width, focused, self.glyphs.name, self.title_text, self._right, self._bottom)
        if width <= 0 or key == self._headed:
            return
        self._headed = key
        edge = "$focus" if focused else "$border"
        name = line(
            (f"{self.number} " if self.number else "", "$muted"),
            (self.title_text, "bold $focus" if focused else "bold $foreground"),
        )
        right = shortened(self._right, max(0, width - name.cell_length - 3), self.glyphs.ellipsis)
        fill = width - name.cell_length - right.cell_length - (2 if right.cell_length else 1)
        if right.cell_length and fill > 0:
            name = line(name, (" " + self.glyphs.rule * fill + " ", edge), right)
        bottom = shortened(self._bottom, width, self.glyphs.ellipsis)
        self._set_edges(name, bottom if bottom.cell_length else None)

    def _set_edges(self, title: Content, subtitle: Content | None) -> None:
        """Draws the edges that are others now. Setting `border_title` would draw the whole pane."""
        (width, height), gutter = self.outer_size, self.gutter
        if not _same(title, self._border_title):
            self._border_title = title
            self.refresh(Region(-gutter.left, -gutter.top, width, 1))
        if not _same(subtitle, self._border_subtitle):
            self._border_subtitle = subtitle
            self.refresh(Region(-gutter.left, height - 1 - gutter.top, width, 1))

    def on_resize(self) -> None:
        """The heading fills the edge."""
        self._draw_heading()

    def watch_has_focus(self, has_focus: bool) -> None:
        """A focused pane has another edge. The event of it comes before `has_focus` says so: its handlers run in the
        order of the classes, and Textual's Widget is the last one."""
        super().watch_has_focus(has_focus)
        self._draw_heading()
        self.focus_changed()

    def focus_changed(self) -> None:
        """Called when the pane has got the focus, or lost it."""

    def on_descendant_focus(self) -> None:
        """A pane whose parts have the focus has another edge, too."""
        self._draw_heading()

    def on_descendant_blur(self) -> None:
        """See on_descendant_focus."""
        self._draw_heading()


def _same(one: Content | None, other: Content | None) -> bool:
    return one is other or (one is not None and other is not None and one.is_same(other))
