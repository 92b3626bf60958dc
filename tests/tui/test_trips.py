"""After a trip: the way to the event that caused it, who brought it about, and what frames say until it is reset."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from driving import confirm, make_app, screen_text, scripted, settled, simulated, until, wait_until
from scripted import NOW, ScriptedSession, rich_state
from textual.pilot import Pilot

from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import Command, LogLine, State
from llmbm_console.core.state.trips import done_by_user, meaning, newest_trip
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.details import EventDetails
from llmbm_console.tui.widgets.sentinel import SentinelPanel
from llmbm_protocol.schema import Arena, Event, LogCode, LogLevel, Phase, SentinelError, SentinelState


def event(at: float, code: LogCode, level: LogLevel = LogLevel.ERROR, text: str = "", second: int = 0) -> LogLine:
    record = Event(number=0, time=0, level=level, code=code, arena=Arena.NONE, first=2, second=second, message=text)
    return LogLine(at, "kernel", "warn" if level is LogLevel.WARN else "error", code.value, text, record)


OVERRUN = "decode pass over its budget"


def test_the_newest_trip_is_the_event_before_its_failsafe() -> None:
    old, noted = event(1, LogCode.OOB), event(3, LogCode.BUDGET, LogLevel.WARN, OVERRUN, 9)
    cause, after = event(4, LogCode.BUDGET, text=OVERRUN, second=9), event(6, LogCode.ALLOC_FAIL)
    log = (old, event(2, LogCode.FAILSAFE), noted, cause, event(5, LogCode.FAILSAFE), after)
    assert newest_trip(log) is cause
    assert newest_trip(log[:4]) is cause, "its failsafe event is not here yet"
    assert newest_trip(log[:3]) is old
    assert newest_trip((noted, after)) is None, "neither is a trip"
    assert newest_trip((old, log[1], log[4])) is log[4], "its cause was lost: that of another trip is not taken for it"
    assert newest_trip(()) is None


def lines(*commands: tuple[float, str, str]) -> State:
    return rich_state(items=tuple(Command(text, True, output, "", at) for at, text, output in commands))


HELD = "The next decode pass is held to 1000 cycles, once and strictly; budgets stay as they are."


@pytest.mark.parametrize(
    ("state", "by"),
    [
        (lines(), None),
        (lines((1, "/test_failsafe", HELD)), "/test_failsafe"),
        (lines((1, "/test_failsafe", HELD), (2, "/reset", "")), None),
        (lines((20, "/test_failsafe", HELD)), None),
        (lines((1, "/test_failsafe 7", HELD.replace("1000", "7"))), None),
        (lines((1, "/budget 5 1000", "")), "/budget 5 1000"),
        (lines((1, "/budget auto 1000", "")), "/budget auto 1000"),
        (lines((1, "/budget 1000", "")), None),
        (lines((1, "/budget decode 1000", "")), "/budget decode 1000"),
        (lines((1, "/budget prefill 1000", "")), None),
        (lines((1, "/budget decode 1000", ""), (2, "/budget prefill auto", "")), "/budget decode 1000"),
        (lines((1, "/budget", "")), None),
        (lines((1, "/budget 5 1000", ""), (2, "/budget auto", "")), None),
        (lines((1, "/budget 5 1000", ""), (2, "/budget 5 2000", "")), None),
        (lines((1, "/budget 5 1000", ""), (2, "/budget 6", "")), "/budget 5 1000"),
    ],
)
def test_who_brought_a_broken_budget_about(state: State, by: str | None) -> None:
    found = done_by_user(state, event(10, LogCode.BUDGET, text=OVERRUN, second=1000))
    assert (found.line if found else None) == by


async def _tripped(pilot: Pilot[Any], app: ConsoleApp, *typed: str) -> None:
    for text in typed:
        await pilot.press(*text, "enter")
    await until(pilot, lambda: "TRIPPED" in screen_text(app) and newest_trip(app.state.log), "tripped")
    await until(pilot, lambda: app.state.turn is None, "ended")
    app.pacer.flush()


async def test_from_the_sentinel_a_key_goes_to_what_tripped_it_and_another_tells_all_of_it() -> None:
    async with simulated() as (app, pilot):
        await _tripped(pilot, app, "/max_tokens 9", "Once", "/test_failsafe", "More")
        await until(pilot, lambda: "by your drill" in screen_text(app), "who")
        await pilot.press("escape", "5", "e")
        assert app.main.focused_pane == "events"
        assert app.main.event_list.selected is newest_trip(app.state.log)
        assert app.main.event_list.selected.code == "budget"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EventDetails), "everything about it")
        text = screen_text(app)
        assert "by your drill of " in text
        assert "1,000 cycles" in text
        await pilot.press("escape", "e")
        assert app.main.event_list.selected is not None
        assert app.main.event_list.selected.code == "failsafe", "the next one"
        app.main.event_list.filter("code:load")
        await pilot.press("5", "e")
        assert app.main.event_list.selected is newest_trip(app.state.log), "a filter does not hide it"
        await pilot.press("5", "X")
        await confirm(pilot, "X")
        await until(pilot, lambda: app.state.sentinel.state is SentinelState.ARMED, "reset")  # type: ignore[union-attr]
        await pilot.press("5", "e")
        assert app.main.event_list.selected is newest_trip(app.state.log), "it tripped before"


def wrapped(app: ConsoleApp) -> str:
    """What the sentinel pane says, as one line."""
    panel = app.main.pane("sentinel")
    assert isinstance(panel, SentinelPanel)
    return " ".join(panel.render().plain.split())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("alloc", "allocation refused in ACTS"),
        ("oob", "row beyond the end of the KV cache in decode"),
        ("ro_write", "WEIGHTS differ from what was loaded"),
        ("guard", "guard bytes behind the arena overwritten in SCRATCH"),
    ],
)
async def test_a_drill_that_trips_at_once_is_known_as_such_and_told_in_words(fault: str, words: str) -> None:
    async with simulated(size=(50, 20)) as (app, pilot):
        await pilot.press(*f"/test_failsafe {fault}", "enter", "escape", "5")
        await until(pilot, lambda: f"TRIPPED: {words}; by your drill of" in wrapped(app), "what and who")
        assert f"last {fault}" not in wrapped(app)
        assert meaning(SentinelError(fault), None), "where the log has lost its event"


async def test_in_a_narrow_pane_both_ways_from_a_trip_are_on_a_row() -> None:
    async with simulated(size=(100, 30)) as (app, pilot):
        await _tripped(pilot, app, "/test_failsafe ro_write")
        await pilot.press("escape", "5")
        await until(pilot, lambda: " X or /reset resets, e: event " in screen_text(app), "both")


async def test_while_the_view_is_held_no_way_back_from_a_trip_is_told_by_a_key_that_is_refused_there() -> None:
    async with simulated(size=(200, 50)) as (app, pilot):
        await _tripped(pilot, app, "/test_failsafe guard")
        await until(pilot, lambda: "/reset brings the chat back, or Esc, 5, X" in screen_text(app), "from the prompt")
        await pilot.press("escape")
        await until(pilot, lambda: "/reset brings the chat back, or 5, X" in screen_text(app), "from another pane")
        await pilot.press("5")
        await until(pilot, lambda: "X or /reset resets, e goes to the event" in screen_text(app), "there")
        await pilot.press("space")
        await until(pilot, lambda: " /reset resets, e goes to the event" in screen_text(app), "held")
        assert "X or /reset" not in screen_text(app)
        assert "pinned" not in wrapped(app)


async def test_the_memory_view_shows_what_a_trip_wiped_as_empty() -> None:
    async with simulated() as (app, pilot):
        await _tripped(pilot, app, "/test_failsafe", "Once")
        await pilot.press("f2")
        for arena in ("SCRATCH", "ACTS"):
            empty = re.compile(rf"{arena} +0x\w+ +0 +[0-9,]+ .* 0 %")
            await until(pilot, lambda empty=empty: empty.search(screen_text(app)), f"{arena} is empty")


async def test_a_budget_that_the_user_set_is_said_to_be_theirs_and_to_outlast_a_reset() -> None:
    async with simulated(size=(200, 50)) as (app, pilot):
        await _tripped(pilot, app, "/budget 500000000000 1", "/strict_budget 1", "Once")
        stays = "its pinned budget stays: "
        await until(pilot, lambda: f"{stays}/budget auto" in wrapped(app), "it would trip again")
        await pilot.press("escape", "5")
        await until(pilot, lambda: f"{stays}b" in wrapped(app), "there")
        await pilot.press("escape", "5", "e", "enter")
        await until(pilot, lambda: "the budget of 1 cycle was set by you at " in screen_text(app), "who")


async def test_while_tripped_the_prompts_frame_keeps_saying_so() -> None:
    state = rich_state(turn=None, phase=Phase.IDLE)
    assert state.sentinel is not None
    tripped = replace(state, sentinel=state.sentinel.model_copy(update={"state": SentinelState.TRIPPED}))
    for size in ((120, 36), (80, 24)):
        app = make_app(ScriptedSession(tripped))
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await pilot.press(*"Once upon a time")
            await wait_until(pilot, lambda app=app: "tripped: /reset" in screen_text(app), "the warning")
            assert "context 119+" in screen_text(app), "and how the prompt fits"
            await pilot.press(*["backspace"] * 16, *"/re")
            assert "tripped: /reset" in screen_text(app)


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36), (200, 60)], ids=str)
async def test_the_ways_back_from_a_trip_are_told_whole_or_the_edge_counts_what_is_not_in_sight(
    size: tuple[int, int],
) -> None:
    async with simulated(size=size) as (app, pilot):
        await pilot.press(*"/test_failsafe", "enter", *"More", "enter")
        await until(pilot, lambda: newest_trip(app.state.log) and app.state.turn is None, "tripped")
        await pilot.press("escape", "5")
        await until(pilot, lambda: "e goes to the event" in screen_text(app), "both keys")
        panel = app.main.pane("sentinel")
        assert isinstance(panel, SentinelPanel)
        above, below = panel.hidden
        assert above == 0
        assert bool(below) == (f"{below} more below" in screen_text(app) or f"{below} below" in screen_text(app))
        assert size != (50, 20) or below, "the bars have no room there"


async def test_a_paused_machine_is_paused_and_not_stale() -> None:
    state = rich_state(turn=None, phase=Phase.IDLE)
    paused = replace(state, machine=replace(state.machine, status=MachineStatus.PAUSED))
    async with scripted(ScriptedSession(paused), clock=lambda: NOW + 12) as (app, _pilot):
        text = screen_text(app)
        assert "stale" not in text
        assert "paused 119 / 256  1.6 MiB" in text
        assert "paused ARMED strict off" in text
        assert "paused zone B 156 MiB" in text
