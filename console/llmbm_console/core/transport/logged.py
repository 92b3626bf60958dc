"""A line whose other end writes down everything that it sends, whether somebody is connected or not: QEMU's
`-chardev ...,logfile=`. What was sent while nobody read is taken from there.

A place in the log is a number of bytes since QEMU began to write it. What one connection brought joins what the log
has between it and the next one: so every byte is read once, and in its order. QEMU 7.2 now and then writes down a byte
twice when its client reads slowly; so both ends of a gap are found by what was read, and not by counting alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from llmbm_console.core.transport.base import Transport

SETTLE = 0.1  # s: a new connection that says nothing for so long has brought nothing that is not in the log
ENOUGH = 64  # bytes by which the beginning of a connection, or the end of one, is known in the log
DRIFT = 65536  # bytes by which the log may be ahead of what was read
LOG_TRIES, LOG_PAUSE = 50, 0.01  # QEMU sends first and writes down then
MOST_MISSED = 1 << 20  # bytes taken from the log at once; of a longer gap its end
MOST_KEPT = 8 << 20  # bytes of log on the disk that nobody needs any more


class LoggedTransport:
    """A transport and the log of its other end."""

    def __init__(self, inner: Transport, log: Path) -> None:
        self.inner = inner
        self.missed = 0  # bytes at the beginning of the last read that came from the log
        self.skipped = 0  # bytes before them that were too many
        self._log = log
        self._at = 0  # place of the next byte that `read` gives
        self._opened_at = 0  # nothing before this place came over this connection
        self._joined = False
        self._last = b""  # what `read` gave last
        self._freed = 0  # the log was emptied up to this place
        self._reading: asyncio.Task[bytes] | None = None
        self.joined_anew = asyncio.Event()  # the line to the other end that `begin_anew` told of is open
        self.joined_anew.set()

    def describe(self) -> str:
        """The line itself."""
        return self.inner.describe()

    def begin_anew(self) -> None:
        """The other end goes, and another one comes that begins its own log: nothing of it joins to what was read."""
        self.joined_anew.clear()

    async def open(self) -> None:
        """Opens the line. Raises TransportError."""
        if not self.joined_anew.is_set():
            self._at = self._freed = 0
            self._last = b""
        self._opened_at = max(self._at, self._size())
        self._joined = False
        await self.inner.open()
        self.joined_anew.set()

    async def read(self) -> bytes:
        """What has come, and first what had come while nobody read; b"" when the line has ended."""
        self.missed = self.skipped = 0
        if not self._joined:
            data, ended = await self._join()
            if data or ended:
                return data
        # A task of its own for what comes now would cost more than the reading.
        data = await self.inner.read() if self._reading is None else await self._next(None) or b""
        self._took(data)
        self._empty()
        return data

    async def write(self, data: bytes) -> None:
        """Sends all of `data`."""
        await self.inner.write(data)

    async def close(self) -> None:
        """Closes the line; what was not read yet is in the log."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        await self.inner.close()

    def _took(self, data: bytes) -> None:
        self._at += len(data)
        self._last = (self._last + data)[-ENOUGH:]

    async def _next(self, timeout: float | None) -> bytes | None:
        """The next bytes; None when there are none in time."""
        if self._reading is None:
            self._reading = asyncio.create_task(self.inner.read())
        task = self._reading
        done, _ = await asyncio.wait({task}, timeout=timeout)
        if not done:
            return None
        if self._reading is task:
            self._reading = None
        return b"" if task.cancelled() else task.result()  # cancelled by close: the line has ended

    async def _join(self) -> tuple[bytes, bool]:
        """What is missing and the first bytes of this connection, and whether it has ended already."""
        data, quiet, ended = b"", False, False
        while len(data) < ENOUGH and not (quiet or ended):
            size = self._size()
            chunk = await self._next(SETTLE)
            # Where the log grows meanwhile, what it has more may be on its way to us.
            quiet, ended = chunk is None and (bool(data) or self._size() == size), chunk == b""
            data += chunk or b""
        self._at = self._place_behind_last()
        begins = max(self._at, await self._place_of(data) if data else size)
        self.skipped = max(0, begins - self._at - MOST_MISSED)
        missing = self._bytes(self._at + self.skipped, begins).lstrip(b"\0")
        self.missed = len(missing)
        self._at = begins - len(missing)
        self._took(missing + data)
        self._joined = True
        return missing + data, ended

    def _place_behind_last(self) -> int:
        """Where in the log the connection before ended."""
        start = max(0, self._at - len(self._last))
        near = self._bytes(start, start + DRIFT)
        for length in (ENOUGH, ENOUGH // 2, ENOUGH // 4):  # shorter, in case that a byte of it stands there twice
            end = self._last[-length:]
            if end and (found := near.find(end)) >= 0:
                return start + found + len(end)
        return self._at

    async def _place_of(self, data: bytes) -> int:
        """Where in the log this connection began. A few bytes may stand there more than once: the last ones count. No
        more than its beginning is looked for: behind it the log may have a byte twice, but the line was empty then."""
        first = data[:ENOUGH]
        for _ in range(LOG_TRIES):
            tail = self._bytes(self._opened_at, self._size())
            found = tail.find(first) if len(first) == ENOUGH else tail.rfind(first)
            if found >= 0:
                return self._opened_at + found
            await asyncio.sleep(LOG_PAUSE)
        return self._size() - len(data)

    def _size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0  # QEMU makes it when it starts

    def _bytes(self, start: int, end: int) -> bytes:
        if end <= start:
            return b""
        try:
            with self._log.open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except OSError:
            return b""

    def _empty(self) -> None:
        """Gives the disk back what was read. QEMU goes on at its place: before it the file has a hole and no blocks."""
        if self._at - self._freed >= MOST_KEPT and self._size() - self._at <= DRIFT:
            with contextlib.suppress(OSError):
                os.truncate(self._log, 0)
            self._freed = self._at
