"""Every function of the UEFI port under real firmware, asked by native/port_trial.c."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from qemu_machine import Boot, Setup

from llmbm_console.core.image import gpt
from llmbm_console.core.image.boot_image import build_image, read_files

pytestmark = pytest.mark.qemu
SETUPS = {
    "q35": Setup(),
    "pc, small firmware, oldest processor": Setup(machine="pc", cpu="qemu64", bus="ide", firmware=1),
}
CHECKS = 32


@pytest.fixture
def trial_image(trial: Path, tmp_path: Path) -> Path:
    """A disk with little more room than the format demands, so that it can be filled."""
    image = tmp_path / "trial.img"
    build_image(image, trial, free_bytes=0)
    return image


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS.keys())
def test_the_port_keeps_its_promises(boot: Boot, trial_image: Path, tmp_path: Path, setup: Setup) -> None:
    machine = boot(trial_image, setup)
    said = machine.until(r"\nready\n")
    assert re.findall(r".*failed.*", said) == []
    assert len(re.findall(r"(?m) ok$", said)) == CHECKS, said
    clock = re.search(r"clock (\S+) hz=\d+ spread=\d+ time=(\d+)", said)
    assert clock is not None
    assert clock[1] in ("pm-timer", "stall")
    assert abs(int(clock[2]) - time.time()) < 600  # QEMU's clock is this computer's, in UTC
    found = read_files(tmp_path / "disk.img")
    assert {name: len(data) for name, data in found.items() if "trial" in name} == {
        "trial.dat": 700,
        "trial2.dat": 0,
        "EFI/trial3.dat": 2000,
    }
    machine.close()
    checker = shutil.which("fsck.vfat") or shutil.which("fsck.vfat", path="/sbin:/usr/sbin")
    if checker is not None:
        data = (tmp_path / "disk.img").read_bytes()
        (tmp_path / "volume").write_bytes(data[gpt.FIRST_LBA * gpt.SECTOR :])
        done = subprocess.run([checker, "-n", tmp_path / "volume"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_firmware_takes_no_byte_of_the_line(boot: Boot, trial_image: Path) -> None:
    """Its terminal driver looks every 20 ms; a kernel that computes looks less often, and must still get everything."""
    machine = boot(trial_image)
    machine.until(r"\nready\n")
    machine.send(b"g")
    machine.until("counting\n")
    sent = bytes(33 + i % 90 for i in range(400)) + b"\n"  # which is the last that is counted
    machine.send(sent, gap=0.002)
    expected = 0
    for byte in sent:
        expected = (expected * 31 + byte) & 0xFFFFFFFF
    assert f"counted {len(sent)} sum {expected}\n" in machine.until(r"counted \d+ sum \d+\n")


def test_the_machines_own_keyboard_and_screen(boot: Boot, trial_image: Path, tmp_path: Path) -> None:
    machine = boot(trial_image)
    machine.until(r"\nready\n")
    machine.send(b"s")
    machine.until("drawn\n")
    assert sum(byte != 0 for byte in machine.screen(tmp_path)[::3]) > 20_000  # a page of text
    machine.send(b"k")
    machine.until("keys\n")
    special = ("up", "down", "left", "right", "home", "end", "delete")
    codes = {"a": ord("a"), "shift-b": ord("B"), "ctrl-c": 0x03, "backspace": 0x08}
    codes |= {name: 0x110000 + number for number, name in enumerate(special)}
    for key, code in codes.items():
        machine.press(key)
        assert machine.until(r"key \w+\n") == f"key {code:x}\n"
    machine.press("f5", "ret")
    assert machine.until(r"key \w+\n") == "key d\n"


def test_the_end_asks_and_the_firmware_gets_its_line_back(boot: Boot, trial_image: Path) -> None:
    machine = boot(trial_image)
    machine.until(r"\nready\n")
    machine.send(b"q")
    machine.until(r"The kernel has ended\. Press r .* p .* f .*\n")
    machine.send(b"r")
    machine.until(r"\nready\n")  # it booted again
    machine.send(b"q")
    machine.until("The kernel has ended")
    machine.send(b"f")
    machine.until("Back to the firmware")
    machine.until(r"BdsDxe|UEFI|Boot")  # the firmware speaks on the line again
