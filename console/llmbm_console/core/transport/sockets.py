"""Lines that are sockets: unix (QEMU, the simulator) and TCP (serial servers)."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from llmbm_console.core.transport.base import Inbox, TransportError
from llmbm_console.core.transport.reader import SocketReader

CONNECT_TIMEOUT = 5.0


class SocketTransport:
    """A connected stream socket, read by a thread of its own."""

    def __init__(self, name: str, family: int, address: str | tuple[str, int]) -> None:
        self._name = name
        self._family = family
        self._address = address
        self._line: socket.socket | None = None
        self._reader: SocketReader | None = None
        self._inbox = Inbox()

    def describe(self) -> str:
        """As it was given: unix:PATH or tcp:HOST:PORT."""
        return self._name

    async def open(self) -> None:
        """Connects. Raises TransportError."""
        await self.close()
        loop = asyncio.get_running_loop()
        address = self._address
        family = self._family
        if not isinstance(address, str):
            try:
                found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
            except OSError as error:
                raise TransportError(f"{self._name}: the host name cannot be resolved: {error.strerror}") from error
            family, _, _, _, resolved = found[0]
            address = (str(resolved[0]), int(resolved[1]))
        line = socket.socket(family, socket.SOCK_STREAM)
        line.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.sock_connect(line, address)
        except (OSError, TimeoutError) as error:
            line.close()
            raise TransportError(self._reason(error)) from error
        if not isinstance(address, str):
            # Without this a request waits for the acknowledgement of the one before: 48 ms instead of 0.14.
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line = line
        self._inbox = Inbox()
        self._reader = SocketReader(line, self._inbox)

    def _reason(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError):
            return f"{self._name}: no connection within {CONNECT_TIMEOUT:g} s"
        number = getattr(error, "errno", None)
        reasons = {
            errno.ENOENT: "no such socket; is the machine running, and is this its serial socket?",
            errno.ECONNREFUSED: "nobody listens there; is the machine running?",
            errno.EACCES: "no permission to connect; it may belong to another user",
            errno.EHOSTUNREACH: "the host cannot be reached",
            errno.EAGAIN: "busy: another program is connected, and it takes one at a time",
        }
        return f"{self._name}: {reasons.get(number or 0, str(error))}"

    async def read(self) -> bytes:
        """All bytes that have come; b"" at the end."""
        return await self._inbox.get()

    async def write(self, data: bytes) -> None:
        """Sends all of `data`."""
        if self._line is None:
            raise TransportError(f"{self._name}: not open")
        try:
            await asyncio.get_running_loop().sock_sendall(self._line, data)
        except OSError as error:
            raise TransportError(f"{self._name}: {error.strerror or error}") from error

    async def close(self) -> None:
        """Ends the reader and the connection."""
        reader, self._reader = self._reader, None
        line, self._line = self._line, None
        if reader is not None:
            reader.stop()
        if line is not None:
            line.close()
        self._inbox.end()


def unix_transport(path: str) -> SocketTransport:
    """A unix socket. Raises TransportError where the system has none."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise TransportError(f"unix:{path}: this system has no unix sockets; use tcp:HOST:PORT", retry=False)
    if len(os.fsencode(path)) > 107:
        raise TransportError(f"unix:{path}: a socket path may have at most 107 bytes", retry=False)
    return SocketTransport(f"unix:{path}", int(family), path)


def tcp_transport(host: str, port: int) -> SocketTransport:
    """A TCP connection, IPv4 or IPv6."""
    return SocketTransport(f"tcp:{host}:{port}", socket.AF_INET, (host, port))
