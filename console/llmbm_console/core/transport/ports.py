"""Which serial ports there are, and by which names they can be found again after they were unplugged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from llmbm_console.core.transport.tty import holders

STABLE = Path("/dev/serial/by-id")  # made by udev: named for the adapter and its serial number, not for the order


@dataclass(frozen=True, slots=True)
class SerialPort:
    """One port. `stable` is the name that stays the same when it is plugged in again, empty where there is none."""

    device: str
    stable: str
    description: str
    hardware: str  # vendor, product and serial number as pyserial writes them
    holders: tuple[str, ...]


def stable_names(folder: Path = STABLE) -> dict[str, str]:
    """Stable name by device."""
    if not folder.is_dir():
        return {}
    return {os.path.realpath(link): str(link) for link in sorted(folder.iterdir())}


def serial_ports(folder: Path = STABLE) -> list[SerialPort]:
    """The ports, those of adapters first: a PC lists many UARTs that are not there."""
    from serial.tools.list_ports import comports

    stable = stable_names(folder)
    ports = [
        SerialPort(
            device=port.device,
            stable=stable.get(os.path.realpath(port.device), ""),
            description=port.description if port.description not in ("", "n/a", None) else "",
            hardware=port.hwid if port.hwid not in ("", "n/a", None) else "",
            holders=tuple(holders(port.device)),
        )
        for port in comports()
    ]
    return sorted(ports, key=lambda port: (not port.stable, not port.description, port.device))
