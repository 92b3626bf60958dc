"""The question of an armed action in its bar: there once it is asked, drawn again while its time runs, then gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.timer import Timer

from llmbm_console.core.actions.action import Action
from llmbm_console.tui.arming import Arming

EVERY = 0.1  # s


class ArmingBar(Arming):
    """`show` draws the bar as it is now."""

    def __init__(self, app: App[Any], clock: Callable[[], float], show: Callable[[], None]) -> None:
        super().__init__(clock)
        self._app, self._show = app, show
        self._timer: Timer | None = None

    def press(self, action: Action) -> bool:
        """See Arming."""
        fires = super().press(action)
        if fires:
            self._end()
        else:
            self._timer = self._timer or self._app.set_interval(EVERY, self._tick)
            self._tick()
            self._app.call_after_refresh(self.seen, action)
        return fires

    def disarm(self) -> bool:
        """See Arming."""
        was = super().disarm()
        if was:
            self._end()
        return was

    def _tick(self) -> None:
        if self.action is None:
            self._end()
        else:
            self._show()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._show()
