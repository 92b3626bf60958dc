"""The kernel's own time against this computer's: its milliseconds and rates are true in an emulator too."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from qemu_machine import Boot, QemuMachine
from test_machines import GREEDY

pytestmark = pytest.mark.qemu

INTERVAL = 3.0  # seconds that are measured by both clocks


def stamped(machine: QemuMachine, value: int) -> tuple[float, float, float]:
    """Kernel's seconds of an event made now, and this computer's before and after it."""
    before = time.monotonic()
    machine.ask(f"/stop_nl {value}")
    after = time.monotonic()
    found = re.search(r"\bt=(\d+) .*msg=stop_nl", machine.ask("/log 1"))
    assert found is not None
    return int(found[1]) / 1000, before, after


def test_seconds_are_seconds(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image)
    machine.until(r"\nllmk> ")
    kernel_first, before_first, after_first = stamped(machine, 1)
    time.sleep(INTERVAL)
    kernel_last, before_last, after_last = stamped(machine, 0)
    passed = kernel_last - kernel_first
    assert (before_last - after_first) * 0.9 - 0.2 < passed < (after_last - before_first) * 1.1 + 0.2


def test_the_clock_is_named_with_its_rate_its_spread_and_whether_it_holds(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image)
    for _ in range(5):
        machine.until(r"\nllmk> ")
        said = re.search(r"clock_hz=(\d+) clock=(\S+) spread_ppm=(\d+) invariant=([01])", machine.ask("/cpu"))
        assert said is not None
        assert 100_000_000 < int(said[1]) < 20_000_000_000
        if int(said[3]) < 100_000:  # a tenth: beyond that it was no measurement
            return
        machine.control("system_reset")  # it had to wait for its own computer between two looks at a clock
    pytest.fail(f"no measurement: {said[0]}")


def test_rates_are_what_a_watch_says(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image)
    machine.until(r"\nllmk> ")
    for line in (*GREEDY, "/stats 1", "/max_tokens 400"):
        machine.ask(line)
    begun = time.monotonic()
    said = machine.ask("Once upon a time")
    took = time.monotonic() - begun
    rates = re.search(r"\[(\d+) tokens, prefill (\d+) at ([\d.]+) tok/s, decode ([\d.]+) tok/s", said)
    assert rates is not None, said[-200:]
    computed = int(rates[2]) / float(rates[3]) + (int(rates[1]) - 1) / float(rates[4])
    assert took * 0.5 - 0.5 < computed < took * 1.1 + 0.2  # the line and the screen took the rest
