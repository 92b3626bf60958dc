"""What the screen costs: `python bench/tui.py [--seconds 10]`, the real console on a pseudo-terminal of 120x36.

A kernel in the simulator answers, and the next prompt is typed as soon as an answer has ended: once at the pace of a
small machine, once about as fast as a line of 115200 bit/s can carry, and once more as fast with answers so short that
several prompts a second are typed. Printed: processor time of the console in per cent of one core, bytes written to the
terminal, the ratio to a plain face (`--plain`) in the same run, which does the same but for the screen, and the latency
of a token: from when it left for the console until its last character was read from the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

from latency import Latencies, Relay
from link_faults import Kernel, kernel
from long_answers import CONTEXT, long_answers
from startup import Terminal

Drawn = Callable[[bytes, float], object]
Figures = tuple[float, float, float]  # per cent of a core, bytes written a second, tokens a second

PASTED = b"\x1b[200~Once upon a time\x1b[201~\r"  # typed, each letter would be drawn
SETTLED = 1.0  # s of streaming before measuring
PACES = (  # names, the kernel's least time between two polls (us), and the model where it is another
    ("60 tok/s", "14000", None),
    ("1000 tok/s", "900", long_answers),
    ("short answers", "900", None),
)


def ignored(data: bytes, now: float) -> None:
    """What was drawn is not looked at."""


def processor_seconds(process: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


class Plain:
    """The plain face, fed by a pipe."""

    def __init__(self, line: Path) -> None:
        read, self.write = os.pipe()
        out, inner = os.pipe()
        self.fd = out
        command = [sys.executable, "-m", "llmbm_console.cli", "--plain", "--connect", f"unix:{line}"]
        actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_DUP2, inner, 1)]
        self.pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions)
        os.close(read)
        os.close(inner)


def stream(fd: int, process: int, write: int, prompt: bytes, relay: Relay, seconds: float, drawn: Drawn) -> Figures:
    """Lets answer follow answer; per cent of a core, bytes written, tokens a second. `drawn` is told what is
    written, and when."""
    asked = 0

    def look(data: bytes, now: float) -> None:
        nonlocal asked
        drawn(data, now)
        if asked == relay.answers:  # more would be kept by the console, each with a notice
            os.write(write, prompt)
            asked += 1

    look(b"", time.monotonic())
    drain(fd, SETTLED, look)
    begun, before, tokens = time.monotonic(), processor_seconds(process), relay.tokens
    written = drain(fd, seconds, look)
    took = time.monotonic() - begun
    return 100 * (processor_seconds(process) - before) / took, written / took, (relay.tokens - tokens) / took


def drain(fd: int, seconds: float, drawn: Drawn = ignored) -> int:
    """Reads what is drawn for some seconds; how much it was."""
    count, end = 0, time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        if select.select([fd], [], [], rest)[0]:
            data = os.read(fd, 1 << 16)
            drawn(data, time.monotonic())
            count += len(data)
    return count


def screen(one: Kernel, seconds: float, most: int) -> tuple[Figures, Latencies]:
    """The console on a terminal where answers have so many tokens at most, and the latencies of its tokens."""
    front = one.folder / "front"
    relay = Relay(one.line, front)
    terminal = Terminal("-m", "llmbm_console.cli", "--connect", f"unix:{front}")
    terminal.wait_for(rb"kernel ready", 30)
    latencies = Latencies(relay)
    latencies.drawn(terminal.raw, time.monotonic())  # what is not drawn again: the frames
    os.write(terminal.fd, f"/max_tokens {most}\r".encode())
    drain(terminal.fd, 1, latencies.drawn)
    figures = stream(terminal.fd, terminal.pid, terminal.fd, PASTED, relay, seconds, latencies.drawn)
    terminal.close()
    return figures, latencies


def plain(one: Kernel, seconds: float, most: int) -> Figures:
    """The plain face."""
    front = one.folder / "front"
    relay = Relay(one.line, front)
    face = Plain(front)
    drain(face.fd, 3)
    os.write(face.write, f"/max_tokens {most}\n".encode())
    figures = stream(face.fd, face.pid, face.write, b"Once upon a time\n", relay, seconds, ignored)
    os.kill(face.pid, 15)
    os.waitpid(face.pid, 0)
    return figures


async def measure(seconds: float) -> None:
    """All figures."""
    print("               tok/s   screen    plain face   screen : plain   bytes drawn a second   latency: p50, p99")
    for name, gap, fill in PACES:
        most = CONTEXT if fill else 256
        async with kernel("--poll-gap-us", gap, fill=fill) as one:
            (share, written, rate), latencies = await asyncio.to_thread(screen, one, seconds, most)
        async with kernel("--poll-gap-us", gap, fill=fill) as one:
            beside, _written, _rate = await asyncio.to_thread(plain, one, seconds, most)
        ratio = f"{share / beside:.1f}" if beside else "-"
        late = f"{latencies.percentile(0.5):.0f} ms, {latencies.percentile(0.99):.0f} ms of {len(latencies.found):,}"
        print(
            f"  {name:<10} {rate:>7.0f}   {share:5.1f} %   {beside:7.1f} %   {ratio:>14}   {written:>20,.0f}   {late}",
            flush=True,
        )


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    asyncio.run(measure(parser.parse_args().seconds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
