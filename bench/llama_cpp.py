#!/usr/bin/env python3
"""Our engine beside llama.cpp: `python bench/llama_cpp.py [--python PYTHON] [--json FILE] [--rounds N] [--shapes ...]`.

Ours is the kernel itself, as the simulator, asked with /bench over its line; llama.cpp comes from the optional package
llama-cpp-python (`pip install -e '.[bench]'`: it is compiled for this machine on the way, which takes minutes) and
runs in a child of its own, with `--python` in another environment. Without it our side is measured alone.

The models are random ones of the published shapes, the same weights for both: float32, and int8 (ours quantised while
loading, Q8_0 for llama.cpp). The engines take turns in bursts of less than a second, each at the top of the scheduler
where that is allowed; medians over all rounds are printed. Decode is rows 0 to 127 with logits and without sampling,
prefill a prompt of 128 tokens. GB/s are what each token reads, of ours the KV cache too. "read" is what our processors
need for reading the weights alone, in the same minute: the bound of decode.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from shapes import SHAPES, Shape, random_tensors, write_random_model, write_tokenizer  # sets the paths of what follows

from engine_harness import product_build  # isort: skip
from gguf_write import write_gguf  # isort: skip
from priority import at_the_top  # isort: skip
from wire_kernel import WireKernel  # isort: skip

from llmbm_protocol.schema import Bench, Stream

HERE = Path(__file__).resolve().parent
INSTALL = "llama-cpp-python is not installed: `pip install -e '.[bench]'` (it needs a C++ compiler and CMake)"
BURST_S = 0.5


class Peer:
    """llama.cpp in its child."""

    def __init__(self, python: str) -> None:
        # -P: this file must not be taken for the package of its name.
        self.process = subprocess.Popen(
            [python, "-P", HERE / "llama_worker.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: object) -> dict[str, Any]:
        """One request and its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("llama.cpp's child ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def rate(self, what: str) -> float:
        """Tokens per second of one burst."""
        done = self.ask(**{what: BURST_S})
        return float(done["tokens"] / done["seconds"])

    def close(self) -> None:
        """Ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def has_llama_cpp(python: str) -> bool:
    """True when this interpreter finds the package."""
    find = "import importlib.util as u, sys; sys.exit(u.find_spec('llama_cpp.llama_cpp') is None)"
    with tempfile.TemporaryDirectory() as empty:  # this file must not be found instead
        return subprocess.run([python, "-I", "-c", find], cwd=empty, stderr=subprocess.DEVNULL).returncode == 0


def ours(kernel: WireKernel) -> Bench:
    """One /bench of a second."""
    kernel.run("/bench 1")
    since = len(kernel.host.records)
    assert kernel.host.ask("stat", stream=Stream.BENCH).ok
    return kernel.host.of(Bench, since)[-1]


@dataclasses.dataclass
class Row:
    """Medians of one shape, one kind of numbers and one number of threads. Rates are tokens per second."""

    shape: str
    numbers: str
    threads: int
    level: str
    from_cache: bool
    read_gb_s: float
    decode: float
    decode_gb_s: float
    decode_of_read: float
    prefill: float
    llama_decode: float | None = None
    llama_decode_gb_s: float | None = None
    llama_prefill: float | None = None
    decode_ratio: float | None = None
    prefill_ratio: float | None = None


def measure(kernel: WireKernel, peer: Peer | None, llama_bytes: int, rounds: int, what: tuple[str, str, int]) -> Row:
    """Takes turns and concludes."""
    found: list[Bench] = []
    decodes: list[float] = []
    prefills: list[float] = []
    for _ in range(rounds):
        found.append(ours(kernel))
        if peer is not None:
            decodes.append(peer.rate("decode"))
            prefills.append(peer.rate("prefill"))
    last = found[-1]
    row = Row(
        *what,
        level=last.level,
        from_cache=0 < last.weights <= last.cache,
        read_gb_s=statistics.median(bench.read_mb_s for bench in found) / 1e3,
        decode=statistics.median(bench.decode_rate for bench in found) / 1e6,
        decode_gb_s=statistics.median(bench.decode_mb_s for bench in found) / 1e3,
        decode_of_read=statistics.median(bench.decode_mb_s / bench.read_mb_s for bench in found),
        prefill=statistics.median(bench.prefill_rate for bench in found) / 1e6,
    )
    if peer is not None:
        row.llama_decode, row.llama_prefill = statistics.median(decodes), statistics.median(prefills)
        row.llama_decode_gb_s = row.llama_decode * llama_bytes / 1e9
        row.decode_ratio = row.decode / row.llama_decode
        row.prefill_ratio = row.prefill / row.llama_prefill
    return row


HEAD = (
    f"{'model':5} {'':4} thr {'read':>7}  {'decode, tok/s':>14} {'GB/s':>6} {'of read':>7} {'llama.cpp':>9}"
    f" {'ratio':>6}  {'prefill, tok/s':>14} {'llama.cpp':>9} {'ratio':>6}"
)


def line_of(row: Row) -> str:
    """A line of the table."""
    text = f"{row.shape:5} {row.numbers:4} {row.threads:3} {row.read_gb_s:6.1f}{'c' if row.from_cache else ' '}"
    text += f"  {row.decode:14.1f} {row.decode_gb_s:6.1f} {row.decode_of_read:7.0%}"
    if row.llama_decode is None:
        return text + f" {'-':>9} {'-':>6}  {row.prefill:14.1f} {'-':>9} {'-':>6}"
    text += f" {row.llama_decode:9.1f} {row.decode_ratio:6.2f}"
    return text + f"  {row.prefill:14.1f} {row.llama_prefill:9.1f} {row.prefill_ratio:6.2f}"


MARKDOWN_HEAD = """\
| model | threads | reading alone | decode: ours, of reading | llama.cpp | ratio | prefill: ours | llama.cpp | ratio |
|---|---|---|---|---|---|---|---|---|"""


def figure(rate: float | None) -> str:
    """Three digits are known at most."""
    return "-" if rate is None else f"{round(rate, 2 - math.floor(math.log10(rate))):,.6g}".replace(".0", "")


def markdown_of(row: Row) -> str:
    """The same as a line of the README's table."""
    source = " (cache)" if row.from_cache else ""
    ratios = [("-" if ratio is None else f"{ratio:.2f}") for ratio in (row.decode_ratio, row.prefill_ratio)]
    cells = [
        *(f"{row.shape} {row.numbers}", str(row.threads), f"{row.read_gb_s:.0f} GB/s{source}"),
        *(
            f"{figure(row.decode)} tok/s, {row.decode_of_read:.0%}".replace("%", " %"),
            figure(row.llama_decode),
            ratios[0],
        ),
        *(figure(row.prefill), figure(row.llama_prefill), ratios[1]),
    ]
    return f"| {' | '.join(cells)} |"


def measure_shape(name: str, shape: Shape, program: Path, peer: Peer | None, rounds: int) -> list[Row]:
    """All rows of one shape, each printed when it is known."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_random_model(shape, folder / "model.bin")
        write_tokenizer(shape, folder / "model.tok.bin")
        kernel = WireKernel(program, folder, "--memory", "2048")
        # llama.cpp's blocks of 32 and our smallest group of 16 must divide every row.
        kinds = ["fp32", "int8"] if shape.hidden % 32 == 0 else ["fp32"]
        if len(kinds) == 1:
            print(f"{name}: no int8, whose groups do not divide its rows of {shape.hidden}", file=sys.stderr)
        for numbers in kinds:
            kernel.run("/load model.bin" + (" q8" if numbers == "int8" else ""))
            file = folder / f"{numbers}.gguf"
            size = write_gguf(shape, random_tensors(shape), file, numbers == "int8") if peer is not None else 0
            for threads in (1, 2):
                kernel.run(f"/threads {threads}")
                if peer is not None:
                    peer.ask(load=str(file), threads=threads, rows=shape.seq)
                rows.append(measure(kernel, peer, size, rounds, (name, numbers, threads)))
                print(line_of(rows[-1]), flush=True)
        kernel.end()
    return rows


def compare(arguments: argparse.Namespace) -> None:
    """Prints the table and writes the file."""
    peer = Peer(arguments.python) if has_llama_cpp(arguments.python) else None
    if peer is None:
        print(INSTALL, file=sys.stderr)
    print(HEAD)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        program = arguments.simulator or product_build().build("sim", Path(place))
        for name in arguments.shapes:
            rows += measure_shape(name, SHAPES[name], program, peer, arguments.rounds)
    print("read: GB/s of the weights alone by our processors; c: they fit the cache, and it is the cache's speed")
    if peer is not None:
        peer.close()
    if arguments.markdown:
        print("\n".join([MARKDOWN_HEAD, *map(markdown_of, rows)]))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare our engine with llama.cpp.")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has llama-cpp-python")
    parser.add_argument("--simulator", type=Path, help="a built llmk-sim; otherwise one is built")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="print the table as the README has it, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    with at_the_top():
        compare(arguments)


if __name__ == "__main__":
    main()
