"""What telemetry costs the decode: `python bench/telemetry_cost.py [--pairs 6]`, and where the line's octets go.

Pairs of runs of the same answer in the simulator, in turn and each way round: one with no serial line at all, one in
machine mode on the 16550 model at 115200 bit/s with every periodic stream at 5 Hz, tokens, heartbeats and credits. The
model is made here, of random numbers and of a size that gives about a hundred tokens a second: tokens of a small model
would fill the line. The rate is the kernel's own, as it prints it on its screen.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from llmbm_console.core.credits import Credits
from llmbm_console.core.paths import default_model, find_tokenizer, simulator_binary
from llmbm_protocol.codec import from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import Credit, Finished, Hello, HostHello, Request, Response, Stream

LINE = 11_520  # octets a second at 115200 bit/s
STREAMS = (Stream.PERF, Stream.KV, Stream.ZONES, Stream.SENTINEL)
HZ = 5
TOKENS = 256
PROMPT = "Once upon a time"
RATE = re.compile(rb"decode ([0-9.]+) tok/s")


def make_model(path: Path, dim: int, hidden: int, layers: int, vocab: int, seq: int) -> None:
    """A llama2.c v0 file of small random numbers; its answers are nonsense, its speed is real."""
    heads = dim // 64
    tensors = vocab * dim + layers * (2 * dim + 4 * dim * dim + 3 * dim * hidden) + dim + seq * 64
    dice = np.random.default_rng(1)
    with path.open("wb") as file:
        np.array([dim, hidden, layers, heads, heads, vocab, seq], np.int32).tofile(file)
        while tensors > 0:
            count = min(tensors, 1 << 20)
            (dice.standard_normal(count, np.float32) * 0.02).tofile(file)
            tensors -= count


class Run:
    """One simulator with a screen that can be read and a keyboard that can be typed at."""

    def __init__(self, volume: Path, *options: str) -> None:
        self.folder = volume
        self.screen, keys = volume / "screen", volume / "keys"
        self.screen.unlink(missing_ok=True)
        keys.unlink(missing_ok=True)
        os.mkfifo(keys)
        self.keys = os.open(keys, os.O_RDWR)
        command = [simulator_binary(), "--files", volume, "--screen", self.screen, "--keyboard", keys, *options]
        self.process = subprocess.Popen([*command, "--die-with-parent"], stdin=subprocess.DEVNULL)

    def rate(self, answers: int = 1) -> float:
        """Tokens per second of the newest answer, once there are so many."""
        deadline = time.monotonic() + 120
        while len(found := RATE.findall(self.screen.read_bytes() if self.screen.exists() else b"")) < answers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer on the screen: {self.screen.read_bytes()[-300:]!r}")
            time.sleep(0.02)
        return float(found[-1])

    def end(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait()
        os.close(self.keys)


@contextlib.contextmanager
def running(volume: Path, *options: str) -> Iterator[Run]:
    """A run that ends."""
    one = Run(volume, *options)
    try:
        yield one
    finally:
        one.end()


def without(volume: Path) -> float:
    """The rate of a kernel that has no line."""
    with running(volume, "--serial", "none") as run:
        os.write(run.keys, PROMPT.encode() + b"\r")
        return run.rate()


class Console:
    """The least host: credit, one request after the other, and what came, counted."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 30
        while self.socket.connect_ex(str(path)) != 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} does not accept")
            time.sleep(0.01)
        self.decoder = FrameDecoder()
        self.credits = Credits()
        self.octets: collections.Counter[str] = collections.Counter()
        self.lines: collections.Counter[str] = collections.Counter()
        self.answered: set[int] = set()
        self.finished: Finished | None = None
        self.booted = self.greeted = False

    def pump(self, seconds: float) -> None:
        """Reads what has come."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            for piece in self.decoder.feed(self.socket.recv(65536)):
                if isinstance(piece, Frame):
                    self._take(piece)

    def _take(self, frame: Frame) -> None:
        record = from_frame(frame)
        name = f"S {frame.fields['k']}" if frame.kind == "S" else frame.kind
        self.octets[name] += len(frame.raw)
        self.lines[name] += 1
        if isinstance(record, Hello) and not record.machine:
            self.booted = True
        elif isinstance(record, Hello):
            self.greeted = True
            self.credits.begin(record.window_busy, time.monotonic())
        elif isinstance(record, Credit):
            self.credits.on_credit(record, time.monotonic())
        elif isinstance(record, Response):
            self.answered.add(record.id)
        elif isinstance(record, Finished):
            self.finished = record

    def hello(self) -> None:
        """At the prompt, in pieces that a FIFO holds."""
        while not self.booted:
            self.pump(1.0)
        line = to_frame(HostHello(protocol=1, session=1, nonce="cost"), 0)
        for at in range(0, len(line), 12):
            self.socket.sendall(line[at : at + 12])
            self.pump(0.05)
        while not self.greeted:
            self.pump(1.0)

    def ask(self, number: int, op: str, **arguments: object) -> None:
        """One request, to its answer."""
        line = to_frame(Request(id=number, op=op, **arguments), number)  # type: ignore[arg-type]
        while line:
            room = self.credits.room
            if room:
                self.socket.sendall(line[:room])
                self.credits.on_sent(len(line[:room]), time.monotonic())
                line = line[room:]
            self.pump(0.02)
        while number not in self.answered:
            self.pump(1.0)


def with_telemetry(volume: Path) -> tuple[float, Console, float]:
    """The rate with everything on the line; what was on it, and for how long."""
    path = volume / "line"
    options = ("--serial", f"unix:{path}", "--uart", "16550", "--baud", "115200")
    with running(volume, *options) as run:
        console = Console(path)
        console.hello()
        for number, stream in enumerate(STREAMS, 1):
            console.ask(number, "sub", stream=stream, rate=HZ)
        console.octets.clear()
        console.lines.clear()
        begun = time.monotonic()
        console.ask(9, "gen", text=PROMPT.encode())
        while console.finished is None:
            console.pump(1.0)
        took = time.monotonic() - begun
        return run.rate(), console, took


def budget(console: Console, seconds: float) -> None:
    """Where the octets go."""
    print(f"{'frames':<10} {'lines/s':>8} {'octets each':>12} {'octets/s':>9} {'of the line':>12}")
    for name, octets in console.octets.most_common():
        lines = console.lines[name]
        share = octets / seconds / LINE
        print(f"{name:<10} {lines / seconds:8.1f} {octets / lines:12.1f} {octets / seconds:9.0f} {share:12.1%}")
    total = sum(console.octets.values())
    print(f"{'all':<10} {'':8} {'':12} {total / seconds:9.0f} {total / seconds / LINE:12.1%}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6, help="paired runs (default 6)")
    parser.add_argument("--dim", type=int, default=640, help="width of the model: larger is slower (default 640)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmbm-bench-") as folder:
        volume = Path(folder)
        make_model(volume / "made.bin", arguments.dim, arguments.dim * 8 // 3 // 64 * 64, 8, 1024, 512)
        shutil.copy(find_tokenizer(default_model()), volume / "made.tok.bin")
        (volume / "repl.cfg").write_text(f"temp=0\nnorepeat=0\nrepeat=1\nmax_tokens={TOKENS}\n")
        costs: list[float] = []
        rates: list[tuple[float, float]] = []
        for number in range(arguments.pairs):
            if number % 2:
                bare, (full, console, seconds) = without(volume), with_telemetry(volume)
            else:
                (full, console, seconds), bare = with_telemetry(volume), without(volume)
            costs.append(1 - full / bare)
            rates.append((bare, full))
            print(
                f"pair {number + 1}: {bare:7.1f} tok/s without a line, {full:7.1f} with, cost {costs[-1]:+6.2%}",
                flush=True,
            )
    bare, full = (max(column) for column in zip(*rates, strict=True))
    print(f"cost of telemetry: {1 - full / bare:+.2%} between the best runs of each (what else runs only slows "
          f"them down), {statistics.median(costs):+.2%} in the median of {len(costs)} pairs")  # fmt: skip
    budget(console, seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
