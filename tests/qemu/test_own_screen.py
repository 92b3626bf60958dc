"""A keyboard and a screen are enough, beside a serial line that is used at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest
from qemu_machine import Boot

pytestmark = pytest.mark.qemu


def test_the_keyboard_and_the_line_take_turns_at_one_prompt(boot: Boot, default_image: Path, tmp_path: Path) -> None:
    machine = boot(default_image)
    machine.until(r"\nllmk> ")
    before = machine.screen(tmp_path)
    said = machine.type("/temp") + machine.until(r"\nllmk> ")
    typed, answer, prompt = said.splitlines()  # whole lines, on the serial side too
    assert (typed, prompt) == ("/temp", "llmk> ")
    assert answer.startswith("temp = 0.85 (0 to 2)")
    after = machine.screen(tmp_path)
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(after[::3], before[::3], strict=True)) > 200  # and on the screen
    assert machine.ask("/temp 0.5").startswith("temp = 0.5")
    assert machine.screen(tmp_path) != after  # what is typed on the line shows on the screen
    said = machine.type("/temp") + machine.until(r"\nllmk> ")
    assert said.splitlines()[1].startswith("temp = 0.5 ")
