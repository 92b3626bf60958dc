"""What telemetry costs the decode: `python bench/telemetry_cost.py [--pairs 30]`, and where the line's octets go.

Pairs of bursts of the same answer in one simulator, in turn and each way round, on the 16550 model at 115200 bit/s: one
asked for by a person, with the line in human mode, one in machine mode with every periodic stream at 5 Hz, tokens,
heartbeats and credits. One process, so that both have the same pages of memory, which differ in speed by more than what
is measured here; it computes with one thread on a processor of its own, and the line ends in a file that is looked at
now and then. The language model is made here, of random numbers and of a size that gives about a hundred tokens a
second: tokens of a small model would fill the line.

What counts is the kernel's own time of a token: of its forward pass, in which the line is looked at and samples are
sent, as told with each token, and between two passes, where tokens are sent: what is left of the decode. Passes of more
than a twentieth above the burst's median are left out: the computer did something else, and a frame takes a thousandth
of one. The simulator tells how much of an answer goes into its model of chip and line, which a machine has in hardware:
it is taken away. Told is the median of all pairs with the interval in
which it lies by 95 %, from the order of the pairs alone.

`--choices N` compares telemetry without and with the choices of the tokens, each with its N likeliest ones, instead.
`--against FILE` compares another simulator with this tree's, both with telemetry and without choices: what they cost
a kernel that is not asked for them.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import math
import os
import re
import shutil
import signal
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
TOKENS = 64
PROMPT = "Once upon a time"
HUMAN = "llmk> "
MODEL = re.compile(rb"model_us=([0-9]+)")
KEEP_ALIVE = 2.0  # s; a session without a frame would expire
LOOK = 0.02  # s between two looks at the line's file
INTERRUPTED = 1.05  # of the median: a forward pass during which the computer did something else


@dataclass(frozen=True)
class Kind:
    """How an answer is asked for: by a person, or in a session with telemetry and choices."""

    session: bool
    choices: int = 0


@dataclass(frozen=True)
class Cost:
    """Of a token: seconds that a machine would take, and those of the model of chip and line."""

    kernel: float
    model: float


class Run:
    """One simulator. Its line comes from a pipe and goes to a file."""

    def __init__(self, volume: Path, uart: str, program: Path | None = None) -> None:
        number = len(list(volume.glob("line*")))
        self.line, self.errors = volume / f"line{number}", volume / f"errors{number}"
        self.sequence = 0
        self.data = b""  # what was on the line
        self.mark = 0  # of it, what belongs to earlier bursts
        self.hz = 0  # of the cycle counter
        self.last_session = b""  # what was on the line in the last burst with telemetry
        command = [program or simulator_binary(), "--files", volume, "--serial", "stdio", "--uart", uart,
                   "--uart-stats", "--baud", "115200", "--die-with-parent"]  # fmt: skip
        with self.line.open("wb") as line, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=line, stderr=errors)
        self.reader = self.line.open("rb")
        processors = sorted(os.sched_getaffinity(0))
        if len(processors) > 1:
            os.sched_setaffinity(self.process.pid, processors[-1:])
        self.prompt()

    # ---- the line ----------------------------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], object], what: str, session: bool = False) -> None:
        """Until it holds for what was on the line since the mark; a session is kept alive meanwhile."""
        deadline, alive = time.monotonic() + 300, time.monotonic()
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come; last: {self.data[-200:]!r}")
            if session and time.monotonic() - alive > KEEP_ALIVE:
                alive = time.monotonic()
                self.ask("ping")
            time.sleep(LOOK)
            self.data += self.reader.read()

    def prompt(self) -> None:
        """Until the kernel waits for a person; what comes later is behind the mark."""
        self.wait(lambda: self.data[self.mark :].endswith(HUMAN.encode()), "a prompt")
        self.mark = len(self.data)

    def frames(self, kind: str, id: int | None = None) -> list[Frame]:
        """Those of a kind since the mark, or the answer to a request."""
        found = [piece for piece in FrameDecoder().feed(self.data[self.mark :]) if isinstance(piece, Frame)]
        return [f for f in found if f.kind == kind and (id is None or f.fields["id"] == str(id))]

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

    def answered(self, op: str, **arguments: object) -> None:
        """A request and its answer."""
        id = self.ask(op, **arguments)
        self.wait(lambda: self.frames("R", id), f"an answer to {op}")

    def hello(self) -> None:
        """A session begins."""
        self.send(to_frame(HostHello(protocol=1, session=1, nonce="cost"), 0))
        self.wait(lambda: self.frames("H"), "a hello")

    def bye(self) -> None:
        """The line is a person's again."""
        self.ask("bye")
        self.prompt()

    # ---- bursts ------------------------------------------------------------------------------------------------------

    def model(self) -> float:
        """Seconds that the model of chip and line has taken of a computing kernel so far."""
        told = len(MODEL.findall(self.errors.read_bytes()))
        self.process.send_signal(signal.SIGUSR2)
        self.wait(lambda: len(MODEL.findall(self.errors.read_bytes())) > told, "the simulator's counters")
        return int(MODEL.findall(self.errors.read_bytes())[-1]) / 1e6

    def burst(self, kind: Kind) -> Cost:
        """One answer of a new conversation: what each of its tokens took."""
        begin = self.mark
        model = self.model()
        if kind.session:
            self.in_session(kind.choices)
        else:
            for typed in ("/clear", PROMPT):
                self.send(typed.encode() + b"\r")
                self.prompt()
            model = self.model() - model
            self.hello()
            self.answered("last")
            self.answered("tok", generation=int(self.frames("F")[0].fields["g"]), index=0, count=TOKENS)
        self.wait(lambda: self.frames("F"), "the end of the answer", session=True)
        if kind.session:
            model = self.model() - model
        if not self.hz:
            self.answered("stat", stream=Stream.CPU)
            self.hz = next(int(f.fields["hz"]) for f in self.frames("S") if f.fields["k"] == "cpu")
        passes = [int(token.fields["cy"]) / self.hz for token in self.frames("T")[1:]]
        between = int(self.frames("F")[0].fields["du"]) / 1e6 - sum(passes)
        usual = [seconds for seconds in passes if seconds <= INTERRUPTED * statistics.median(passes)]
        self.bye()
        if kind.session:
            self.last_session = self.data[begin : self.mark]
        return Cost(statistics.mean(usual) + (between - model) / len(passes), model / len(passes))

    def in_session(self, choices: int) -> None:
        """The same answer with everything on the line."""
        self.hello()
        for stream in STREAMS:
            self.answered("sub", stream=stream, rate=HZ)
        if choices:
            self.answered("prob", count=choices)
        self.answered("run", text=b"/clear")
        self.answered("gen", text=PROMPT.encode())

    def end(self) -> None:
        """Ends it. Idempotent."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
            self.reader.close()


@contextlib.contextmanager
def running(volume: Path, uart: str, program: Path | None = None) -> Iterator[Run]:
    """A run that ends."""
    one = Run(volume, uart, program)
    try:
        yield one
    finally:
        one.end()


def median_interval(values: list[float]) -> tuple[float, float]:
    """Between which of the values the median lies by 95 %: each of them is above it with a chance of one half."""
    count, below = len(values), 0.0
    ranked = sorted(values)
    for rank in range(count // 2):
        below += math.comb(count, rank) / 2**count
        if below > 0.025:
            return ranked[max(0, rank - 1)], ranked[count - max(1, rank)]
    return ranked[0], ranked[-1]


def budget(line: bytes) -> None:
    """Where the octets of a burst go, from the answer to the request to the end of its answer."""
    frames = [piece for piece in FrameDecoder().feed(line) if isinstance(piece, Frame)]
    begin = max(n for n, frame in enumerate(frames) if frame.kind == "R" and "g" in frame.fields)
    end = next(n for n, frame in enumerate(frames) if frame.kind == "F")
    frames = frames[begin : end + 1]
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
    parser.add_argument("--pairs", type=int, default=30, help="pairs of bursts (default 30)")
    parser.add_argument("--dim", type=int, default=896, help="width of the model: larger is slower (default 896)")
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
        rules = "" if arguments.choices else "temp=0\nnorepeat=0\nrepeat=1\n"
        (volume / "repl.cfg").write_text(f"{rules}threads=1\nmax_tokens={TOKENS}\n")
        kinds = Kind(bool(arguments.choices or arguments.against)), Kind(True, arguments.choices)
        pairs: list[tuple[Cost, Cost]] = []
        with contextlib.ExitStack() as stack:
            full = stack.enter_context(running(volume, uart))
            bare = stack.enter_context(running(volume, uart, arguments.against)) if arguments.against else full
            bare.burst(kinds[0]), full.burst(kinds[1])  # the first ones find cold caches
            for number in range(arguments.pairs):
                if number % 2:
                    first = bare.burst(kinds[0])
                    second = full.burst(kinds[1])
                else:
                    second = full.burst(kinds[1])
                    first = bare.burst(kinds[0])
                pairs.append((first, second))
            answer = full.last_session
    costs = [second.kernel / first.kernel - 1 for first, second in pairs]
    token = statistics.median(first.kernel for first, _ in pairs)
    model = statistics.median(second.model - first.model for first, second in pairs)
    low, high = median_interval(costs)
    name = "what differs" if arguments.against else "choices" if arguments.choices else "telemetry"
    print(
        f"cost of {name}: {statistics.median(costs):+.2%} of the decode in the median of {len(costs)} pairs, by 95 % "
        f"between {low:+.2%} and {high:+.2%}; a token takes {token * 1000:.2f} ms; the simulator's own, for the line "
        f"that it models, {model / token:+.2%}"
    )
    budget(answer)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
