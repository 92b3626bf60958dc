"""int8 weights on the emulated machine: files of version 2 and GGUF give the text of the simulator at every level."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
from qemu_machine import Boot, QemuMachine

from llmbm_console.core.image.boot_image import build_image
from llmbm_console.core.paths import default_model, find_tokenizer

sys.path.append(str(Path(__file__).resolve().parents[1] / "kernel"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))

from gguf_files import Q8_0, gguf_of, tokens_of
from llama2_files import model_file, read_legacy
from typed_kernel import GREEDY, Kernel

pytestmark = pytest.mark.qemu

PROMPT = "Once upon a time"


def text_of(program: Path, volume: Path) -> str:
    """What the simulator says with this volume."""
    process = Kernel(program, volume)
    process.tell(*GREEDY, "/max_tokens 50")
    text = process.ask(PROMPT)
    assert process.close() == 0
    assert len(text) > 80
    return text


def says_at_every_level(machine: QemuMachine, want: str) -> None:
    for line in (*GREEDY, "/max_tokens 50"):
        machine.ask(line)
    for level in ("avx2", "sse2", "reference"):
        machine.ask(f"/attn {level}")
        machine.ask("/clear")
        assert machine.ask(PROMPT) == want


def test_an_int8_file_gives_the_simulators_text_at_every_level(
    boot: Boot, kernel: Path, simulator: Path, tmp_path: Path
) -> None:
    volume, tokenizer = tmp_path / "volume", find_tokenizer(default_model())
    volume.mkdir()
    shape, weights = read_legacy(default_model().read_bytes())
    (volume / "int8.bin").write_bytes(model_file(dataclasses.replace(shape, version=2, group=32), weights))
    shutil.copyfile(tokenizer, volume / "int8.tok.bin")
    build_image(tmp_path / "int8.img", kernel, volume / "int8.bin", volume / "int8.tok.bin")
    machine = boot(tmp_path / "int8.img")
    machine.until(r"\nllmk> ")
    assert "format=int8-v2 group=32" in machine.ask("/model")
    says_at_every_level(machine, text_of(simulator, volume))


def test_a_gguf_file_boots_alone_and_gives_the_simulators_text_at_every_level(
    boot: Boot, kernel: Path, simulator: Path, tmp_path: Path
) -> None:
    volume, tokenizer = tmp_path / "volume", find_tokenizer(default_model())
    volume.mkdir()
    shape, weights = read_legacy(default_model().read_bytes())
    (volume / "tales.gguf").write_bytes(gguf_of(shape, weights, tokens_of(tokenizer.read_bytes()), Q8_0).encode())
    build_image(tmp_path / "gguf.img", kernel, volume / "tales.gguf")
    machine = boot(tmp_path / "gguf.img")
    machine.until(r"Loaded tales\.gguf with its own tokenizer: 707808 parameters")
    machine.until(r"\nllmk> ")
    assert "format=int8-gguf group=32" in machine.ask("/model")
    says_at_every_level(machine, text_of(simulator, volume))
    assert "* tales.gguf: 707808 parameters" in machine.ask("/models")
    assert "tales.gguf is loaded" in machine.ask("/load tales.gguf")
