"""The simulator is the kernel: typed at with the same lines, it and the EFI application say the same, times aside."""

from __future__ import annotations

import difflib
import re
import shutil
import sys
from pathlib import Path

import pytest
from qemu_machine import Boot

from llmbm_console.core.paths import default_model, find_tokenizer

sys.path.append(str(Path(__file__).resolve().parents[1] / "kernel"))

from typed_kernel import Kernel

pytestmark = pytest.mark.qemu

SCRIPT = (
    *("/help", "/help /temp", "/help /nothing", "/sampling", "/stats 0"),
    *("/budget 500000000000 500000000000", "/budget 12 abc", "/strict_budget 2"),
    *("/temp", "/temp 0", "/temp abc", "/temp 9", "/top_k 0", "/top_p 1.5", "/seed 18446744073709551615", "/seed -1"),
    *("/norepeat 0", "/repeat 1", "/max_tokens 24", "/unknown", "/ temp", "/TEMP 1", "/temp 0 0"),
    *("/models", "/model", "/ctx", "Once upon a time", "/ctx", "Then the ½ cat said 你好", "/ctx"),
    *(
        "/temp 0.9",
        "/seed 7",
        "The dog",
        "/seed 7",
        "/clear",
        "The dog",
        "/overflow",
        "/overflow clear",
        "/overflow never",
    ),
    *("/preset", "/stop_nl 1", "/stop_you 1", "/load nothing.bin", "/load stories700K.bin", "/ctx", "A bird sang"),
    *("/test_failsafe decode 1", "A bird sang", "/temp", "One more", "/reset", "A bird sang", "/clear", "/ctx"),
    *("", "   ", "/save_log 3", "/save_dump", "/save_log 999", "/reset now"),
)

#: What may differ, and what is written instead: the clock and what depends on it, addresses, sizes of texts with times.
LOOSE = (
    (re.compile(r"0x[0-9a-f]+"), "ADDRESS"),
    (re.compile(r"\b[\d.]+ (?:tok/s|MB/s|GB/s|ms|us|s|cycles|Mcyc)\b"), "TIME"),
    (re.compile(r"\b(?:cycles|last|took|last pass)[ =]\d+"), "TIME"),
    (re.compile(r"(?<=wrote llmk-log\.txt, )\d+|(?<=wrote llmk-dump\.txt, )\d+"), "SIZE"),  # times have digits
    (re.compile(r"\b(?:time_ms|tsc|boot|(?:prefill|decode)_(?:last|p50|p95|p99))=\w+"), "TIME"),
)


def normalised(text: str) -> list[str]:
    """The lines without what may differ."""
    for pattern, word in LOOSE:
        text = pattern.sub(word, text)
    return text.splitlines()


def test_the_same_lines_get_the_same_answers(boot: Boot, default_image: Path, simulator: Path, tmp_path: Path) -> None:
    folder = tmp_path / "volume"
    folder.mkdir()
    model, tokenizer = default_model(), find_tokenizer(default_model())
    assert tokenizer is not None
    for file in (model, tokenizer):
        shutil.copyfile(file, folder / file.name)
    process = Kernel(simulator, folder)
    try:
        machine = boot(default_image)
        machine.until(r"\nllmk> ")
        for line in SCRIPT:
            ours, theirs = normalised(process.ask(line)), normalised(machine.ask(line))
            difference = "\n".join(difflib.unified_diff(ours, theirs, "simulator", "EFI application", lineterm="", n=1))
            assert not difference, f"after {line!r}:\n{difference}"
    finally:
        process.close()
