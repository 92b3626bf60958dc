"""QEMU's command line, and nothing else."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from llmbm_console.core.machine.firmware import Firmware

MEBIBYTE = 1 << 20
LEAST_MEMORY = 256  # MiB: firmware and the small models


@dataclass(frozen=True, slots=True)
class QemuOptions:
    """A machine: sizes in MiB. `image` None is a machine without a disk (to try the firmware)."""

    binary: str
    firmware: Firmware
    accelerator: str
    image: Path | None
    memory: int = LEAST_MEMORY
    processors: int = 2
    display: str = "none"


@dataclass(frozen=True, slots=True)
class QemuSockets:
    """Unix sockets in a private folder. Two monitors, because QEMU serves one client at a time on each."""

    serial: Path
    control: Path
    spare: Path
    serial_log: Path

    @classmethod
    def in_folder(cls, folder: Path) -> QemuSockets:
        """The names used in `folder`."""
        return cls(folder / "serial", folder / "qmp", folder / "qmp2", folder / "serial.log")


FIRMWARE_MEMORY = 64  # MiB that OVMF starts with; with 32 it says nothing and stands still


def memory_for(model: Path | None) -> int:
    """MiB that a model needs: its weights, their packed copy, the context and the firmware."""
    if model is None:
        return LEAST_MEMORY
    weights = -(-model.stat().st_size // MEBIBYTE)
    return LEAST_MEMORY if weights <= 16 else -(-(LEAST_MEMORY + 2 * weights) // 64) * 64


def _value(path: Path) -> str:
    """A path inside an option list, where a comma must be doubled."""
    return str(path).replace(",", ",,")


def firmware_arguments(firmware: Firmware, variables: Path) -> list[str]:
    """Code read-only and a private copy of the variable store; or one combined file."""
    if firmware.variables is None:
        return ["-bios", str(firmware.code)]
    return [
        "-drive",
        f"if=pflash,format=raw,unit=0,readonly=on,file={_value(firmware.code)}",
        "-drive",
        f"if=pflash,format=raw,unit=1,file={_value(variables)}",
    ]


def qemu_command(options: QemuOptions, sockets: QemuSockets, variables: Path, state: Path | None = None) -> list[str]:
    """The whole command. The machine starts stopped, so that not one byte of its serial line is lost; with `state`, a
    file that such a machine was written into, it begins there."""
    command = [
        options.binary,
        "-name",
        "llmbm",
        "-no-user-config",
        "-nodefaults",
        "-S",
        "-machine",
        "q35",
        "-accel",
        options.accelerator,
        "-cpu",
        "max",
        "-m",
        str(options.memory),
        "-smp",
        str(options.processors),
        "-vga",
        "std",
        "-display",
        options.display,
        *firmware_arguments(options.firmware, variables),
        "-chardev",
        f"socket,id=serial0,path={_value(sockets.serial)},server=on,wait=off,logfile={_value(sockets.serial_log)}",
        "-serial",
        "chardev:serial0",
        "-qmp",
        f"unix:{_value(sockets.control)},server=on,wait=off",
        "-qmp",
        f"unix:{_value(sockets.spare)},server=on,wait=off",
    ]
    if options.image is not None:
        command += [
            "-drive",
            f"if=none,id=disk,format=raw,file={_value(options.image)}",
            "-device",
            "virtio-blk-pci,drive=disk,bootindex=0",
        ]
    if state is not None:
        command += ["-incoming", f"exec:cat {shlex.quote(str(state))}"]
    return command
