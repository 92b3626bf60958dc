"""The last row of the context: prompts that just fit, answers that end on it, patterns that lie across it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import Script
from typed_kernel import GREEDY, Kernel, Start

ROWS = 32


def say(start: Start, folder: Path, *pieces: bytes, rows: int = ROWS, settings: tuple[str, ...] = ()) -> Kernel:
    """A kernel whose model says these pieces. A prompt has a token for each of its bytes, and no space before it."""
    Script(pieces, seq_len=rows).write(folder)
    kernel = start(folder)
    kernel.tell(*GREEDY, *settings)
    return kernel


# ---- a pattern across an overflow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", range(1, 12))
@pytest.mark.parametrize(("policy", "rows"), [("clear", 16), ("clear", 5), ("slide", 4), ("slide", 2)])
def test_an_overflow_inside_a_stop_pattern(
    start_checked: Start, tmp_path: Path, letters: int, policy: str, rows: int
) -> None:
    """Some of the pattern's tokens are gone when it is complete: the rest leave, and nothing else."""
    pieces = (b"a",) * letters + (b"\n", b"Y", b"o", b"u", b":", b"no")
    kernel = say(start_checked, tmp_path, *pieces, rows=rows, settings=("/stop_you 1", f"/overflow {policy}"))
    for _ in range(3):
        answer = re.sub(r"\[the context was full[^]]*]\n?", "", kernel.ask("x"))
        assert answer.rstrip("\n") == "a" * letters
        assert kernel.rows() <= rows
    assert "guard=broken" not in kernel.ask("/zones")
