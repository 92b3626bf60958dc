"""What goes out on a line: requests as the kernel's credit allows, and beside it what needs none."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

from llmbm_console.core.link.asking import SESSION
from llmbm_console.core.link.credits import WRAP
from llmbm_console.core.link.hello import STOP, send_paced
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.transport.base import TransportError

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link

STOP_PAUSE = 1.2  # s of the kernel's time between two stop bytes: two within a second would end machine mode


class Sending:
    """One link's."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wake = asyncio.Event()
        self._frozen_at = 0.0
        self._stopped_at = -math.inf
        self._untaken: int | None = None  # octets sent with the last stop byte, until the kernel has taken it

    def wake(self) -> None:
        """Something may be written now, if there is anything."""
        if self._link.requests.has_output:
            self._wake.set()

    async def raw(self, data: bytes) -> None:
        """Octets as they are, outside credit. Raises TransportError."""
        self._link.sent_bytes += len(data)
        self._link.tap("o", time.monotonic(), data)
        await self._link.transport.write(data)

    async def run(self) -> None:
        """Writes requests until the connection ends."""
        link = self._link
        while True:
            await self._wake.wait()
            self._wake.clear()
            with contextlib.suppress(TransportError):  # the reader sees the end of the line as well, and acts
                while link.phase in SESSION and (chunk := link.requests.next_chunk(time.monotonic())):
                    await self.raw(chunk)

    async def emergency_stop(self) -> None:
        """The stop byte, outside credit: honoured at the kernel's next poll, whatever it does. None is sent that the
        kernel might take within a second of the one before, which would end machine mode: a kernel that does not look
        for a while takes all that came at once."""
        link, now = self._link, time.monotonic()
        if link.phase in (LinkPhase.CLOSED, LinkPhase.OPENING) or now - self._stopped_at < STOP_PAUSE:
            return
        if self._untaken is not None and link.phase in SESSION:
            return
        self._stopped_at = now
        link.requests.drop_partial()
        link.credits.on_sent(len(STOP), now)
        self._untaken = link.credits.sent if link.phase in SESSION else None
        with contextlib.suppress(TransportError):
            await self.raw(STOP)
        self.wake()

    def on_credit(self, now: float) -> None:
        """The kernel has told what it took: from then on at the latest counts the time to the next stop byte."""
        if self._untaken is not None and (self._link.credits.consumed - self._untaken) % WRAP < WRAP // 2:
            self._untaken, self._stopped_at = None, now

    def session_begins(self) -> None:
        """Octets are counted anew."""
        self._untaken = None

    def forget_stops(self) -> None:
        """The kernel that comes was sent none."""
        self._stopped_at = -math.inf
        self._untaken = None

    def freeze(self, now: float) -> None:
        """The machine is paused, and its clock with it."""
        self._frozen_at = now

    def thaw(self, now: float) -> None:
        """It goes on."""
        self._stopped_at += now - self._frozen_at

    async def line(self, text: str) -> None:
        """A line to a plain terminal, in pieces as a person would type it."""
        await send_paced(text.encode() + b"\r", self._link.ear, self.raw)
