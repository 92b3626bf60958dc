"""int8 weights on the emulated machine: a file of version 2 gives the text of the simulator at every level."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
from qemu_machine import Boot

from llmbm_console.core.image import build_image
from llmbm_console.core.paths import default_model, find_tokenizer

sys.path.append(str(Path(__file__).resolve().parents[1] / "kernel"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))

from llama2_files import model_file, read_legacy
from typed_kernel import GREEDY, Kernel

pytestmark = pytest.mark.qemu

PROMPT = "Once upon a time"


def test_an_int8_file_gives_the_simulators_text_at_every_level(
    boot: Boot, kernel: Path, simulator: Path, tmp_path: Path
) -> None:
    volume, tokenizer = tmp_path / "volume", find_tokenizer(default_model())
    assert tokenizer is not None
    volume.mkdir()
    shape, weights = read_legacy(default_model().read_bytes())
    (volume / "int8.bin").write_bytes(model_file(dataclasses.replace(shape, version=2, group=32), weights))
    shutil.copyfile(tokenizer, volume / "int8.tok.bin")
    build_image(tmp_path / "int8.img", kernel, volume / "int8.bin", volume / "int8.tok.bin")
    process = Kernel(simulator, volume)
    process.tell(*GREEDY, "/max_tokens 50")
    want = process.ask(PROMPT)
    assert process.close() == 0
    assert len(want) > 80
    machine = boot(tmp_path / "int8.img")
    machine.until(r"\nllmk> ")
    assert "format=int8-v2 group=32" in machine.ask("/model")
    for line in (*GREEDY, "/max_tokens 50"):
        machine.ask(line)
    for level in ("avx2", "sse2", "reference"):
        machine.ask(f"/attn {level}")
        machine.ask("/clear")
        assert machine.ask(PROMPT) == want
