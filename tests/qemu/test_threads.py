"""Application processors in the emulated machine: the same text with one and two, and a machine that ends with them."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from qemu_machine import Boot, Setup

from llmbm_console.core.image.boot_image import build_image
from llmbm_console.core.paths import default_model, find_tokenizer

sys.path.append(str(Path(__file__).resolve().parents[1] / "kernel"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))

from llama2_files import Shape, random_model
from test_reference_text import GREEDY, PUBLISHED, SMALL
from typed_kernel import Kernel

pytestmark = pytest.mark.qemu

PROMPT = "Once upon a time"
SET = ("/stats 0", "/temp 2", "/repeat 2", "/max_tokens 30")
SHAPE = Shape(dim=288, hidden=480, layers=2, heads=6, kv_heads=6, vocab=1024, seq=64)


def test_text_does_not_depend_on_the_processors(boot: Boot, kernel: Path, simulator: Path, tmp_path: Path) -> None:
    volume, tokenizer = tmp_path / "volume", find_tokenizer(default_model())
    assert tokenizer is not None
    volume.mkdir()
    (volume / "wide.bin").write_bytes(random_model(SHAPE))
    shutil.copyfile(tokenizer, volume / "wide.tok.bin")
    build_image(tmp_path / "wide.img", kernel, volume / "wide.bin", volume / "wide.tok.bin")
    process = Kernel(simulator, volume)
    process.tell(*SET, "/threads 1", "/seed 7")
    want = process.ask(PROMPT).partition("\n[")[0]
    assert process.close() == 0
    machine = boot(tmp_path / "wide.img", Setup(processors=4))
    machine.until(r"\nllmk> ")
    for line in SET:
        machine.ask(line)
    for threads in (1, 2, 4, 3):
        for line in (f"/threads {threads}", "/clear", "/seed 7"):
            machine.ask(line)
        assert machine.ask(PROMPT).partition("\n[")[0] == want
        assert f"processors=4 used={threads} lost=0" in machine.ask("/cpu")
    machine.send(b"/reboot\r")  # with the processors at work
    machine.until(r"boot [0-9a-f]{8}")
    machine.until(r"\nllmk> ")


@pytest.mark.skipif(not SMALL.exists(), reason="the published model is not beside this checkout")
def test_reference_text_with_two_processors(boot: Boot, kernel: Path, tmp_path: Path) -> None:
    tokenizer = find_tokenizer(SMALL)
    assert tokenizer is not None
    build_image(tmp_path / "small.img", kernel, SMALL, tokenizer)
    machine = boot(tmp_path / "small.img", Setup(processors=2))
    machine.until(r"\nllmk> ")
    for line in (*GREEDY, "/threads 2"):
        machine.ask(line)
    written = PROMPT + machine.ask(PROMPT)
    assert re.sub(r"\s+", " ", written).startswith(re.sub(r"\s+", " ", PUBLISHED)[:600])


def test_a_bench_measures_with_both_processors_and_changes_no_text(boot: Boot, kernel: Path, tmp_path: Path) -> None:
    tokenizer = find_tokenizer(default_model())
    assert tokenizer is not None
    (tmp_path / "wide.bin").write_bytes(random_model(SHAPE))
    build_image(tmp_path / "wide.img", kernel, tmp_path / "wide.bin", tokenizer)
    machine = boot(tmp_path / "wide.img", Setup(processors=2))
    machine.until(r"\nllmk> ")
    for line in (*SET, "/threads 2", "/seed 7"):
        machine.ask(line)
    want = machine.ask(PROMPT).partition("\n[")[0]
    for line in ("/clear", "/seed 7"):
        machine.ask(line)
    said = machine.ask("/bench 1")
    assert re.search(r"2 processors, fp32-v0; rows from 0\n", said), said
    assert all(float(rate) > 0 for rate in re.findall(r"([\d.]+) tok/s", said))
    assert len(re.findall(r"([\d.]+) tok/s", said)) == 2
    assert machine.ask(PROMPT).partition("\n[")[0] == want
