"""Damaged model and tokenizer files are refused with what is wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_program import ROOT, run

HEAD = ("dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len")


def damaged(change: str) -> bytes:
    """The included model, damaged in one way."""
    data = bytearray((ROOT / "kernel_c/models/stories700K.bin").read_bytes())
    if change in HEAD:
        place = 4 * HEAD.index(change)
        data[place : place + 4] = (1 << 30).to_bytes(4, "little")
    elif change == "cut":
        del data[len(data) // 2 :]
    elif change == "nan":
        data[5000:5004] = b"\x00\x00\xc0\x7f"
    return bytes(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [("dim", "dim is 1073741824"), *((field, field) for field in HEAD[1:]), ("cut", "bytes"), ("nan", "finite")],
)
def test_a_damaged_model_is_refused_with_the_field(tmp_path: Path, change: str, said: str) -> None:
    (tmp_path / "bad.bin").write_bytes(damaged(change))
    tokenizer = ROOT / "kernel_c/models/stories700K.tok.bin"
    (tmp_path / "bad.tok.bin").write_bytes(tokenizer.read_bytes())
    done = run("exec", "--sim", "--model", str(tmp_path / "bad.bin"), "--", "Once upon a time")
    assert done.returncode == 1
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("cut", [0, 3, 100, 5000])
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, cut: int) -> None:
    (tmp_path / "m.bin").write_bytes((ROOT / "kernel_c/models/stories700K.bin").read_bytes())
    (tmp_path / "m.tok.bin").write_bytes((ROOT / "kernel_c/models/stories700K.tok.bin").read_bytes()[:cut])
    done = run("exec", "--sim", "--model", str(tmp_path / "m.bin"), "--", "Once upon a time")
    assert done.returncode == 1
    assert "tokenizer" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("; /models lists files, /load FILE loads one\n"), "what to do is said whole"
