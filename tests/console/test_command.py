"""The command that advice names: what a person can paste where they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmbm_console.core.command import command, program_of


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script of a checkout's virtual environment."""
    found = tmp_path / "a checkout" / ".venv" / "bin" / "llmbm-console"
    found.parent.mkdir(parents=True)
    found.touch()
    (tmp_path / "a checkout" / "run").touch()
    return found


def test_on_the_path_it_is_its_name(script: Path, tmp_path: Path) -> None:
    link = tmp_path / "llmbm-console"
    link.symlink_to(script)
    assert program_of(script, str(link), script.parents[2], script.parents[2]) == "llmbm-console"


def test_another_one_on_the_path_is_not_this_one(script: Path, tmp_path: Path) -> None:
    other = tmp_path / "llmbm-console"
    other.touch()
    assert program_of(script, str(other), script.parents[2], script.parents[2]) == "./run"


def test_in_the_checkout_it_is_run_and_elsewhere_the_whole_path(script: Path, tmp_path: Path) -> None:
    root = script.parents[2]
    assert program_of(script, None, root, root) == "./run"
    assert program_of(script, None, root, tmp_path) == f"'{script}'"
    assert program_of(script, None, None, root) == f"'{script}'"


def test_a_path_that_was_typed_is_told_as_it_was(script: Path) -> None:
    root = script.parents[2]
    typed = ".venv/bin/llmbm-console"
    assert program_of(script, None, root, root, typed) == typed
    assert program_of(script, None, root, root, str(script)) == "./run"
    assert program_of(script, None, root, root, "other/llmbm-console") == "./run"


def test_without_a_script_it_is_the_interpreter(tmp_path: Path) -> None:
    assert program_of(tmp_path / "none", None, None, tmp_path) == f"{sys.executable} -m llmbm_console"


def test_the_advice_of_this_installation_starts_it(tmp_path: Path) -> None:
    """Pasted into a shell here, with a name that a shell would split."""
    said = command("dump", tmp_path / "not there.txt")
    done = subprocess.run(said, shell=True, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "not there.txt" in done.stderr
