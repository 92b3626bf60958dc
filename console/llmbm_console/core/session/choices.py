"""What could be opened now: kernels to start, serial ports, machines that run, recent dumps and recordings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import DUMPS, SUFFIX, newest_files
from llmbm_console.core.machine.firmware import find_firmware
from llmbm_console.core.paths import simulator_binary
from llmbm_console.core.recording.capture import is_capture
from llmbm_console.core.sanitise import clean
from llmbm_console.core.session.targets import QEMU_BINARY, Target
from llmbm_console.core.sizes import size
from llmbm_console.core.transport.ports import serial_ports

MOST_FILES = 12
CONNECTED = "03"  # a socket's state in /proc/net/unix
HOUR, DAY = 3600, 86_400
GROUPS = ("Start a kernel", "Serial ports", "Running machines", "Dumps and recordings")


@dataclass(frozen=True, slots=True)
class Choice:
    """One line. `reason` says why it cannot be opened, and what to do; "" when it can."""

    group: str
    title: str
    detail: str
    target: Target
    reason: str = ""


def kernels() -> Iterator[Choice]:
    """QEMU and the simulator."""
    missing = ""
    if shutil.which(QEMU_BINARY) is None:
        missing = "QEMU is not installed (Debian: apt-get install qemu-system-x86 ovmf)"
    elif find_firmware() is None:
        missing = "no UEFI firmware for QEMU was found (Debian: apt-get install ovmf)"
    yield Choice(GROUPS[0], "QEMU", "in a virtual PC, as from a USB stick", Target("qemu"), missing)
    try:
        simulator_binary()
        missing = "" if os.name == "posix" else "the simulator needs a POSIX system"
    except SessionError as error:
        missing = str(error)
    yield Choice(GROUPS[0], "Simulator", "the same as a process: instant", Target("sim"), missing)


def ports() -> Iterator[Choice]:
    """The serial ports, those of adapters first."""
    for port in serial_ports():
        name = port.stable or port.device
        held = f"in use by {', '.join(port.holders)}" if port.holders else ""
        detail = clean(f"{port.device}  {port.description}" if port.stable else port.description)
        yield Choice(GROUPS[1], clean(Path(name).name), detail, Target("serial", name), clean(held))


def monitor_of(command: list[str]) -> str:
    """The monitor socket in the words of a QEMU command line; "" where there is none on a path."""
    for option, value in pairwise(command):
        if option in ("-qmp", "--qmp") and value.startswith("unix:"):
            return value.removeprefix("unix:").partition(",")[0]
    return ""


def connected_sockets(processes: Path = Path("/proc")) -> set[str]:
    """Paths of the Unix sockets whose server has taken a connection; a monitor takes one at a time."""
    try:
        rows = (processes / "net" / "unix").read_text("utf-8", "replace").splitlines()[1:]
    except OSError:
        return set()
    fields = (row.split(maxsplit=7) for row in rows)  # Num RefCount Protocol Flags Type St Inode Path
    return {row[7] for row in fields if len(row) == 8 and row[5] == CONNECTED}


def machines(processes: Path = Path("/proc")) -> Iterator[Choice]:
    """QEMUs that run with a monitor; only Linux tells, and only of processes that one may look at."""
    taken = connected_sockets(processes)
    for process in sorted(processes.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        socket = monitor_of(words) if "qemu" in Path(words[0]).name else ""
        if socket:
            detail = clean(f"{Path(words[0]).name}, process {process.name}")
            held = "in use by another console or program" if socket in taken else ""
            yield Choice(GROUPS[2], clean(socket), detail, Target("qmp", socket), held)


def age(seconds: float) -> str:
    """How long ago, for people."""
    if seconds < 90:
        return "just now"
    if seconds < HOUR:
        return f"{seconds / 60:.0f} min ago"
    if seconds < DAY:
        return f"{seconds / HOUR:.0f} h ago"
    return f"{seconds / DAY:.0f} days ago"


def kept_files(folders: Iterable[Path], now: float) -> Iterator[tuple[Path, str]]:
    """The newest dumps, logs, recordings and pictures in some folders, and what each one is."""
    kinds = {"dump": "dump", "failsafe": "report of a trip"}
    for path, status in newest_files(folders, DUMPS, f"*{SUFFIX}", "*.ppm")[:MOST_FILES]:
        kind = next((word for part, word in kinds.items() if part in path.name), "log")
        kind = "recording" if is_capture(path) else "picture" if path.suffix == ".ppm" else kind
        detail = f"{kind}, {size(status.st_size)}, {age(now - status.st_mtime)}"
        yield path, detail


def files(folders: Iterable[Path], now: float) -> Iterator[Choice]:
    """The same as choices."""
    for path, detail in kept_files(folders, now):
        yield Choice(GROUPS[3], clean(path.name), detail, Target("file", str(path)))


def choices(folders: Iterable[Path], now: float) -> list[Choice]:
    """Everything, group by group."""
    return [*kernels(), *ports(), *machines(), *files(folders, now)]
