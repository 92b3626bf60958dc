"""The kernel under UEFI computes the golden logits: read from the memory of the emulated machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from qemu_machine import Boot, Setup

from llmbm_console.core.paths import default_model

sys.path.append(str(Path(__file__).resolve().parents[1] / "kernel"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))

from golden_logits import GOLDEN, PROMPT, PROMPT_POSITION, VOCAB, kernel_hash
from typed_kernel import GREEDY

pytestmark = pytest.mark.qemu

LAST = 20  # of the rows that are hashed: in the second panel of keys
#: The levels that the emulation has the instructions for, alone and shared among one to four processors.
WAYS = [("reference", 1), ("sse2", 1), ("sse2", 2), *(("avx2", threads) for threads in (1, 2, 3, 4))]


def test_the_logits_are_golden_at_every_level_and_with_one_to_four_processors(
    boot: Boot, default_image: Path, tmp_path: Path
) -> None:
    machine = boot(default_image, Setup(processors=4))
    machine.until(r"\nllmk> ")

    def read(address: int, count: int) -> bytes:
        machine.control("pmemsave", val=address, size=count, filename=str(tmp_path / "logits"))
        return (tmp_path / "logits").read_bytes()

    for line in GREEDY:
        machine.ask(line)
    for numbers, words in (("fp32", ""), ("int8", " q8")):
        want = GOLDEN[default_model().stem, numbers]
        machine.ask(f"/load {default_model().name}{words}")
        for level, threads in WAYS:
            machine.ask(f"/attn {level}")
            machine.ask(f"/threads {threads}")
            for position in (PROMPT_POSITION, LAST):  # the first comes out of the prefill
                machine.ask("/clear")
                machine.ask(f"/max_tokens {position - PROMPT_POSITION + 1}")
                machine.ask(PROMPT)
                found = kernel_hash(machine.ask("/zones"), VOCAB, read)
                assert found == want[position], (numbers, level, threads, position)
            assert f"used={threads} lost=0" in machine.ask("/cpu")
