"""A line of input that is asked once more before it is carried out, as a dangerous key is: see arming.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmbm_console.core.actions.action import Action
from llmbm_console.tui.arming import Arming


class AskedTwice:
    """For AskLine: `changed` and `refused` of a line whose `danger` is asked about before it is taken.

    `problem` says what is wrong with a text, `danger` what a text without a problem would do, empty for nothing that
    could be regretted. `shown(call, argument)` calls when the answer to this key is on the screen.
    """

    def __init__(
        self,
        problem: Callable[[str], str],
        danger: Callable[[str], str],
        clock: Callable[[], float],
        shown: Callable[[Callable[[Action], None], Action], Any],
    ) -> None:
        self._problem, self._danger, self._shown = problem, danger, shown
        self._arming = Arming(clock)
        self._text = ""
        self._action: Action | None = None

    def changed(self, text: str) -> str:
        """What is wrong with the text. Another text than the one that was asked about was not asked about."""
        if text != self._text:
            self._text, self._action = text, None
            self._arming.disarm()
        return self._problem(text)

    def refused(self, text: str) -> str:
        """The question, and an empty string when it has been answered, or there is none."""
        danger = self._danger(text)
        if not danger:
            return ""
        if self._action is None:
            self._action = Action("", "", "", "", danger=danger)
        early = self._arming.action is self._action
        if self._arming.press(self._action):
            return ""
        self._shown(self._arming.seen, self._action)
        return f"{danger}. Enter again does it{' once you have read this' if early else ''}"
