"""Which accelerator really runs the firmware here: proven by booting it, remembered per host, QEMU and firmware."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.child import Child
from llmbm_console.core.machine.qemu_command import QemuOptions, QemuSockets, qemu_command
from llmbm_console.core.machine.qmp import QmpConnection
from llmbm_console.core.state.events import Event, MachineChanged, MachineStatus

PROOF_SECONDS = 6.0  # firmware speaks after one or two seconds when an accelerator works
SETTLE_SECONDS = 0.3  # it must still run so long after its first byte
SOFTWARE = "tcg"


def candidate() -> tuple[str, str]:
    """The accelerator of this system, and why there is none: one of the two is empty."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return "", f"the processor here is {platform.machine()}, the kernel's is x86_64"
    if sys.platform == "linux":
        if not os.path.exists("/dev/kvm"):
            return "", "there is no /dev/kvm"
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return "", "/dev/kvm may not be opened; add yourself to the group kvm"
        return "kvm", ""
    known = {"darwin": "hvf", "win32": "whpx"}.get(sys.platform, "")
    return known, "" if known else f"none is known for {sys.platform}"


async def choose(wanted: str, options: QemuOptions) -> tuple[str, str]:
    """The accelerator to use and, when it is not the fast one, why. A name other than auto is taken as it is."""
    if wanted != "auto":
        return wanted, ""
    name, reason = candidate()
    if not name:
        return SOFTWARE, reason
    options = replace(options, accelerator=name, image=None, memory=128)
    verdict = _remembered(options)
    if verdict is None:
        verdict = await prove(options)
        _remember(options, verdict)
    return (name, "") if verdict == "" else (SOFTWARE, f"{name} does not run the firmware here: {verdict}")


async def prove(options: QemuOptions) -> str:
    """Boots the firmware alone; empty when it speaks and goes on, else what went wrong."""
    ended: list[str] = []
    last: list[MachineChanged] = []

    def emit(event: Event) -> None:
        if isinstance(event, MachineChanged):
            last.append(event)

    child = Child(lambda status, output: ended.append(output.strip() or f"QEMU ended with status {status}"))
    monitor = QmpConnection(emit)
    try:
        sockets = QemuSockets.in_folder(child.folder)
        variables = child.folder / "variables"
        if options.firmware.variables is not None:
            shutil.copyfile(options.firmware.variables, variables)
        await child.start(qemu_command(options, sockets, variables))
        deadline = time.monotonic() + PROOF_SECONDS
        spoke = 0.0
        while time.monotonic() < deadline:
            if ended:
                return ended[0]
            if not monitor.connected:
                with contextlib.suppress(SessionError):
                    await monitor.connect(str(sockets.control))
                    await monitor.execute("cont")
            elif last and last[-1].status is MachineStatus.CRASHED:
                return last[-1].detail
            elif spoke and time.monotonic() - spoke > SETTLE_SECONDS:
                return ""
            elif not spoke and sockets.serial_log.exists() and sockets.serial_log.stat().st_size > 0:
                spoke = time.monotonic()
            await asyncio.sleep(0.05)
        return f"the firmware said nothing within {PROOF_SECONDS:g} s"
    finally:
        await monitor.quit()
        await child.close()


# ---- memory of earlier proofs ------------------------------------------------------------------------------------


def cache_file() -> Path:
    """Where verdicts are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("llmbm-console", appauthor=False) / "accelerators.json"


def _key(options: QemuOptions) -> str:
    binary = shutil.which(options.binary) or options.binary
    parts = [platform.node(), platform.release(), options.accelerator]
    with contextlib.suppress(OSError):
        model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        parts += model[:1]
    for path in (binary, str(options.firmware.code)):
        with contextlib.suppress(OSError):
            known = os.stat(path)
            parts += [path, str(known.st_size), str(known.st_mtime_ns)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _verdicts() -> dict[str, str]:
    try:
        said = json.loads(cache_file().read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _remembered(options: QemuOptions) -> str | None:
    return _verdicts().get(_key(options))


def _remember(options: QemuOptions, verdict: str) -> None:
    """A cache that cannot be written only costs the next start a few seconds."""
    with contextlib.suppress(OSError):
        path = cache_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{os.getpid()}-{path.name}")
        fresh.write_text(json.dumps({**_verdicts(), _key(options): verdict}))
        fresh.replace(path)
