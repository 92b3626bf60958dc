"""Earlier prompts are found again by their words, and nothing that was being written is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import make_app, screen_text, settled, simulated, until, wait_until
from scripted import ScriptedSession, rich_state
from textual.pilot import Pilot

from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.state import Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.memory import History
from llmbm_console.tui.pages.history_search import HistorySearch, found_in
from llmbm_protocol.schema import Phase

TOLD = ("A bear lost his hat", "/temp 0.5", "The hat was red", "A bird\nand a bear")


def remembered(folder: Path, *entries: str) -> Path:
    history = History(folder / "history")
    for entry in entries or TOLD:
        history.add(entry)
    return folder


def idle_app(folder: Path, **options: Any) -> ConsoleApp:
    return make_app(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)), memory=folder, **options)


def found(pilot: Pilot[Any]) -> str | None:
    screen = pilot.app.screen
    assert isinstance(screen, HistorySearch)
    return screen.chosen


def test_every_word_is_found_in_any_order_and_case_the_newest_first() -> None:
    assert found_in((*TOLD, TOLD[0]), "BEAR a") == [TOLD[0], TOLD[3]]
    assert found_in(TOLD, "") == list(reversed(TOLD))


def test_letters_in_their_order_are_found_where_no_prompt_has_the_words() -> None:
    assert found_in(TOLD, "htwsrd") == [TOLD[2]]
    assert found_in(TOLD, "qqq") == []


async def test_a_typed_word_filters_the_key_again_goes_to_an_older_one_and_enter_takes_it(tmp_path: Path) -> None:
    app = idle_app(remembered(tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press(*"my draft", "ctrl+r", *"bear")
        await wait_until(pilot, lambda: found(pilot) == TOLD[3], "the newest that has it")
        assert "A bird and a bear" in screen_text(app), "on one line"
        assert "The hat" not in "".join(screen_text(app).splitlines()[-12:])
        await pilot.press("ctrl+r")
        assert found(pilot) == TOLD[0]
        await pilot.press("ctrl+r")
        assert found(pilot) == TOLD[0], "there is no older one"
        await pilot.press("down", "up", "enter")
        await wait_until(pilot, lambda: app.main.prompt.text == TOLD[0], "taken, not sent")
        assert app.main.focused_pane == "prompt"
        await pilot.press("down", "down", "down", "down")
        assert app.main.prompt.text == "my draft"


async def test_escape_leaves_the_prompt_as_it_was(tmp_path: Path) -> None:
    app = idle_app(remembered(tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press(*"my draft", "ctrl+r", *"hat", "escape")
        await wait_until(pilot, lambda: app.screen is app.main, "left")
        assert app.main.prompt.text == "my draft"


async def test_an_earlier_prompt_that_was_being_changed_and_the_draft_are_both_kept(tmp_path: Path) -> None:
    app = idle_app(remembered(tmp_path, "one", "two"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press(*"draft", "up", *"!", "ctrl+r", *"one", "enter")
        await wait_until(pilot, lambda: app.main.prompt.text == "one", "taken")
        await pilot.press("down", "down")
        assert app.main.prompt.text == "two!"
        await pilot.press("down")
        assert app.main.prompt.text == "draft"


async def test_enter_takes_nothing_where_nothing_is_found(tmp_path: Path) -> None:
    app = idle_app(remembered(tmp_path))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r", *"qqq", "enter")
        await wait_until(pilot, lambda: "no earlier prompt has that" in screen_text(app), "said")
        assert isinstance(app.screen, HistorySearch)


async def test_there_is_nothing_to_look_through_in_a_first_run(tmp_path: Path) -> None:
    app = idle_app(tmp_path)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r")
        await wait_until(pilot, lambda: "no prompt was written yet" in screen_text(app), "said")


@pytest.mark.parametrize("size", [(20, 5), (50, 20), (80, 24), (200, 60)])
async def test_what_was_found_fits_the_screen_and_the_chosen_one_is_shown(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app = idle_app(remembered(tmp_path, *(f"[/x] prompt {n} {'long ' * 50}" for n in range(40))))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+r", *["up"] * 19)
        await wait_until(pilot, lambda: "[/x] prompt 20" in screen_text(app), "shown")
        await pilot.press(*"prompt 3")
        await wait_until(pilot, lambda: "prompt 39" in screen_text(app), "filtered")


async def test_vims_own_key_for_it_is_bound_in_its_preset(tmp_path: Path) -> None:
    app = idle_app(remembered(tmp_path), settings=Settings(keys="vim"))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "ctrl+f", "ctrl+f", "enter")
        await wait_until(pilot, lambda: app.main.prompt.text == TOLD[2], "the one before the newest")


async def test_a_prompt_of_this_session_is_found_and_sent_again(tmp_path: Path) -> None:
    async with simulated(memory=tmp_path) as (app, pilot):
        await pilot.press(*"/max_tokens 4", "enter", *"Once upon a time", "enter")
        await until(pilot, lambda: any(isinstance(item, Turn) and item.finished for item in app.state.items), "story")
        await pilot.press("ctrl+r", *"upon", "enter", "enter")
        await until(pilot, lambda: sum(isinstance(item, Turn) for item in app.state.items) == 2, "again")


async def test_nothing_can_be_written_where_a_session_only_watches() -> None:
    async with simulated(read_only=True, notifications=True) as (app, pilot):
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "this session only watches" in screen_text(app), "refused with the reason")
