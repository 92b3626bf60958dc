"""The middleman: passes octets between clients and a kernel, and damages, delays and cuts on the way."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass
from pathlib import Path

from llmbm_console.chaos.endpoints import PtyServer, connect, listen
from llmbm_console.chaos.faults import Damager, Faults, SmallFifo

READ = 4096


@dataclass
class Pace:
    """When octets go on. Times are in seconds."""

    delay: float = 0.0  # of everything
    jitter: float = 0.0  # of each chunk, at random, in order
    one_byte: bool = False  # each octet in a write of its own
    stall: float = 0.0  # probability, per chunk, that nothing goes on for `stall_time`
    stall_time: float = 0.2

    @property
    def at_once(self) -> bool:
        """True when nothing is kept waiting."""
        return not (self.delay or self.jitter or self.one_byte or self.stall)


def _abort(writer: asyncio.StreamWriter) -> None:
    if not writer.transport.is_closing():  # a pipe cannot be ended twice
        with contextlib.suppress(OSError):
            writer.transport.abort()


class Chaos:
    """Listens on `front`, connects to `back` for each client. `up` is from client to kernel, `down` the other way.

    With `share`, a second client gets onto the line of the first one, as a second program on a serial port does: what
    either writes goes up, and what comes down is read by one of them, by chance.
    """

    def __init__(self, front: str | Path, back: str | Path, seed: object = 0, share: bool = False) -> None:
        self.front = str(front) if ":" in str(front) else f"unix:{front}"
        self.back = str(back) if ":" in str(back) else f"unix:{back}"
        self.ways = {"up": Damager(Faults(), f"{seed}/up"), "down": Damager(Faults(), f"{seed}/down")}
        self.up, self.down = self.ways["up"].faults, self.ways["down"].faults
        self.pace = {"up": Pace(), "down": Pace()}
        self.fifo: SmallFifo | None = None  # the kernel's receiver
        self.cut_at: int | None = None  # cut once so many octets have come down, once
        self.clients = 0
        self.cuts = 0
        self.open = {"up": asyncio.Event(), "down": asyncio.Event()}  # nothing passes while it is cleared
        for way in self.open.values():
            way.set()
        self._share = share
        self._dice = random.Random(f"{seed}/time")
        self._writers: list[asyncio.StreamWriter] = []
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._readers: list[asyncio.StreamWriter] = []  # the clients of the shared line
        self._server: asyncio.Server | PtyServer | None = None

    @property
    def damaged(self) -> int:
        """How often anything was done to either way."""
        lost = self.fifo.lost if self.fifo is not None else 0
        return sum(way.damaged for way in self.ways.values()) + lost

    def calm(self) -> None:
        """Ends all damage."""
        for faults in (self.up, self.down):
            faults.flip_bit = faults.drop_byte = faults.burst = 0.0
            faults.drop_line = faults.double_line = faults.splice = faults.noise = 0.0

    async def __aenter__(self) -> Chaos:
        self._server = await listen(self.front, self._serve)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Breaks every connection on both sides."""
        self.cuts += bool(self._writers)
        for writer in self._writers:
            _abort(writer)
        self._writers.clear()

    # ---- one client ------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        if self._share and self._line is not None:
            await self._second(reader, writer, self._line[1])
            return
        try:
            back_reader, back_writer = await connect(self.back)
        except OSError:
            writer.transport.abort()  # to the client it is a line that ends at once
            return
        self._line = back_reader, back_writer
        self._writers += [writer, back_writer]
        self._readers = [writer]
        tasks = [
            asyncio.create_task(self._pass(reader, [back_writer], "up")),
            asyncio.create_task(self._pass(back_reader, self._readers, "down")),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._line = None
            for task in tasks:
                task.cancel()
            _abort(writer)
            _abort(back_writer)

    async def _second(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: asyncio.StreamWriter
    ) -> None:
        self._writers.append(writer)
        self._readers.append(writer)
        try:
            await self._pass(reader, [up], "up")
        finally:
            self._readers.remove(writer)
            _abort(writer)

    # ---- one direction ---------------------------------------------------------------------------------------------

    async def _pass(self, reader: asyncio.StreamReader, writers: list[asyncio.StreamWriter], way: str) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        late = asyncio.create_task(self._send_late(queue, writers, way))
        due = 0.0
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(READ):
                    await self.open[way].wait()
                    data = self._damage(data, way)
                    pace = self.pace[way]
                    if pace.at_once and due <= time.monotonic() and queue.empty():
                        self._write(writers, data, way)
                    else:
                        due = max(due, time.monotonic() + self._wait(pace))
                        queue.put_nowait((due, data))
                    if self._is_due_to_cut():
                        return
        finally:
            late.cancel()

    def _damage(self, data: bytes, way: str) -> bytes:
        if way == "up" and self.fifo is not None:
            data = self.fifo.feed(data, time.monotonic())
        if way == "down" and self.cut_at is not None:
            data = data[: max(0, self.cut_at - self.ways[way].octets)]
        return self.ways[way].feed(data)

    def _is_due_to_cut(self) -> bool:
        if self.cut_at is None or self.ways["down"].octets < self.cut_at:
            return False
        self.cut_at = None
        asyncio.get_running_loop().call_soon(self.cut)  # behind what was written
        return True

    def _wait(self, pace: Pace) -> float:
        wait = pace.delay + self._dice.random() * pace.jitter
        return wait + (pace.stall_time if pace.stall and self._dice.random() < pace.stall else 0.0)

    async def _send_late(
        self, queue: asyncio.Queue[tuple[float, bytes]], writers: list[asyncio.StreamWriter], way: str
    ) -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not self.pace[way].one_byte:
                self._write(writers, data, way)
                continue
            for octet in data:
                self._write(writers, bytes((octet,)), way)
                await asyncio.sleep(0)

    def _write(self, writers: list[asyncio.StreamWriter], data: bytes, way: str) -> None:
        with contextlib.suppress(OSError, IndexError):
            self._dice.choice(writers).write(data) if len(writers) > 1 else writers[0].write(data)
