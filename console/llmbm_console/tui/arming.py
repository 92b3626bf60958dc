"""Dangerous actions: the first press arms, a second one within a few seconds fires.

What comes before the question can have been read answers nothing: the rest of what a terminal sent in one piece, or the
repeats of a key that is held down. The question then says that it is to be read first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label

SECONDS = 5.0  # to read the consequence, and to decide
READ = 0.7  # s that the question stands before it can be answered; keyboards repeat a held key after 0.25 to 0.66 s
APART = 0.25  # s between two presses by hand at least; the repeats of a held key are closer
LATE = 1.0  # seconds after these in which who says no has not seen yet that the question went


class Bar(Protocol):
    """Where the armed action is shown while it waits."""

    armed: str
    armed_key: str
    armed_ready: bool
    armed_early: bool
    armed_share: float


class Arming:
    """At most one armed action. `tick` is called by whoever keeps the time, about ten times a second while armed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._action: Action | None = None
        self._until = float("-inf")
        self._seen = float("inf")  # when the question was on the screen
        self._pressed = float("-inf")
        self._early = False  # an answer came too early

    @property
    def action(self) -> Action | None:
        """The armed action while its time runs."""
        if self._action is not None and self._clock() >= self._until:
            self._action = None
        return self._action

    def seen(self, action: Action) -> None:
        """The question of an action is on the screen."""
        if self.action is action and not self.shown:
            self._seen = self._clock()

    @property
    def shown(self) -> bool:
        """Whether the question is on the screen."""
        return self._seen != float("inf")

    @property
    def answerable(self) -> bool:
        """Whether a press now is an answer: the question has been there long enough to be read, and the press before is
        another one."""
        now = self._clock()
        return self.action is not None and now >= self._seen + READ and now >= self._pressed + APART

    def press(self, action: Action) -> bool:
        """True when the action is to be done now: it is harmless, or was armed. An answer that comes too early leaves
        the question as it is."""
        if not action.danger:
            self.disarm()
            return True
        again, answered = self.action is action, self.answerable
        self._pressed = self._clock()
        if not again:
            self._action, self._until, self._seen = action, self._pressed + SECONDS, float("inf")
        elif answered:
            self._action, self._until = None, float("-inf")
        self._early = again and not answered
        return again and answered

    def disarm(self) -> bool:
        """Nothing is armed any more; True when something was, or was until a moment ago."""
        was = self._action is not None or self._clock() < self._until + LATE
        self._action, self._until = None, float("-inf")
        return was

    def describe(self, bar: Bar) -> None:
        """Writes into the bar what is armed, its key, whether that is an answer now, whether one came too early, and
        the share of the time left."""
        action = self.action
        bar.armed = action.danger if action is not None else ""
        bar.armed_key = key_label(action.keys[0]) if action is not None and action.keys else "choose it"
        bar.armed_ready = self.answerable
        bar.armed_early = action is not None and self._early
        bar.armed_share = max(0.0, (self._until - self._clock()) / SECONDS) if action is not None else 0.0
