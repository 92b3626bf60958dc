#!/usr/bin/env python3
"""Large models on an emulated machine: `python bench/boot.py [--runs N] [--processors N]`.

Prints, as medians of several runs in QEMU (TCG, virtio disk):
  boot    a model of the 110M shape with random weights (440 MB): from the firmware's hand-over to the kernel's prompt,
          and the load in it; the promise is 5 s
  decode  a model of the 15M shape: /bench in float32 and int8 with one processor and with two, and their ratio; the
          promises are 50 tok/s for int8 and a ratio of 1.7. Behind it what an answer decodes with the default sampling
Figures of a shared machine are noisy: compare them with each other, not with another day's.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from pathlib import Path

from shapes import SHAPES, write_random_model, write_tokenizer  # sets the paths of what follows

from engine_harness import product_build  # isort: skip
from llama2_files import Shape  # isort: skip
from llmbm_console.core.image.boot_image import build_image  # isort: skip
from priority import at_the_top  # isort: skip
from qemu_machine import QemuMachine, Setup  # isort: skip

PROMPT_SHOWN = r"\nllmk> "
FASTEST_BOOT_S, LEAST_RATIO, LEAST_INT8 = 5.0, 1.7, 50.0


def make_image(shape: Shape, folder: Path) -> Path:
    """A boot image with a random model of this shape."""
    model = write_random_model(shape, folder / "model.bin")
    tokenizer = write_tokenizer(shape, folder / "model.tok.bin")
    program = product_build().build("efi", folder)
    image = folder / "disk.img"
    build_image(image, program, model, tokenizer)
    model.unlink()
    return image


def boot_once(image: Path, folder: Path, setup: Setup) -> tuple[float, float]:
    """Seconds from the hand-over to the prompt, and the load in them as the kernel tells it."""
    machine = QemuMachine(image, folder, setup)
    try:
        machine.until(r"BdsDxe: starting Boot")
        handed_over = time.monotonic()
        said = machine.until(PROMPT_SHOWN)
        taken = time.monotonic() - handed_over
        loaded = re.search(r"MB/s, ([0-9.]+) s\n", said)
        if loaded is None:
            raise SystemExit(f"the kernel loaded nothing; it said {said[-400:]!r}")
        return taken, float(loaded[1])
    finally:
        machine.close()


def rate_in(pattern: str, said: str) -> float:
    """Tokens per second in what the kernel said."""
    told = re.search(pattern, said)
    if told is None:
        raise SystemExit(f"the kernel told no rate; it said {said[-400:]!r}")
    return float(told[1])


def decode_rates(image: Path, folder: Path, numbers: str, rounds: int) -> tuple[dict[int, float], float]:
    """Median tokens per second by number of processors, taking turns on one machine of two, and of answers by both."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    answers: list[float] = []
    machine = QemuMachine(image, folder, Setup(processors=2, memory=1024))
    try:
        machine.until(PROMPT_SHOWN)
        if numbers == "int8":
            machine.ask("/load model.bin q8")
        machine.ask("/max_tokens 40")
        for _ in range(rounds):
            for threads, found in rates.items():
                machine.ask(f"/threads {threads}")
                found.append(rate_in(r"decode +([0-9.]+) tok/s", machine.ask("/bench 4")))
            machine.ask("/clear")
            answers.append(rate_in(r"decode ([0-9.]+) tok/s", machine.ask("w1")))
    finally:
        machine.close()
    return {threads: statistics.median(found) for threads, found in rates.items()}, statistics.median(answers)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Boot and decode with large models in QEMU.")
    parser.add_argument("--runs", type=int, default=3, help="boots, and rounds of decoding")
    parser.add_argument("--processors", type=int, default=2, help="of the machine that boots")
    arguments = parser.parse_args()
    with at_the_top(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = make_image(SHAPES["110M"], folder)
        setup = Setup(processors=arguments.processors, memory=2048)
        boots = [boot_once(image, folder, setup) for _ in range(arguments.runs)]
        prompt, load = (statistics.median(column) for column in zip(*boots, strict=True))
        print(
            f"boot    110M fp32   {prompt:6.2f} s to the prompt, {load:.2f} s of it loading; limit {FASTEST_BOOT_S:g} s"
        )
        image.unlink()
        image = make_image(SHAPES["15M"], folder)
        for numbers in ("fp32", "int8"):
            rates, answer = decode_rates(image, folder, numbers, arguments.runs)
            limit = f", at least {LEAST_INT8:g} tok/s" if numbers == "int8" else ""
            print(
                f"decode  15M {numbers}    {rates[1]:6.1f} tok/s by one processor, {rates[2]:.1f} by two; "
                f"ratio {rates[2] / rates[1]:.2f}, at least {LEAST_RATIO:g}{limit}; an answer {answer:.1f}"
            )


if __name__ == "__main__":
    main()
