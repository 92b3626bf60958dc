#!/usr/bin/env python3
"""What a second processor brings: `python bench/threads.py [--qemu] [--tokens N] [--rounds N] [MODEL.bin]`.

Without a model it makes one of the size of 15M parameters with random weights (speed does not depend on the values).
One kernel runs, in the simulator or with `--qemu` on an emulated machine of two processors; it answers the same prompt
with /threads 1 and /threads 2 in turn, and the medians of its own decode rates are compared.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for folder in ("tests/kernel", "tests/engine", "tests/qemu", "console", "protocol"):
    sys.path.append(str(ROOT / folder))

from engine_harness import MODELS, product_build  # noqa: E402
from llama2_files import Shape, random_model  # noqa: E402
from qemu_machine import QemuMachine, Setup  # noqa: E402
from typed_kernel import Kernel  # noqa: E402

from llmbm_console.core.image import build_image  # noqa: E402

SHAPE = Shape(dim=288, hidden=768, layers=15, heads=6, kv_heads=6, vocab=1024, seq=256)  # 15.2 million parameters
PROMPT = "Once upon a time"


def measure(ask: Callable[[str], str], tokens: int, rounds: int) -> None:
    """Prints the medians and their ratio."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    ask(f"/max_tokens {tokens}")
    for _ in range(rounds):
        for threads, found in rates.items():
            ask(f"/threads {threads}")
            ask("/clear")
            told = re.search(r"decode ([0-9.]+) tok/s", ask(PROMPT))
            if told is None:
                raise SystemExit("the kernel told no decode rate")
            found.append(float(told[1]))
    one, two = (statistics.median(found) for found in rates.values())
    print(f"1 thread {one:.1f} tok/s, 2 threads {two:.1f} tok/s, ratio {two / one:.2f}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare one and two threads.")
    parser.add_argument("model", nargs="?", type=Path, help="with NAME.tok.bin beside it")
    parser.add_argument("--qemu", action="store_true")
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, tokenizer = folder / "model.bin", folder / "model.tok.bin"
        if arguments.model is None:
            model.write_bytes(random_model(SHAPE))
            shutil.copyfile(MODELS / "stories700K.tok.bin", tokenizer)
        else:
            shutil.copyfile(arguments.model, model)
            shutil.copyfile(arguments.model.with_name(arguments.model.stem + ".tok.bin"), tokenizer)
        program = product_build().build("efi" if arguments.qemu else "sim", folder)
        if not arguments.qemu:
            kernel = Kernel(program, folder)
            measure(lambda line: kernel.ask(line, 120), arguments.tokens, arguments.rounds)
            kernel.close()
            return
        build_image(folder / "disk.img", program, model, tokenizer)
        machine = QemuMachine(folder / "disk.img", folder, Setup(processors=2, memory=512))
        try:
            machine.until(r"\nllmk> ")
            measure(machine.ask, arguments.tokens, arguments.rounds)
        finally:
            machine.close()


if __name__ == "__main__":
    main()
