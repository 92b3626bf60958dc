"""The files that bench/ writes for other engines hold the same models as those that it writes for this one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_models import ROOT
from typed_kernel import GREEDY, Start

sys.path.append(str(ROOT / "bench"))

from gguf_write import write_gguf
from shapes import SHAPES, random_tensors, write_random_model, write_tokenizer

SHAPE = replace(SHAPES["260K"], hidden=192, seq=64)  # rows of whole blocks of Q8_0


@pytest.mark.parametrize("int8", [False, True], ids=["F32", "Q8_0"])
def test_a_gguf_file_of_the_bench_is_the_same_model(start: Start, tmp_path: Path, int8: bool) -> None:
    write_random_model(SHAPE, tmp_path / "model.bin")
    write_tokenizer(SHAPE, tmp_path / "model.tok.bin")
    size = write_gguf(SHAPE, random_tensors(SHAPE), tmp_path / "other.gguf", int8)
    assert size < (tmp_path / "other.gguf").stat().st_size < size + 65536
    kernel = start(tmp_path)
    told = []
    for name in ("model.bin", "other.gguf"):
        kernel.tell(f"/load {name}", *GREEDY, "/max_tokens 30")
        words = kernel.words("/model")
        told.append({key: words[key] for key in ("dim", "hidden", "layers", "heads", "kv", "vocab", "seq", "shared")})
        told.append({"answer": kernel.ask("w1")})
    assert told[0] == told[2]
    if not int8:
        assert told[1] == told[3]
