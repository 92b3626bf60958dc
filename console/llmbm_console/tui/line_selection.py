"""Selecting lines with keys: from the line where it began to the one that the arrows reached."""

from __future__ import annotations

from textual.geometry import Offset
from textual.screen import Screen
from textual.selection import Selection

from llmbm_console.tui.widgets.lines import LineView


class LineSelection:
    """A selection of whole lines in one list; it is drawn and copied as one that was made with the mouse."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._view: LineView | None = None
        self._from = self._to = 0

    def extends(self, view: LineView) -> bool:
        """Whether the arrows make a selection in this list longer."""
        return self._view is view and view in self._screen.selections

    def begin(self, view: LineView) -> bool:
        """From the marked line, else from the last one in view. False when there are no lines."""
        if not view.rows:
            return False
        bottom = view.scroll_offset.y + view.scrollable_content_region.height - 1
        start = view.selected_row if view.selected_row >= 0 else min(len(view.rows) - 1, bottom)
        while start > 0 and not view.rows[start].text.strip():
            start -= 1
        self._view, self._from, self._to = view, start, start
        self._show()
        return True

    def step(self, direction: int) -> None:
        """One line further, or back."""
        if self._view is not None:
            self._to = max(0, min(len(self._view.rows) - 1, self._to + direction))
            self._show()

    def leave(self) -> None:
        """The arrows scroll again."""
        self._view = None

    def _show(self) -> None:
        view = self._view
        if view is None:
            return
        first, last = sorted((self._from, self._to))
        self._screen.selections = {view: Selection(Offset(0, first), Offset(len(view.rows[last].text), last))}
        top, height = view.scroll_offset.y, view.scrollable_content_region.height
        if not top <= self._to < top + height:
            view.following = False
            view.scroll_to(y=max(0, self._to - (0 if self._to < top else height - 1)), animate=False, immediate=True)
        view.refresh()
