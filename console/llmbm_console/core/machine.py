"""A machine in QEMU: launched by us and ended with us, or somebody else's that we attach to by its monitor."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from llmbm_console.core.accelerator import choose
from llmbm_console.core.child import Child, status_of_end, told_end
from llmbm_console.core.errors import SessionError
from llmbm_console.core.events import Event, MachineChanged, MachineStatus, Notice
from llmbm_console.core.qemu_command import QemuOptions, QemuSockets, qemu_command
from llmbm_console.core.qemu_control import QemuControl
from llmbm_console.core.qmp import QmpConnection, monitor_address, serial_address
from llmbm_console.core.session import MachineControl
from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import Transport
from llmbm_console.core.transport.logged import LoggedTransport
from llmbm_console.core.transport.sockets import unix_transport

START_TIMEOUT = 10.0  # s until QEMU's monitor answers
Emit = Callable[[Event], None]


class Machine(MachineControl, Protocol):
    """What the session starts and ends around its line."""

    async def start(self) -> Transport:
        """Makes the machine ready, not yet running, and returns its line. Raises SessionError."""

    async def go(self) -> None:
        """Lets it run, now that somebody listens."""

    async def close(self) -> None:
        """Ends what was started. Idempotent."""

    def read_file(self, name: str) -> bytes:
        """A file of the boot volume, read in a thread. Raises OSError or ImageError."""


@dataclass(frozen=True, slots=True)
class BootFiles:
    """What the boot image of a launched machine is made of."""

    kernel: Path
    model: Path
    tokenizer: Path | None  # None: inside the model
    config: Path | None


class LaunchedQemu(QemuControl):
    """Our own QEMU: a private folder with its sockets, its disk and its firmware variables."""

    def __init__(self, options: QemuOptions, boot: BootFiles | None, emit: Emit) -> None:
        self._options = options
        self._boot = boot
        self._emit = emit
        self._child: Child | None = None
        self._monitor = QmpConnection(emit)
        self._failure = ""
        self._quitting = False
        self._image: Path | None = None

    async def start(self) -> Transport:
        """Chooses the accelerator, makes the image, starts QEMU stopped."""
        self._emit(MachineChanged(time.monotonic(), MachineStatus.STARTING))
        name, reason = await choose(self._options.accelerator, self._options)
        if reason:
            text = f"QEMU emulates the processor (tcg), which is slower: {reason}"
            self._emit(Notice(time.monotonic(), "info", text))
        child = self._child = Child(self._ended)
        sockets = QemuSockets.in_folder(child.folder)
        options = replace(self._options, accelerator=name)
        if options.firmware.variables is not None:
            shutil.copyfile(options.firmware.variables, child.folder / "variables")
        if self._boot is not None:
            options = replace(options, image=await self._make_image(self._boot, child.folder))
        self._image = options.image
        await child.start(qemu_command(options, sockets, child.folder / "variables"))
        await self._connect(sockets)
        return LoggedTransport(unix_transport(str(sockets.serial)), sockets.serial_log)

    async def _make_image(self, boot: BootFiles, folder: Path) -> Path:
        from llmbm_console.core.image import build_image

        image = folder / "disk.img"
        await asyncio.to_thread(build_image, image, boot.kernel, boot.model, boot.tokenizer, boot.config)
        return image

    async def _connect(self, sockets: QemuSockets) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._monitor.connected:
            if self._failure:
                raise SessionError(self._failure)
            if time.monotonic() > deadline:
                raise SessionError(f"QEMU was started, but its monitor did not answer within {START_TIMEOUT:g} s")
            if sockets.control.exists():
                with contextlib.suppress(SessionError):
                    await self._monitor.connect(str(sockets.control))
                    break
            await asyncio.sleep(0.02)

    def _ended(self, status: int, output: str) -> None:
        last = "\n".join(output.strip().splitlines()[-4:])
        self._failure = told_end("QEMU", status, last, asked=self._quitting)
        if 'Failed to get "write" lock' in output:
            self._failure += "\nanother QEMU uses this image; close it, or copy the image"
        became = status_of_end(status, asked=self._quitting)
        self._emit(MachineChanged(time.monotonic(), became, self._failure, self._quitting))

    def read_file(self, name: str) -> bytes:
        """A file of the image; the guest has flushed it when its log names it."""
        from llmbm_console.core.image import read_files

        if self._image is None:
            raise FileNotFoundError(2, "there is no boot image", name)
        found = read_files(self._image, {name})
        if not found:
            raise FileNotFoundError(2, "it is not on the boot image", name)
        return next(iter(found.values()))

    async def go(self) -> None:
        """Starts the processors."""
        await self._monitor.execute("cont")

    async def reset(self) -> None:
        """Like the reset button. A paused machine runs again afterwards."""
        await self._monitor.execute("system_reset")
        status, _ = await self._monitor.status()
        if status is not MachineStatus.RUNNING:
            await self._monitor.execute("cont")

    async def quit(self) -> None:
        """Ends QEMU."""
        self._quitting = True
        await self._monitor.quit()
        if self._child is not None:
            await self._child.wait_end(2.0)

    async def close(self) -> None:
        """Ends QEMU and removes its folder."""
        if self._child is not None and self._child.running:
            await self.quit()
        await self._monitor.close()
        if self._child is not None:
            await self._child.close()


class AttachedQemu(QemuControl):
    """A QEMU that somebody else started and that goes on without us."""

    def __init__(self, address: str, baud: int, emit: Emit) -> None:
        self._address = address
        self._baud = baud
        self._emit = emit
        self._monitor = QmpConnection(emit, self._lost)
        self._quitting = False

    def _lost(self) -> None:
        detail = "QEMU ended, as you asked" if self._quitting else "QEMU has ended, or closed its monitor"
        self._emit(MachineChanged(time.monotonic(), MachineStatus.STOPPED, detail, self._quitting))

    async def start(self) -> Transport:
        """Connects to the monitor and asks it where the serial line is."""
        address = monitor_address(self._address)
        await self._monitor.connect(address)
        chardevs = await self._monitor.execute("query-chardev")
        found = serial_address(chardevs, address if isinstance(address, str) else "")
        if found.startswith(("unix:", "tcp:")):
            return transport_for(found, self._baud)
        from llmbm_console.core.transport.tty import serial_transport

        return serial_transport(found, self._baud)

    def read_file(self, name: str) -> bytes:
        """Refused: its disk belongs to somebody else."""
        raise PermissionError(13, "the disk of this machine is not ours", name)

    async def go(self) -> None:
        """Nothing: whether it runs is its owner's decision."""

    async def reset(self) -> None:
        """Like the reset button."""
        await self._monitor.execute("system_reset")

    async def quit(self) -> None:
        """Ends that QEMU."""
        self._quitting = True
        await self._monitor.quit()
        self._lost()

    async def close(self) -> None:
        """Leaves the monitor."""
        await self._monitor.close()
