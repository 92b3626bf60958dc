"""A QEMU's physical memory: through a file that QEMU writes, which is quick, or else as text of the human monitor."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.guest_memory import GuestMemoryError, Range, parse_ranges, parse_words, within

PROBED = 8  # octets
TEXT_AT_ONCE = 1 << 14  # octets in one answer of `xp`


class Refused(SessionError):
    """QEMU understood a command and did not do it."""


class QemuMemory:
    """Reads by `execute`, which gives one command to a monitor and raises Refused where QEMU does. Only what is memory
    is read: reading the registers of a device may change it."""

    def __init__(self, execute: Callable[..., Awaitable[Any]]) -> None:
        self._execute = execute
        self._why_slow: str | None = None  # "" when it is not; None: not tried yet

    async def read(self, address: int, length: int) -> bytes:
        """Octets from an address on. Raises SessionError for what is no memory."""
        ranges = await self._ranges()
        around = within(ranges, address)
        if around is None or address + length > around[1]:
            raise SessionError(f"{address:#x}: the machine has no memory there")
        if await self._slow(ranges):
            parts = [
                await self._as_text(at, min(TEXT_AT_ONCE, address + length - at))
                for at in range(address, address + length, TEXT_AT_ONCE)
            ]
            return b"".join(parts)
        return await self._by_file(address, length)

    async def around(self, address: int) -> Range | None:
        """The memory that an address lies in."""
        return within(await self._ranges(), address)

    async def why_slow(self) -> str:
        """Why memory comes as text, which is slow; empty when QEMU can hand it over in a file."""
        return await self._slow(await self._ranges())

    async def _slow(self, ranges: tuple[Range, ...]) -> str:
        """Found out once: whether a file of QEMU's reaches us depends on where it runs, and as whom."""
        if self._why_slow is None and ranges:
            try:
                await self._by_file(ranges[0][0], min(PROBED, ranges[0][1] - ranges[0][0]))
                self._why_slow = ""
            except Refused:
                self._why_slow = "this QEMU runs on another computer or as another user, and cannot write files for us"
        return self._why_slow or ""

    async def _by_file(self, address: int, length: int) -> bytes:
        with tempfile.TemporaryDirectory(prefix="llmbm-memory-") as folder:
            file = Path(folder) / "memory"
            await self._execute("pmemsave", val=address, size=length, filename=str(file))
            try:
                data = await asyncio.to_thread(file.read_bytes)
            except OSError as error:
                raise Refused(f"pmemsave: QEMU wrote no memory to {file}: {error.strerror}") from error
        if len(data) != length:
            raise SessionError(f"{address:#x}: QEMU wrote {len(data)} of {length} octets; is the disk of {file} full?")
        return data

    async def _as_text(self, address: int, length: int) -> bytes:
        text = await self._human(f"xp /{-(-length // 8)}xg {address:#x}")
        try:
            return parse_words(text, address, length)
        except GuestMemoryError as error:
            raise SessionError(str(error)) from error

    async def _ranges(self) -> tuple[Range, ...]:
        return parse_ranges(await self._human("info mtree -f"))

    async def _human(self, command: str) -> str:
        return str(await self._execute("human-monitor-command", **{"command-line": command}))
