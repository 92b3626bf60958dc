"""A face without a screen is ended by a signal while it waits for its input: at once, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def console(folder: Path, *words: str, encoding: str = "utf-8") -> subprocess.Popen[bytes]:
    """The program with a pipe as its input that stays open."""
    environment = os.environ | {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environment |= {"TMPDIR": str(folder), "PYTHONIOENCODING": encoding}
    return subprocess.Popen(
        [sys.executable, "-m", "llmbm_console.cli", "--sim", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip


def read_until(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Reads lines to one with `text`."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    raise AssertionError(b"".join(seen))


@pytest.mark.parametrize(
    ("face", "ready"), [("--plain", b"# ready"), ("--jsonl", b'"phase": "machine"')], ids=["plain", "jsonl"]
)
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=lambda v: str(v)
)
def test_a_signal_ends_a_face_that_waits_for_a_line(
    tmp_path: Path, face: str, ready: bytes, number: int, status: int
) -> None:
    shared, recording = tmp_path / "tty", tmp_path / "all.llcap"
    process = console(tmp_path, face, "--share", str(shared), "--record", str(recording))
    try:
        read_until(process, ready)
        assert shared.is_symlink()
        process.send_signal(number)
        assert process.wait(60) == status
    finally:
        process.kill()
        process.communicate()
    assert not shared.is_symlink()
    assert not list(tmp_path.glob("llmbm-*"))
    assert recording.stat().st_size > 0


def test_octets_that_are_no_text_end_nothing(tmp_path: Path) -> None:
    process = console(tmp_path, "--plain", encoding="utf-8:strict")
    output, _ = process.communicate(b"/max_tokens 4\ncaf\xe9 \xff\n/temp\n", timeout=60)
    assert process.returncode == 0
    assert b"Traceback" not in output
    assert b"temp = " in output, output


def test_the_name_of_a_shared_line_that_a_killed_console_left_is_taken_over(tmp_path: Path) -> None:
    shared = tmp_path / "tty"
    shared.symlink_to(tmp_path / "a terminal that is gone")
    process = console(tmp_path, "--plain", "--share", str(shared))
    output, _ = process.communicate(b"", timeout=60)
    assert process.returncode == 0, output
    assert not shared.is_symlink()
