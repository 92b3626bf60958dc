"""Looking back while the kernel runs on: the whole screen as it was, and one key to now."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from driving import screen_text, settled, simulated, until
from textual.pilot import Pilot

from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import Turn
from llmbm_console.core.state.timeline import FINE_STEP
from llmbm_console.tui.app import ConsoleApp


@pytest.fixture
async def told() -> AsyncIterator[tuple[ConsoleApp, Pilot[Any]]]:
    """The console on the simulator, after two stories."""
    async with simulated() as (app, pilot):
        await pilot.press(*"/max_tokens 20", "enter")
        for number, prompt in enumerate(("A red ball", "Tom had a boat"), 1):
            await pilot.press(*prompt, "enter")
            await until(
                pilot,
                lambda number=number: sum(isinstance(i, Turn) and bool(i.finished) for i in app.state.items) == number,
                f"story {number}",
            )
        await pilot.press("escape")
        yield app, pilot


async def test_the_previous_mark_is_the_turn_before_and_the_point_leads_back_to_now(
    told: tuple[ConsoleApp, Pilot[Any]],
) -> None:
    app, pilot = told
    await until(pilot, lambda: "Tom had a boat" in screen_text(app), "the second story is shown")
    await pilot.press("{")
    await until(pilot, lambda: app.held is not None, "in the past")
    for _ in range(12):  # warnings of a busy computer may be marks as well
        await pilot.press("{")
        await settled(pilot)
        if "Tom had a boat" not in screen_text(app):
            break
    assert "Tom had a boat" not in screen_text(app)
    assert "AGO" in screen_text(app)
    assert "now" in screen_text(app).splitlines()[-1]
    await pilot.press(".")
    await until(pilot, lambda: "Tom had a boat" in screen_text(app), "now")
    assert "AGO" not in screen_text(app)


async def test_the_kernel_runs_on_while_the_past_is_shown_and_a_new_prompt_leads_to_now(
    told: tuple[ConsoleApp, Pilot[Any]],
) -> None:
    app, pilot = told
    await pilot.press("[", "i", *"Then she", "enter")
    assert app.held is None
    await until(pilot, lambda: "Then she" in screen_text(app), "the new prompt is shown")


async def test_a_mark_set_in_the_past_is_found_again(told: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = told
    await pilot.press("{")
    assert app.held is not None
    moment = app.held.now
    await pilot.press("m", ".")
    assert any(mark.at == moment and mark.text == "mark" for mark in app.timeline.marks())
    for _ in range(8):  # a warning of a busy computer may be a mark after it
        await pilot.press("{")
        assert app.held is not None
        if app.held.now <= moment:
            break
    assert app.held is not None
    assert app.held.now == moment


async def test_further_back_than_the_beginning_stays_at_the_beginning(told: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = told
    for _ in range(40):
        await pilot.press("[")
    assert app.held is not None
    assert app.held.now == app.timeline.span[0]
    for _ in range(80):
        await pilot.press("]")
    assert app.held is None


async def test_while_the_past_plays_the_header_says_how_long_ago_it_is(told: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = told
    app.look_back(app.timeline.span[0])  # the last mark may be a moment ago, and soon played
    await pilot.press("<", "<", "<", "space")
    await until(
        pilot, lambda: re.search(r"► 0\.125x [0-9.]+ m?s AGO", screen_text(app).splitlines()[0]), "sign and distance"
    )


async def test_in_the_past_nothing_acts_on_the_machine_of_now_and_the_prompt_gives_no_advice_for_it(
    told: tuple[ConsoleApp, Pilot[Any]],
) -> None:
    app, pilot = told
    await pilot.press("P")
    await until(pilot, lambda: app.state.machine.status is MachineStatus.PAUSED, "paused")
    paused = app.state.machine.since
    await until(pilot, lambda: "P resumes it" in screen_text(app), "now, the prompt says what goes on")
    await until(pilot, lambda: app.clock() > paused + 2 * FINE_STEP, "a moment of its own in the timeline")
    await pilot.press("P")
    await until(pilot, lambda: app.state.machine.status is MachineStatus.RUNNING, "it runs")
    await until(pilot, lambda: app.timeline.span[1] > app.state.machine.since, "remembered")
    app.look_back(paused + FINE_STEP)  # the newest state of a step stands for it
    assert app.held is not None
    assert app.held.state.machine.status is MachineStatus.PAUSED
    await settled(pilot)
    assert "resumes it" not in screen_text(app)
    assert "the past is shown: . goes to now" in screen_text(app)
    acting = {action.id for action in app.actions if action.need in ("line", "machine", "sight")}
    assert {"machine.pause", "machine.reset", "machine.quit", "chat.clear", "sentinel.drill"} <= acting
    for name in acting - {"chat.stop"}:
        assert app.reason_against(app.by_id[name]) == "the past is shown: . goes to now", name
    assert app.reason_against(app.by_id["chat.stop"]) == ""
    items = app.state.items
    for key in "PRRQQCC":
        await pilot.press(key)
        await until(pilot, lambda: any("past" in one.message for one in app._notifications), f"{key} is refused")
        assert "the past is shown: . goes to now" in screen_text(app)
    assert app.held is not None, "none of them led to now"
    assert (app.state.machine.status, app.state.items) == (MachineStatus.RUNNING, items)
    await pilot.press(".", "P")
    await until(pilot, lambda: app.state.machine.status is MachineStatus.PAUSED, "now it can be paused again")


async def test_a_held_picture_takes_no_verb_for_the_machine_either(told: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = told
    await pilot.press("space", "P")
    refusal = "Pause or resume the machine: the view is held: space lets it go"
    await until(pilot, lambda: [one.message for one in app._notifications] == [refusal], "refused")
    assert app.state.machine.status is MachineStatus.RUNNING
    await pilot.press("space", "P")
    await until(pilot, lambda: app.state.machine.status is MachineStatus.PAUSED, "paused")
