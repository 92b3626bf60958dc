"""A long evening at the machine: a hundred prompts with resets between them, and the files it leaves on the disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from qemu_machine import Boot, QemuMachine
from test_machines import GREEDY, card_text

from llmbm_console.core.image.boot_image import read_files
from llmbm_console.core.postmortem.dump import parse_post_mortem

pytestmark = pytest.mark.qemu

BEGINNINGS = ("Once upon a time", "The cat", "A boy had a ball", "Lily saw a bird", "One day")


def greedy_story(machine: QemuMachine) -> str:
    """What the greedy model makes of the usual beginning, in a new conversation."""
    for line in (*GREEDY, "/max_tokens 30", "/clear"):
        machine.ask(line)
    return machine.ask("Once upon a time")


def arenas(machine: QemuMachine) -> list[tuple[str, ...]]:
    """Name, size and use of every arena."""
    return re.findall(r"\[([A-Z]+)\] base=\S+ size=(\d+) .*? used=(\d+)", machine.ask("/zones"))


def test_a_hundred_prompts_with_resets_leave_the_kernel_as_it_was(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image)
    machine.until(r"\nllmk> ")
    expected = greedy_story(machine)
    assert card_text().startswith(expected)
    memory = arenas(machine)
    assert len(memory) == 6
    machine.ask("/max_tokens 8")
    for number in range(100):
        said = machine.ask(BEGINNINGS[number % len(BEGINNINGS)])
        assert said.strip(), number
        if number % 10 == 4:
            machine.ask("/reset")
        if number % 10 == 9:
            machine.ask("/clear")
        if number % 25 == 12:  # a trip and the way back
            machine.ask("/test_failsafe decode 1")
            machine.ask("And then")
            assert "/reset" in machine.ask("Is anybody there"), "a tripped kernel says what to do"
            machine.ask("/reset")
        if number == 50:
            machine.control("system_reset")
            machine.until(r"\nllmk> ")
            machine.ask("/max_tokens 8")
    assert greedy_story(machine) == expected
    assert arenas(machine) == memory


def test_files_are_on_the_disk_after_a_trip_a_reset_and_the_end(
    boot: Boot, default_image: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk.img"
    machine = boot(default_image)
    machine.until(r"\nllmk> ")
    machine.ask("/max_tokens 8")
    machine.ask("/test_failsafe decode 1")
    assert "llmk-failsafe.txt" in machine.ask("Once upon a time") + machine.ask("/log 8")
    tripped = parse_post_mortem(read_files(disk)["llmk-failsafe.txt"], "llmk-failsafe.txt")  # the machine still runs
    assert tripped.complete, tripped.problems
    machine.ask("/reset")
    machine.ask("/save_dump")
    machine.control("system_reset")
    machine.until(r"\nllmk> ")
    first = read_files(disk)
    assert first["llmk-failsafe.txt"]
    dump = parse_post_mortem(first["llmk-dump.txt"], "llmk-dump.txt")
    assert dump.complete, dump.problems
    machine.ask("/save_log")
    machine.send(b"/poweroff\r")
    assert machine.wait_end() == 0
    last = read_files(disk)
    log = parse_post_mortem(last["llmk-log.txt"], "llmk-log.txt")
    assert log.complete, log.problems
    assert last["llmk-dump.txt"] == first["llmk-dump.txt"]
    assert not [name for name in last if name.endswith((".new", ".old"))]
