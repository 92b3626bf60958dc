"""`llmbm-console ports`: the serial ports there are, by the names that stay, and who holds them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from llmbm_console.core.command import command
from llmbm_console.core.sanitise import clean
from llmbm_console.core.transport.ports import SerialPort, serial_ports


def told(port: SerialPort) -> list[str]:
    """The lines about one port."""
    lines = [port.device]
    lines += [f"  stable name  {port.stable}"] if port.stable else []
    lines += [f"  is           {clean(port.description)}"] if port.description else []
    lines += [f"  held by      {', '.join(map(clean, port.holders))}"] if port.holders else []
    return lines


def list_ports(as_json: bool) -> int:
    """Prints them; 1 when there is none."""
    ports = serial_ports()
    if as_json:
        for port in ports:
            print(json.dumps(asdict(port)))
    elif ports:
        for port in ports:
            print("\n".join(told(port)))
        print(f"\nopen one with: {command('--serial', ports[0].stable or ports[0].device)}")
    if not ports:
        print("no serial port was found; is the adapter plugged in?", file=sys.stderr)
    return 0 if ports else 1
