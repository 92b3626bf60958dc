"""Transports from what a person writes after --connect."""

from __future__ import annotations

from llmbm_console.core.transport.base import Transport, TransportError
from llmbm_console.core.transport.sockets import tcp_transport, unix_transport
from llmbm_console.core.transport.tty import UNTOUCHED, ModemLines, ThreadedSerial

EXPECTED = "expected unix:PATH, tcp:HOST:PORT or rfc2217://HOST:PORT"


def transport_for(url: str, baud: int, lines: ModemLines = UNTOUCHED) -> Transport:
    """The transport of an address. Raises TransportError when it is none."""
    scheme, colon, rest = url.partition(":")
    if not colon or not rest:
        raise TransportError(f"{url!r} is no address: {EXPECTED}", retry=False)
    if scheme == "unix":
        return unix_transport(rest)
    if scheme == "tcp":
        host, _, port = rest.removeprefix("//").rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise TransportError(f"{url!r}: expected tcp:HOST:PORT with a port from 1 to 65535", retry=False)
        return tcp_transport(host.strip("[]"), int(port))
    if scheme == "rfc2217":
        return ThreadedSerial(url, baud, lines)
    raise TransportError(f"{url!r} is no address: {EXPECTED}", retry=False)
