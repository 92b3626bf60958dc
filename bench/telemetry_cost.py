"""What telemetry costs the decode: `python bench/telemetry_cost.py [--pairs 6]`, and where the line's octets go.

Pairs of runs of the same answer in the simulator, in turn and each way round, both on the 16550 model at 115200 bit/s:
one typed at the machine's keyboard with the line in human mode, one in machine mode with every periodic stream at 5 Hz,
tokens, heartbeats and credits. The line ends in a file. The language model is made here, of random numbers and of a
size that gives about a hundred tokens a second: tokens of a small model would fill the line.

What counts is the processor time of the answer, on one thread: the time on the clock would be that of whatever else
runs here. The simulator tells how much of it went into its model of chip and line, which a machine has in hardware;
without it there remains what the kernel does: looks at the chip, frames, checksums, samples.

`--choices N` compares telemetry without and with the choices of the tokens, each with its N likeliest ones, instead.
`--against FILE` compares another simulator with this tree's, both with telemetry and without choices: what they cost
a kernel that is not asked for them.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shapes import Shape, write_random_model  # sets the paths of what follows

from llmbm_console.core.paths import default_model, find_tokenizer, simulator_binary
from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import HostHello, Request, Stream

LINE = 11_520  # octets a second at 115200 bit/s
STREAMS = (Stream.PERF, Stream.KV, Stream.ZONES, Stream.SENTINEL)
HZ = 5
TOKENS = 256
PROMPT = "Once upon a time"
MODEL = re.compile(rb"model_us=([0-9]+)")
KEEP_ALIVE = 2.0  # s; a session without a frame would expire


@dataclass(frozen=True)
class Cost:
    """Of one answer: seconds of the processor, and of them those of the model of chip and line."""

    processor: float
    model: float

    @property
    def kernel(self) -> float:
        """What a machine would take."""
        return self.processor - self.model


class Run:
    """One simulator: a screen that can be read, a keyboard that can be typed at, a line that goes to a file."""

    def __init__(self, volume: Path, uart: str, program: Path | None = None) -> None:
        self.screen, self.line, self.errors, keys = (volume / name for name in ("screen", "line", "errors", "keys"))
        self.screen.unlink(missing_ok=True)
        keys.unlink(missing_ok=True)
        os.mkfifo(keys)
        self.keys = os.open(keys, os.O_RDWR)
        self.sequence = 0
        command = [program or simulator_binary(), "--files", volume, "--screen", self.screen, "--keyboard", keys,
                   "--serial", "stdio", "--uart", uart, "--uart-stats", "--baud", "115200",
                   "--die-with-parent"]  # fmt: skip
        with self.line.open("wb") as line, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=line, stderr=errors)
        self.wait_for(b"llmk> ")

    def wait_for(self, mark: bytes, session: bool = False) -> None:
        """Until the screen shows it; a session is kept alive meanwhile."""
        deadline, alive = time.monotonic() + 300, time.monotonic()
        while mark not in (self.screen.read_bytes() if self.screen.exists() else b""):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{mark!r} did not appear on the screen")
            if session and time.monotonic() - alive > KEEP_ALIVE:
                alive = time.monotonic()
                self.ask("ping")
            time.sleep(0.05)

    def send(self, data: bytes) -> None:
        """Onto the line, in pieces that a FIFO holds."""
        assert self.process.stdin is not None
        for at in range(0, len(data), 12):
            os.write(self.process.stdin.fileno(), data[at : at + 12])
            time.sleep(0.02)

    def ask(self, op: str, **arguments: object) -> int:
        """A request whose answer nobody waits for; its id."""
        self.sequence += 1
        self.send(to_frame(Request(id=self.sequence, op=op, **arguments), self.sequence))  # type: ignore[arg-type]
        return self.sequence

    def processor(self) -> float:
        """Seconds so far."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9

    def answer(self, begin: Callable[[], object], session: bool = False) -> Cost:
        """Lets an answer begin; what it took, once it is there. The run ends."""
        before = self.processor()
        begin()
        self.wait_for(b" rows]", session)
        took = self.processor() - before
        while session and not any(frame.kind == "F" for frame in self.frames()):
            time.sleep(0.05)  # the line is behind the screen by what the ring holds
        self.end()
        found = MODEL.findall(self.errors.read_bytes())
        return Cost(took, int(found[-1]) / 1e6 if found else 0.0)  # an older simulator does not tell it

    def frames(self) -> list[Frame]:
        """What was on the line."""
        return [piece for piece in FrameDecoder().feed(self.line.read_bytes()) if isinstance(piece, Frame)]

    def end(self) -> None:
        """Ends it. Idempotent."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
            os.close(self.keys)


@contextlib.contextmanager
def running(volume: Path, uart: str, program: Path | None = None) -> Iterator[Run]:
    """A run that ends."""
    one = Run(volume, uart, program)
    try:
        yield one
    finally:
        one.end()


def without(volume: Path, uart: str) -> Cost:
    """The cost in human mode: the answer goes to the screen, and as text onto the line."""
    with running(volume, uart) as run:
        return run.answer(lambda: [os.write(run.keys, PROMPT.encode() + b"\r")])


def with_telemetry(volume: Path, uart: str, choices: int = 0, program: Path | None = None) -> tuple[Cost, list[Frame]]:
    """The cost with everything on the line; the frames that were on it while it computed."""
    with running(volume, uart, program) as run:
        run.send(to_frame(HostHello(protocol=1, session=1, nonce="cost"), 0))
        for stream in STREAMS:
            run.ask("sub", stream=stream, rate=HZ)
        if choices:
            run.ask("prob", count=choices)
        asked = run.sequence + 1
        cost = run.answer(lambda: run.ask("gen", text=PROMPT.encode()), session=True)
        frames = run.frames()
    begin = next(n for n, frame in enumerate(frames) if frame.kind == "R" and frame.fields["id"] == str(asked))
    end = next(n for n, frame in enumerate(frames) if frame.kind == "F")
    return cost, frames[begin : end + 1]


def budget(frames: list[Frame]) -> None:
    """Where the octets go."""
    times = [int(frame.fields["t"]) for frame in frames if "t" in frame.fields]
    seconds = (max(times) - min(times)) / 1000
    octets: collections.Counter[str] = collections.Counter()
    lines: collections.Counter[str] = collections.Counter()
    for frame in frames:
        name = f"S {frame.fields['k']}" if frame.kind == "S" else frame.kind
        octets[name] += len(frame.raw) + 1  # its LF
        lines[name] += 1
    print(f"{'frames':<10} {'lines/s':>8} {'octets each':>12} {'octets/s':>9} {'of the line':>12}")
    for name, count in octets.most_common():
        share = count / seconds / LINE
        print(
            f"{name:<10} {lines[name] / seconds:8.1f} {count / lines[name]:12.1f} {count / seconds:9.0f} {share:12.1%}"
        )
    total = sum(octets.values()) / seconds
    print(f"{'all':<10} {'':8} {'':12} {total:9.0f} {total / LINE:12.1%}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6, help="paired runs (default 6)")
    parser.add_argument("--dim", type=int, default=640, help="width of the model: larger is slower (default 640)")
    parser.add_argument("--choices", type=int, default=0, metavar="N", help="what choices of N tokens cost instead")
    parser.add_argument("--against", type=Path, metavar="FILE", help="another simulator as the first of each pair")
    parser.add_argument("--plain", action="store_true", help="a line without the model of chip and clock")
    arguments = parser.parse_args()
    uart = "plain" if arguments.plain else "16550"
    with tempfile.TemporaryDirectory(prefix="llmbm-bench-") as folder:
        volume = Path(folder)
        heads = arguments.dim // 64
        write_random_model(
            Shape(arguments.dim, arguments.dim * 8 // 3 // 64 * 64, 8, heads, heads, vocab=1024, seq=512),
            volume / "made.bin",
        )
        shutil.copy(find_tokenizer(default_model()), volume / "made.tok.bin")
        drawn = arguments.choices or arguments.against
        rules = "" if drawn else "temp=0\nnorepeat=0\nrepeat=1\n"
        (volume / "repl.cfg").write_text(f"{rules}threads=1\nmax_tokens={TOKENS}\n")

        def first() -> Cost:
            return with_telemetry(volume, uart, 0, arguments.against)[0] if drawn else without(volume, uart)

        def second() -> tuple[Cost, list[Frame]]:
            return with_telemetry(volume, uart, arguments.choices)

        pairs: list[tuple[Cost, Cost]] = []
        for number in range(arguments.pairs):
            if number % 2:
                bare, (full, frames) = first(), second()
            else:
                (full, frames), bare = second(), first()
            pairs.append((bare, full))
            print(
                f"pair {number + 1}: {bare.kernel:6.3f} s without, {full.kernel:6.3f} s with, cost "
                f"{full.kernel / bare.kernel - 1:+6.2%}; and the model of chip and line {bare.model:5.3f} s, "
                f"{full.model:5.3f} s",
                flush=True,
            )
    least = [min(cost.kernel for cost in column) for column in zip(*pairs, strict=True)]
    median = statistics.median(full.kernel / bare.kernel - 1 for bare, full in pairs)
    model = statistics.median((full.model - bare.model) / bare.kernel for bare, full in pairs)
    name = "what differs" if arguments.against else "choices" if arguments.choices else "telemetry"
    print(
        f"cost of {name}: {least[1] / least[0] - 1:+.2%} of the decode between the least of each (what else runs "
        f"only adds), {median:+.2%} in the median of {len(pairs)} pairs; the simulator's own, for the line that it "
        f"models, {model:+.2%}"
    )
    budget(frames)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
