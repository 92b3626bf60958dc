"""The token under the glass."""

from __future__ import annotations

from dataclasses import replace

from driving import make_app, screen_text, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state, turn

from llmbm_console.core.state.state import LogLine, State
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.pages.xray import TokenXRay, described
from llmbm_protocol.schema import Event, LogCode, LogLevel, SentinelError, SentinelPhase, SentinelState, StopReason


async def test_x_shows_a_token_and_the_arrows_go_through_the_answer() -> None:
    app = make_app(
        ScriptedSession(rich_state(items=(turn(1, "One", "Once upon a time"),), turn=turn(2, "Two", "The end")))
    )
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "x")
        await wait_until(pilot, lambda: isinstance(app.screen, TokenXRay), "the glass")
        glass = app.screen
        assert isinstance(glass, TokenXRay)
        last = glass.index
        await wait_until(pilot, lambda: "turn 2" in screen_text(app), "the newest turn first")
        await pilot.press("up", "home")
        assert glass.index == 0
        await wait_until(pilot, lambda: "turn 1" in screen_text(app), "the turn before")
        await pilot.press("right")
        assert glass.index == 1
        await pilot.press("w")
        assert glass.token.cycles == max(token.cycles for token in turn(1, "One", "Once upon a time").tokens)
        await pilot.press("down", "end")
        assert glass.index == last
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main, "closed")


async def test_without_an_answer_there_is_nothing_to_look_at() -> None:
    app = make_app(ScriptedSession(rich_state(items=(), turn=None)))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "x")
        await wait_until(pilot, lambda: "no answer yet" in screen_text(app), "it says so")


def told(state: State, number: int, index: int) -> str:
    answer = next(item for item in state.items if getattr(item, "number", 0) == number)
    return "\n".join(row.plain for row in described(answer, index, Frame(state), 120))  # type: ignore[arg-type]


def test_each_pass_is_measured_against_the_budget_of_its_own_phase() -> None:
    state = rich_state(items=(turn(1, "One", "Once upon a time"),), turn=None)
    assert state.sentinel is not None
    first, second = (token.cycles for token in turn(1, "One", "Once upon a time").tokens[:2])
    assert f"prefill), {first * 100 / state.sentinel.prefill_budget:.0f} % of the budget" in told(state, 1, 0)
    assert "prefill" not in told(state, 1, 1)
    assert f"{second * 100 / state.sentinel.decode_budget:.0f} % of the budget" in told(state, 1, 1)


def test_behind_the_last_token_of_an_answer_that_tripped_stands_the_pass_that_gave_none() -> None:
    answers = turn(1, "One", "Once upon"), turn(2, "Two", "Then she")
    ends = (replace(one, finished=one.finished.model_copy(update={"reason": StopReason.TRIP})) for one in answers)
    state = rich_state(items=tuple(ends), turn=None)
    assert state.sentinel is not None
    event = Event(
        number=9, time=9, level=LogLevel.ERROR, code=LogCode.BUDGET, first=370_162, second=1000, message="decode pass"
    )
    sentinel = state.sentinel.model_copy(
        update={"state": SentinelState.TRIPPED, "error": SentinelError.BUDGET, "phase": SentinelPhase.DECODE}
    )
    log = (*state.log, LogLine(NOW, "kernel", "error", "budget", event.message, event))
    state = replace(state, sentinel=sentinel, log=log)
    assert "trip    the next pass took 370,162 cycles of 1,000, and gave no token" in told(state, 2, 1)
    assert "trip " not in told(state, 2, 0)
    assert "trip " not in told(state, 1, 1), "that trip was another one"
