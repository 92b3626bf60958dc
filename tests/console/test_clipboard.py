"""Copying: by the terminal, by a program, into a file, and the notice that says which way it was."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from llmbm_console.core import clipboard
from llmbm_console.core.clipboard import MOST_BY_TERMINAL, copied, give_to, program_for, terminal_takes


def only(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parametrize(
    ("environment", "system", "there", "command"),
    [
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", ("wl-copy", "xclip"), "wl-copy"),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", ("xclip",), "xclip"),
        ({"DISPLAY": ":0"}, "linux", ("xsel",), "xsel"),
        ({}, "linux", ("xclip", "xsel", "wl-copy"), None),
        ({}, "darwin", ("pbcopy",), "pbcopy"),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", ("clip.exe",), "clip.exe"),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "a b c d"}, "linux", ("xclip",), None),
    ],
)
def test_a_program_is_chosen_by_the_screen_that_the_person_sits_at(
    environment: dict[str, str], system: str, there: tuple[str, ...], command: str | None
) -> None:
    found = program_for(environment, system, only(*there))
    assert (found[0] if found else None) == command


def test_a_terminal_is_given_what_it_can_take() -> None:
    assert terminal_takes("a story", {"TERM": "xterm-256color"})
    assert not terminal_takes("a story", {"TERM": "linux"})
    assert not terminal_takes("a story", {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"})
    assert not terminal_takes("x" * (MOST_BY_TERMINAL + 1), {"TERM": "xterm-256color"})


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for the program")
def test_the_program_is_given_the_text_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "PATIENCE", 60.0)
    program = tmp_path / "xclip"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/clip\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    environment = {"DISPLAY": ":0"}
    assert copied("ein Märchen", environment, tmp_path, sent=True) == "copied 11 characters (xclip and OSC 52)"
    assert (tmp_path / "clip").read_text("utf-8") == "ein Märchen"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert copied("x", environment, tmp_path, sent=True) == "copied 1 character (OSC 52; the terminal has to allow it)"
    said = copied("x", environment, tmp_path, sent=True, what="of the selection")
    assert said == "copied 1 character of the selection (OSC 52; the terminal has to allow it)"
    assert not give_to([str(tmp_path / "gone")], "x")


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for tmux")
@pytest.mark.parametrize(
    ("answer", "said", "kept"),
    [
        ("echo on", "copied 7 characters (OSC 52; tmux lets it through; the terminal has to allow it)", False),
        (
            "echo external",
            "tmux lets no copy through (set-clipboard external; on would): the 7 characters are",
            True,
        ),
        ("echo off", "tmux lets no copy through (set-clipboard off; on would): the 7 characters are", True),
        ("exit 1", "copied 7 characters (OSC 52 by tmux, if it lets it through; the terminal has to allow it)", False),
        ("exec sleep 1000", "copied 7 characters (OSC 52 by tmux, if it lets it through; the terminal", False),
    ],
)
def test_within_tmux_the_notice_tells_what_tmux_does_with_a_copy(
    answer: str, said: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" not in answer:
        monkeypatch.setattr(clipboard, "TMUX_PATIENCE", 60.0)
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    environment = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-1000/default,1,0"}
    assert copied("a story", environment, tmp_path / "files", sent=True).startswith(said)
    assert (tmp_path / "files" / "copied.txt").exists() == kept


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_what_nobody_takes_is_in_a_file_for_this_person_alone(tmp_path: Path) -> None:
    said = copied("x" * 100_000, {"TERM": "linux"}, tmp_path / "files", sent=False)
    path = tmp_path / "files" / "copied.txt"
    assert str(path) in said
    assert path.read_text("utf-8") == "x" * 100_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    copied("shorter", {"TERM": "linux"}, tmp_path / "files", sent=False)
    assert path.read_text("utf-8") == "shorter"
