"""bench/llama_cpp.py: the files that it writes for llama.cpp hold the same models as its own, and what it tells."""

from __future__ import annotations

import json
import subprocess
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


def test_without_llama_cpp_it_says_how_to_get_it_and_measures_this_engine(program: Path, tmp_path: Path) -> None:
    empty = tmp_path / "python"  # an interpreter that has no package at all
    empty.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    empty.chmod(0o755)
    told = tmp_path / "told.json"
    command = [sys.executable, ROOT / "bench" / "llama_cpp.py", "--simulator", program, "--python", empty]
    command += ["--shapes", "260K", "--rounds", "1", "--markdown", "--json", told]
    # A session of its own, whose weight among the others the bench may raise.
    done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
    assert done.returncode == 0, done.stderr
    assert "pip install -e '.[bench]'" in done.stderr
    rows = json.loads(told.read_text())
    assert [(row["shape"], row["numbers"], row["threads"]) for row in rows] == [
        ("260K", "fp32", 1),
        ("260K", "fp32", 2),
    ]
    assert all(row["decode"] > 0 and row["prefill"] > 0 and row["read_gb_s"] > 0 for row in rows)
    assert all(row["llama_decode"] is None and row["decode_ratio"] is None for row in rows)
    assert len([line for line in done.stdout.splitlines() if line.startswith("| 260K fp32 |")]) == 2
