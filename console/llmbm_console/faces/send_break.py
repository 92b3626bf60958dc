"""`llmbm-console break`: a break on a serial line, and nothing else."""

from __future__ import annotations

from llmbm_console.core.errors import NotReached, SessionError, WrongUsage
from llmbm_console.core.session.targets import Target
from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import TransportError
from llmbm_console.core.transport.tty import ModemLines, ThreadedSerial, serial_transport


async def send_break(target: Target, seconds: float) -> int:
    """Opens the line, sends the break, closes it. Raises SessionError when that cannot be done."""
    lines = ModemLines(target.dtr, target.rts)
    try:
        if target.kind == "serial":
            transport = serial_transport(target.address, target.baud, lines)
        elif target.address.startswith("rfc2217:"):
            found = transport_for(target.address, target.baud, lines)
            assert isinstance(found, ThreadedSerial)
            transport = found
        else:
            raise WrongUsage("a break goes over a serial port: name one with --serial DEV or --connect rfc2217://...")
        try:
            await transport.open()
        except TransportError as error:
            raise NotReached(str(error)) from error
        try:
            await transport.send_break(seconds)
        finally:
            await transport.close()
    except TransportError as error:
        raise SessionError(str(error)) from error
    print(f"{transport.describe()}: a break of {seconds * 1000:.0f} ms was sent")
    return 0
