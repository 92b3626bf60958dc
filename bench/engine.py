#!/usr/bin/env python3
"""Speed of the engine alone, without a console: `python bench/engine.py [--tokens N] [MODEL.bin ...]`.

Without a model it measures the default model and the published 15M shape with random weights (speed does not depend on
the values), in float32 and in int8. First decoding with one thread: each level runs in short bursts, the levels taking
turns, timed by processor time; the median and the best are printed. GB/s are the weights' bytes that each token reads:
the machine's memory bandwidth is their bound. Then, at the best level, decoding and a prompt of --prompt tokens with
one thread and with two, the prompt one token in a pass and as many as a pass takes; timed by the clock on the wall, at
the top of the scheduler where that is allowed.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
from pathlib import Path

from shapes import SHAPES, write_random_model  # sets the paths of what follows

from engine_harness import MODELS, Harness, compile_harness  # isort: skip
from priority import at_the_top  # isort: skip

LEVELS = ["reference", "sse2", "avx2", "avx512", "avx512_vnni"]
CHUNK = 64  # tokens of a pass at most
SHAPE_15M = SHAPES["15M"]
INT8_15M = dataclasses.replace(SHAPE_15M, version=2, group=32)


def measure(harness: Harness, model: Path, tokens: int, rounds: int) -> None:
    """Prints one line a level."""
    seen = harness.load(model)
    tokens = min(tokens, seen["seq_len"])
    bursts: dict[int, list[float]] = {level: [] for level in harness.levels()}
    for _ in range(rounds):
        for level, found in bursts.items():
            harness.call("level", level)
            count = tokens if level > 0 else max(tokens // 8, 1)
            found.append(count / int(harness.call("bench", count).split()[0]) * 1e9)
    # The embedding is read whole once a token when it is the classifier too; otherwise one row of it.
    read = seen["parameters"] - (0 if seen["shared"] else seen["vocab"] * seen["dim"])
    weight_bytes = 1 + 4 / seen["group"] if seen["group"] else 4
    for level, found in bursts.items():
        rate = statistics.median(found)
        speed = rate * read * weight_bytes / 1e9
        print(f"{model.stem:14} {LEVELS[level]:10} {rate:10.0f} tok/s {speed:7.1f} GB/s   best {max(found):.0f} tok/s")


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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the engine's speed at every level, and with two threads.")
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--tokens", type=int, default=128, help="tokens in a burst, from position 0")
    parser.add_argument("--prompt", type=int, default=128, help="tokens of a prompt")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = compile_harness(Path(folder), "sim")
        harness = Harness(program)
        models = arguments.models or [
            MODELS / "stories700K.bin",
            write_random_model(SHAPE_15M, Path(folder) / "random15M.bin"),
            write_random_model(INT8_15M, Path(folder) / "random15M-int8.bin"),
        ]
        for model in models:
            measure(harness, model, arguments.tokens, arguments.rounds)
        harness.close()
        with at_the_top():
            harness = Harness(program)
            for model in models:
                measure_threads(harness, model, arguments.tokens, arguments.prompt, arguments.rounds)
            harness.close()


if __name__ == "__main__":
    main()
