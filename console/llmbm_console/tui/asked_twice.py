"""A line of input that is asked once more before it is carried out, as a dangerous key is: see arming.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from llmbm_console.core.actions.action import Action
from llmbm_console.core.errors import SessionError
from llmbm_console.tui.arming import Arming

T = TypeVar("T")


class AskedTwice(Generic[T]):
    """For AskLine: `changed` and `read` of a line whose danger is asked about before it is taken.

    `parse` reads a text or raises SessionError, `danger` is what it would do, empty for nothing that could be
    regretted. `shown(call, argument)` calls when the answer to this key is on the screen.
    """

    def __init__(
        self,
        parse: Callable[[str], T],
        danger: Callable[[T], str],
        clock: Callable[[], float],
        shown: Callable[[Callable[[Action], None], Action], Any],
    ) -> None:
        self._parse, self._danger, self._shown = parse, danger, shown
        self._arming = Arming(clock)
        self._text = ""
        self._action: Action | None = None

    def changed(self, text: str) -> str:
        """What is wrong with the text. Another text than the one that was asked about was not asked about."""
        if text != self._text:
            self._text, self._action = text, None
            self._arming.disarm()
        try:
            self._parse(text)
        except SessionError as error:
            return str(error)
        return ""

    def read(self, text: str) -> T:
        """What the text says. Raises SessionError with the question as long as that is not answered."""
        value = self._parse(text)
        danger = self._danger(value)
        if not danger:
            return value
        if self._action is None:
            self._action = Action("", "", "", "", danger=danger)
        early = self._arming.action is self._action
        if self._arming.press(self._action):
            return value
        self._shown(self._arming.seen, self._action)
        raise SessionError(f"{danger}. Enter again does it{' once you have read this' if early else ''}")
