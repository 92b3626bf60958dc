"""What every transport is: opened, read, written, closed and described."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from llmbm_console.core.sanitise import clean


class TransportError(OSError):
    """A line could not be opened or broke; the message says which, why and what to do. `retry` is False when trying
    again cannot help (a name that is no address)."""

    def __init__(self, message: str, retry: bool = True) -> None:
        super().__init__(clean(message))  # a name may hold anything
        self.retry = retry

    def __str__(self) -> str:
        return str(self.args[0])


class Transport(Protocol):
    """A line. After `close` it can be opened again."""

    async def open(self) -> None:
        """Opens the line. Raises TransportError."""

    async def read(self) -> bytes:
        """All bytes that have come, at least one; b"" when the line has ended."""

    async def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises TransportError when the line is broken."""

    async def close(self) -> None:
        """Closes the line. Idempotent."""

    def describe(self) -> str:
        """The line in a few words for the status line and for messages."""


AT_ONCE = 1 << 15  # bytes, at their worst taken apart in 50 ms; until then the loop serves nothing else
MOST = 4 << 20  # bytes that wait; a kernel's line brings them in six minutes, and who sends faster has to wait
PAUSE = 0.02  # s between looks whether there is room again


class Inbox:
    """Bytes on their way from whoever receives them to `read`. It holds whatever is put: who receives counts that in
    `received` when it is taken from the line, in whatever thread, and takes no more while it is `full`."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self.received = 0  # bytes from the line, on their way to `put` or beyond
        self._taken = 0  # of them, those that `get` has given
        self._waiting = asyncio.Event()
        self._ended = False

    @property
    def full(self) -> bool:
        """Whether as much waits as may wait."""
        return self.received - self._taken > MOST

    def put(self, data: bytes) -> None:
        """Takes bytes; call in the event loop."""
        self._chunks.append(data)
        self._waiting.set()

    def end(self) -> None:
        """No more bytes will come."""
        self._ended = True
        self._waiting.set()

    async def get(self) -> bytes:
        """All bytes there are but for what is beyond AT_ONCE, waiting for the first; b"" after the end."""
        while not self._chunks:
            if self._ended:
                return b""
            self._waiting.clear()
            await self._waiting.wait()
        taken = [self._chunks.popleft()]
        size = len(taken[0])
        while self._chunks and size < AT_ONCE:
            taken.append(self._chunks.popleft())
            size += len(taken[-1])
        self._taken += size
        if self._chunks:
            await asyncio.sleep(0)  # a line that never rests must not keep the loop from all else
        return b"".join(taken)
