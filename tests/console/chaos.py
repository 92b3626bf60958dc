"""A middleman on a unix socket that damages what passes through it: seeded, so a failure can be had again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Faults:
    """Probabilities per byte, or per line."""

    drop_byte: float = 0.0
    flip_bit: float = 0.0
    drop_line: float = 0.0
    double_line: float = 0.0


class Chaos:
    """Listens on `front`, connects to `back` for each client. `up` damages host to kernel, `down` the other way."""

    def __init__(self, front: Path, back: str, seed: int) -> None:
        self.front, self.back = front, back
        self.up, self.down = Faults(), Faults()
        self.random = random.Random(seed)
        self.clients = 0
        self.damaged = 0
        self.open = asyncio.Event()  # nothing passes down while it is cleared
        self.open.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Chaos:
        self._server = await asyncio.start_unix_server(self._serve, self.front)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Breaks the connection on both sides."""
        for writer in self._writers:
            with contextlib.suppress(OSError):
                writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        back_reader, back_writer = await asyncio.open_unix_connection(self.back)
        self._writers += [writer, back_writer]
        ways = [self._pass(reader, back_writer, self.up, False), self._pass(back_reader, writer, self.down, True)]
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for end in (writer, back_writer):
            with contextlib.suppress(OSError):
                end.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults, down: bool
    ) -> None:
        """Line faults need whole lines, so the way down is cut into lines as far as they have come."""
        rest = b""
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                if down:
                    await self.open.wait()
                else:
                    writer.write(self._bytes(data, faults))
                    continue
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    for _ in range(self._times(faults)):
                        writer.write(self._bytes(line + b"\n", faults))
                if rest and not rest.startswith(b"@"):
                    writer.write(self._bytes(rest, faults))
                    rest = b""

    def _times(self, faults: Faults) -> int:
        dice = self.random.random()
        if dice < faults.drop_line:
            self.damaged += 1
            return 0
        return 2 if dice > 1 - faults.double_line else 1

    def _bytes(self, data: bytes, faults: Faults) -> bytes:
        if not faults.drop_byte and not faults.flip_bit:
            return data
        out = bytearray()
        for byte in data:
            dice = self.random.random()
            if dice < faults.drop_byte:
                self.damaged += 1
            elif dice < faults.drop_byte + faults.flip_bit:
                self.damaged += 1
                out.append(byte ^ 1 << self.random.randrange(8))
            else:
                out.append(byte)
        return bytes(out)
