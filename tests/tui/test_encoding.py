"""A terminal whose encoding has not every character: it gets ASCII and no escapes, is told why, and is read in its own
encoding."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from own_terminal import console, wait_for


@pytest.mark.parametrize(
    ("encoding", "typed", "written"),
    [("iso-8859-1", b"caf\xe9", "caf\xe9"), ("ascii", "caf\xe9 \u65e5".encode(), "caf\xe9 \u65e5")],
)
def test_a_terminal_without_the_signs_gets_ascii_is_told_why_and_is_understood(
    tmp_path: Path, encoding: str, typed: bytes, written: str
) -> None:
    environment = {"PYTHONIOENCODING": encoding, "LLMBM_TOUR": "off"}
    with console(tmp_path, environment=environment) as (_pid, terminal):
        drawn = wait_for(terminal, b"kernel ready")
        if (notice := b"signs ascii: the terminal's encoding") not in drawn:
            drawn += wait_for(terminal, notice)
        os.write(terminal, b"/nothing " + typed + b"\r")
        drawn += wait_for(terminal, b"unknown command")
        os.write(terminal, b"\x11")
        drawn += wait_for(terminal, b"\x1b[?1049l")
    assert drawn.isascii()
    assert b"\\u" not in drawn
    assert b"cafe" in drawn
    with console(tmp_path, environment=environment) as (_pid, terminal):
        drawn = wait_for(terminal, b"kernel ready")
        os.write(terminal, b"\x11")
        assert b"signs ascii" not in drawn + wait_for(terminal, b"\x1b[?1049l"), "told once"
    (history,) = tmp_path.rglob("history")
    assert f"/nothing {written}" in map(json.loads, history.read_text("utf-8").splitlines())


def test_the_first_screen_is_drawn_in_ascii_too_where_there_is_nothing_else(tmp_path: Path) -> None:
    program = ("-m", "llmbm_console", "--choose")
    with console(tmp_path, program=program, environment={"PYTHONIOENCODING": "ascii"}) as (_pid, terminal):
        drawn = wait_for(terminal, b"what shall be opened?") + wait_for(terminal, b"Esc leaves")
        os.write(terminal, b"q")
        drawn += wait_for(terminal, b"\x1b[?1049l")
    assert drawn.isascii()
    assert b"\\u" not in drawn
