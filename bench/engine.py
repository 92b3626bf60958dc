#!/usr/bin/env python3
"""Speed of the engine alone, without a console: `python bench/engine.py [--tokens N] [MODEL.bin ...]`.

Without a model it measures the included model and the published 15M shape, with `--large` the 110M shape too, with
random weights (speed does not depend on the values), in float32 and in int8.

First every level with one thread: short bursts of decoding and of a prompt, the levels taking turns, timed by processor
time; medians are printed, with their ratios to SSE2. GB/s are the weights' bytes that each token of a decode reads;
beside them, what part this is of reading the same memory with the same loads and doing nothing with it. Then, at the
best level, decoding and a prompt of --prompt tokens with one thread and with two, the prompt one token in a pass and as
many as a pass takes; timed by the clock on the wall, at the top of the scheduler where that is allowed.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shapes import SHAPES, write_random_model  # sets the paths of what follows

from engine_harness import LEVELS, MODELS, REFERENCE, SSE2, Harness, compile_harness  # isort: skip
from priority import at_the_top  # isort: skip

CHUNK = 64  # tokens of a pass at most
READ_BYTES = 300e6  # of a burst that only reads, at least: what a cache keeps of the first round then counts too


@dataclass
class Rates:
    """What the bursts of a level gave: tokens, or bytes, per second."""

    decode: list[float] = field(default_factory=list)
    prefill: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)


def rate(harness: Harness, amount: float, name: str, *arguments: int) -> float:
    """An amount per second of processor time that a request takes."""
    return amount / int(harness.call(name, *arguments).split()[0]) * 1e9


def measure(harness: Harness, model: Path, tokens: int, rounds: int) -> None:
    """Prints one line a level."""
    seen = harness.load(model)
    tokens = min(tokens, seen["seq_len"])
    bursts = {level: Rates() for level in harness.levels()}
    # The embedding is read whole once a token when it is the classifier too; otherwise one row of it.
    read = seen["parameters"] - (0 if seen["shared"] else seen["vocab"] * seen["dim"])
    weight_bytes = (1 + 4 / seen["group"] if seen["group"] else 4) * read
    repeats = int(READ_BYTES / weight_bytes) + 1
    for _ in range(rounds):
        for level, found in bursts.items():
            harness.call("level", level)
            count = tokens if level > REFERENCE else max(tokens // 8, 1)
            found.decode.append(rate(harness, count, "bench", count))
            found.prefill.append(rate(harness, count, "bench_prefill", count, min(CHUNK, count)))
            found.read.append(rate(harness, repeats * weight_bytes, "bench_read", repeats))
    sse2 = bursts[SSE2]
    for level, found in bursts.items():
        decode, prefill = statistics.median(found.decode), statistics.median(found.prefill)
        shares = (weight_bytes * one / whole for one, whole in zip(found.decode, found.read, strict=True))
        print(
            f"{model.stem:12} {LEVELS[level]:11}",
            f"  decode {decode:8.0f} tok/s  x{decode / statistics.median(sse2.decode):5.2f}",
            f"  {decode * weight_bytes / 1e9:6.1f} GB/s, {statistics.median(shares):4.0%} of reading",
            f"  prefill {prefill:8.0f} tok/s  x{prefill / statistics.median(sse2.prefill):5.2f}",
            flush=True,
        )


def measure_threads(harness: Harness, model: Path, tokens: int, prompt: int, rounds: int) -> None:
    """Prints one line for each kind of work: with one thread, with two, and the ratio."""
    seen = harness.load(model, max(harness.levels()))
    tokens, prompt = min(tokens, seen["seq_len"]), min(prompt, seen["seq_len"])
    kinds = {
        "decode": ("bench", tokens),
        "prompt, 1 in a pass": ("bench_prefill", prompt, 1),
        f"prompt, {CHUNK} in a pass": ("bench_prefill", prompt, min(CHUNK, seen["seq_len"])),
    }
    rates: dict[tuple[str, int], list[float]] = {(kind, threads): [] for kind in kinds for threads in (1, 2)}
    for _ in range(rounds):
        for (kind, threads), found in rates.items():
            harness.call("threads", threads)
            request, count, *chunk = kinds[kind]
            found.append(count / int(harness.call(request, count, *chunk).split()[1]) * 1e9)
    for kind in kinds:
        one, two = (statistics.median(rates[kind, threads]) for threads in (1, 2))
        print(f"{model.stem:14} {kind:22} {one:10.0f} tok/s, two threads {two:10.0f} tok/s, ratio {two / one:.2f}")


def made_models(folder: Path, names: list[str]) -> Iterator[Path]:
    """The included model, then the published shapes, each made when its turn comes and removed afterwards."""
    yield MODELS / "stories700K.bin"
    for name in names:
        int8 = dataclasses.replace(SHAPES[name], version=2, group=32)  # 288 is no multiple of 64
        for suffix, shape in (("", SHAPES[name]), ("-int8", int8)):
            path = write_random_model(shape, folder / f"{name}{suffix}.bin")
            yield path
            path.unlink()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the engine's speed at every level, and with two threads.")
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--tokens", type=int, default=128, help="tokens in a burst, from position 0")
    parser.add_argument("--prompt", type=int, default=128, help="tokens of a prompt for the threads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="the 110M shape too: minutes, and 2 GB of memory")
    arguments = parser.parse_args()
    names = ["15M", "110M"] if arguments.large else ["15M"]
    with tempfile.TemporaryDirectory() as folder:
        program = compile_harness(Path(folder), "sim")
        for model in arguments.models or made_models(Path(folder), names):
            harness = Harness(program)
            measure(harness, model, arguments.tokens, arguments.rounds)
            harness.close()
            with at_the_top():  # a process keeps its place from its start
                harness = Harness(program)
                measure_threads(harness, model, arguments.tokens, arguments.prompt, arguments.rounds)
                harness.close()


if __name__ == "__main__":
    main()
