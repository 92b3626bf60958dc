"""Undoing what sliders, presets and commands did, however late the kernel answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from driving import burst, screen_text, scripted, simulated, until, wait_until
from scripted import NOW, ScriptedSession, rich_state

from llmbm_console.core.state.events import LinkPhase, MachineChanged, MachineStatus, PromptSent, StateSaved
from llmbm_console.core.state.state import State
from llmbm_console.core.state.store import reduce
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.sampling_history import SamplingHistory, Step


def values_of(step: Step) -> tuple[tuple[str, int], ...]:
    return tuple((ask.name, ask.value) for ask in step)


def with_values(temperature: int, top_k: int = 80) -> State:
    base = rich_state()
    assert base.sampling is not None
    return rich_state(sampling=base.sampling.model_copy(update={"temperature": temperature, "top_k": top_k}))


def answer(history: SamplingHistory, step: Step, *, taken: bool = True) -> None:
    for ask in step:
        history.answered(ask, taken, step)


def test_undo_goes_back_through_the_changes_and_redo_makes_them_again() -> None:
    history = SamplingHistory()
    for value in (850_000, 700_000, 500_000):
        history.note(with_values(value))
    assert values_of(history.undo()) == (("temp", 700_000),)
    history.note(with_values(700_000))  # the kernel takes it: no new change
    assert values_of(history.undo()) == (("temp", 850_000),)
    history.note(with_values(850_000))
    assert history.undo() == ()
    assert values_of(history.redo()) == (("temp", 700_000),)
    history.note(with_values(700_000))
    assert values_of(history.redo()) == (("temp", 500_000),)
    assert history.redo() == ()


@pytest.mark.parametrize("value", [900_000, 100_000])
def test_a_new_change_ends_what_could_be_made_again(value: int) -> None:
    history = SamplingHistory()
    history.note(with_values(850_000))
    history.note(with_values(700_000))
    answer(history, history.undo())
    history.note(with_values(850_000))
    history.note(with_values(value))
    assert history.redo() == ()
    assert values_of(history.undo()) == (("temp", 850_000),)


def test_values_that_changed_together_are_one_change() -> None:
    history = SamplingHistory()
    history.note(with_values(850_000, 80))
    history.note(with_values(600_000, 40))  # a preset
    assert values_of(history.undo()) == (("temp", 850_000), ("top_k", 80))
    history.note(with_values(850_000, 40))  # the kernel takes one value after the other
    history.note(with_values(850_000, 80))
    assert history.undo() == ()
    assert values_of(history.redo()) == (("temp", 600_000), ("top_k", 40))


@pytest.mark.parametrize("told", [(850_000, 860_000, 850_000), (850_000,)], ids=["one by one", "only the last"])
def test_what_the_kernel_tells_of_earlier_changes_is_no_change(told: tuple[int, ...]) -> None:
    history = SamplingHistory()
    history.note(with_values(850_000))
    asked = [history.change({"temp": 860_000}), history.undo(), history.redo(), history.undo()]
    assert [values_of(step)[0][1] for step in asked] == [860_000, 850_000, 860_000, 850_000]
    for value in told:
        history.note(with_values(value))
    for step in asked:
        answer(history, step)
    history.note(with_values(850_000))
    assert history.undo() == ()
    assert values_of(history.redo()) == (("temp", 860_000),)
    history.note(with_values(860_000))
    history.note(with_values(500_000))  # somebody else's
    assert values_of(history.undo()) == (("temp", 860_000),)


def test_a_change_that_was_refused_was_none_and_what_was_undone_can_be_made_again() -> None:
    history = SamplingHistory()
    history.note(with_values(850_000, 80))
    history.note(with_values(700_000, 80))
    answer(history, history.undo())
    history.note(with_values(850_000, 80))
    first, second = history.change({"top_k": 600}), history.change({"top_k": 40})
    answer(history, first, taken=False)
    assert values_of(history.undo()) == (("top_k", 80),), "not to what was never in force"
    history.redo()
    answer(history, second, taken=False)
    assert values_of(history.redo()) == (("temp", 700_000),)


def test_an_undo_that_was_refused_can_be_tried_again() -> None:
    history = SamplingHistory()
    for value in (850_000, 700_000, 500_000):
        history.note(with_values(value))
    steps = [history.undo(), history.undo()]
    for step in steps:
        answer(history, step, taken=False)
    assert history.redo() == ()
    assert [values_of(history.undo()) for _ in range(2)] == [(("temp", 700_000),), (("temp", 850_000),)]


def test_an_undo_to_a_value_that_turns_out_to_be_refused_goes_to_the_one_that_was_in_force() -> None:
    history = SamplingHistory()
    history.note(with_values(850_000, 80))
    refused, taken = history.change({"top_k": 600}), history.change({"top_k": 40})
    undo = history.undo()
    assert values_of(undo) == (("top_k", 600),), "nobody knows yet"
    answer(history, refused, taken=False)
    answer(history, taken)
    history.note(with_values(850_000, 40))
    instead = history.answered(undo[0], False, undo)
    assert values_of(instead) == (("top_k", 80),)
    answer(history, instead)
    history.note(with_values(850_000, 80))
    assert history.undo() == (), "nothing else was changed"
    assert values_of(history.redo()) == (("top_k", 40),)


def test_a_redo_behind_a_refused_undo_asks_for_nothing_that_is_on_its_way_already() -> None:
    history = SamplingHistory()
    history.note(with_values(850_000, 80))
    refused, taken = history.change({"top_k": 600}), history.change({"top_k": 40})
    undo, first = history.undo(), history.undo()
    assert [values_of(step) for step in (undo, first)] == [(("top_k", 600),), (("top_k", 80),)]
    answer(history, refused, taken=False)
    answer(history, taken)
    assert history.answered(undo[0], False, undo) == ()
    answer(history, first)
    assert values_of(history.redo()) == (("top_k", 40),)


def temperature(app: ConsoleApp) -> int:
    assert app.state.sampling is not None
    return app.state.sampling.temperature


@pytest.mark.parametrize("pieces", [["uuu", "UUU"], ["u", "u", "u", "U", "U", "U"]], ids=["bursts", "presses"])
async def test_each_press_of_a_real_session_undoes_one_change(pieces: list[str]) -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape", "7")
        for value in (500_000, 600_000, 700_000, 800_000):
            await pilot.press(*f"0.{value}", "enter")
            await until(pilot, lambda value=value: temperature(app) == value, "set")
        await pilot.press("escape")
        for at, piece in enumerate(pieces):
            burst(pilot, piece)
            if at == len(pieces) // 2 - 1:
                await until(pilot, lambda: temperature(app) == 500_000, "three changes back")
        await until(pilot, lambda: temperature(app) == 800_000, "all of them again")
        burst(pilot, "uuuuu")
        await until(pilot, lambda: temperature(app) == 850_000, "back to the beginning")
        burst(pilot, "UU")
        await until(pilot, lambda: temperature(app) == 600_000, "two of them again")


async def test_undo_and_redo_while_the_kernel_answers_nothing_go_by_what_was_asked_for() -> None:
    session = ScriptedSession()
    session.gate = asyncio.Event()
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "7")
        burst(pilot, "\x1b[Cu" * 2)  # right: undone before it was even sent
        await wait_until(pilot, lambda: [v for _n, v in session.parameters] == ["0.86", "0.85"] * 2, "asked")
        burst(pilot, "\x1b[CuUu")
        await wait_until(pilot, lambda: [v for _n, v in session.parameters[4:]] == ["0.86", "0.85"] * 2, "asked")
        session.gate.set()
        slider = app.main.sampling.sliders["temp"]
        await wait_until(pilot, lambda: slider.wanted is None and slider.accepted == 850_000, "all answered")
        burst(pilot, "uU")
        await wait_until(pilot, lambda: len(session.parameters) == 9, "nothing to undo, one to make again")
        assert session.parameters[-1] == ("temp", "0.86")


async def test_undo_before_the_answers_of_a_refused_value_and_of_another_one_ends_at_the_value_in_force() -> None:
    session = ScriptedSession()
    session.gate = asyncio.Event()
    session.refusals["top_k 500"] = "top_k: expected 0 to 400 for this model"
    async with scripted(session, size=(120, 36), notifications=True) as (app, pilot):
        await pilot.press("escape", "7", "down", "down", "down")
        burst(pilot, "500\r40\ru")
        await wait_until(pilot, lambda: len(session.parameters) == 3, "and undone before any answer")
        session.gate.set()
        slider = app.main.sampling.sliders["top_k"]
        await wait_until(pilot, lambda: session.parameters[3:] == [("top_k", "80")], "what was in force")
        await wait_until(pilot, lambda: slider.wanted is None and slider.accepted == 80, "and is again")
        await wait_until(pilot, lambda: "undone: top_k 80" in screen_text(app), "it says so")


async def test_a_failing_set_between_undo_and_redo_takes_nothing_away() -> None:
    session = ScriptedSession()
    session.refusals["top_k"] = "top_k: expected 0 to 512 for this model"
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "7", *"0.5", "enter")
        await wait_until(pilot, lambda: app.main.sampling.sliders["temp"].accepted == 500_000, "set")
        await pilot.press("u", "down", "down", "down", *"600", "enter")
        await wait_until(pilot, lambda: app.main.sampling.sliders["top_k"].problem, "refused")
        await pilot.press("U")
        await wait_until(pilot, lambda: session.parameters[-1] == ("temp", "0.5"), "made again")
        await pilot.press("u")
        await wait_until(pilot, lambda: session.parameters[-1] == ("temp", "0.85"), "and undone")


async def test_a_loaded_state_that_stands_shows_what_was_known_when_it_was_saved() -> None:
    session = ScriptedSession(reduce(rich_state(boots=1), StateSaved(NOW, 1)))
    saved = session.state
    assert saved.sampling is not None
    assert saved.sentinel is not None
    async with scripted(session, notifications=True) as (app, pilot):
        await session.set_parameter("temp", "0.33")
        session.push(sentinel=saved.sentinel.model_copy(update={"percentiles": (1, 2, 3)}))
        assert app.sampling_history.change({"temp": 850_000}), "until then it could be undone"
        state = replace(session.state, link=replace(session.state.link, phase=LinkPhase.WAITING))
        for event in (
            MachineChanged(NOW, MachineStatus.LOADING, "state 1 goes on", saved=1),
            PromptSent(NOW + 1, "And then? Keep it short.", 2, 17),
            MachineChanged(NOW + 1, MachineStatus.PAUSED, "as it was loaded"),
        ):
            state = reduce(state, event)
            session.push(event, **{name: getattr(state, name) for name in State.__slots__})
        await pilot.press("escape", "7")
        await wait_until(pilot, lambda: "as saved" in screen_text(app), "whose values they are")
        screen = screen_text(app)
        assert "0.85" in screen
        assert "0.33" not in screen
        assert "p50 238M" in screen, "those of the sentinel, too"
        assert "as saved 119 / 256" in screen, "and the rows of the context"
        assert screen.count("Lily's mom said") == 2, "the answer up to there goes on below the one that was cut"
        await pilot.press("u")
        await wait_until(pilot, lambda: "nothing to undo" in screen_text(app), "it never had another value")
        session.gate = asyncio.Event()
        await pilot.press("0", ".", "5", "enter")
        await wait_until(pilot, lambda: app.state.pending, "asked for")
        assert app.state.pending["temp"].value == "0.5"
        assert app.state.sampling == saved.sampling, "what waits is not in force"
        session.gate.set()


def test_of_a_state_whose_saving_is_not_known_nothing_is_known() -> None:
    state = reduce(rich_state(boots=1), MachineChanged(NOW, MachineStatus.LOADING, saved=1))
    assert (state.sampling, state.sentinel, state.zones, state.kv, dict(state.arenas)) == (None, None, None, None, {})
