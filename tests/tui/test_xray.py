"""The token under the glass, and undoing what sliders and commands did."""

from __future__ import annotations

import pytest
from driving import make_app, screen_text, settled, wait_until
from scripted import ScriptedSession, rich_state, turn

from llmbm_console.core.state import State
from llmbm_console.tui.sampling_history import SamplingHistory
from llmbm_console.tui.xray import TokenXRay


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


def with_temperature(value: int) -> State:
    base = rich_state()
    assert base.sampling is not None
    return rich_state(sampling=base.sampling.model_copy(update={"temperature": value}))


def test_undo_goes_back_through_the_changes_and_redo_makes_them_again() -> None:
    history = SamplingHistory()
    for value in (850_000, 700_000, 500_000):
        history.note(with_temperature(value))
    assert history.undo() == (("temp", 700_000),)
    history.note(with_temperature(700_000))  # the kernel takes it: no new change
    assert history.undo() == (("temp", 850_000),)
    history.note(with_temperature(850_000))
    assert history.undo() == ()
    assert history.redo() == (("temp", 700_000),)
    history.note(with_temperature(700_000))
    assert history.redo() == (("temp", 500_000),)
    assert history.redo() == ()


@pytest.mark.parametrize("value", [900_000, 100_000])
def test_a_new_change_ends_what_could_be_made_again(value: int) -> None:
    history = SamplingHistory()
    history.note(with_temperature(850_000))
    history.note(with_temperature(700_000))
    assert history.undo() == (("temp", 850_000),)
    history.note(with_temperature(850_000))
    history.note(with_temperature(value))
    assert history.redo() == ()
    assert history.undo() == (("temp", 850_000),)


def with_two(temperature: int, top_k: int) -> State:
    base = rich_state()
    assert base.sampling is not None
    return rich_state(sampling=base.sampling.model_copy(update={"temperature": temperature, "top_k": top_k}))


def test_values_that_changed_together_are_one_change() -> None:
    history = SamplingHistory()
    history.note(with_two(850_000, 80))
    history.note(with_two(600_000, 40))  # a preset
    assert history.undo() == (("temp", 850_000), ("top_k", 80))
    history.note(with_two(850_000, 40))  # the kernel takes one value after the other
    history.note(with_two(850_000, 80))
    assert history.undo() == ()
    assert history.redo() == (("temp", 600_000), ("top_k", 40))
