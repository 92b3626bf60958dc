"""The whole kernel computes the golden logits: read from the memory of the simulator after prompts and answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_logits import GOLDEN, POSITIONS, PROMPT, PROMPT_POSITION, VOCAB, kernel_hash
from made_models import DEFAULT_MODEL, put_model
from typed_kernel import GREEDY, Start

LEVELS = ("reference", "sse2", "avx2", "avx512", "avx512_vnni")


@pytest.mark.parametrize(("numbers", "words"), [("fp32", ""), ("int8", " q8")])
def test_the_logits_are_golden_at_every_level_and_with_one_to_four_threads(
    start: Start, tmp_path: Path, numbers: str, words: str
) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    want = GOLDEN[DEFAULT_MODEL.stem, numbers]
    kernel.tell(*GREEDY, f"/load {DEFAULT_MODEL.name}{words}")

    def read(address: int, count: int) -> bytes:
        with Path(f"/proc/{kernel.process.pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(count)

    levels = [level for level in LEVELS if "cannot" not in kernel.ask(f"/attn {level}")]
    assert len(levels) >= 2
    for level in levels:
        for threads in (1, 2, 3, 4):
            kernel.tell(f"/attn {level}", f"/threads {threads}")
            for position in POSITIONS[POSITIONS.index(PROMPT_POSITION) :]:  # the first comes out of the prefill
                kernel.tell("/clear", f"/max_tokens {position - PROMPT_POSITION + 1}")
                kernel.ask(PROMPT)
                assert kernel.rows() == position + 1
                assert kernel_hash(kernel.ask("/zones"), VOCAB, read) == want[position], (level, threads, position)
