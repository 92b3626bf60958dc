"""The whole kernel under real firmware, typed at from a serial terminal or at the machine's own keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from qemu_machine import Boot, Setup

from llmbm_console.core.image.boot_image import build_image, read_files
from llmbm_console.core.paths import default_model, find_tokenizer
from llmbm_console.core.postmortem.dump import parse_post_mortem

pytestmark = pytest.mark.qemu
PUBLISHED_MODEL = Path(__file__).resolve().parents[3] / "shared" / "models" / "stories260K.bin"
#: What llama2.c writes with it, greedily, in 164 tokens after the beginning of the sequence.
PUBLISHED_TEXT = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. "
    "She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She said, \"I want to "
    "play with your ball, but I can't find it.\"\n"
    "Lily was sad and didn't know what to do. She said, \"I'm sorry,"
)
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1", "/stats 0", "/budget 500000000000 500000000000")
COMPUTERS = {
    "q35, virtio, newest processor": (Setup(), "avx2"),
    "pc, IDE, small firmware, oldest processor": (Setup("pc", "qemu64", "ide", 1), "sse2"),
    "q35, SATA": (Setup(bus="ahci"), "avx2"),
    "q35, USB stick, small firmware": (Setup(bus="usb", firmware=1), "avx2"),
}


def card_text() -> str:
    """The greedy text in the card of the included model, after its prompt."""
    card = (default_model().parent / "README.md").read_text()
    text = "\n".join(line.removeprefix("> ") for line in card.splitlines() if line.startswith("> "))
    assert text.startswith("Once upon a time")
    return text.removeprefix("Once upon a time")


@pytest.mark.parametrize(("setup", "level"), COMPUTERS.values(), ids=COMPUTERS.keys())
def test_the_kernel_boots_talks_and_keeps_its_files(
    boot: Boot, default_image: Path, tmp_path: Path, setup: Setup, level: str
) -> None:
    machine = boot(default_image, setup)
    machine.until(r"\nllmk> ")
    assert f"kernels={level} (auto)" in machine.ask("/cpu")
    assert re.search(
        r"this processor or system has no (\w+, )*avx512f, .*; best is " + level, machine.ask("/cpu avx512")
    )
    for line in (*GREEDY, "/max_tokens 60"):
        machine.ask(line)
    said = machine.ask("Once upon a time")
    assert len(said) > 100
    assert card_text().startswith(said), said  # the same text whatever the processor has
    assert "wrote llmk-dump.txt" in machine.ask("/save_dump")
    assert "wrote llmk-dump.txt" in machine.ask("/save_dump")  # over the first
    machine.send(b"/poweroff\r")
    assert machine.wait_end() == 0
    files = read_files(tmp_path / "disk.img")
    found = parse_post_mortem(files["llmk-dump.txt"], "llmk-dump.txt")
    assert found.complete, found.problems
    assert found.header["port"] == "uefi"
    assert not [name for name in files if name.endswith((".new", ".old"))]


@pytest.mark.skipif(not PUBLISHED_MODEL.exists(), reason="the published model is not beside this checkout")
def test_the_published_model_writes_the_published_text(boot: Boot, kernel: Path, tmp_path: Path) -> None:
    build_image(tmp_path / "published.img", kernel, PUBLISHED_MODEL, find_tokenizer(PUBLISHED_MODEL))
    machine = boot(tmp_path / "published.img")
    machine.until(r"\nllmk> ")
    for line in (*GREEDY, "/max_tokens 160"):
        machine.ask(line)
    assert machine.ask("Once upon a time") == PUBLISHED_TEXT


def test_without_com1_the_firmware_console_and_the_keyboard_do(boot: Boot, default_image: Path, tmp_path: Path) -> None:
    """The firmware shows its console on COM2 then, and with it what the kernel writes to the screen."""
    machine = boot(default_image, Setup(port=2))
    machine.until("llmk> ")
    machine.type("/save_log")
    machine.until(r"wrote llmk-log\.txt")
    machine.until("llmk> ")
    machine.send(b"/temp\r", gap=0.05)
    machine.until(r"temp = 0\.85")
    log = parse_post_mortem(read_files(tmp_path / "disk.img")["llmk-log.txt"], "llmk-log.txt")
    assert log.complete, log.problems
    assert sum(byte != 0 for byte in machine.screen(tmp_path)[::3]) > 2_000  # the same on the machine's own screen


def test_without_a_model_there_is_a_rescue_prompt(boot: Boot, kernel: Path, tmp_path: Path) -> None:
    build_image(tmp_path / "bare.img", kernel)
    machine = boot(tmp_path / "bare.img")
    assert "no model file" in machine.until(r"\nrescue> ")
    assert "No .bin or .gguf file" in machine.ask("/models")
    assert "wrote llmk-dump.txt" in machine.ask("/save_dump")


def test_a_write_protected_disk_is_said(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image, Setup(read_only=True))
    machine.until(r"\nllmk> ")
    assert "was not written: the volume is read-only" in machine.ask("/save_dump")
    assert "temp = 0.5" in machine.ask("/temp 0.5")


def test_a_configuration_on_the_volume_is_followed(boot: Boot, kernel: Path, tmp_path: Path) -> None:
    (tmp_path / "repl.cfg").write_text("temp = 0.25\nnonsense = 1\nmax_tokens = 7\n")
    model = default_model()
    build_image(tmp_path / "set.img", kernel, model, find_tokenizer(model), tmp_path / "repl.cfg")
    machine = boot(tmp_path / "set.img")
    assert "nonsense" in machine.until(r"\nllmk> ")
    assert "temp = 0.25" in machine.ask("/temp")
    assert "max_tokens = 7" in machine.ask("/max_tokens")


def test_reboot_boots_again(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image)
    first = machine.until(r"boot=(\w+)")
    machine.until(r"\nllmk> ")
    machine.send(b"/reboot\r")
    second = machine.until(r"boot=(\w+)")
    machine.until(r"\nllmk> ")
    assert first[-8:] != second[-8:]  # another boot, and it says so
