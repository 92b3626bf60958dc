"""A serial port: opened by pyserial, read by the event loop (POSIX) or by a thread (Windows, rfc2217)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmbm_console.core.transport.base import PAUSE, Inbox, TransportError

CHUNK = 4096
MOST_AHEAD = 65_536  # bytes in pyserial's queue, which holds each as an object
WRITE_STEP = 0.005  # s between tries when the driver's buffer is full


def port_names() -> list[str]:
    """The serial ports of this computer."""
    from serial.tools.list_ports import comports

    return sorted(port.device for port in comports())


def holders(device: str) -> list[str]:
    """Who has a device open, as "name (pid)"; only Linux tells, and only for processes one may look at."""
    found = []
    real = os.path.realpath(device)
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(os.path.realpath(handle) == real for handle in (process / "fd").iterdir()):
                found.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
    return found


def is_own_terminal(device: str) -> bool:
    """Whether a device is the terminal that this program runs in, by whichever name: what it draws would be taken from
    there, and what is typed would be taken for what a kernel said."""
    with contextlib.suppress(OSError):
        number = os.stat(device).st_rdev
        own = [os.stat(os.ctermid()).st_rdev] if os.name == "posix" else []
        own += [os.fstat(stream).st_rdev for stream in range(3) if os.isatty(stream)]
        return number != 0 and number in own
    return False


def open_error(device: str, error: OSError) -> TransportError:
    """Why a port did not open, and what to do."""
    number = error.errno
    text = str(error)
    if number == errno.ENOENT or "FileNotFoundError" in text:
        ports = port_names()
        there = f"the ports there are: {', '.join(ports)}" if ports else "no serial port was found; is it plugged in?"
        return TransportError(f"{device}: no such port; {there}")
    if number == errno.EACCES or "PermissionError" in text:
        return TransportError(
            f"{device}: no permission. On Linux add yourself to the group that owns it (usually dialout): "
            "sudo usermod -aG dialout $USER, then log in again. On Windows another program may have it open"
        )
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "lock" in text:
        who = holders(device)
        return TransportError(f"{device}: in use by {', '.join(who) if who else 'another program'}; close it first")
    if number in (errno.ENOTTY, errno.EISDIR) or "Inappropriate ioctl" in text:
        return TransportError(f"{device}: not a serial port", retry=False)
    return TransportError(f"{device}: {text}")


@dataclass(frozen=True, slots=True)
class ModemLines:
    """What DTR and RTS are set to on an opened port; None leaves one as it is: a pulse there resets some boards."""

    dtr: bool | None = None
    rts: bool | None = None

    def apply(self, port: Any) -> None:
        """Sets what is to be set on an open port."""
        port.touches_lines = True
        if self.dtr is not None:
            port.dtr = self.dtr
        if self.rts is not None:
            port.rts = self.rts


UNTOUCHED = ModemLines()


def _untouching(kind: Any) -> Any:
    """A pyserial class that sets neither DTR nor RTS before it is told to: pyserial raises both while it opens."""

    class Port(kind):  # type: ignore[misc]
        touches_lines = False

        def _update_dtr_state(self) -> None:
            if self.touches_lines:
                super()._update_dtr_state()

        def _update_rts_state(self) -> None:
            if self.touches_lines:
                super()._update_rts_state()

    return Port


def _path_of(name: str) -> str:
    """The path of a port that is named as people say it: ttyS0 is /dev/ttyS0, where no file here is called so."""
    path = os.path.join("/dev", name)
    return path if name and not os.path.exists(name) and os.path.exists(path) else name


def _open_port(device: str, baud: int, lines: ModemLines) -> Any:
    """Opens the port 8N1, exclusively."""
    import serial

    device = _path_of(device)
    if is_own_terminal(device):
        raise TransportError(f"{device}: the terminal that this console runs in, and not a serial port", retry=False)
    kind = _untouching(serial.Serial) if os.name == "posix" else serial.Serial
    try:
        port = kind(baudrate=baud, bytesize=8, parity="N", stopbits=1, timeout=0 if os.name == "posix" else 0.1)
        port.exclusive = True
        port.port = device
        port.open()
        lines.apply(port)
    except ValueError as error:
        raise TransportError(f"{device}: {baud} is no speed this port can do: {error}", retry=False) from error
    except OSError as error:
        raise open_error(device, error) from error
    return port


def _limit_queue(port: Any, most: int) -> None:
    """How many bytes pyserial's own reader of rfc2217 takes ahead: it puts each into a queue, and that has no limit. A
    reader that waits for room goes on when there is more of it."""
    waiting = getattr(port, "_read_buffer", None)
    if isinstance(waiting, queue.Queue):
        with waiting.not_full:
            waiting.maxsize = most
            waiting.not_full.notify_all()


def _set_line(device: str, port: Any, name: str, value: int) -> None:
    """Speed ("baud", bits per second), "dtr" or "rts" (0 or 1) of an open port."""
    if port is None:
        raise TransportError(f"{device}: not open")
    try:
        if name == "baud":
            port.baudrate = value
        else:
            ModemLines(**{name: bool(value)}).apply(port)
    except (ValueError, OverflowError) as error:
        raise TransportError(f"{device}: {value} is no {name} that this port can do: {error}") from error
    except OSError as error:
        raise TransportError(f"{device}: {name} cannot be set: {error.strerror or error}") from error


class _SerialPort:
    """What the two ways of having a serial port share: which one it is, and how it is set."""

    def __init__(self, device: str, baud: int, lines: ModemLines = UNTOUCHED) -> None:
        self._device = device
        self._baud = baud
        self._lines = lines
        self._port: Any = None
        self._inbox = Inbox()

    def describe(self) -> str:
        """Device or address, and speed."""
        return f"{self._device} at {self._baud}"

    async def read(self) -> bytes:
        """All bytes that have come; b"" when the port has gone."""
        return await self._inbox.get()

    def _keep(self, name: str, value: int) -> None:
        """When the port is opened again it is set in the same way."""
        if name == "baud":
            self._baud = value
        else:
            self._lines = replace(self._lines, **{name: bool(value)})


class TtyTransport(_SerialPort):
    """A serial port on a POSIX system: the descriptor is non-blocking and the event loop watches it."""

    async def open(self) -> None:
        """Opens the port. Raises TransportError."""
        await self.close()
        self._port = await asyncio.get_running_loop().run_in_executor(
            None, _open_port, self._device, self._baud, self._lines
        )
        self._inbox = Inbox()
        self._watch(self._port)

    def _watch(self, port: Any) -> None:
        """Reads when there is something and room for it."""
        if self._port is not port:
            return  # it was closed meanwhile
        loop = asyncio.get_running_loop()
        if self._inbox.full:
            loop.remove_reader(port.fileno())
            loop.call_later(PAUSE, self._watch, port)
        else:
            loop.add_reader(port.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._port.fileno(), CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""  # EIO, ENXIO: the adapter was unplugged
        if data:
            self._inbox.put(data)
            self._inbox.received += len(data)
            if self._inbox.full:
                self._watch(self._port)
        else:
            # Readable without data is how an unplugged adapter looks; watching on would spin.
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._inbox.end()

    async def write(self, data: bytes) -> None:
        """Sends all of `data`."""
        while data:
            if self._port is None:
                raise TransportError(f"{self._device}: not open")
            try:
                data = data[os.write(self._port.fileno(), data) :]
            except (BlockingIOError, InterruptedError):
                await asyncio.sleep(WRITE_STEP)
            except OSError as error:
                raise TransportError(f"{self._device}: {error.strerror}") from error

    async def send_break(self, seconds: float) -> None:
        """Holds the line low for a time. Raises TransportError."""
        if self._port is None:
            raise TransportError(f"{self._device}: not open")
        try:
            self._port.break_condition = True
            await asyncio.sleep(seconds)
            self._port.break_condition = False
        except OSError as error:
            raise TransportError(f"{self._device}: {error}") from error

    async def set_line(self, name: str, value: int) -> None:
        """Speed ("baud", bits per second), "dtr" or "rts" (0 or 1), now and when it is opened again. Raises
        TransportError."""
        _set_line(self._device, self._port, name, value)
        self._keep(name, value)

    async def close(self) -> None:
        """Closes the port."""
        port, self._port = self._port, None
        if port is not None:
            asyncio.get_running_loop().remove_reader(port.fileno())
            with contextlib.suppress(OSError):
                port.close()
        self._inbox.end()


def _why_no_server(error: OSError) -> str:
    """pyserial knows that the negotiation did not end, and not what a person can do about it."""
    if error.errno is None and "RFC2217" in str(error):
        return (
            "something answers there and does not end the negotiation of RFC 2217: it is no such server (a raw one "
            "is --connect tcp:HOST:PORT), or its own serial port is gone and the server is to be started again"
        )
    return str(error)


class ThreadedSerial(_SerialPort):
    """A pyserial port that has no descriptor to watch: Windows, and rfc2217://HOST:PORT."""

    def __init__(self, device: str, baud: int, lines: ModemLines = UNTOUCHED) -> None:
        super().__init__(device, baud, lines)
        self._thread: threading.Thread | None = None

    def _open(self) -> Any:
        if "://" not in self._device:
            return _open_port(self._device, self._baud, self._lines)
        import serial.rfc2217

        try:
            port = _untouching(serial.rfc2217.Serial)(self._device, baudrate=self._baud, timeout=0.1)
            self._lines.apply(port)
            _limit_queue(port, MOST_AHEAD)
            return port
        except ValueError as error:
            raise TransportError(f"{self._device}: {error}", retry=False) from error
        except OSError as error:
            raise TransportError(f"{self._device}: {_why_no_server(error)}") from error

    async def open(self) -> None:
        """Opens the port. Raises TransportError."""
        await self.close()
        loop = asyncio.get_running_loop()
        port = await loop.run_in_executor(None, self._open)
        self._port, self._inbox = port, Inbox()
        self._thread = threading.Thread(
            target=self._run, args=(loop, port, self._inbox), name="serial reader", daemon=True
        )
        self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop, port: Any, inbox: Inbox) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            try:
                while self._port is port:
                    if inbox.full:
                        time.sleep(PAUSE)
                        continue
                    data = port.read(max(1, min(port.in_waiting, CHUNK)))
                    inbox.received += len(data)
                    if data:
                        loop.call_soon_threadsafe(inbox.put, bytes(data))
            except (OSError, TypeError, AttributeError):
                pass  # pyserial raises any of these when a port is closed or lost under a read
            loop.call_soon_threadsafe(inbox.end)

    async def write(self, data: bytes) -> None:
        """Sends all of `data`."""
        port = self._port
        if port is None:
            raise TransportError(f"{self._device}: not open")
        try:
            await asyncio.get_running_loop().run_in_executor(None, port.write, data)
        except OSError as error:
            raise TransportError(f"{self._device}: {error}") from error

    async def send_break(self, seconds: float) -> None:
        """Holds the line low for a time. Raises TransportError."""
        port = self._port
        if port is None:
            raise TransportError(f"{self._device}: not open")

        def hold() -> None:
            port.break_condition = True
            time.sleep(seconds)
            port.break_condition = False

        try:
            await asyncio.get_running_loop().run_in_executor(None, hold)
        except OSError as error:
            raise TransportError(f"{self._device}: {error}") from error

    async def set_line(self, name: str, value: int) -> None:
        """Speed ("baud", bits per second), "dtr" or "rts" (0 or 1), now and when it is opened again. Raises
        TransportError."""
        set_now = asyncio.get_running_loop().run_in_executor
        await set_now(None, _set_line, self._device, self._port, name, value)
        self._keep(name, value)

    async def close(self) -> None:
        """Closes the port and ends the thread."""
        port, self._port = self._port, None
        thread, self._thread = self._thread, None
        if port is not None:
            if thread is not None:
                await asyncio.get_running_loop().run_in_executor(None, thread.join, 2.0)
            _limit_queue(port, sys.maxsize)  # closing waits for pyserial's reader, which may wait for room
            with contextlib.suppress(OSError):
                port.close()
        self._inbox.end()


def serial_transport(device: str, baud: int, lines: ModemLines = UNTOUCHED) -> TtyTransport | ThreadedSerial:
    """A local serial port, in the way this system can do it."""
    return TtyTransport(device, baud, lines) if os.name == "posix" else ThreadedSerial(device, baud, lines)
