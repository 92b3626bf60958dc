"""Type-ahead: a key that comes before the one ahead of it has had its effect waits for that.

Textual (8.2.8) gives a key to what has the focus when the key comes. Where an earlier one moves the focus, or opens a
dialog, that happens some messages later: of what a terminal sends in one piece, "i" and a prompt, the prompt would go
to the pane that has just been left, where its letters are commands.

A click moves the focus, too, so that the mouse keeps its place among the keys.

The effect of a key is over when whatever it caused has been taken out of the queues that it went through: those of the
focused widget and of everything around it, up to the application. So a callback follows it the same way, several times,
as an effect may cause another one (Enter in a dialog closes it, which opens the next one).

A key may stand for Esc and a key; that is known when its turn comes. One that leads away from a page that lies over the
others leaves that first. Whether a key with alt was one, or Esc and a key close behind it, goes by what is bound then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.events import Key, MouseDown, MouseEvent, MouseUp, Paste
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Input, TextArea

from llmbm_console.tui.terminal.key_parser import ESC, escape_and_key
from llmbm_console.tui.text import writes

Typed = Key | Paste | MouseEvent

ROUNDS = 3  # key, what it caused, what that caused
LOOK_AGAIN = 0.25  # s until it is looked whether what was followed still exists


class TypeAhead:
    """Gives what was typed to `deliver`, in its order. Everything here runs in the task of the application, but for the
    way through the queues."""

    def __init__(
        self, app: App[Any], deliver: Callable[[Typed], Awaitable[None]], leads_away: Callable[[Key], bool]
    ) -> None:
        self._app, self._deliver, self._leads_away = app, deliver, leads_away
        self._left: Screen[Any] | None = None  # the page that an Esc was for
        self._waiting: deque[Typed] = deque()
        self._following = 0  # the effect that is waited for; 0 while none is
        self._effects = 0
        self._text_on_its_way = False  # to a field, which the next key may be about
        self._at: MessagePump = app  # whose queue the callback is in
        self._watch: asyncio.TimerHandle | None = None

    async def take(self, typed: Typed) -> None:
        """Something was typed."""
        self._waiting.append(typed)
        await self._go_on()

    async def _go_on(self) -> None:
        while self._waiting and not self._following and self._app.screen_stack:  # empty behind the end
            self._look_for_escape()
            text = self._is_text(self._waiting[0])
            if self._text_on_its_way and not text:
                self._text_on_its_way = False
                self._follow(rounds=1)
                return
            typed = self._waiting.popleft()
            await self._deliver(typed)
            if text:
                self._text_on_its_way = True
            elif not isinstance(typed, MouseEvent) or isinstance(typed, MouseDown | MouseUp):
                self._follow(rounds=ROUNDS)  # to point at something and the wheel leave the focus where it is

    def _look_for_escape(self) -> None:
        """Of a key with alt that nothing is bound to, Esc and that key; Esc before one that leads away from a page."""
        typed = self._waiting[0]
        if not isinstance(typed, Key):
            return
        if self._leads_away(typed) and self._left is not self._app.screen:
            self._left = self._app.screen
            self._waiting.appendleft(Key("escape", ESC))
            return
        self._left = None
        if (keys := escape_and_key(typed)) is None:
            return
        if typed.key not in self._app.screen.active_bindings and not self._is_new_line(typed):
            self._waiting.popleft()
            self._waiting.extendleft(reversed(keys))

    def _is_new_line(self, typed: Key) -> bool:
        return typed.key == "alt+enter" and isinstance(self._app.focused, TextArea)

    def _is_text(self, typed: Typed) -> bool:
        """Whether it only adds to the text of the field that has the focus: what comes next goes there, too."""
        if not isinstance(self._app.focused, Input | TextArea):
            return False
        return isinstance(typed, Paste) or (isinstance(typed, Key) and writes(typed) and "+" not in typed.key)

    # ---- the way of an effect

    def _follow(self, rounds: int) -> None:
        self._effects += 1
        self._following = self._effects
        self._begin_round(self._following, rounds)
        self._look_later(self._following, rounds)

    def _begin_round(self, effect: int, rounds: int) -> None:
        if not self._app.screen_stack:
            return
        self._hop(effect, rounds, deque((self._app.focused or self._app.screen).ancestors_with_self))

    def _hop(self, effect: int, rounds: int, way: deque[Any]) -> None:
        """Into the next queue that takes something."""
        if effect != self._following:
            return
        while len(way) > 1:
            self._at = way.popleft()
            if self._at.call_later(self._hop, effect, rounds, way):
                return
        self._at = self._app
        self._app.call_later(self._arrive, effect, rounds - 1)

    async def _arrive(self, effect: int, rounds: int) -> None:
        if effect != self._following:
            return
        if rounds:
            self._begin_round(effect, rounds)
            return
        self._following = 0
        if self._watch is not None:
            self._watch.cancel()
        await self._go_on()

    def _look_later(self, effect: int, rounds: int) -> None:
        self._watch = asyncio.get_running_loop().call_later(LOOK_AGAIN, self._look, effect, rounds)

    def _look(self, effect: int, rounds: int) -> None:
        """A widget that was taken away took its queue along: the way begins anew. A busy one is waited for."""
        if effect != self._following or not self._app.is_running:
            return
        if self._at.is_running:
            self._look_later(effect, rounds)
        else:
            self._follow(rounds)
