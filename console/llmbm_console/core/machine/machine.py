"""A machine in QEMU: launched by us and ended with us, or somebody else's that we attach to by its monitor."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.accelerator import choose
from llmbm_console.core.machine.child import Child, status_of_end, told_end
from llmbm_console.core.machine.control import NO_PORT, MachineControl
from llmbm_console.core.machine.qemu_command import QemuOptions, QemuSockets, qemu_command
from llmbm_console.core.machine.qemu_control import QemuControl
from llmbm_console.core.machine.qmp import QmpConnection, monitor_address, serial_address
from llmbm_console.core.machine.states import StateFolder
from llmbm_console.core.state.events import Event, MachineChanged, MachineStatus, Notice
from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import Transport
from llmbm_console.core.transport.logged import LoggedTransport
from llmbm_console.core.transport.sockets import unix_transport

START_TIMEOUT = 10.0  # s until QEMU's monitor answers
NOT_OURS = "the state of a machine that somebody else started cannot be saved: its disk is not ours"
END_TIMEOUT = 10.0  # s until it has ended for another one
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
        self._started = options  # as it was started
        self._transport: LoggedTransport | None = None
        self._replacing = False  # the process ends for another one
        self._loading = False  # from then until the other one has the saved state

    @property
    def lacks(self) -> Mapping[str, str]:
        """See MachineSight."""
        return NO_PORT

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
        self._image, self._started = options.image, options
        await child.start(qemu_command(options, sockets, child.folder / "variables"))
        await self._connect(sockets)
        self._transport = LoggedTransport(unix_transport(str(sockets.serial)), sockets.serial_log)
        return self._transport

    async def _make_image(self, boot: BootFiles, folder: Path) -> Path:
        from llmbm_console.core.image.boot_image import build_image

        image = folder / "disk.img"
        await asyncio.to_thread(build_image, image, boot.kernel, boot.model, boot.tokenizer, boot.config)
        return image

    async def _connect(self, sockets: QemuSockets, *, tell: bool = True) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._monitor.connected:
            if self._failure:
                raise SessionError(self._failure)
            if time.monotonic() > deadline:
                raise SessionError(f"QEMU was started, but its monitor did not answer within {START_TIMEOUT:g} s")
            if sockets.control.exists():
                with contextlib.suppress(SessionError):
                    await self._monitor.connect(str(sockets.control), tell=tell)
                    break
            await asyncio.sleep(0.02)

    def _ended(self, status: int, output: str) -> None:
        if self._replacing:
            return
        last = "\n".join(output.strip().splitlines()[-4:])
        self._failure = told_end("QEMU", status, last, asked=self._quitting)
        if 'Failed to get "write" lock' in output:
            self._failure += "\nanother QEMU uses this image; close it, or copy the image"
        became = status_of_end(status, asked=self._quitting)
        self._emit(MachineChanged(time.monotonic(), became, self._failure, self._quitting))

    def read_file(self, name: str) -> bytes:
        """A file of the image; the guest has flushed it when its log names it."""
        from llmbm_console.core.image.boot_image import read_files

        if self._image is None:
            raise FileNotFoundError(2, "there is no boot image", name)
        found = read_files(self._image, {name})
        if not found:
            raise FileNotFoundError(2, "it is not on the boot image", name)
        return next(iter(found.values()))

    def _state(self, number: int) -> StateFolder:
        assert self._child is not None
        return StateFolder(self._child.folder / f"state-{number}")

    async def save_state(self, number: int) -> int:
        """Its memory by QEMU, its disk and variables by copies beside it."""
        if self._child is None:
            raise SessionError("the machine was not started yet")
        state, variables = self._state(number), self._child.folder / "variables"
        try:
            state.path.mkdir()
            await self._monitor.write_state(state.memory)
            return await asyncio.to_thread(state.keep, self._image, variables)
        except (SessionError, OSError) as error:
            state.remove()
            raise SessionError(f"the machine's state could not be saved in {state.path}: {error}") from error

    def forget_state(self, number: int) -> None:
        """Its files go."""
        if self._child is not None:
            self._state(number).remove()

    async def load_state(self, number: int) -> None:
        """Another process in the place of this one. An image that is not ours stays what it is: the machine goes on
        with a copy of it as it was."""
        child, transport = self._child, self._transport
        if child is None or transport is None or not child.running:
            raise SessionError("the machine has ended; connect again first")
        state, sockets, variables = self._state(number), QemuSockets.in_folder(child.folder), child.folder / "variables"
        if not state.memory.exists():
            raise SessionError(f"{state.path}: the files of this state are gone")
        self._loading = True
        try:
            await self._replace(child, transport, state, sockets, variables)
        finally:
            self._loading = False

    async def _replace(
        self, child: Child, transport: LoggedTransport, state: StateFolder, sockets: QemuSockets, variables: Path
    ) -> None:
        await self._monitor.execute("stop")
        await self._monitor.tell_status()  # so that nothing is said on the line until the other one runs
        self._replacing = True
        try:
            transport.begin_anew()
            await self._monitor.quit(told=False)
            if not await child.wait_end(END_TIMEOUT):
                raise SessionError(f"QEMU does not end within {END_TIMEOUT:g} s")
            for left in (sockets.serial, sockets.control, sockets.spare, sockets.serial_log):
                left.unlink(missing_ok=True)
            if self._image is not None:
                self._image = child.folder / "disk.img"
            await asyncio.to_thread(state.give_back, self._image, variables)
        except OSError as error:
            raise self._lost_state(f"{error.filename}: {error.strerror or error}") from error
        finally:
            self._replacing = False
        self._failure, self._monitor = "", QmpConnection(self._emit)
        options = replace(self._started, image=self._image)
        try:
            await child.start(qemu_command(options, sockets, variables, state.memory))
            await self._connect(sockets, tell=False)
            await self._monitor.migrated()
            async with asyncio.timeout(START_TIMEOUT):
                await transport.joined_anew.wait()
        except TimeoutError:
            raise self._lost_state("its serial line does not open") from None
        except SessionError as error:
            if not self._monitor.connected:
                await child.wait_end(END_TIMEOUT)  # its last words tell more
            raise self._lost_state(self._failure or str(error)) from error

    def _lost_state(self, why: str) -> SessionError:
        """The machine of before is no more, and the state did not take its place."""
        message = f"the saved state could not be loaded: {why}"
        self._emit(MachineChanged(time.monotonic(), MachineStatus.CRASHED, message))
        return SessionError(message)

    async def pause(self) -> None:
        """Stops the processors; refused while a saved state takes their place."""
        self._not_while_loading()
        await super().pause()

    async def resume(self) -> None:
        """Goes on; refused as above."""
        self._not_while_loading()
        await super().resume()

    def _not_while_loading(self) -> None:
        if self._loading:
            raise SessionError("not paused or resumed: a saved state is being loaded; try again when it is there")

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

    @property
    def lacks(self) -> Mapping[str, str]:
        """See MachineSight."""
        return {"machine.save_state": NOT_OURS, "machine.load_state": NOT_OURS}

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

    async def save_state(self, number: int) -> int:
        """Refused, but of a machine that this console started: its disk would have to go back as well."""
        raise SessionError(NOT_OURS)

    async def load_state(self, number: int) -> None:
        """There is none."""
        raise SessionError(NOT_OURS)

    def forget_state(self, number: int) -> None:
        """There is none."""

    async def quit(self) -> None:
        """Ends that QEMU."""
        self._quitting = True
        await self._monitor.quit()
        self._lost()

    async def close(self) -> None:
        """Leaves the monitor."""
        await self._monitor.close()
