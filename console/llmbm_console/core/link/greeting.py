"""The greeting of a line: when hello is said in the background, and what it means that nobody answers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from llmbm_console.core.link.hello import Ear, establish, wait_for_kernel, why_nobody_answers
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.transport.base import TransportError
from llmbm_console.core.transport.logged import LoggedTransport

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link


class Greeting:
    """One link's: goes on at most once at a time, until the kernel answers or the line is a plain terminal."""

    def __init__(self, link: Link, boots: bool) -> None:
        self._link = link
        self.boots = boots  # the machine was just started or reset
        self._boots_since = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begins to say hello, unless that goes on already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Says no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def begin_line(self) -> None:
        """Begins on a line of which nothing was heard yet."""
        link = self._link
        link.ear = Ear(at_once=isinstance(link.transport, LoggedTransport), frozen=link.frozen)
        link.set_phase(LinkPhase.WAITING, link.transport.describe())
        self.begin()

    def try_again(self) -> None:
        """Something about the line was changed: where no kernel had answered, it may now."""
        if self._link.phase in (LinkPhase.PLAIN, LinkPhase.WAITING):
            self.stop()
            self.begin_line()

    def machine_boots(self) -> None:
        """The machine starts anew: its kernel is waited for, and firmware gets no hello."""
        self.boots, self._boots_since = True, time.monotonic()

    async def _run(self) -> None:
        link = self._link
        try:
            if self.boots:
                await wait_for_kernel(link.ear, self._boots_since)
            answered = await establish(link.ear, link.sending.raw, known=link.hello is not None)
        except TransportError:
            return  # the reader sees the end of the line as well, and acts
        if not answered:
            self.boots = False
            link.set_phase(
                LinkPhase.PLAIN,
                f"{link.transport.describe()}: no kernel answered the hello: this is a plain terminal now. "
                + why_nobody_answers(link.ear),
            )
