"""What goes out on a line: requests as the kernel's credit allows, and beside it what needs none."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from llmbm_console.core.link.asking import SESSION
from llmbm_console.core.link.hello import STOP, send_paced
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.transport.base import TransportError

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link

STOP_PAUSE = 1.2  # s between two stop bytes: two within a second would end machine mode


class Sending:
    """One link's."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wake = asyncio.Event()
        self._stopped_at = 0.0

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
        """The stop byte, outside credit: honoured at the kernel's next poll, whatever it does."""
        link, now = self._link, time.monotonic()
        if link.phase in (LinkPhase.CLOSED, LinkPhase.OPENING) or now - self._stopped_at < STOP_PAUSE:
            return
        self._stopped_at = now
        link.requests.drop_partial()
        link.credits.on_sent(len(STOP), now)
        with contextlib.suppress(TransportError):
            await self.raw(STOP)
        self.wake()

    async def line(self, text: str) -> None:
        """A line to a plain terminal, in pieces as a person would type it."""
        await send_paced(text.encode() + b"\r", self._link.ear, self.raw)
