"""What is done with an answer: asked again, copied as Markdown, exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import make_app, screen_text, settled, simulated, slow_simulator, until, wait_until
from scripted import ScriptedSession, rich_state
from textual.pilot import Pilot

from llmbm_console.core.answers.conversation import another_seed
from llmbm_console.core.state.state import Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.schema import Phase


def turns(app: ConsoleApp) -> list[Turn]:
    return [item for item in app.state.items if isinstance(item, Turn)]


async def ask(app: ConsoleApp, pilot: Pilot[Any], prompt: str = "Once upon a time") -> None:
    before = len(turns(app))
    await pilot.press(*"/max_tokens 8", "enter", *prompt, "enter")
    await until(pilot, lambda: len(turns(app)) > before, "answered")
    await pilot.press("escape")


def test_another_seed_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter((42, 42, 9))
    monkeypatch.setattr("secrets.randbelow", lambda _below: next(drawn))
    state = rich_state()
    assert state.sampling is not None
    assert state.sampling.seed == 42
    assert another_seed(state) == 9


async def test_the_last_prompt_is_asked_again() -> None:
    async with simulated() as (app, pilot):
        await ask(app, pilot)
        await pilot.press("A")
        await until(pilot, lambda: len(turns(app)) == 2, "answered again")
        assert [turn.prompt for turn in turns(app)] == ["Once upon a time"] * 2


async def test_another_seed_is_in_force_before_the_prompt_is_sent_and_undo_takes_it_back() -> None:
    async with simulated() as (app, pilot):
        await ask(app, pilot)
        app.do("chat.retry_seed")
        await until(pilot, lambda: len(turns(app)) == 2, "answered again")
        slider = app.main.sampling.sliders["seed"]
        await until(pilot, lambda: slider.wanted is None and slider.value not in (None, 42), "shown")
        assert [turn.settings.seed for turn in turns(app) if turn.settings is not None] == [42, slider.value]
        await pilot.press("u")
        await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.seed == 42, "taken back")


async def test_nothing_is_asked_again_before_anything_was_asked() -> None:
    async with simulated(notifications=True) as (app, pilot):
        await pilot.press("escape", "A")
        await until(pilot, lambda: "not asked again: nothing was asked yet" in screen_text(app), "refused")


async def test_nothing_is_asked_again_while_an_answer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_simulator(tmp_path, monkeypatch, 50_000)
    async with simulated(notifications=True) as (app, pilot):
        await pilot.press(*"/max_tokens 400", "enter", *"Once", "enter", "escape")
        await until(pilot, lambda: app.state.turn is not None, "it runs")
        await pilot.press("A")
        await until(pilot, lambda: "not asked again: an answer runs" in screen_text(app), "refused")
        app.do("chat.retry_seed")
        assert app.state.turn is not None
        assert app.state.sampling is not None
        assert app.state.sampling.seed == 42
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.state.turn is None, "stopped")
        assert len(turns(app)) == 1


async def test_nothing_can_be_asked_again_where_nothing_can_be_asked() -> None:
    async with simulated(read_only=True) as (app, _pilot):
        for name in ("chat.retry", "chat.retry_seed"):
            assert app.reason_against(app.by_id[name]).startswith("this session only watches")


async def test_the_last_turn_is_copied_as_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with simulated(notifications=True) as (app, pilot):
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await ask(app, pilot)
        await pilot.press("Y")
        await until(pilot, lambda: "of the last turn, as Markdown" in screen_text(app), "said")
        [turn] = turns(app)
        assert f"```text\n{turn.text.strip()}" in copied[0].replace("```text\n ", "```text\n")
        assert "8 tokens, " in copied[0]
        assert "Settings: temp 0.85, " in copied[0]
        assert "max_tokens 8, seed 42" in copied[0]


async def test_what_is_selected_is_copied_as_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    app = make_app(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await pilot.press("escape", "1", "V", "up", "Y")
        await wait_until(pilot, lambda: copied, "copied")
        assert copied[0].startswith("```text\n")
        assert copied[0].endswith("\n```\n")
        assert not app.main.get_selected_text(), "left"


async def test_the_conversation_is_written_into_a_file_which_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmbm_console.tui.verbs.answer.saved_folder", lambda: tmp_path / "files")
    async with simulated(notifications=True) as (app, pilot):
        app.do("chat.export")
        await until(pilot, lambda: "there is no conversation yet" in screen_text(app), "nothing to write")
        await ask(app, pilot)
        await pilot.press("A")
        await until(pilot, lambda: len(turns(app)) == 2, "answered again")
        app.do("chat.export")
        await until(pilot, lambda: "conversation.md" in screen_text(app), "told")
        [path] = (tmp_path / "files").iterdir()
        written = path.read_text("utf-8")
        assert written.startswith("# Conversation with `sim:stories700K`\n")
        assert written.count("## Turn ") == 2
        assert written.count("Settings: temp 0.85") == 2
        assert "/max_tokens 8" in written


async def test_a_conversation_whose_folder_cannot_be_written_is_kept_elsewhere_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").write_text("no folder")
    monkeypatch.setattr("llmbm_console.tui.verbs.answer.saved_folder", lambda: tmp_path / "files")
    async with simulated(notifications=True, size=(200, 40)) as (app, pilot):
        await ask(app, pilot)
        app.do("chat.export")
        await until(pilot, lambda: "cannot be written:" in " ".join(screen_text(app).split()), "told")
        assert "conversation.md" in screen_text(app)
