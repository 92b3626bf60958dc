"""Dangerous actions: the first press arms, a second one within a few seconds fires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from llmbm_console.core.action import Action
from llmbm_console.core.key_labels import key_label

SECONDS = 5.0  # to read the consequence, and to decide
LATE = 1.0  # seconds after these in which who says no has not seen yet that the question went


class Bar(Protocol):
    """Where the armed action is shown while it waits."""

    armed: str
    armed_key: str
    armed_share: float


class Arming:
    """At most one armed action. `tick` is called by whoever keeps the time, about ten times a second while armed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._action: Action | None = None
        self._until = float("-inf")

    @property
    def action(self) -> Action | None:
        """The armed action while its time runs."""
        if self._action is not None and self._clock() >= self._until:
            self._action = None
        return self._action

    def press(self, action: Action) -> bool:
        """True when the action is to be done now: it is harmless, or was armed."""
        if not action.danger or self.action is action:
            self._action, self._until = None, float("-inf")
            return True
        self._action, self._until = action, self._clock() + SECONDS
        return False

    def disarm(self) -> bool:
        """Nothing is armed any more; True when something was, or was until a moment ago."""
        was = self._action is not None or self._clock() < self._until + LATE
        self._action, self._until = None, float("-inf")
        return was

    def describe(self, bar: Bar) -> None:
        """Writes what is armed, its key and the share of the time left into the bar."""
        action = self.action
        bar.armed = action.danger if action is not None else ""
        bar.armed_key = key_label(action.keys[0]) if action is not None and action.keys else "choose it"
        bar.armed_share = max(0.0, (self._until - self._clock()) / SECONDS) if action is not None else 0.0
