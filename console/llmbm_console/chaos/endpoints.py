"""Addresses of the two sides of the middleman: unix:PATH, tcp:HOST:PORT, pty:PATH (a pseudo-terminal is made, PATH
leads to it) and serial:DEVICE (one that is there)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

UNPLUGGED = 0.05  # s between the end of a pseudo-terminal and the next one under its name
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class AddressError(ValueError):
    """The address is not one; the message says what was expected."""


def split(address: str) -> tuple[str, str]:
    """Kind and rest. Raises AddressError."""
    kind, colon, rest = address.partition(":")
    if not colon or kind not in ("unix", "tcp", "pty", "serial") or not rest:
        raise AddressError(f"{address!r}: expected unix:PATH, tcp:HOST:PORT, pty:PATH or serial:DEVICE")
    if kind == "tcp" and not rest.rpartition(":")[2].isdigit():
        raise AddressError(f"{address!r}: expected tcp:HOST:PORT with a number as port")
    return kind, rest


def _host_port(rest: str) -> tuple[str, int]:
    host, _, port = rest.rpartition(":")
    return host or "127.0.0.1", int(port)


class _Ending(asyncio.StreamReaderProtocol):
    """Of the writing side: when it ends, the reading side ends as well."""

    def __init__(self, reader: asyncio.StreamReader, reading: asyncio.ReadTransport) -> None:
        super().__init__(asyncio.StreamReader())
        self._ends, self._reading = reader, reading

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._reading.close()
        self._ends.feed_eof()


async def _streams(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A terminal as a pair of streams; each side has a descriptor of its own."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    read_file = os.fdopen(descriptor, "rb", 0)
    write_file = os.fdopen(os.dup(descriptor), "wb", 0)
    reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), read_file)
    transport, protocol = await loop.connect_write_pipe(lambda: _Ending(reader, reading), write_file)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def _raw(descriptor: int) -> None:
    import tty

    tty.setraw(descriptor)


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens the side that is there already. Raises OSError and AddressError."""
    kind, rest = split(address)
    if kind == "unix":
        return await asyncio.open_unix_connection(rest)
    if kind == "tcp":
        return await asyncio.open_connection(*_host_port(rest))
    descriptor = os.open(rest, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    _raw(descriptor)
    return await _streams(descriptor)


class PtyServer:
    """A pseudo-terminal under a stable name. Clients come and go unseen, so there is one connection for all of them;
    when that one is cut, another pair is made under the same name, as when a plug is pulled and put back."""

    def __init__(self, path: Path, serve: Serve) -> None:
        self._path, self._serve = path, serve
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Makes the first pair."""
        made = asyncio.Event()
        self._task = asyncio.create_task(self._run(made))
        await made.wait()

    async def _run(self, made: asyncio.Event) -> None:
        while True:
            master, slave = os.openpty()
            _raw(slave)
            fresh = self._path.with_name(self._path.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(slave))
            fresh.replace(self._path)
            streams = await _streams(master)
            made.set()
            try:
                await self._serve(*streams)
            finally:
                os.close(slave)  # held until now: a pair without a client would read as ended
                self._path.unlink(missing_ok=True)
            await asyncio.sleep(UNPLUGGED)

    def close(self) -> None:
        """Takes the name away."""
        if self._task is not None:
            self._task.cancel()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


async def listen(address: str, serve: Serve) -> asyncio.Server | PtyServer:
    """Opens the side that clients come to. Raises OSError and AddressError."""
    kind, rest = split(address)
    if kind == "unix":
        return await asyncio.start_unix_server(serve, rest)
    if kind == "tcp":
        return await asyncio.start_server(serve, *_host_port(rest))
    if kind == "pty":
        server = PtyServer(Path(rest), serve)
        await server.start()
        return server
    raise AddressError(f"{address!r}: clients come to unix:, tcp: or pty:, not to a serial port that is there")
