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
        self.sought = ""  # what is looked for, in lower case; its places are marked
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
            self._grow(count)
        if self.following:
            if grown and self.max_scroll_y != self.scroll_offset.y:
                self.scroll_end(animate=False, immediate=True, x_axis=False)
        elif removed:
            self.scroll_to(y=max(0, self.scroll_offset.y - removed), animate=False, immediate=True)
        if removed or self.text_selection is not None:
            self.refresh()
        else:
            self._refresh_from(first)

    def _grow(self, count: int) -> None:
        """Tells the scrolling how many rows there are. Textual lays the whole screen out for a new size; while the bar
        stays as it is nothing moves, and that would cost more than all the drawing."""
        region = self.scrollable_content_region
        size, overflows = Size(region.width, count), count > region.height
        if overflows != self.show_vertical_scrollbar or size.width != self.virtual_size.width:
            self.virtual_size = size
            return
        self.set_reactive(LineView.virtual_size, size)
        if overflows:
            self.vertical_scrollbar.window_virtual_size = count

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

    # ---- finding

    def find(self, text: str) -> int:
        """Marks every place of a text, whatever its case, and goes to the newest one; returns the rows with it."""
        self.sought = text.casefold()
        self.selected_row = -1
        found = self._found_rows()
        if found:
            self.step_found(-1)
        self.refresh()
        return len(found)

    def _found_rows(self) -> list[int]:
        if not self.sought:
            return []
        return [row for row, item in enumerate(self.rows) if self.sought in item.text[item.gutter :].casefold()]

    def step_found(self, direction: int) -> bool:
        """Goes to the next (1) or previous (-1) row with what is looked for; False when there is none further."""
        found = self._found_rows()
        start = self.selected_row if self.selected_row >= 0 else (len(self.rows) if direction < 0 else -1)
        further = [row for row in found if (row > start if direction > 0 else row < start)]
        if not further:
            return False
        self.select(further[0] if direction > 0 else further[-1])
        return True

    def select(self, row: int) -> None:
        """Marks a row and brings it into view."""
        self.selected_row = max(-1, min(row, len(self.rows) - 1))
        height = self.scrollable_content_region.height
        if self.selected_row >= 0 and not self.scroll_offset.y <= self.selected_row < self.scroll_offset.y + height:
            self.following = False
            self.scroll_to(y=max(0, self.selected_row - height // 2), animate=False, immediate=True)
        self.refresh()

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
        if self.sought:
            segments = self._found(segments, item)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            segments = self._selected(item, segments, span)
        strip = Strip(segments).adjust_cell_length(width, style if row == self.selected_row else self.rich_style)
        return strip.apply_offsets(0, row)

    def _selection_style(self) -> Style:
        return self.screen.get_component_rich_style("screen--selection")

    def _found(self, segments: list[Segment], item: Line) -> list[Segment]:
        """The row with every place of what is looked for in reverse."""
        text, place = item.text.casefold(), item.gutter
        if len(text) != len(item.text):
            return segments  # a character that has another length in lower case: no place can be told
        while (place := text.find(self.sought, place)) >= 0:
            segments = _lit(segments, (place, place + len(self.sought)), Style(reverse=True))
            place += len(self.sought)
        return segments

    def _selected(self, item: Line, segments: list[Segment], span: tuple[int, int]) -> list[Segment]:
        start, end = span
        end = len(item.text) if end == -1 else end
        return _lit(segments, (start, end), Style(bgcolor=self._selection_style().bgcolor))

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


def _lit(segments: list[Segment], span: tuple[int, int], more: Style) -> list[Segment]:
    """The segments with a style added to the characters of a span."""
    start, end = span
    marked: list[Segment] = []
    position = 0
    for text, style, _control in segments:
        low, high = max(0, start - position), max(0, min(len(text), end - position))
        if low < high:
            lit = (style or Style()) + more
            marked += [Segment(text[:low], style), Segment(text[low:high], lit), Segment(text[high:], style)]
        else:
            marked.append(Segment(text, style))
        position += len(text)
    return [segment for segment in marked if segment.text]
