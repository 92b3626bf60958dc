"""A scrolling list of ready-made lines by Textual's line API.

Only what is visible is rendered, and a change repaints only its rows.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from llmbm_console.tui.widgets.framed import Framed


class Line(NamedTuple):
    """One row: its text, the component class it is drawn with, and how much of its beginning is not copied."""

    text: str
    style: str
    gutter: int = 0
    gutter_style: str = ""
    soft: bool = False  # the next row continues this one


class LineView(ScrollView, Framed, can_focus=True):
    """Rows to scroll, select and copy; follows the end until it is scrolled up."""

    DEFAULT_CSS = """
    LineView {
        border: round $border; padding: 0 1; background: $background;
        scrollbar-size: 1 1; scrollbar-color: $border; scrollbar-color-hover: $muted; scrollbar-color-active: $focus;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        overflow-x: hidden; overflow-y: scroll;
    }
    LineView:focus { border: round $focus; }
    LineView.-ascii { border: ascii $border; }
    LineView.-ascii:focus { border: ascii $focus; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows: list[Line] = []
        self.following = True
        self.selected_row = -1
        self._styles_for: dict[str, Style] = {}

    # ---- content

    def set_rows(self, first: int, rows: list[Line], *, removed: int = 0) -> None:
        """Replaces the rows from `first` on, after `removed` rows went from the beginning."""
        if removed:
            del self.rows[:removed]
            self.selected_row = max(-1, self.selected_row - removed)
        old = len(self.rows)
        del self.rows[first:]
        self.rows.extend(rows)
        count = len(self.rows)
        grown = count != old or bool(removed)
        if grown:
            self.virtual_size = Size(self.scrollable_content_region.width, count)
        if self.following:
            if grown and self.max_scroll_y != self.scroll_offset.y:
                self.scroll_end(animate=False, immediate=True, x_axis=False)
        elif removed:
            self.scroll_to(y=max(0, self.scroll_offset.y - removed), animate=False, immediate=True)
        if removed or self.text_selection is not None:
            self.refresh()
        else:
            self._refresh_from(first)

    def _refresh_from(self, row: int) -> None:
        top = max(0, row - self.scroll_offset.y)
        height = self.scrollable_content_region.height - top
        if height > 0:
            self.refresh(Region(0, top, self.scrollable_content_region.width, height))

    # ---- following the end

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Scrolling up stops following, reaching the end resumes it."""
        super().watch_scroll_y(old, new)
        at_end = new >= self.max_scroll_y
        # Text that grows moves the end away without a scroll; only a move upwards stops following.
        if at_end != self.following and (at_end or new < old):
            self.following = at_end
            self.follow_changed()

    def follow_changed(self) -> None:
        """Called when following began or ended."""

    def follow(self) -> None:
        """Goes to the end and follows it."""
        self.following = True
        self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.follow_changed()

    def on_resize(self) -> None:
        """A follower stays at the end."""
        if self.following:
            self.call_after_refresh(self.scroll_end, animate=False, immediate=True, x_axis=False)

    # ---- drawing

    def notify_style_update(self) -> None:
        """Another theme has other styles."""
        self._styles_for.clear()
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        style = self._styles_for.get(name)
        if style is None:
            style = self.get_component_rich_style(name) if name else self.rich_style
            self._styles_for[name] = style
        return style

    def render_line(self, y: int) -> Strip:
        """One visible row."""
        width = self.scrollable_content_region.width
        row = self.scroll_offset.y + y
        if row >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        item = self.rows[row]
        style = self._style(item.style)
        if row == self.selected_row:
            style += Style(bgcolor=self._selection_style().bgcolor)
        segments = []
        if item.gutter:
            segments.append(Segment(item.text[: item.gutter], self._style(item.gutter_style or item.style)))
        segments.append(Segment(item.text[item.gutter :], style))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            segments = self._selected(item, segments, span)
        strip = Strip(segments).adjust_cell_length(width, style if row == self.selected_row else self.rich_style)
        return strip.apply_offsets(0, row)

    def _selection_style(self) -> Style:
        return self.screen.get_component_rich_style("screen--selection")

    def _selected(self, item: Line, segments: list[Segment], span: tuple[int, int]) -> list[Segment]:
        start, end = span
        end = len(item.text) if end == -1 else end
        marked: list[Segment] = []
        position = 0
        for text, style, _control in segments:
            low, high = max(0, start - position), max(0, min(len(text), end - position))
            if low < high:
                lit = (style or Style()) + Style(bgcolor=self._selection_style().bgcolor)
                marked += [Segment(text[:low], style), Segment(text[low:high], lit), Segment(text[high:], style)]
            else:
                marked.append(Segment(text, style))
            position += len(text)
        return [segment for segment in marked if segment.text]

    # ---- copying

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text without ornaments; rows that were only wrapped are joined again."""
        parts: list[str] = []
        for row, item in enumerate(self.rows):
            span = selection.get_span(row)
            if span is None:
                continue
            start, end = span
            end = len(item.text) if end == -1 else end
            parts.append(item.text[max(item.gutter, start) : max(item.gutter, end)])
            parts.append(" " if item.soft else "\n")
        return ("".join(parts[:-1]), "\n") if parts else None

    def selection_updated(self, selection: Selection | None) -> None:
        """A selection is drawn."""
        self.refresh()
