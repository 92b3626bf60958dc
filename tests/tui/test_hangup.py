"""How the console ends: a terminal that goes away ends it and the kernel it started, at whatever moment it goes; on one
that stays, the last line says where the recording is."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from own_terminal import console, ended, exit_status, start, wait_for


@pytest.mark.parametrize("moment", [b"\x1b[?1049h", b"Transcript", b"kernel ready"])
def test_a_terminal_that_closes_ends_the_console(tmp_path: Path, moment: bytes) -> None:
    pid, terminal = start(tmp_path)
    try:
        wait_for(terminal, moment)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
        os.close(terminal)
    assert ended(pid)


def test_when_it_ends_it_says_where_the_recording_is(tmp_path: Path) -> None:
    path = tmp_path / "all.llcap"
    pid, terminal = start(tmp_path, "--record", str(path))
    try:
        wait_for(terminal, b"REC")
        os.write(terminal, b"\x11")  # ^q
        wait_for(terminal, b"\x1b[?1049l")
        wait_for(terminal, f"recorded: {path}\r\n".encode())
    finally:
        os.close(terminal)
    assert ended(pid)
    assert path.stat().st_size


WITH_MESSAGES_IN = """
import os, sys
os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600), 2)
os.execv(sys.executable, [sys.executable, "-m", "llmbm_console", "--sim"])
"""


@pytest.mark.parametrize("messages", ["messages", "/dev/full"])
def test_where_messages_go_elsewhere_the_picture_is_on_the_terminal_all_the_same(tmp_path: Path, messages: str) -> None:
    program = ("-c", WITH_MESSAGES_IN, str(tmp_path / messages))
    with console(tmp_path, program=program) as (_pid, terminal):
        wait_for(terminal, b"kernel ready")
        os.write(terminal, b"not sent\x11")
        wait_for(terminal, b"\x1b[?1049l")
    if messages == "messages":
        assert "was not sent" in (tmp_path / messages).read_text()


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP], ids=["SIGTSTP", "SIGSTOP"])
def test_a_console_that_was_stopped_goes_on_with_its_terminal(tmp_path: Path, number: signal.Signals) -> None:
    with console(tmp_path) as (pid, terminal):
        wait_for(terminal, b"kernel ready")
        os.kill(pid, number)
        if number == signal.SIGTSTP:
            wait_for(terminal, b"\x1b[?1049l")  # the shell's screen is there again
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        os.kill(pid, signal.SIGCONT)
        wait_for(terminal, b"\x1b[?1049h")
        wait_for(terminal, b"kernel ready")
        os.write(terminal, b"/temp 0.25\r")
        wait_for(terminal, b"temp = 0.25")
        os.write(terminal, b"\x11")
        wait_for(terminal, b"\x1b[?1049l")


def test_a_terminal_that_stands_still_keeps_nothing_waiting_and_gets_the_newest_picture(tmp_path: Path) -> None:
    path = tmp_path / "all.llcap"
    end = time.monotonic() + 120
    with console(tmp_path, "--record", str(path)) as (_pid, terminal):
        wait_for(terminal, b"REC")
        for number in range(60):  # their pictures are more than its line and Textual's thread have room for
            os.write(terminal, f"/temp 0.{number + 10}\r".encode())
            while f"/temp 0.{number + 10}".encode() not in path.read_bytes():
                assert time.monotonic() < end, f"it stood still with line {number}"
                time.sleep(0.02)
        wait_for(terminal, b"temp = 0.69")
        os.write(terminal, b"\x11")
        wait_for(terminal, b"\x1b[?1049l")


BROKEN = """
from llmbm_console.cli import main
from llmbm_console.tui.pages.help import HelpScreen

def compose(screen):
    raise ValueError("broken on purpose")

HelpScreen.compose = compose
raise SystemExit(main(["--sim"]))
"""


def test_an_error_of_its_own_ends_it_with_another_status_and_keeps_what_was_not_sent(tmp_path: Path) -> None:
    pid, terminal = start(tmp_path, program=("-c", BROKEN))
    wait_for(terminal, b"kernel ready")
    os.write(terminal, b"my unsent words")
    wait_for(terminal, b"words")
    os.write(terminal, b"\x1bOP")  # F1
    wait_for(terminal, b"broken on purpose")
    status = exit_status(pid, terminal=terminal)
    os.close(terminal)
    assert status is not None
    assert os.waitstatus_to_exitcode(status) == 1
    assert any("my unsent words" in path.read_text("utf-8") for path in tmp_path.rglob("history"))
