"""A file of the kernel over the line: parts as large as the line allows, holes asked for again, the whole checked.

The kernel keeps a copy from `open` to `close`, so that what is asked for again is still the same. A new session of the
protocol (the line was lost) has no copy: the file is opened again, and what is here already counts when it is the same
file by size and CRC-32.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmbm_console.core.link.requests import RequestError

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link

Progress = Callable[[int, int], None]  # bytes so far, bytes in all
FIRST_PART, LEAST_PART, MOST_PART = 1024, 192, 16384  # bytes asked for at once
PART_TIME = 0.4  # s one part should take: shorter than a request's time to be repeated
JOINED = 256  # bytes between two holes that are asked for together
FRUITLESS = 12  # requests in a row that brought nothing new
REOPENED = 5
READY_WAIT = 15.0  # s that a lost line has to come back


class Holes:
    """What is missing of a file, as ranges in order."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self._ranges = [(0, size)] if size else []

    @property
    def missing(self) -> int:
        """Bytes that are not there."""
        return sum(end - start for start, end in self._ranges)

    def first(self, most: int) -> tuple[int, int]:
        """Offset and count of what to ask for next: the first hole, and small ones close behind it. What lies between
        them comes twice, which costs less than another request."""
        start, end = self._ranges[0]
        for a, b in self._ranges[1:]:
            if a - end > JOINED or b - start > most:
                break
            end = b
        return start, min(end - start, most)

    def fill(self, offset: int, piece: bytes) -> int:
        """Puts a piece in its place; returns how many bytes of it were missing. What lies outside is refused."""
        end = offset + len(piece)
        if end > len(self.data):
            return 0
        before = self.missing
        self.data[offset:end] = piece
        rest: list[tuple[int, int]] = []
        for a, b in self._ranges:
            rest += [part for part in ((a, min(b, offset)), (max(a, end), b)) if part[0] < part[1]]
        self._ranges = rest
        return before - self.missing


class Download:
    """One file on its way."""

    def __init__(self, link: Link, name: str, progress: Progress) -> None:
        self._link = link
        self._name = name
        self._progress = progress
        self._part = FIRST_PART
        self._holes = Holes(0)
        self._checksum = 0

    async def run(self) -> bytes:
        """The whole file. Raises RequestError; `code` is "io" for a file that is not there, "arg" for a bad name,
        "timeout" or "lost" for a line that does not let it through."""
        opened = 0
        while True:
            try:
                await self._open()
                await self._fetch()
                break
            except RequestError as error:
                opened += 1
                if error.code not in ("lost", "state", "rebooted") or opened > REOPENED:
                    raise
                try:
                    async with asyncio.timeout(READY_WAIT):
                        await self._link.upkeep.ready.wait()
                except TimeoutError:
                    raise error from None
            finally:
                await self._close()
        data = bytes(self._holes.data)
        if zlib.crc32(data) != self._checksum:
            raise RequestError(
                "io", f"{self._name}: all {len(data)} bytes came, but their CRC-32 is {zlib.crc32(data):08x} and the "
                f"kernel's was {self._checksum:08x}; ask again",
            )  # fmt: skip
        return data

    async def _close(self) -> None:
        with contextlib.suppress(RequestError):
            await self._link.request("close")

    async def _open(self) -> None:
        answer = (await self._link.request("open", text=self._name.encode())).response
        if answer.size is None or answer.checksum is None:
            raise RequestError("internal", f"{self._name}: the kernel opened it and told no size")
        if (answer.size, answer.checksum) != (len(self._holes.data), self._checksum):
            self._holes, self._checksum = Holes(answer.size), answer.checksum
        self._tell()

    def _tell(self) -> None:
        size = len(self._holes.data)
        self._progress(size - self._holes.missing, size)

    async def _fetch(self) -> None:
        fruitless = 0
        while self._holes.missing:
            offset, count = self._holes.first(self._part)
            begun = time.monotonic()
            try:
                answer = await self._link.request("data", offset=offset, count=count)
            except RequestError as error:
                if error.code != "timeout":
                    raise
                self._part = LEAST_PART
                fruitless += 1
            else:
                new = sum(self._holes.fill(at, piece) for at, piece in answer.data.items())
                fruitless = 0 if new else fruitless + 1
                self._adapt(count, time.monotonic() - begun)
                self._tell()
            if fruitless >= FRUITLESS:
                raise RequestError(
                    "timeout", f"{self._name}: {self._holes.missing} of {len(self._holes.data)} bytes did not come, "
                    f"although they were asked for {FRUITLESS} times",
                )  # fmt: skip

    def _adapt(self, count: int, took: float) -> None:
        """Parts that fit the line: a long one would be repeated, a short one waits for its question."""
        fitting = int(count * PART_TIME / max(took, 0.001))
        self._part = max(LEAST_PART, min(fitting, 2 * self._part, MOST_PART))
