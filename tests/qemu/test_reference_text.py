"""The reference text through the whole product: `exec`, its session, QEMU with real firmware, the kernel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmbm_console.core.machine.firmware import find_firmware

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT.parent / "shared" / "models" / "stories260K.bin"
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1", "/max_tokens 196")
PUBLISHED = """Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she"""  # noqa: E501

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
    assert story(document) == PUBLISHED
