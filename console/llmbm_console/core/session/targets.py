"""What a person can open: a kernel in QEMU or the simulator, a running machine, a line, or a file."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmbm_console.core.defaults import SPEEDS
from llmbm_console.core.errors import SessionError, WrongUsage
from llmbm_console.core.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmbm_console.core.machine.machine import BootFiles

KINDS = ("qemu", "sim", "qmp", "connect", "serial", "file")
QEMU_BINARY = "qemu-system-x86_64"


@dataclass(frozen=True, slots=True)
class Target:
    """One target with its options, as on the command line. `address` is the device, the URL, the monitor's socket or
    the file's path; `memory` is in MiB, None for what the model needs."""

    kind: str
    address: str = ""
    model: Path | None = None
    tokenizer: Path | None = None
    config: Path | None = None
    image: Path | None = None
    memory: int | None = None
    smp: int = 2
    accel: str = "auto"
    qemu_binary: str = QEMU_BINARY
    firmware: Path | None = None
    display: str = "none"
    baud: int = SPEEDS[0]
    read_only: bool = False
    older: Path | None = None  # a post-mortem file to compare with
    dtr: bool | None = None  # what a serial port's lines are set to; None: left as they are
    rts: bool | None = None
    record: Path | None = None  # a recording of everything, into a new file
    log: Path | None = None  # clean lines with their times, appended
    raw_log: Path | None = None  # octets as they came, appended
    share: Path | None = None  # name of a pseudo-terminal for another program
    probabilities: int = 0  # of the likeliest tokens told with each token, 0 for none
    wait: float = math.inf  # s that a line which does not open is tried again
    speed: float = 1.0  # of a recording that is shown
    seek: float = 0.0  # s from its beginning

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise WrongUsage(f"{self.kind!r} is no kind of target; expected one of {', '.join(KINDS)}")

    @property
    def title(self) -> str:
        """For the status line: "qemu:stories700K", "serial:ttyUSB0"."""
        if self.kind in ("qemu", "sim"):
            boots = self.image or self.model
            return f"{self.kind}:{boots.stem if boots is not None else 'stories700K'}"
        return f"{self.kind}:{Path(self.address).name}" if self.kind != "connect" else self.address


def default_kind() -> str:
    """QEMU when it and its firmware are installed, else the simulator."""
    from llmbm_console.core.machine.firmware import find_firmware

    return "qemu" if shutil.which(QEMU_BINARY) is not None and find_firmware() is not None else "sim"


def default_target() -> Target:
    """What runs without any option."""
    return Target(default_kind())


def _existing(path: Path | None, what: str) -> None:
    if path is not None and not path.is_file():
        raise SessionError(f"{path}: no such {what}")


def boot_files(target: Target, kernel: Path) -> BootFiles:
    """Kernel, model, tokenizer and configuration of a target. Raises SessionError for what is missing."""
    from llmbm_console.core.machine.machine import BootFiles
    from llmbm_console.core.paths import default_model, tokenizer_for

    model = target.model or default_model()
    _existing(model, "model file")
    _existing(target.tokenizer, "tokenizer file")
    _existing(target.config, "configuration file")
    return BootFiles(kernel, model, tokenizer_for(model, target.tokenizer), target.config)


def _qemu(target: Target) -> Session:
    from llmbm_console.core.machine.firmware import find_firmware, firmware_at
    from llmbm_console.core.machine.machine import LaunchedQemu
    from llmbm_console.core.machine.qemu_command import FIRMWARE_MEMORY, QemuOptions, memory_for
    from llmbm_console.core.paths import kernel_image
    from llmbm_console.core.session.live import LiveSession

    if os.name != "posix":
        raise SessionError(
            "QEMU is started by the console on POSIX systems only, because its sockets are unix sockets; start it "
            "yourself with -qmp tcp:127.0.0.1:4444,server=on,wait=off "
            "-serial tcp:127.0.0.1:4445,server=on,wait=off,nodelay=on and attach with --qmp tcp:127.0.0.1:4444"
        )
    if shutil.which(target.qemu_binary) is None:
        raise SessionError(
            f"{target.qemu_binary}: not found; install QEMU (Debian: apt-get install qemu-system-x86 ovmf), name it "
            "with --qemu-binary, or use --sim"
        )
    firmware = firmware_at(target.firmware) if target.firmware is not None else find_firmware()
    if firmware is None:
        raise SessionError(
            "no UEFI firmware for QEMU was found; install it (Debian: apt-get install ovmf), name it with --firmware, "
            "or use --sim"
        )
    _existing(target.image, "disk image")
    boot = boot_files(target, kernel_image()) if target.image is None else None
    if target.memory is not None and target.memory < FIRMWARE_MEMORY:
        raise WrongUsage(f"--memory {target.memory}: the firmware does not start with less than {FIRMWARE_MEMORY} MiB")
    memory = target.memory or memory_for(boot.model if boot is not None else None)
    options = QemuOptions(target.qemu_binary, firmware, target.accel, target.image, memory, target.smp, target.display)
    return LiveSession(
        target.title, read_only=target.read_only, machine=lambda emit: LaunchedQemu(options, boot, emit), boots=True
    )


def _sim(target: Target) -> Session:
    from llmbm_console.core.machine.simulator import Simulator
    from llmbm_console.core.paths import simulator_binary
    from llmbm_console.core.session.live import LiveSession

    if os.name != "posix":
        raise SessionError("the simulator needs a POSIX system; attach with --qmp tcp:HOST:PORT or --serial")
    boot = boot_files(target, simulator_binary())
    return LiveSession(target.title, read_only=target.read_only, machine=lambda emit: Simulator(boot, emit), boots=True)


def _qmp(target: Target) -> Session:
    from llmbm_console.core.machine.machine import AttachedQemu
    from llmbm_console.core.session.live import LiveSession

    return LiveSession(
        target.title,
        read_only=target.read_only,
        machine=lambda emit: AttachedQemu(target.address, target.baud, emit),
        patience=target.wait,
    )


def _line(target: Target) -> Session:
    from llmbm_console.core.session.live import LiveSession
    from llmbm_console.core.transport.address import transport_for
    from llmbm_console.core.transport.base import Transport, TransportError
    from llmbm_console.core.transport.tty import UNTOUCHED, ModemLines, serial_transport

    lines = ModemLines(target.dtr, target.rts)
    if lines != UNTOUCHED and target.kind != "serial" and not target.address.startswith("rfc2217:"):
        raise WrongUsage(f"{target.address}: --dtr and --rts are lines of a serial port (--serial, or rfc2217://)")
    try:
        if target.kind == "serial":
            transport: Transport = serial_transport(target.address, target.baud, lines)
        else:
            transport = transport_for(target.address, target.baud, lines)
    except TransportError as error:
        raise (SessionError if error.retry else WrongUsage)(str(error)) from error
    return LiveSession(target.title, transport=transport, read_only=target.read_only, patience=target.wait)


def _dump_or_text(path: Path, older: Path | None) -> Session:
    from llmbm_console.core.postmortem.dump import DumpError
    from llmbm_console.core.session.post_mortem import open_dump
    from llmbm_console.core.session.text_session import TextSession
    from llmbm_console.core.text_log import is_text

    try:
        return open_dump(path, older)
    except DumpError:
        if older is not None or not is_text(path):
            raise
        return TextSession(path)


def _file(target: Target) -> Session:
    from llmbm_console.core.postmortem.dump import MAX_BYTES
    from llmbm_console.core.recording.capture import is_capture
    from llmbm_console.core.recording.raw_log import holds_session, is_raw_log
    from llmbm_console.core.session.picture_session import PictureSession, is_picture
    from llmbm_console.core.session.replay import open_replay

    path = Path(target.address)
    for asked in filter(None, (path, target.older)):
        if asked.exists() and not asked.is_file() and not asked.is_dir():
            from llmbm_console.core.command import command

            raise SessionError(
                f"{asked}: a pipe or a device, and a file is read more than once: copy it into one first, or read a "
                f"dump from it with {command('dump', asked)}"
            )
    if is_picture(path):
        if target.older is not None:
            raise WrongUsage(f"{path}: a picture; only post-mortem files can be compared")
        return PictureSession(path)
    if not (is_capture(path) or (is_raw_log(path) and holds_session(path, MAX_BYTES))):
        return _dump_or_text(path, target.older)
    if target.older is not None:
        raise WrongUsage(f"{path}: a recording; only post-mortem files can be compared")
    return open_replay(path, target.speed, target.seek)


def check(target: Target) -> None:
    """Raises SessionError for a file that the target names and that is not there, or is not what is expected; nothing
    is started, built or written."""
    if target.kind == "file":
        _file(target)
    elif target.kind in ("qemu", "sim"):
        _existing(target.image, "disk image")
        if target.image is None:
            boot_files(target, Path())


def make_session(target: Target) -> Session:
    """The session of a target, not yet open. Raises SessionError for what cannot work at all."""
    make = {"qemu": _qemu, "sim": _sim, "qmp": _qmp, "connect": _line, "serial": _line, "file": _file}
    session = make[target.kind](target)
    from llmbm_console.core.session.live import LiveSession

    wanted = target.record or target.log or target.raw_log or target.share
    if wanted is not None and not isinstance(session, LiveSession):
        raise WrongUsage(f"{wanted}: a file has nothing to record, to log or to share")
    if target.probabilities and not isinstance(session, LiveSession):
        raise WrongUsage(f"{target.address}: a file tells what was recorded, and cannot be asked for --probabilities")
    if isinstance(session, LiveSession):
        session.choices = target.probabilities
        if target.record is not None:
            session.recorder.start(target.record)
        session.log_to(target.log, target.raw_log)
        if target.share is not None:
            session.share_at(target.share)
    return session


def sessions_of(target: Target, first: Session | None = None) -> Callable[[], Session]:
    """Makes sessions of a target, one after the other; `first` was made already. The first one begins the recording
    that was asked for; those behind it go on with it (Session.follow)."""
    wanted, made = target, first

    def make() -> Session:
        nonlocal wanted, made
        session, made = made or make_session(wanted), None
        wanted = replace(wanted, record=None)
        return session

    return make
