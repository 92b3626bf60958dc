"""To a time that a person writes: everything at once, or the event list alone."""

from __future__ import annotations

from typing import Any

import pytest
from driving import screen_text, simulated, until
from textual.pilot import Pilot

from llmbm_console.core.state.state import Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.ask import AskLine


async def answered(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await pilot.press(*"/max_tokens 8", "enter", *"Once", "enter")
    await until(pilot, lambda: any(isinstance(item, Turn) for item in app.state.items), "answered")
    await until(pilot, lambda: app.timeline.span[1] - app.timeline.span[0] > 1.5, "time passes")
    await pilot.press("escape")


async def test_the_whole_console_goes_to_a_time_of_the_past_and_a_wrong_one_is_refused() -> None:
    async with simulated() as (app, pilot):
        await answered(app, pilot)
        await pilot.press("at", *"+99:00", "enter")
        await until(pilot, lambda: "s are kept" in screen_text(app), "refused")
        assert isinstance(app.screen, AskLine)
        await pilot.press("escape")
        assert app.held is None
        first = app.timeline.span[0]
        await pilot.press("at", *"+0:01", "enter")
        await until(pilot, lambda: app.held is not None, "another moment is shown")
        assert app.held is not None
        assert app.held.now == pytest.approx(first + 1)
        app.timeline.forgot = True
        await pilot.press("at", *"+0:01", "enter")
        await until(pilot, lambda: any("earlier moments were let go" in n.message for n in app._notifications), "told")
        await pilot.press(".", "at", *app.frame().clock(first + 1)[:8], "enter")
        await until(pilot, lambda: app.held is not None, "by the clock, too")
        assert app.held.now == pytest.approx(first + 1, abs=1)


async def test_with_the_event_list_focused_it_selects_there_and_stays_at_now() -> None:
    async with simulated() as (app, pilot):
        await answered(app, pilot)
        await pilot.press("f3", "2", "at", *"+0", "enter")
        await until(pilot, lambda: app.main.event_list.selected is app.state.log[0], "selected")
        assert app.held is None
        await pilot.press("at", *"-0", "enter")
        await until(pilot, lambda: app.main.event_list.selected is not app.state.log[0], "the newest")


async def test_nonsense_leaves_the_question_open_with_what_was_expected() -> None:
    async with simulated() as (app, pilot):
        await answered(app, pilot)
        await pilot.press("at", *"soon", "enter")
        await until(pilot, lambda: "'soon' is no time; expected a time of day" in screen_text(app), "said")
        await pilot.press("enter")
        assert isinstance(app.screen, AskLine)
