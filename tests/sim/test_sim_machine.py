"""The rest of the simulated machine: its options, its memory, its screen and its keys."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from sim_machine import CORE, TIMEOUT, Boot, wait_until


def run(probe: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [probe, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=TIMEOUT
    )


# ---- options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--unknown"], "--unknown"),
        (["word"], "word"),
        (["-f", "x"], "-f"),
        (["--file", "."], "--file"),
        (["--files"], "--files"),
        (["--files", "/nonexistent"], "a folder"),
        (["--files="], "a folder"),
        (["--read-only=yes"], "no value"),
        (["--baud", "49"], "50 to 4000000"),
        (["--baud", "+9600"], "50 to 4000000"),
        (["--baud", "9600x"], "50 to 4000000"),
        (["--memory", "0"], "1 to"),
        (["--memory", "99999999999999999999"], "1 to"),
        (["--disk-free", "-1"], "whole number"),
        (["--uart", "8250"], "plain or 16550"),
        (["--serial", "serial"], "stdio, pty"),
        (["--serial", "unix"], "stdio, pty"),
        (["--serial", "unix:"], "stdio, pty"),
        (["--serial", "stdio:x"], "stdio, pty"),
        (["--serial", "tcp:65536"], "65535"),
        (["--serial", "tcp:http"], "65535"),
        (["--wait"], "--wait"),
        (["--latency-us", "1000"], "--uart 16550"),
        (["--clock-hz", "5"], "1000000 to"),
    ],
)
def test_a_bad_option_is_named_and_ends_with_status_2(probe: Path, options: list[str], said: str) -> None:
    done = run(probe, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_help_names_every_option_and_version_is_the_kernels(probe: Path) -> None:
    helped = run(probe, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    for option in ("files", "read-only", "disk-free", "serial", "wait", "uart", "baud", "poll-gap-us", "latency-us"):
        assert f"--{option} " in helped.stdout
    assert max(map(len, helped.stdout.splitlines())) <= 100
    version = run(probe, "--version")
    assert version.returncode == 0
    assert f'"{version.stdout.split()[1]}"' in (CORE / "kernel.h").read_text()


def test_a_value_may_follow_an_equals_sign(probe: Path, tmp_path: Path) -> None:
    done = run(probe, f"--files={tmp_path}", "--memory=2", "--uart-stats")
    assert (done.returncode, done.stdout) == (0, "ready\n")
    assert "sent=6" in done.stderr


@pytest.mark.parametrize("option", ["--screen", "--keyboard"])
def test_a_device_that_cannot_be_opened_is_told(probe: Path, tmp_path: Path, option: str) -> None:
    done = run(probe, option, str(tmp_path / "no" / "such"))
    assert done.returncode == 1
    assert "such: No such file" in done.stderr


# ---- memory


def test_pages_are_aligned_and_zero_and_end_with_the_machines_memory(boot: Boot) -> None:
    line = boot("--memory", "8").stdio()
    line.until(b"ready\n")
    assert line.ask("free") == str(8 << 20)
    for size in (1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 8 << 20):
        assert line.ask(f"alloc {size}") == "aligned zero"
        assert line.ask("free") == str(8 << 20)
    for size in (0, (8 << 20) + 1, 2**63, 2**64 - 1):
        assert line.ask(f"alloc {size}") == "none"


# ---- screen and keys


def test_the_screen_is_a_file_that_a_reboot_continues(boot: Boot, tmp_path: Path) -> None:
    screen = tmp_path / "screen"
    screen.write_text("of an earlier run")
    machine = boot("--screen", str(screen))
    line = machine.stdio()
    line.until(b"ready\n")
    line.ask("draw grüße")
    assert screen.read_text() == "grüße"
    line.send(b"reboot\n")
    line.until(b"ready\n")
    line.ask("draw !")
    assert screen.read_text() == "grüße!"


def test_the_screen_on_stderr(boot: Boot) -> None:
    machine = boot("--screen", "stderr")
    line = machine.stdio()
    line.until(b"ready\n")
    line.ask("draw visible")
    assert machine.said() == "visible"


def test_keys_of_a_file_are_characters_and_special_keys(boot: Boot, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_bytes("aé€😀\n\x7f\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F\x1b[3~".encode() + b"\xff\xe2\x82")
    line = boot("--keyboard", str(keys)).stdio()
    line.until(b"ready\n")
    found = line.ask("keys").split()
    assert found[:6] == ["61", "e9", "20ac", "1f600", "d", "8"]
    assert found[6:13] == ["110000", "110001", "110003", "110002", "110004", "110005", "110006"]
    assert found[13:] == ["fffd", "fffd"]


def test_a_keyboard_that_is_a_pipe_is_typed_on_again_and_again(boot: Boot, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    os.mkfifo(keys)
    line = boot("--keyboard", str(keys)).stdio()
    line.until(b"ready\n")
    assert line.ask("keys") == ""
    for typed, found in ((b"x", " 78"), (b"\xc3", ""), (b"\xa9", " e9")):
        keys.write_bytes(typed)
        answers: list[str] = []

        def pressed(answers: list[str] = answers, found: str = found) -> bool:
            answers.append(line.ask("keys"))
            return found in "".join(answers)

        wait_until(pressed, repr(typed))
        assert "".join(answers) == found
