"""Dangerous actions: asked before they are done, and only what could be read is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import (
    Clock,
    burst,
    confirm,
    screen_text,
    scripted,
    wait_until,
)
from scripted import NOW, ScriptedSession, machine_of, rich_state

from llmbm_console.core.actions.table import ACTIONS, BY_ID
from llmbm_console.core.state.events import MachineChanged, MachineStatus, StateSaved
from llmbm_console.core.state.store import reduce
from llmbm_console.tui.arming import APART, LATE, READ, SECONDS, Arming
from llmbm_protocol.words import Phase, SentinelState


async def test_a_dangerous_action_needs_a_second_press() -> None:
    session = ScriptedSession()
    async with scripted(session, clock=Clock()) as (app, pilot):
        await pilot.press("escape", "R")
        await wait_until(pilot, lambda: "R again" in screen_text(app), "armed bar")
        assert BY_ID["machine.reset"].danger in screen_text(app)
        assert machine_of(session).calls == []
        await confirm(pilot, "R")
        await wait_until(pilot, lambda: machine_of(session).calls == ["reset"], "reset")
        assert "R again" not in screen_text(app)


async def test_a_press_before_the_question_can_have_been_read_is_no_answer_and_leaves_it() -> None:
    session, clock = ScriptedSession(), Clock()
    async with scripted(session, clock=clock) as (app, pilot):
        await pilot.press("escape")
        burst(pilot, "RRRR")
        await wait_until(pilot, lambda: app.arming.shown and "R again" in screen_text(app), "asked")
        clock.now += READ - 0.1
        await pilot.press("R")
        assert "R again" in screen_text(app), "the question stays"
        for _ in range(8):  # a key that is held down repeats
            clock.now += APART - 0.1
            await pilot.press("R")
        assert machine_of(session).calls == []
        clock.now += APART
        await pilot.press("R")
        await wait_until(pilot, lambda: machine_of(session).calls == ["reset"], "a press by itself")


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)])
async def test_an_answer_that_comes_too_early_is_told_so(size: tuple[int, int]) -> None:
    session, clock = ScriptedSession(), Clock()
    async with scripted(session, clock=clock, size=size) as (app, pilot):
        await pilot.press("escape", "R")
        await wait_until(pilot, lambda: app.arming.shown and "R again" in screen_text(app), "asked")
        assert "read first" not in screen_text(app)
        await pilot.press("R")
        await wait_until(pilot, lambda: "read first, then R again" in screen_text(app), "told")
        await confirm(pilot, "R")
        await wait_until(pilot, lambda: machine_of(session).calls == ["reset"], "done when it has been read")
        await pilot.press("Q")
        await wait_until(pilot, lambda: "Q again" in screen_text(app), "another question")
        assert "read first" not in screen_text(app)


async def test_a_question_that_is_not_on_the_screen_cannot_be_answered() -> None:
    clock = Clock()
    arming, reset = Arming(clock), BY_ID["machine.reset"]
    assert not arming.press(reset)
    clock.now += SECONDS / 2
    assert not arming.press(reset)
    arming.seen(reset)
    clock.now += READ
    assert arming.press(reset)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)])
async def test_what_a_dangerous_action_does_is_told_to_the_end(size: tuple[int, int]) -> None:
    session = ScriptedSession()
    await session.save_state()  # there is one to be loaded
    async with scripted(session, size=size) as (app, pilot):
        await pilot.press("escape")
        before = dict(app.main.deck.regions)
        for action in (action for action in ACTIONS if action.danger):
            app.do(action.id)
            await wait_until(
                pilot, lambda told=action.danger: told in " ".join(screen_text(app).split()), f"all of {action.id}"
            )
            assert "leaves it" in screen_text(app)
            await pilot.press("escape")
            await wait_until(pilot, lambda: "leaves it" not in screen_text(app), "left")
            assert app.main.deck.regions == before


@pytest.mark.parametrize("size", [(50, 20), (80, 24)], ids=str)
async def test_a_question_that_takes_the_room_of_its_pane_is_answered_and_the_focus_comes_back(
    size: tuple[int, int],
) -> None:
    state = rich_state(turn=None, phase=Phase.IDLE)
    assert state.sentinel is not None
    tripped = replace(state, sentinel=state.sentinel.model_copy(update={"state": SentinelState.TRIPPED}))
    session, clock = ScriptedSession(tripped), Clock()
    async with scripted(session, clock=clock, size=size) as (app, pilot):
        await pilot.press("escape", "5")
        for answer, sent in (("escape", []), ("X", ["/reset"])):
            await pilot.press("X")
            await wait_until(pilot, lambda: app.arming.shown and "X again" in screen_text(app), "asked")
            assert app.main.focused_pane != "prompt", "where the answer would be a letter"
            await (confirm(pilot, "X") if answer == "X" else pilot.press(answer))
            await wait_until(pilot, lambda: "X again" not in screen_text(app), "answered")
            assert session.submitted == sent
            after = "transcript" if sent else "sentinel"  # a command that was sent is looked at
            assert app.main.focused_pane == after
            assert app.main.prompt.text == ""


async def test_an_armed_action_disarms_by_itself_and_by_escape() -> None:
    session, clock = ScriptedSession(), Clock()
    async with scripted(session, clock=clock) as (app, pilot):
        await pilot.press("escape", "R")
        clock.now += SECONDS + 0.1
        await wait_until(pilot, lambda: "R again" not in screen_text(app), "time is over")
        await pilot.press("R", "escape")
        await wait_until(pilot, lambda: "R again" not in screen_text(app), "escaped")
        await pilot.press("R", "Q")
        await pilot.pause()
        assert machine_of(session).calls == []


@pytest.mark.parametrize("late", [0.0, SECONDS + LATE / 2], ids=["in time", "as the question goes"])
async def test_escape_answers_an_armed_action_and_leaves_nothing_else(late: float) -> None:
    session, clock = ScriptedSession(), Clock()
    await session.save_state()  # there is one to be loaded
    async with scripted(session, clock=clock) as (app, pilot):
        await pilot.press("escape", "f5")
        for action in (action for action in ACTIONS if action.danger):
            app.do(action.id)
            await wait_until(pilot, lambda: "leaves it" in screen_text(app), f"{action.id} asked")
            clock.now += late
            await pilot.press("escape")
            await wait_until(pilot, lambda: "leaves it" not in screen_text(app), f"{action.id} answered")
            assert app.main.shape.tab == "dumps", action.id
            assert app.arming.action is None, action.id
        await pilot.press("escape")
        assert app.main.shape.tab == "chat", "the next one leaves the view"


@pytest.mark.parametrize("page", [False, True], ids=["main", "behind a page"])
async def test_quitting_in_the_middle_of_an_answer_is_asked_and_after_it_is_not(page: bool) -> None:
    session = ScriptedSession()
    async with scripted(session, clock=Clock(), notifications=True) as (app, pilot):
        assert session.state.turn is not None
        if page:
            await pilot.press("f1")
        await pilot.press("ctrl+q")
        await wait_until(pilot, lambda: "^q again quits in the middle of an answer" in screen_text(app), "asked")
        assert not app._exit
        if page:
            session.push(turn=None)
            await pilot.press("ctrl+q")
        else:
            await confirm(pilot, "ctrl+q")
        await wait_until(pilot, lambda: app._exit, "left")
    assert app.return_value == 0


async def test_quitting_names_all_that_would_be_lost_and_its_question_stays_the_same_one() -> None:
    session = ScriptedSession(rich_state(turn=None))
    async with scripted(session, clock=Clock(), notifications=True) as (app, pilot):
        await session.save_state()
        await session.save_state()
        app.main.prompt.show_waiting(1)
        await pilot.press("ctrl+q")
        told = "^q again quits: 1 line waits and is not sent; 2 saved states go with the machine"
        await wait_until(pilot, lambda: told in screen_text(app), "asked")
        session.push(turn=rich_state().turn)
        app.main.prompt.show_waiting(0)
        await confirm(pilot, "ctrl+q")
        await wait_until(pilot, lambda: app._exit, "left")


async def test_quitting_where_nothing_is_lost_is_not_asked() -> None:
    async with scripted(ScriptedSession(rich_state(turn=None)), clock=Clock()) as (app, pilot):
        await pilot.press("ctrl+q")
        await wait_until(pilot, lambda: app._exit, "left")


async def test_saved_states_that_went_with_their_machine_are_told() -> None:
    state = reduce(rich_state(), StateSaved(NOW, 1))
    state = reduce(state, MachineChanged(NOW, MachineStatus.CRASHED, "QEMU was ended by signal 9"))
    session = ScriptedSession(state)
    async with scripted(session, notifications=True) as (app, pilot):
        await pilot.press("escape", "L")
        told = "1 saved state went with the machine that ended: r starts again"
        await wait_until(pilot, lambda: told in screen_text(app), "before there is another one")
        session.state = reduce(state, MachineChanged(NOW, MachineStatus.RUNNING))
        session.push()
        await pilot.press("L")
        told = "1 saved state went with the machine that ended: Z saves another"
        await wait_until(pilot, lambda told=told: told in screen_text(app), "why not")


async def test_keys_and_monitor_commands_are_asked_once_more_and_what_only_asks_is_not() -> None:
    session, clock = ScriptedSession(), Clock()
    machine = machine_of(session)
    machine.text = '{\n  "status": "\x1b[2Jrunning"\n}'
    async with scripted(session, clock=clock) as (app, pilot):
        await pilot.press("escape", "M")
        await wait_until(pilot, lambda: "QMP" in screen_text(app) and app.focused is not None, "the line")
        await pilot.press(*"query-s", "tab", "enter")
        await wait_until(pilot, lambda: '"␛[2Jrunning"' in screen_text(app), "answered at once, and harmless")
        assert machine.calls == ["query-status"]
        assert "QMP query-status" in screen_text(app)

        await pilot.press("M", *"stop", "enter")
        await wait_until(pilot, lambda: "gives QEMU stop, which may change" in screen_text(app), "asked")
        await pilot.press("enter")
        await wait_until(pilot, lambda: "once you have read this" in screen_text(app), "not a held key")
        assert machine.calls == ["query-status"]
        clock.now += READ
        await pilot.press("enter")
        await wait_until(pilot, lambda: machine.calls == ["query-status", "stop"], "sent")

        await pilot.press("K", *"ctrl-alt-delete", "enter")
        await wait_until(pilot, lambda: "presses ctrl-alt-delete on the machine" in screen_text(app), "asked")
        clock.now += READ
        await pilot.press("backspace", "e", "enter")
        await wait_until(pilot, lambda: "once you have read" not in screen_text(app), "another text, another question")
        assert len(machine.calls) == 2
        clock.now += READ
        await pilot.press("enter")
        await wait_until(pilot, lambda: machine.calls[2:] == ["ctrl-alt-delete"], "typed")

        await pilot.press("exclamation_mark")
        await wait_until(pilot, lambda: "interrupts every processor (NMI)" in screen_text(app), "asked")
        await confirm(pilot, "exclamation_mark")
        await wait_until(pilot, lambda: machine.calls[3:] == ["nmi"], "sent")


async def test_the_state_of_the_machine_is_saved_listed_and_loaded_when_it_is_meant() -> None:
    session, clock = ScriptedSession(), Clock()
    async with scripted(session, clock=clock, notifications=True) as (app, pilot):
        await pilot.press("escape", "L")
        await wait_until(pilot, lambda: "no state was saved yet: Z saves one" in screen_text(app), "why not")
        await pilot.press("Z")
        await wait_until(
            pilot, lambda: "saved: state 1, turn 2 at token 37, 52 MiB; L goes" in screen_text(app), "kept"
        )
        await pilot.press("Z", "f4")
        await wait_until(
            pilot, lambda: "state 2, turn 2 at token 37, 52 MiB" in screen_text(app), "in the machine view"
        )
        await pilot.press("L")
        await wait_until(pilot, lambda: "ends the present machine" in screen_text(app), "asked")
        assert machine_of(session).calls == []
        await confirm(pilot, "L")
        await wait_until(pilot, lambda: "saved states" in screen_text(app), "which one: the newest, and older ones")
        await pilot.press("up", "enter")
        await wait_until(pilot, lambda: machine_of(session).calls == ["load 1"], "the older one")
        await wait_until(pilot, lambda: "loaded: state 1" in screen_text(app), "told")
