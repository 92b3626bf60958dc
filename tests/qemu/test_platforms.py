"""Computers of other kinds: processor models, few and many processors, little and much memory, and ways to start."""

from __future__ import annotations

from pathlib import Path

import pytest
from qemu_machine import Boot, Setup
from test_machines import GREEDY, card_text

from llmbm_console.core.image.boot_image import BOOT_PATH, volume_files, write_image
from llmbm_console.core.paths import default_model, find_tokenizer

pytestmark = pytest.mark.qemu

#: A covering set: each processor model, count, size and firmware is in it, not each with each.
COMPUTERS = {
    "one processor, least memory, q35": (Setup(processors=1, memory=256), "avx2"),
    "eight processors, 4 GiB, pc": (Setup("pc", bus="ide", processors=8, memory=4096), "avx2"),
    "Haswell": (Setup(cpu="Haswell", firmware=1), "avx2"),
    "Haswell without FMA": (Setup(cpu="Haswell,-fma", memory=512), "sse2"),
    "only SSE2, eight processors": (Setup(cpu="qemu64", processors=8, firmware=1), "sse2"),
    "no room for AVX state": (Setup(cpu="max,-xsave", processors=1), "sse2"),
}


@pytest.mark.parametrize(("setup", "level"), COMPUTERS.values(), ids=COMPUTERS.keys())
def test_every_kind_of_computer_writes_the_same_text(boot: Boot, default_image: Path, setup: Setup, level: str) -> None:
    machine = boot(default_image, setup)
    machine.until(r"\nllmk> ")
    assert f"kernels={level} (auto)" in machine.ask("/cpu")
    for line in (*GREEDY, "/max_tokens 40"):
        machine.ask(line)
    said = machine.ask("Once upon a time")
    assert len(said) > 80
    assert card_text().startswith(said), said


def test_the_shell_of_the_firmware_starts_it(boot: Boot, kernel: Path, tmp_path: Path) -> None:
    """Without a file at the default path OVMF goes to its shell, which runs startup.nsh."""
    model = default_model()
    files = volume_files(kernel, model, find_tokenizer(model), None)
    files["tools/llmk.efi"] = files.pop(BOOT_PATH)
    script = tmp_path / "startup.nsh"
    script.write_text("@echo -off\r\nfs0:\r\ntools\\llmk.efi\r\n")
    files["startup.nsh"] = script
    write_image(tmp_path / "shell.img", files)
    machine = boot(tmp_path / "shell.img")
    machine.until(r"\nllmk> ")
    assert "stories700K.bin" in machine.ask("/model")
    assert "wrote llmk-dump.txt" in machine.ask("/save_dump")
