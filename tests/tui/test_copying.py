"""What is copied: a selection, lines, the last answer; and which way it went."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import (
    messages,
    screen_text,
    scripted,
    wait_until,
)
from scripted import STORY, ScriptedSession, rich_state, turn
from textual.selection import Offset, Selection

from llmbm_protocol.schema import Phase


async def test_control_c_copies_a_selection_of_the_transcript_unwrapped() -> None:
    session = ScriptedSession()
    async with scripted(session) as (app, pilot):
        rows = app.main.transcript.rows
        first = next(i for i, row in enumerate(rows) if "there was a little girl" in row.text)
        last = next(i for i, row in enumerate(rows) if "too high" in row.text)
        selection = Selection(Offset(0, first), Offset(len(rows[last].text), last))
        app.main.selections = {app.main.transcript: selection}
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: app.clipboard == STORY, "copied")
        assert session.stops == 0


async def test_the_last_answer_is_copied() -> None:
    async with scripted(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE))) as (app, pilot):
        await pilot.press("escape", "y")
        await wait_until(pilot, lambda: app.clipboard == STORY, "copied")


async def test_the_blank_that_a_models_first_token_begins_with_is_not_copied() -> None:
    begun = turn(1, "a prompt", " there was a bear\n")
    async with scripted(ScriptedSession(rich_state(items=(begun,), turn=None, phase=Phase.IDLE))) as (app, pilot):
        await pilot.press("escape", "y")
        await wait_until(pilot, lambda: app.clipboard == "there was a bear", "copied")


async def test_lines_are_selected_with_keys_and_copied() -> None:
    async with scripted(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE))) as (app, pilot):
        rows = app.main.transcript.rows
        await pilot.press("escape", "V")
        last = app.main.transcript.text_selection
        assert last is not None
        await pilot.press("up", "k", "up")
        selected = app.main.get_selected_text() or ""
        assert "gap: line silent for 1.8 s" in selected
        assert len(selected.splitlines()) >= 3
        await pilot.press("y")
        await wait_until(pilot, lambda: app.clipboard == selected, "copied")
        assert not app.main.selections
        await pilot.press("up")
        assert not app.main.selections
        await pilot.press("V", "escape")
        assert not app.main.selections
        assert len(rows) == len(app.main.transcript.rows)


async def test_while_lines_are_selected_the_lower_edge_says_so_and_how_to_go_on() -> None:
    async with scripted(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE))) as (app, pilot):
        told = "selecting lines   up down extend   y copy   Esc leave"
        await pilot.press("escape", "V")
        await wait_until(pilot, lambda: told in screen_text(app), "its keys")
        await pilot.press("up", "escape")
        await wait_until(pilot, lambda: "selecting" not in screen_text(app), "the usual ones")
        await pilot.press("V", "y")
        await wait_until(pilot, lambda: "selecting" not in screen_text(app), "copied")


def kept_copies(folder: Path) -> list[str]:
    return [path.read_text("utf-8") for path in folder.rglob("copied.txt")]


async def test_the_notice_says_which_way_the_copy_went(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with scripted(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE))) as (app, pilot):
        monkeypatch.setenv("TERM", "xterm-256color")
        await pilot.press("escape", "y")
        await wait_until(pilot, lambda: any("OSC 52" in text for text in messages(app)), "by the terminal")
        monkeypatch.setenv("TERM", "linux")
        await pilot.press("y")
        await wait_until(pilot, lambda: any("copied.txt" in text for text in messages(app)), "into a file")
    assert kept_copies(tmp_path) == [STORY]
