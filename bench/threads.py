#!/usr/bin/env python3
"""What a second processor brings: `python bench/threads.py [--qemu] [--int8] [--shape 15M] [--rounds N] [MODEL.bin]`.

Without a model it makes one of a published shape with random weights (speed does not depend on the values). One kernel
runs, in the simulator or with `--qemu` on an emulated machine of two processors; /bench measures decoding and prompts
with /threads 1 and /threads 2 in turn, and the medians are compared. `--int8` quantises the weights while loading.
Two threads meet thousands of times a second: where others want the processors too, run it with `chrt -f 1` before it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from shapes import SHAPES, write_random_model, write_tokenizer  # sets the paths of what follows

from engine_harness import product_build  # isort: skip
from llmbm_console.core.image.boot_image import build_image  # isort: skip
from priority import at_the_top  # isort: skip
from qemu_machine import QemuMachine, Setup  # isort: skip
from typed_kernel import Kernel  # isort: skip


def measure(ask: Callable[[str], str], seconds: int, rounds: int) -> None:
    """Prints medians and their ratio, for decoding and for prompts."""
    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for threads in (1, 2):
            ask(f"/threads {threads}")
            told = ask(f"/bench {seconds}")
            for kind in ("decode", "prefill"):
                found = re.search(rf"{kind} +([0-9.]+) tok/s", told)
                if found is None:
                    raise SystemExit(f"the kernel told no {kind} rate: {told}")
                rates.setdefault((kind, threads), []).append(float(found[1]))
    for kind in ("decode", "prefill"):
        one, two = (statistics.median(rates[kind, threads]) for threads in (1, 2))
        print(f"{kind:8} 1 thread {one:.1f} tok/s, 2 threads {two:.1f} tok/s, ratio {two / one:.2f}")


def measure_emulated(image: Path, folder: Path, settings: list[str], seconds: int, rounds: int) -> None:
    """The same on a machine that QEMU emulates."""
    machine = QemuMachine(image, folder, Setup(processors=2, memory=1024))
    try:
        machine.until(r"\nllmk> ")
        for line in settings:
            machine.ask(line)
        measure(machine.ask, seconds, rounds)
    finally:
        machine.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare one and two threads.")
    parser.add_argument("model", nargs="?", type=Path, help="with NAME.tok.bin beside it")
    parser.add_argument("--qemu", action="store_true")
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--shape", choices=SHAPES, default="15M")
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, at_the_top():
        folder = Path(name)
        model, tokenizer = folder / "model.bin", folder / "model.tok.bin"
        if arguments.model is None:
            write_random_model(SHAPES[arguments.shape], model)
            write_tokenizer(SHAPES[arguments.shape], tokenizer)
        else:
            shutil.copyfile(arguments.model, model)
            shutil.copyfile(arguments.model.with_name(arguments.model.stem + ".tok.bin"), tokenizer)
        program = product_build().build("efi" if arguments.qemu else "sim", folder)
        settings = ["/load model.bin q8"] if arguments.int8 else []
        if arguments.qemu:
            build_image(folder / "disk.img", program, model, tokenizer)
            measure_emulated(folder / "disk.img", folder, settings, arguments.seconds, arguments.rounds)
            return
        kernel = Kernel(program, folder)
        kernel.tell(*settings)
        measure(lambda line: kernel.ask(line, 120), arguments.seconds, arguments.rounds)
        kernel.close()


if __name__ == "__main__":
    main()
