"""A machine in QEMU for tests: its serial line, its monitor, its end."""

from __future__ import annotations

import json
import queue
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llmbm_console.core.machine.firmware import USUAL_PLACES, Firmware, find_firmware, firmware_at

QEMU = "qemu-system-x86_64"
BUSES = {
    "virtio": ("-device", "virtio-blk-pci,drive=disk,bootindex=0"),
    "ahci": ("-device", "ich9-ahci,id=ahci", "-device", "ide-hd,drive=disk,bus=ahci.0,bootindex=0"),
    "ide": ("-device", "ide-hd,drive=disk,bootindex=0"),
    "usb": ("-device", "qemu-xhci", "-device", "usb-storage,drive=disk,bootindex=0"),
}
TERMINAL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


def firmware_builds() -> list[Firmware]:
    """The 4 MB and the 2 MB build where both are installed, else what there is."""
    both = [firmware_at(Path(place)) for place in USUAL_PLACES[:2] if Path(place).is_file()]
    found = find_firmware()
    return both or ([found] if found is not None else [])


@dataclass(frozen=True)
class Setup:
    """What kind of computer."""

    machine: str = "q35"
    cpu: str = "max"
    bus: str = "virtio"
    firmware: int = 0  # of firmware_builds
    port: int = 1  # the serial port that is there: COM1 or COM2
    read_only: bool = False
    memory: int = 256  # MiB
    processors: int = 2


PLAIN = Setup()


class QemuMachine:
    """One running machine; nothing of its serial line is lost."""

    def __init__(self, image: Path, folder: Path, setup: Setup = PLAIN) -> None:
        builds = firmware_builds()
        firmware = builds[setup.firmware % len(builds)]
        self.line = b""
        self._pieces: queue.Queue[bytes] = queue.Queue()
        self._errors = (folder / "qemu-errors").open("w+b")
        command = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-net", "none"]
        command += [
            "-machine",
            setup.machine,
            "-accel",
            "tcg",
            "-cpu",
            setup.cpu,
            "-m",
            str(setup.memory),
            "-smp",
            str(setup.processors),
        ]
        command += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={firmware.code}"]
        if firmware.variables is not None:
            shutil.copyfile(firmware.variables, folder / "variables")
            command += ["-drive", f"if=pflash,format=raw,unit=1,file={folder / 'variables'}"]
        read_only = ",readonly=on" if setup.read_only else ""
        command += ["-drive", f"if=none,id=disk,format=raw,file={image}{read_only}", *BUSES[setup.bus]]
        command += ["-qmp", f"unix:{folder / 'qmp'},server=on,wait=off"]
        command += ["-chardev", f"socket,id=line,path={folder / 'line'},server=on,wait=on"]
        command += ["-device", f"isa-serial,chardev=line,index={setup.port - 1}"]
        self.process = subprocess.Popen(command, stdout=self._errors, stderr=self._errors, stdin=subprocess.DEVNULL)
        try:
            self._line_socket = self._connect(folder / "line")
            self._monitor = self._connect(folder / "qmp")
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._read, daemon=True).start()
        self._replies = self._monitor.makefile("r")
        self._replies.readline()  # the greeting
        self.control("qmp_capabilities")

    def _connect(self, path: Path) -> socket.socket:
        end = time.monotonic() + 100
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
                return connection
            except OSError:
                connection.close()
                assert self.process.poll() is None, f"QEMU ended: {self.errors()}"
                assert time.monotonic() < end, f"QEMU did not open {path.name}: {self.errors()}"
                time.sleep(0.02)

    def _read(self) -> None:
        try:
            while piece := self._line_socket.recv(65536):
                self._pieces.put(piece)
        except OSError:
            pass
        self._pieces.put(b"")

    def errors(self) -> str:
        """What QEMU itself said."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def control(self, command: str, **arguments: object) -> object:
        """One monitor command and its result."""
        self._monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            reply = json.loads(self._replies.readline())
            if "event" not in reply:
                assert "return" in reply, reply
                return reply["return"]

    def press(self, *keys: str) -> None:
        """Keys on the machine's own keyboard, each with its modifiers: "a", "ctrl-c", "up". It holds a few of them and
        has no way to say that they were read: the caller must see what they do."""
        for key in keys:
            codes = [{"type": "qcode", "data": code} for code in key.split("-")]
            self.control("send-key", keys=codes, **{"hold-time": 20})

    def type(self, text: str) -> str:
        """Text on the machine's own keyboard, with Enter: each key when the line has echoed the one before. Returns the
        echo."""
        names, echo = {" ": "spc", "/": "slash", "_": "shift-minus"}, ""
        for sign in text:
            self.press(names.get(sign, sign))
            echo += self.until(re.escape(sign))
        self.press("ret")
        return echo

    def screen(self, folder: Path) -> bytes:
        """The pixels of its screen, three bytes each."""
        self.control("screendump", filename=str(folder / "screen.ppm"))
        return (folder / "screen.ppm").read_bytes().split(b"\n", 3)[3]

    def until(self, pattern: str, timeout: float = 120) -> str:
        """The line's text up to and with `pattern`; terminal sequences of the firmware are left out."""
        end = time.monotonic() + timeout
        while True:
            text = TERMINAL_SEQUENCE.sub("", self.line.decode("utf-8", "replace")).replace("\r\n", "\n")
            if found := re.search(pattern, text):
                self.line = text[found.end() :].encode()
                return text[: found.end()]
            try:
                piece = self._pieces.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {pattern!r} within {timeout:g} s; the line said {text[-600:]!r}") from None
            assert piece, f"the machine ended before {pattern!r}; it said {text[-600:]!r} {self.errors()}"
            self.line += piece

    def send(self, data: bytes, gap: float = 0.0) -> None:
        """Bytes to the line, `gap` seconds apart."""
        if gap == 0:
            self._line_socket.sendall(data)
            return
        for byte in data:
            self._line_socket.sendall(bytes([byte]))
            time.sleep(gap)

    def ask(self, line: str, timeout: float = 120) -> str:
        """Types a line at the prompt as a person does; what is said up to the next prompt, without the echo."""
        self.send(line.encode() + b"\r")
        said = self.until(r"\n(?:llmk|rescue)> ", timeout)
        return said.removeprefix(line + "\n").rpartition("\n")[0]

    def wait_end(self, timeout: float = 120) -> int:
        """Exit status once the machine has switched itself off."""
        return self.process.wait(timeout)

    def close(self) -> None:
        """Switches it off."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._errors.close()


Boot = Callable[..., QemuMachine]
