"""The kernel in QEMU with real firmware: the reference text, and the files it writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmbm_console.core.dump import parse_post_mortem
from llmbm_console.core.firmware import find_firmware
from llmbm_console.core.image import build_image, read_files
from llmbm_console.core.paths import default_model, find_tokenizer, kernel_image

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT.parent / "shared" / "models" / "stories260K.bin"
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1", "/max_tokens 195")
PUBLISHED = """Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so"""  # noqa: E501

pytestmark = [
    pytest.mark.qemu,
    pytest.mark.skipif(
        shutil.which("qemu-system-x86_64") is None or find_firmware() is None, reason="QEMU or OVMF is not installed"
    ),
]


def execute(*arguments: str) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "llmbm_console", "exec", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def story(document: dict[str, object]) -> str:
    return f"{document['prompt']}{document['text']}"


def card_text() -> str:
    """The greedy text in the included model's card."""
    card = (ROOT / "kernel_c/models/README.md").read_text()
    return "\n".join(line.removeprefix("> ") for line in card.splitlines() if line.startswith("> "))


def test_included_model_writes_its_published_text() -> None:
    documents = execute("--qemu", "--json", "--", *GREEDY, "Once upon a time", "/version")
    text = story(documents[len(GREEDY)])
    assert text.startswith(card_text()[:600]), text
    assert documents[-1]["record"]["port"] == "uefi"  # type: ignore[index]


@pytest.mark.skipif(not SMALL.exists(), reason="the published model is not beside this checkout")
@pytest.mark.parametrize("target", ["--sim", "--qemu"])
def test_published_model_writes_the_reference_text(target: str) -> None:
    document = execute(target, "--model", str(SMALL), "--json", "--", *GREEDY, "Once upon a time")[-1]
    assert story(document).startswith(PUBLISHED)


@pytest.mark.parametrize("cpu", ["qemu64", "max"])
def test_boots_with_256_mib_on_old_and_new_processors_and_writes_files(tmp_path: Path, cpu: str) -> None:
    """Over the human line, as a serial terminal would: no console is involved."""
    firmware = find_firmware()
    assert firmware is not None
    model = default_model()
    image = tmp_path / "boot.img"
    build_image(image, kernel_image(), model, find_tokenizer(model), None)
    machine = subprocess.Popen(
        [
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", cpu, "-m", "256", "-smp", "2"),
            *("-display", "none", "-net", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"),
            *("-drive", f"if=pflash,format=raw,readonly=on,file={firmware.code}"),
            *("-drive", f"if=none,format=raw,id=d,file={image}", "-device", "virtio-blk-pci,drive=d,bootindex=0"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert machine.stdin is not None
    assert machine.stdout is not None
    seen = ""

    def until(pattern: str) -> str:
        nonlocal seen
        while not (match := re.search(pattern, seen)):
            piece = machine.stdout.read1(4096)  # type: ignore[union-attr]
            assert piece, f"the machine ended; it said {seen[-500:]!r}"
            seen += piece.decode("utf-8", "replace")
        text, seen = seen[: match.end()], seen[match.end() :]
        return text

    def ask(line: str) -> str:
        assert machine.stdin is not None
        machine.stdin.write(line.encode() + b"\r")
        machine.stdin.flush()
        return until(r"(?s).*?\nllmk> ")

    try:
        until(r"llmk> ")
        assert ("kernels=avx2" if cpu == "max" else "kernels=sse2") in ask("/cpu")
        for line in ("/temp 0", "/norepeat 0", "/repeat 1", "/max_tokens 40"):
            ask(line)
        assert ", there was a little girl named Lily." in ask("Once upon a time")
        assert "llmk-dump.txt" in ask("/save_dump")
        machine.stdin.write(b"/poweroff\r")
        machine.stdin.flush()
        machine.wait(30)
    finally:
        machine.kill()
        machine.wait()
    found = parse_post_mortem(read_files(image)["llmk-dump.txt"], "llmk-dump.txt")
    assert found.complete, found.problems
    assert found.header["port"] == "uefi"
    assert found.verdict.startswith("Nothing went wrong") or "overruns" in found.verdict or "No trip" in found.verdict
