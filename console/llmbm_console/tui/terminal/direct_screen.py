"""A screen that sends the terminal the parts that changed, and where it is asked to, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from textual.screen import Screen
from textual.widget import Widget

from llmbm_console.tui.terminal.compositor import ChangesCompositor
from llmbm_console.tui.widgets.painted import Painted

R = TypeVar("R")


class DirectScreen(Screen[R], Generic[R]):
    """Knows Textual (8.2.8) by names that are not public."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = ChangesCompositor()

    @contextmanager
    def painting(self, deck: Widget, parts: Callable[[], Iterable[Widget]]) -> Iterator[None]:
        """What is changed meanwhile of the parts of a deck is painted and written at the end. Textual would do it
        later: it takes a change through the queue of its widget and the one of the screen, and then waits for a timer.
        So it shall when the parts are to be placed anew first."""
        Painted.at_once = True
        try:
            yield
        finally:
            Painted.at_once = False
        changed = [part for part in parts() if part._repaint_required and part.display]
        if deck._layout_required or self._layout_required:
            for part in changed:
                part.check_idle()
            return
        for part in changed:
            part._repaint_required = False
            self._dirty_widgets.add(part)
        if self._dirty_widgets:
            self._on_timer_update()
