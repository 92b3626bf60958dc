"""QEMU's machine protocol behind a few typed verbs: status, pause, resume, reset, quit, and events on the timeline."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.qemu_memory import QemuMemory, Refused
from llmbm_console.core.state.events import Event, MachineChanged, MachineStatus, QmpEvent

if TYPE_CHECKING:
    from qemu.qmp import QMPClient

#: Events that say nothing about the machine: firmware sets the clock at every boot.
UNREMARKABLE = frozenset({"RTC_CHANGE"})
TIMEOUT = 2.0  # s for a greeting, and for an end
ANSWER_TIMEOUT = 10.0  # s for every answer: a stop writes to the disk what was not written yet, on a busy computer, too
MOST_RATE = 1 << 40  # octets a second of a state that is written

#: QEMU's run states in our words; any other state is a machine that does not run
STATUS = {
    "running": (MachineStatus.RUNNING, ""),
    "paused": (MachineStatus.PAUSED, ""),
    "prelaunch": (MachineStatus.STARTING, ""),
    "inmigrate": (MachineStatus.LOADING, "waits for an incoming migration"),
    "finish-migrate": (MachineStatus.PAUSED, "its state is being written"),
    "postmigrate": (MachineStatus.PAUSED, "its state was written"),
    "suspended": (MachineStatus.PAUSED, "suspended"),
    "debug": (MachineStatus.PAUSED, "stopped by a debugger"),
    "shutdown": (MachineStatus.STOPPED, "the guest is off"),
    "internal-error": (MachineStatus.CRASHED, "the accelerator stopped with an internal error"),
    "io-error": (MachineStatus.CRASHED, "the disk image could not be read or written"),
    "guest-panicked": (MachineStatus.CRASHED, "the guest panicked"),
    "watchdog": (MachineStatus.CRASHED, "a watchdog stopped the machine"),
}


class QmpConnection:
    """One monitor of a QEMU. `emit` gets MachineChanged and QmpEvent; `ended` is called when the monitor closes."""

    def __init__(self, emit: Callable[[Event], None], ended: Callable[[], None] = lambda: None) -> None:
        self._emit = emit
        self._ended = ended
        self._client: QMPClient | None = None
        self._events: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._leaving = False
        self.memory = QemuMemory(self.execute)

    @property
    def connected(self) -> bool:
        """True while commands can be given."""
        return self._client is not None

    async def connect(self, address: str | tuple[str, int], *, tell: bool = True) -> None:
        """Connects and says the status, unless it is not to `tell`. Raises SessionError."""
        import logging

        from qemu.qmp import EventListener, QMPClient, QMPError

        logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # its errors come back as exceptions
        client = QMPClient("llmbm")
        name = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        try:
            async with asyncio.timeout(TIMEOUT):
                await client.connect(address)
        except TimeoutError:
            raise SessionError(
                f"{name}: the monitor takes the connection and says nothing for {TIMEOUT:g} s: another program "
                "holds it, and QEMU serves one at a time; close that one, or start QEMU with a second -qmp"
            ) from None
        except (QMPError, OSError) as error:
            raise SessionError(f"{name}: no QEMU monitor answers there: {_why_no_monitor(error)}") from error
        self._client = client
        listener = EventListener()
        client.register_listener(listener)
        self._events = asyncio.create_task(self._listen(listener))
        self._watch = asyncio.create_task(self._wait_closed(client))
        if tell:
            await self.tell_status()

    async def execute(self, command: str, **arguments: Any) -> Any:
        """One command. Raises SessionError with QEMU's words."""
        from qemu.qmp import ExecuteError, QMPError

        if self._client is None:
            raise SessionError(f"{command}: the machine's monitor is closed; the machine has ended")
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await self._client.execute(command, arguments or None)
        except TimeoutError:
            late = f"QEMU did not answer within {ANSWER_TIMEOUT:g} s"
            raise SessionError(f"{command}: {late}{_may_still(command)}") from None
        except ExecuteError as error:
            raise Refused(f"{command}: QEMU refused: {error}") from error
        except (QMPError, OSError, EOFError) as error:
            raise SessionError(f"{command}: the connection to QEMU broke: {error}") from error

    async def status(self) -> tuple[MachineStatus, str]:
        """What the machine does now."""
        said = await self.execute("query-status")
        word = said.get("status", "") if isinstance(said, dict) else ""
        return STATUS.get(word, (MachineStatus.UNKNOWN, f"QEMU says {word!r}"))

    async def tell_status(self) -> None:
        """Emits the status as it is now."""
        status, detail = await self.status()
        self._emit(MachineChanged(time.monotonic(), status, detail))

    async def screenshot(self) -> bytes:
        """The first screen as a pixmap. QEMU writes a file, so it must run on this computer, as us or as one who may
        write into our temporary folder."""
        with tempfile.TemporaryDirectory(prefix="llmbm-screen-") as folder:
            file = Path(folder) / "screen.ppm"
            await self.execute("screendump", filename=str(file))
            try:
                return file.read_bytes()
            except OSError as error:
                raise SessionError(f"screendump: QEMU wrote no picture to {file}: {error.strerror}") from error

    async def registers(self) -> str:
        """What the human monitor says of every processor."""
        return await self._human("info registers -a")

    async def _human(self, command: str) -> str:
        return str(await self.execute("human-monitor-command", **{"command-line": command}))

    async def write_state(self, file: Path) -> None:
        """Writes memory and devices of a paused machine into a file. Raises SessionError."""
        # At its usual rate, which is for networks, a large machine would stand still for minutes.
        await self.execute("migrate-set-parameters", **{"max-bandwidth": MOST_RATE})
        await self.execute("migrate", uri=f"exec:cat > {shlex.quote(str(file))}")
        await self.migrated()

    async def migrated(self) -> None:
        """Until a state was written, or read. Raises SessionError with QEMU's words."""
        while True:
            said = await self.execute("query-migrate")
            status = said.get("status", "none") if isinstance(said, dict) else "none"
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise SessionError(f"migrate: {said.get('error-desc') or status}")
            await asyncio.sleep(0.02)

    async def quit(self, *, told: bool = True) -> None:
        """Ends QEMU. The monitor breaks off while it answers, or before: both are success. Without `told` it ends
        without a word: another one takes its place."""
        if not told:
            self._emit = lambda _event: None
        self._leaving = True
        with contextlib.suppress(SessionError, TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                await self.execute("quit")
        await self.close()

    async def close(self) -> None:
        """Leaves the monitor; QEMU goes on. Idempotent."""
        self._leaving = True
        client, self._client = self._client, None
        if client is not None:
            await self._disconnect(client)
        elif self._watch is not None and self._watch is not asyncio.current_task():
            # The watch is taking leave of a QEMU that ended by itself: one of us does that, and is not interrupted.
            await asyncio.wait({self._watch}, timeout=TIMEOUT)
        for task in (self._events, self._watch):
            if task is not None and task is not asyncio.current_task():
                task.cancel()

    @staticmethod
    async def _disconnect(client: QMPClient) -> None:
        from qemu.qmp import QMPError

        # QEMU that has ended makes this raise EOFError; there is nothing left to do about any of these.
        with contextlib.suppress(QMPError, OSError, EOFError, TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                await client.disconnect()

    async def _wait_closed(self, client: QMPClient) -> None:
        from qemu.qmp import Runstate

        while await client.runstate_changed() is not Runstate.DISCONNECTING:
            pass
        if self._leaving:
            return
        self._client = None
        await self._disconnect(client)
        if self._events is not None:
            self._events.cancel()
        if not self._leaving:
            self._ended()

    async def _listen(self, listener: Any) -> None:
        async for message in listener:
            name = str(message.get("event", ""))
            data = message.get("data")
            at = time.monotonic()
            if name in UNREMARKABLE:
                continue
            self._emit(QmpEvent(at, name, json.dumps(data, separators=(", ", ": ")) if data else ""))
            match name:
                case "RESUME":
                    self._emit(MachineChanged(at, MachineStatus.RUNNING))
                case "RESET":
                    guest = isinstance(data, dict) and data.get("guest")
                    self._emit(MachineChanged(at, MachineStatus.RESETTING, "the guest did it" if guest else ""))
                    with contextlib.suppress(SessionError):
                        await self.tell_status()
                case "STOP":
                    with contextlib.suppress(SessionError):  # why it stopped is only in the status
                        await self.tell_status()
                case "GUEST_PANICKED":
                    self._emit(MachineChanged(at, MachineStatus.CRASHED, "the guest panicked"))
                case "SHUTDOWN":
                    guest = isinstance(data, dict) and data.get("guest")
                    detail = "the guest switched itself off" if guest else "QEMU was told to end"
                    self._emit(MachineChanged(at, MachineStatus.STOPPED, detail, self._leaving and not guest))


def _may_still(command: str) -> str:
    """What becomes of a command that QEMU has and did not answer."""
    return "" if command.startswith("query-") else "; it may still do it, as soon as it goes on"


def _why_no_monitor(error: BaseException) -> str:
    """What happened. The library's error says that connecting failed; why is in the errors that led to it."""
    from qemu.qmp.error import ProtocolError

    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    if isinstance(causes[-1], EOFError | ConnectionResetError | BrokenPipeError):
        return "the other end took the connection and closed it before it said what it is; is that QEMU ending?"
    if isinstance(causes[-1], OSError):
        return str(causes[-1])
    if any(isinstance(cause, ProtocolError) for cause in causes):
        return "what answers there does not speak QMP; is it the machine's serial line, or another program?"
    return str(causes[-1]) or type(causes[-1]).__name__


def monitor_address(text: str) -> str | tuple[str, int]:
    """What --qmp names: a unix socket, or tcp:HOST:PORT. Raises SessionError."""
    if text.startswith("tcp:"):
        host, _, port = text[4:].rpartition(":")
        if not host or not port.isdigit():
            raise SessionError(f"--qmp {text}: expected tcp:HOST:PORT")
        return host, int(port)
    path = text.removeprefix("unix:")
    if not Path(path).exists():
        raise SessionError(f"--qmp {path}: no such socket; start QEMU with -qmp unix:{path},server=on,wait=off")
    return path


def serial_address(chardevs: list[dict[str, Any]], monitor: str) -> str:
    """The address of the first serial line a client can open, from `query-chardev`. Raises SessionError."""
    found: list[tuple[bool, str]] = []
    for chardev in chardevs:
        label, name = str(chardev.get("label", "")), str(chardev.get("filename", ""))
        name = name.removeprefix("disconnected:").partition(" <-> ")[0].partition(",")[0]
        if label.startswith(("compat_monitor", "mon", "qmp")) or (monitor and monitor in name):
            continue
        if name.startswith("pty:"):
            found.append((not label.startswith("serial"), name.removeprefix("pty:")))
        elif name.startswith(("unix:", "tcp:")):
            found.append((not label.startswith("serial"), name))
    if not found:
        names = ", ".join(f"{c.get('label')}={c.get('filename')}" for c in chardevs) or "none"
        raise SessionError(
            f"this QEMU has no serial line that can be opened (its character devices: {names}); start it with "
            "-serial unix:PATH,server=on,wait=off, or name the line with --connect"
        )
    return min(found)[1]
