"""The scroll bar of a list of lines: moved without a layout of the screen, and not for every token of a text that
streams."""

from __future__ import annotations

from math import ceil
from typing import ClassVar

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender

from llmbm_console.tui.widgets.painted import Painted


def thumb(rows: int, window: int, whole: int, position: float) -> tuple[int, int] | None:
    """Where the thumb of a bar begins and ends, in eighths of a row, as Textual draws it; None when there is none."""
    if not rows or not 0 < window < whole:
        return None
    length = max(1.0, window / (whole / rows))
    start = int((rows - length) * (position / (whole - window)) * 8)
    return start, start + ceil(length * 8)


class WholeCells(ScrollBarRender):
    """A scroll bar without the parts of a cell that ASCII does not have."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


class LateBar(ScrollView):
    """A view whose bar is always there, and stands where its rows are at the gauges' turn at the latest."""

    following = True  # the end
    _bar_late = False  # it is to be placed anew

    def grow(self, width: int, count: int) -> None:
        """Tells the scrolling how many rows there are. Textual lays the whole screen out for a new size; as the bar is
        always there (overflow-y: scroll) nothing moves, and that would cost more than all the drawing."""
        size = Size(width, count)
        if not self.show_vertical_scrollbar or size.width != self.virtual_size.width:
            self.virtual_size = size
            return
        self.set_reactive(ScrollView.virtual_size, size)
        self.place_bar()

    def place_bar(self) -> None:
        """Moves the bar; where text streams, not before the gauges' turn: its picture costs more than the text's."""
        self._bar_late = self.following and Painted.at_once
        if not self._bar_late:
            self._draw_bar()

    def _draw_bar(self) -> None:
        self._bar_late = False
        bar = self.vertical_scrollbar
        rows, window = bar.size.height, bar.window_size
        before = thumb(rows, window, bar.window_virtual_size, bar.position)
        bar.set_reactive(ScrollBar.window_virtual_size, self.virtual_size.height)
        bar.set_reactive(ScrollBar.position, self.scroll_y)
        after = thumb(rows, window, bar.window_virtual_size, bar.position)
        if before is None or after is None:
            if before is not after:
                bar.refresh()
            return
        for ends in zip(before, after, strict=True):
            if ends[0] != ends[1]:
                top, bottom = min(ends) // 8, min(rows, max(ends) // 8 + 1)
                bar.refresh(Region(0, top, bar.size.width, bottom - top))

    def settle(self) -> None:
        """Called at the gauges' turn, which comes after every change: what can wait until then is drawn."""
        if self._bar_late:
            self._draw_bar()
