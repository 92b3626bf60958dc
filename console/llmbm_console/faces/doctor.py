"""`llmbm-console doctor`: what is installed, what is missing, how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from llmbm_console.core.command import command
from llmbm_console.core.encoding import coerced, lacking, remedy, terminal_encoding
from llmbm_console.core.paths import install_command

Verdict = Literal["ok", "missing", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `needed_for` is empty when nothing is wrong."""

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""


def packages() -> Iterator[Finding]:
    """Python and its packages."""
    yield Finding("ok", "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in ("textual", "pydantic", "pyserial", "qemu.qmp"):
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("missing", name, "not installed", "run ./run in the checkout, which installs it")


#: Optional packages by the names of their extras, and what they are for.
EXTRAS = {
    "serve": ("textual-serve", "the console in a browser"),
    "images": ("textual-image", "the machine's screen in real pixels"),
    "bench": ("llama-cpp-python", "what bench/llama_cpp.py compares with"),
}


def extras() -> Iterator[Finding]:
    """What is optional."""
    for extra, (name, use) in EXTRAS.items():
        try:
            yield Finding("ok", name, f"{version(name)}: {use}")
        except PackageNotFoundError:
            yield Finding("note", name, f"not installed: {use}", f"optional: {install_command(extra, name)}")


def qemu() -> Iterator[Finding]:
    """QEMU, its firmware and an accelerator that might work."""
    from llmbm_console.core.machine.firmware import find_firmware

    remedy = "Debian: apt-get install qemu-system-x86 ovmf; the simulator (--sim) works without it"
    binary = shutil.which("qemu-system-x86_64")
    if binary is None:
        yield Finding("missing", "QEMU", "qemu-system-x86_64 is not on the PATH", remedy)
    else:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
        yield Finding("ok", "QEMU", said.partition("\n")[0] or binary)
    firmware = find_firmware()
    if firmware is None:
        yield Finding("missing", "UEFI firmware", "no OVMF was found in the usual places", remedy)
    else:
        yield Finding("ok", "UEFI firmware", str(firmware.code))
    if sys.platform == "linux":
        usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
        state = (
            "/dev/kvm can be opened; whether it runs the firmware is proven at the first start"
            if usable
            else "not usable"
        )
        yield Finding(
            "note", "KVM", state, "" if usable else "not needed: QEMU emulates the processor then, only slower"
        )


def kernel() -> Iterator[Finding]:
    """The kernel's builds and the compiler."""
    from llmbm_console.core.paths import build_folder

    for name, use in (("BOOTX64.EFI", "the kernel for QEMU and USB"), ("llmk-sim", "the simulator")):
        path = build_folder() / name
        if path.exists():
            yield Finding("ok", use, str(path))
        else:
            yield Finding("missing", use, f"{path} is not built", "python kernel_c/build.py all (./run does it)")
    try:
        yield Finding("ok", "C compiler", f"ziglang {version('ziglang')}")
    except PackageNotFoundError:
        yield Finding(
            "note", "C compiler", "ziglang is not installed", "only needed to build the kernel: ./run installs it"
        )


def serial_ports() -> Iterator[Finding]:
    """The ports there are, and whether they may be opened."""
    from serial.tools.list_ports import comports

    ports = sorted(comports())
    if not ports:
        yield Finding(
            "note", "serial ports", "none found", "plug in the adapter; Linux shows it as /dev/ttyUSB0 or ttyACM0"
        )
    for port in ports:
        allowed = os.access(port.device, os.R_OK | os.W_OK) or os.name == "nt"
        remedy = (
            ""
            if allowed
            else "no permission: add yourself to the group dialout (usermod -aG dialout $USER), log in again"
        )
        yield Finding("ok" if allowed else "missing", "serial port", f"{port.device} ({port.description})", remedy)


def terminal() -> Iterator[Finding]:
    """What the terminal can show."""
    columns, rows = shutil.get_terminal_size()
    kind = ", ".join(f"{name}={os.environ.get(name, 'not set')}" for name in ("TERM", "COLORTERM"))
    size = f"{columns}x{rows}, {kind}"
    small = columns < 80 or rows < 24
    yield Finding(
        "note" if small else "ok", "terminal", size, "80x24 is the least that shows everything" if small else ""
    )
    if not lacking() and (locale := coerced()):
        found = f"{terminal_encoding()}, taken for granted: {locale} does not say so"
        hint = 'set LC_ALL=C.UTF-8 where the terminal knows UTF-8; else glyphs = "ascii" in the settings'
        yield Finding("note", "encoding", found, hint)
    else:
        yield Finding("note" if lacking() else "ok", "encoding", terminal_encoding(), remedy() if lacking() else "")


def ready() -> str:
    """How to begin, and what that starts."""
    from llmbm_console.core.session.targets import default_kind

    if default_kind() == "qemu":
        return f"ready: {command()} boots the kernel in QEMU; {command('--sim')} runs it as a process, at once"
    return f"ready: {command()} runs the kernel as a process (--sim), because QEMU or its firmware is missing"


def told() -> Iterator[str]:
    """Every finding, in lines for people."""
    marks = {"ok": "  ok     ", "missing": "  MISSING", "note": "  note   "}
    for group in (packages, extras, kernel, qemu, serial_ports, terminal):
        for finding in group():
            yield f"{marks[finding.verdict]}  {finding.what:28} {finding.found}"
            if finding.remedy:
                yield f"{'':40}-> {finding.remedy}"


def examine() -> int:
    """Prints every finding; 0 when the console can run at least the simulator."""
    for row in told():
        print(row)
    from llmbm_console.core.paths import build_folder

    able = (build_folder() / "llmk-sim").exists()
    print("\n" + (ready() if able else "not ready: run ./run in the checkout once"))
    return 0 if able else 1
