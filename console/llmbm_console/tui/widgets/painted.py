"""Widgets that their screen paints itself, all of them at once."""

from __future__ import annotations

from typing import ClassVar

from textual.widget import Widget


class Painted(Widget):
    """Mix-in. What is to be painted anew while `at_once` is true waits for the screen, which paints it at the end of
    the same call. Textual would wake the widget first, which then sends the screen a message, which then sets a timer:
    for ten gauges that is as long as painting them (bench/tui.py)."""

    at_once: ClassVar[bool] = False

    def check_idle(self) -> None:
        """Wakes the widget for whatever else is to be done: styles, layout, scrolling."""
        more = self._layout_required or self._recompose_required or self._scroll_required
        if not Painted.at_once or more or self._refresh_styles_required or self._next_callbacks:
            super().check_idle()
