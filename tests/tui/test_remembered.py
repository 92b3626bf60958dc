"""What is remembered between runs: prompts and choices, whatever the disk does with them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from llmbm_console.tui.memory import History, Remembered


def test_history_goes_back_and_brings_the_draft_back(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    history.add("first")
    history.add("second\nline")
    assert history.step(-1, "draft") == "second\nline"
    assert history.step(-1, "") == "first"
    assert history.step(-1, "") is None
    assert history.step(1, "") == "second\nline"
    assert history.step(1, "") == "draft"
    assert history.step(1, "") is None


@pytest.mark.parametrize(
    ("back", "written", "kept"),
    [
        (0, "unsent", ["unsent"]),
        (0, " ", []),
        (1, "second", ["draft"]),
        (1, "second, again", ["draft", "second, again"]),
    ],
)
def test_what_was_not_sent_is_kept_for_the_next_run(tmp_path: Path, back: int, written: str, kept: list[str]) -> None:
    history = History(tmp_path / "history")
    history.add("first")
    history.add("second")
    for _ in range(back):
        history.step(-1, "draft")
    assert history.keep(written) == bool(kept)
    assert History(tmp_path / "history").entries == ["first", "second", *kept]


def test_history_survives_the_run_and_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history"
    history = History(path)
    history.add("first")
    history.add("zwei\nZeilen ✓")
    with path.open("a") as file:
        file.write('"torn')
    assert History(path).entries == ["first", "zwei\nZeilen ✓"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_history_on_a_disk_that_cannot_be_written_still_works(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    history = History(blocked / "history")
    history.add("kept for this run")
    assert history.step(-1, "") == "kept for this run"


def test_choices_are_kept_and_rubbish_is_ignored(tmp_path: Path) -> None:
    Remembered(tmp_path).keep("theme", "paper")
    assert Remembered(tmp_path).get("theme") == "paper"
    for rubbish in ("[1, 2", '{"theme": 7}', "7", "[" * 100_000):
        (tmp_path / "tui.json").write_text(rubbish)
        assert Remembered(tmp_path).get("theme") == ""
