"""The kernel as a process: the simulator, started in a private folder that is its boot volume."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.child import Child, status_of_end, told_end
from llmbm_console.core.machine.control import NO_PORT
from llmbm_console.core.machine.keys import Chord
from llmbm_console.core.machine.machine import BootFiles, Emit
from llmbm_console.core.machine.qmp_command import QmpCommand
from llmbm_console.core.state.events import MachineChanged, MachineStatus
from llmbm_console.core.transport.base import Transport
from llmbm_console.core.transport.sockets import unix_transport

START_TIMEOUT = 10.0
NO_SCREEN = "the simulator has no screen of its own; run the kernel with --qemu to see one"
NO_REGISTERS = "the simulator runs on this computer's own processor; with --qemu its registers can be seen"
NO_INTERRUPTS = "the simulator is a process and has no interrupts; run the kernel with --qemu for that"
NO_KEYBOARD = "the simulator has no keyboard of its own; run the kernel with --qemu to type on one"
NO_MONITOR = "the simulator has no monitor; QEMU has one: run the kernel with --qemu, or attach with --qmp"
NO_STATES = "the state of the simulator, a process, cannot be saved; that of a machine in --qemu can be"
LACKS = {
    "machine.screen": NO_SCREEN,
    "machine.registers": NO_REGISTERS,
    "machine.nmi": NO_INTERRUPTS,
    "machine.keys": NO_KEYBOARD,
    "machine.qmp": NO_MONITOR,
    "machine.save_state": NO_STATES,
    "machine.load_state": NO_STATES,
    **NO_PORT,
}


class Simulator:
    """llmk-sim on a unix socket. Pausing is SIGSTOP: its clock stands still meanwhile, as a paused QEMU's does."""

    def __init__(self, boot: BootFiles, emit: Emit) -> None:
        self._boot = boot
        self._emit = emit
        self._child: Child | None = None
        self._changing = False  # it ends because we want it to
        self._failure = ""
        self._socket = Path()
        self._command: list[str] = []

    @property
    def lacks(self) -> Mapping[str, str]:
        """See MachineSight: a process is no machine."""
        return LACKS

    async def start(self) -> Transport:
        """Copies the files and starts the process; it waits for us on its socket."""
        self._emit(MachineChanged(time.monotonic(), MachineStatus.STARTING))
        self._changing, self._failure = False, ""
        child = self._child = Child(self._ended)
        files = child.folder / "volume"
        await asyncio.to_thread(self._fill, files)
        self._socket = child.folder / "serial"
        # It waits for us before it boots, so that not one byte of its line is lost.
        self._command = [str(self._boot.kernel), "--files", str(files), "--serial", f"unix:{self._socket}", "--wait"]
        await self._run(child)
        return unix_transport(str(self._socket))

    async def _run(self, child: Child) -> None:
        await child.start(self._command)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._socket.exists():
            if self._failure:
                raise SessionError(self._failure)
            if time.monotonic() > deadline:
                raise SessionError(f"the simulator was started, but {self._socket} did not appear")
            await asyncio.sleep(0.01)
        self._emit(MachineChanged(time.monotonic(), MachineStatus.RUNNING))

    def _fill(self, files: Path) -> None:
        """The boot volume, with the names that an image would have. Hard links where they can be: the kernel only reads
        these files, and follows no other links."""
        from llmbm_console.core.image.boot_image import BOOT_PATH, volume_files

        files.mkdir()
        boot = self._boot
        for name, source in volume_files(boot.kernel, boot.model, boot.tokenizer, boot.config).items():
            if name == BOOT_PATH:
                continue
            try:
                os.link(source.resolve(), files / name)
            except OSError:  # another file system
                shutil.copyfile(source, files / name)

    def _ended(self, status: int, output: str) -> None:
        self._failure = told_end("the simulator", status, output.strip()[-400:], asked=self._changing)
        became = status_of_end(status, asked=self._changing)
        self._emit(MachineChanged(time.monotonic(), became, self._failure, self._changing))

    def read_file(self, name: str) -> bytes:
        """A file of the folder that is the volume."""
        if self._child is None:
            raise FileNotFoundError(2, "the simulator was not started", name)
        return (self._child.folder / "volume" / name).read_bytes()

    async def go(self) -> None:
        """Nothing: the process runs already and waits for its line to be opened."""

    def _signal(self, number: int) -> None:
        if self._child is None or not self._child.running:
            raise SessionError("the simulator has ended; a reset starts it again")
        self._child.signal(number)

    async def pause(self) -> None:
        """Stops the process."""
        self._signal(signal.SIGSTOP)
        self._emit(MachineChanged(time.monotonic(), MachineStatus.PAUSED))

    async def resume(self) -> None:
        """Continues the process."""
        self._signal(signal.SIGCONT)
        self._emit(MachineChanged(time.monotonic(), MachineStatus.RUNNING))

    async def reset(self) -> None:
        """Starts the process anew on the same files and the same socket; also after it has ended."""
        if self._child is None:
            raise SessionError("the simulator was not started yet")
        self._emit(MachineChanged(time.monotonic(), MachineStatus.RESETTING))
        self._changing, self._failure = False, ""
        self._socket.unlink(missing_ok=True)
        await self._run(self._child)

    async def screenshot(self) -> bytes:
        """Refused: a process has no screen of its own."""
        raise SessionError(NO_SCREEN)

    async def registers(self) -> str:
        """Refused: a process runs on this computer's processor."""
        raise SessionError(NO_REGISTERS)

    async def nmi(self) -> None:
        """Refused: a process has signals, and no interrupts."""
        raise SessionError(NO_INTERRUPTS)

    async def press(self, chords: Sequence[Chord]) -> None:
        """Refused: a process has no keyboard of its own."""
        raise SessionError(NO_KEYBOARD)

    async def command(self, command: QmpCommand) -> str:
        """Refused: there is no QEMU."""
        raise SessionError(NO_MONITOR)

    async def command_names(self) -> tuple[str, ...]:
        """Refused: there is no QEMU."""
        raise SessionError(NO_MONITOR)

    async def save_state(self, number: int) -> int:
        """Refused: the state of a process cannot be kept in a file."""
        raise SessionError(NO_STATES)

    async def load_state(self, number: int) -> None:
        """There is none."""
        raise SessionError(NO_STATES)

    def forget_state(self, number: int) -> None:
        """There is none."""

    async def read_memory(self, address: int, length: int) -> bytes:
        """The process's own memory, by its own addresses."""
        data = await asyncio.to_thread(_read_memory, self._pid, address, length)
        if len(data) < length:
            raise SessionError(f"{address:#x}: only {len(data)} of {length} octets are memory of the simulator")
        return data

    async def memory_around(self, address: int) -> tuple[int, int] | None:
        """The memory that an address lies in."""
        from llmbm_console.core.machine.guest_memory import within

        return within(await asyncio.to_thread(_mapped, self._pid), address)

    async def slow_memory(self) -> str:
        """A process's memory is read at once."""
        return ""

    @property
    def _pid(self) -> int:
        if self._child is None or not self._child.running:
            raise SessionError("the simulator has ended; a reset starts it again")
        if not Path("/proc/self/mem").exists():
            raise SessionError("only Linux shows the memory of a process; with --qemu it can be read everywhere")
        return self._child.pid

    async def quit(self) -> None:
        """Ends the process."""
        if self._child is not None and self._child.running:
            self._changing = True
            self._child.signal(signal.SIGTERM)
            self._child.signal(signal.SIGCONT)
            await self._child.wait_end(3.0)

    async def close(self) -> None:
        """Ends the process and removes its folder."""
        self._changing = True
        if self._child is not None:
            await self._child.close()


def _read_memory(process: int, address: int, length: int) -> bytes:
    try:
        with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(length)
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SessionError(f"{address:#x}: the simulator has no memory there that can be read: {reason}") from error


def _mapped(process: int) -> list[tuple[int, int]]:
    """First octet and the one behind the last of each part of its memory that it may read itself."""
    try:
        lines = Path(f"/proc/{process}/maps").read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise SessionError(f"the simulator's memory cannot be looked at: {error.strerror}") from error
    spans = [line.split()[0].partition("-") for line in lines if line.split()[1].startswith("r")]
    return [(int(first, 16), int(end, 16)) for first, _dash, end in spans]
