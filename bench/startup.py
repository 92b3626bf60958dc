"""Start-up and idle figures: `python bench/startup.py [--qemu] [--runs N]`.

Prints, as medians of several runs on this machine:
  bare Textual  the smallest Textual program, from its start to its first drawn text: what the library itself takes
  first paint   the same for the console, on a pseudo-terminal of 120x36; each run is paired with a bare one
  ready         from starting it to an established session with the simulator
  idle          processor time of the connected, idle console, in per cent of one core, and of each of its threads
  boot          (--qemu) from the firmware's first byte to its hand-over, and to the kernel's prompt; the promise is
                prompt <= 1.3 x hand-over + 1 s
Figures of a shared machine are noisy: compare them with each other, not with another day's.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ESCAPE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
SETTLE, IDLE = 4.0, 40.0  # s: after the session began, and of the idle console


BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("hello")
Bare().run()
"""


class Terminal:
    """The console on a pseudo-terminal; `text` is what it drew, without control sequences."""

    def __init__(self, *arguments: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="llmbm-bench-")
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.environ["LLMBM_TOUR"] = "off"
            for kind in ("STATE", "CONFIG", "DATA", "CACHE"):  # what somebody chose here would be measured, too
                os.environ[f"XDG_{kind}_HOME"] = self._home.name
            # An installed program has its bytecode; without it every start is twice as long.
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            os.execv(sys.executable, [sys.executable, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self.raw = b""

    def wait_for(self, pattern: bytes, timeout: float) -> float:
        """Seconds from the start until the drawn text matches."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                self.raw += os.read(self.fd, 65536)
                if re.search(pattern, ESCAPE.sub(b"", self.raw)):
                    return time.monotonic() - self.started
        raise TimeoutError(f"{pattern!r} was not drawn within {timeout} s")

    def idle_percent(self, seconds: float) -> dict[str, float]:
        """Processor time of each thread over some seconds, while the output is read and thrown away. A thread that
        began or ended meanwhile counts as far as it was seen."""
        before, start = self._thread_times(), time.monotonic()
        while (rest := start + seconds - time.monotonic()) > 0:
            if select.select([self.fd], [], [], rest)[0]:
                os.read(self.fd, 65536)
        after, elapsed = self._thread_times(), time.monotonic() - start
        return {thread: 100 * (after[thread] - before.get(thread, 0.0)) / elapsed for thread in after}

    def _thread_times(self) -> dict[str, float]:
        """Seconds that each thread ran, the main one first: to a nanosecond where the kernel keeps that, else to a
        tick of 10 ms."""
        tasks = sorted(Path(f"/proc/{self.pid}/task").iterdir(), key=lambda task: int(task.name))
        if (tasks[0] / "schedstat").exists():
            return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}
        tick = os.sysconf("SC_CLK_TCK")
        fields = {task.name: (task / "stat").read_text().rpartition(")")[2].split() for task in tasks}
        return {thread: (int(numbers[11]) + int(numbers[12])) / tick for thread, numbers in fields.items()}

    def close(self) -> None:
        """Ends the console as a closing window does."""
        os.kill(self.pid, signal.SIGHUP)
        os.close(self.fd)
        os.waitpid(self.pid, 0)
        self._home.cleanup()


def console_figures(runs: int) -> None:
    """First paint, session, idle."""
    paints, readies, bares = [], [], []
    idle: list[float] = []
    for index in range(runs + 1):
        bare = Terminal("-c", BARE)
        try:
            bares.append(bare.wait_for(rb"[A-Za-z]{3}", 20))
        finally:
            bare.close()
        terminal = Terminal("-m", "llmbm_console", "--sim")
        try:
            paints.append(terminal.wait_for(rb"[A-Za-z]{3}", 20))
            readies.append(terminal.wait_for(rb"kernel ready", 60))
            if index == runs:
                terminal.idle_percent(SETTLE)
                idle = list(terminal.idle_percent(IDLE).values())
        finally:
            terminal.close()
    del paints[0], readies[0], bares[0]  # the first start may compile
    ratio = statistics.median(paints) / statistics.median(bares)
    print(f"bare Textual  {statistics.median(bares):6.2f} s   ({min(bares):.2f} to {max(bares):.2f})")
    spread = f"({min(paints):.2f} to {max(paints):.2f})"
    print(f"first paint   {statistics.median(paints):6.2f} s   {spread}, {ratio:.2f} x bare")
    print(f"ready         {statistics.median(readies):6.2f} s   ({min(readies):.2f} to {max(readies):.2f})")
    main_thread, others = idle[0], " + ".join(f"{share:.2f}" for share in idle[1:] if share >= 0.005)
    threads = f"main thread {main_thread:.2f}" + (f", others {others}" if others else "")
    print(f"idle          {sum(idle):6.2f} % of a core, connected to the simulator for {IDLE:g} s ({threads})")


def boot_once() -> tuple[float, float]:
    """One boot in QEMU: seconds to the firmware's hand-over and to the prompt, both from the start of the process."""
    from llmbm_console.core.image.boot_image import build_image
    from llmbm_console.core.machine.firmware import find_firmware
    from llmbm_console.core.paths import default_model, find_tokenizer, kernel_image

    firmware = find_firmware()
    if firmware is None:
        raise SystemExit("no UEFI firmware was found: see llmbm-console doctor")
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "boot.img"
        build_image(image, kernel_image(), default_model(), find_tokenizer(default_model()), None)
        started = time.monotonic()
        machine = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256", "-smp", "2"),
                *("-display", "none", "-net", "none", "-serial", "stdio", "-monitor", "none"),
                *("-drive", f"if=pflash,format=raw,readonly=on,file={firmware.code}"),
                *("-drive", f"if=none,format=raw,id=d,file={image}", "-device", "virtio-blk-pci,drive=d,bootindex=0"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert machine.stdout is not None
        seen, handed_over = b"", 0.0
        try:
            while time.monotonic() < started + 120:
                seen += os.read(machine.stdout.fileno(), 4096)
                if not handed_over and b"BdsDxe: starting" in seen:
                    handed_over = time.monotonic() - started
                if b"llmk>" in seen:
                    return handed_over, time.monotonic() - started
        finally:
            machine.kill()
            machine.wait()
    raise SystemExit(f"no prompt within 120 s; the line said: {seen[-300:]!r}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--qemu", action="store_true", help="also boot in QEMU")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    console_figures(arguments.runs)
    if arguments.qemu:
        boots = [boot_once() for _ in range(arguments.runs)]
        firmware, prompt = (statistics.median(column) for column in zip(*boots, strict=True))
        limit = 1.3 * firmware + 1
        print(
            f"boot          {firmware:6.2f} s to the firmware's hand-over, {prompt:.2f} s to the prompt; "
            f"limit {limit:.2f} s"
        )


if __name__ == "__main__":
    main()
