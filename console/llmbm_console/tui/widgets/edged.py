"""A pane whose rows are composed by itself: its own content between the edges that Textual drew once."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from llmbm_console.tui.widgets.painted import Painted


class Look(NamedTuple):
    """What all rows of a pane have in common until it is drawn anew."""

    width: int  # of the whole widget
    top: int  # lines of the frame above the rows
    bottom: int
    left: Strip  # of the frame beside each row
    right: Strip
    filters: tuple[LineFilter, ...]
    background: Color
    style: Style  # of blanks

    @property
    def room(self) -> int:
        """Columns between the edges."""
        return self.width - self.left.cell_length - self.right.cell_length

    def around(self, content: Strip) -> Strip:
        """A row as it goes to the terminal."""
        content = content.adjust_cell_length(self.room, self.style.rich_style)
        for line_filter in self.filters:
            content = content.apply_filter(line_filter, self.background)
        return Strip.join([self.left, content, self.right])


class Edged(Painted):
    """Mix-in. Textual would look up border, padding, colours and labels of the pane anew for each row."""

    _look: Look | None = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._line_styles: dict[str | Style, RichStyle] = {}  # of parts of lines, on the pane's own background

    def row_strips(self, rows: range, look: Look) -> list[Strip]:
        """Rows below the upper edge, counted from it, between the edges."""
        raise NotImplementedError

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Without regions, everything about the rows may be another: selection, marks, theme, frame, size."""
        if repaint and not regions:
            self.look_changed()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def look_changed(self) -> None:
        """Forgets what the rows have in common."""
        self._look = None
        self._line_styles.clear()

    def line_strip(self, content: Content, look: Look) -> Strip:
        """A line as Visual.to_strips makes it, of styles that were worked out once: that looks each of them up anew."""
        text, end, segments = content.plain, 0, []
        if "\n" in text or "\t" in text:
            return self._any_strip(content, look)
        for first, last, style in content.spans:
            if first < end:  # one within the other
                return self._any_strip(content, look)
            if first > end:
                segments.append(Segment(text[end:first], look.style.rich_style))
            if last > first:
                segments.append(Segment(text[first:last], self._line_style(style, look)))
            end = last
        if end < len(text):
            segments.append(Segment(text[end:], look.style.rich_style))
        return Strip(segments)

    def _line_style(self, name: str | Style, look: Look) -> RichStyle:
        style = self._line_styles.get(name)
        if style is None:
            style = self._line_styles[name] = Style.combine([look.style, self._get_style(name)]).rich_style
        return style

    def _any_strip(self, content: Content, look: Look) -> Strip:
        return Visual.to_strips(self, content, look.room, 1, look.style)[0]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the pane."""
        if self._look is None or self._look.width != self.outer_size.width:  # a size comes without a refresh
            self.look_changed()
            self._look = self._make_look()
        look = self._look
        first, last = look.top, self.outer_size.height - look.bottom
        above, below = range(crop.y, min(crop.bottom, first)), range(max(crop.y, last), crop.bottom)
        strips = [
            *(self._edge_strip(y, look.width) for y in above),
            *self.row_strips(range(max(crop.y, first) - first, min(crop.bottom, last) - first), look),
            *(self._edge_strip(y, look.width) for y in below),
        ]
        return strips if crop.column_span == (0, look.width) else [strip.crop(*crop.column_span) for strip in strips]

    def _edge_strip(self, y: int, width: int) -> Strip:
        """A line with its frame, as Textual draws it."""
        return super().render_lines(Region(0, y, width, 1))[0]

    def _make_look(self) -> Look:
        gutter, width = self.gutter, self.outer_size.width
        drawn = self._edge_strip(gutter.top, width)
        left, right = drawn.crop(0, gutter.left), drawn.crop(width - gutter.right, width)
        filters, background = tuple(self.get_line_filters()), self.background_colors[1]
        return Look(width, gutter.top, gutter.bottom, left, right, filters, background, self.visual_style)
