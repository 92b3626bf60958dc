"""What is shown of a machine that was ended, that crashed, that is paused, or as it was at another moment, says so."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest
from driving import Clock, confirm, make_app, screen_text, scripted, settled, simulated, until, wait_until
from scripted import NOW, ScriptedSession, rich_state
from test_restart import stands, tell

from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.state.context_rows import kv_now
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import State
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.widgets.slider import Slider
from llmbm_console.tui.widgets.status_line import StatusLine
from llmbm_protocol.words import Phase, SentinelState, Stream

ROWS = ("KV ", "SEN", "MEM")  # of the head-up lines


def idle(status: MachineStatus, link: LinkPhase = LinkPhase.MACHINE) -> State:
    state = rich_state(turn=None, phase=Phase.IDLE)
    return replace(state, machine=replace(state.machine, status=status), link=replace(state.link, phase=link))


def hud_rows(app: ConsoleApp) -> list[str]:
    return [row for row in screen_text(app).splitlines() if row[1:4] in ROWS]


@pytest.mark.parametrize("status", [MachineStatus.STOPPED, MachineStatus.CRASHED])
async def test_panels_of_a_machine_that_is_no_more_are_dim_and_say_that_they_show_what_was(
    status: MachineStatus,
) -> None:
    async with scripted(ScriptedSession(idle(status, LinkPhase.OPENING)), size=(200, 60)) as (app, _pilot):
        text = screen_text(app)
        for words in (
            "last known zone B",
            "last known ARMED",
            "last known 119 / 256",
            "last known boot",
            "7 Sampling ────────────────────── last known",
        ):
            assert words in text
        assert "137 of 256 rows were free" in text
        assert "full in" not in text, "it will never be"
        for panel in app.main.panels[:3]:
            styles = {str(span.style) for content in panel._lines for span in content.spans[-1:]}
            assert styles == {"not bold not reverse $muted"}, panel.pane
        assert all(slider.last_known for slider in app.main.query(Slider))


@pytest.mark.parametrize(
    ("size", "words"),
    [((80, 24), "119/256  before this answer"), ((120, 36), "137 rows free before this answer")],
)
async def test_rows_of_before_the_answer_that_streams_are_not_told_as_what_is_left(
    size: tuple[int, int], words: str
) -> None:
    state = rich_state()
    assert state.kv is not None
    assert state.turn is not None
    session = ScriptedSession(replace(state, turn=replace(state.turn, number=state.kv.generation + 1)))
    async with scripted(session, size=size) as (app, pilot):
        assert words in screen_text(app)
        assert "full in" not in screen_text(app)
        session.push(kv=state.kv.model_copy(update={"generation": state.kv.generation + 1}))
        await wait_until(pilot, lambda: "full in" in screen_text(app), "a sample of this answer")


def test_the_context_counts_the_tokens_that_came_since_its_last_sample() -> None:
    state = rich_state()
    assert state.kv is not None
    assert state.turn is not None
    tokens = tuple(replace(token, at=1000.0 + place) for place, token in enumerate(state.turn.tokens))
    sampled = replace(state, turn=replace(state.turn, tokens=tokens), stamps={Stream.KV: tokens[-4].at})
    shown = kv_now(sampled)
    assert shown is not None
    assert shown.rows == state.kv.rows + 3
    assert kv_now(replace(sampled, turn=None, items=())) is state.kv


@pytest.mark.parametrize(("size", "words"), [((80, 24), " 122/256"), ((120, 36), "as saved 122 / 256")])
async def test_a_state_loaded_within_an_answer_shows_the_rows_of_all_its_tokens(
    size: tuple[int, int], words: str
) -> None:
    state = idle(MachineStatus.PAUSED, LinkPhase.OPENING)
    turn = rich_state().turn
    assert turn is not None
    tokens = tuple(replace(token, at=NOW - 20 + place) for place, token in enumerate(turn.tokens))
    stamps = {**state.stamps, Stream.KV: tokens[-4].at}
    loaded = replace(state, loaded=1, turn=replace(turn, tokens=tokens), stamps=stamps)
    async with scripted(ScriptedSession(loaded), size=size) as (app, _pilot):
        assert words in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (50, 20)])
async def test_head_up_rows_say_that_the_machine_is_paused_or_no_more(size: tuple[int, int]) -> None:
    session = ScriptedSession(idle(MachineStatus.PAUSED))
    async with scripted(session, size=size) as (app, pilot):
        assert [row[5:11] for row in hud_rows(app)] == ["paused"] * 3
        session.push(machine=replace(session.state.machine, status=MachineStatus.STOPPED))
        await wait_until(pilot, lambda: [row[5:15] for row in hud_rows(app)] == ["last known"] * 3, "ended")
        assert "119/256  137 were free" in hud_rows(app)[0]
        assert "full in" not in hud_rows(app)[0]
        session.push(machine=replace(session.state.machine, status=MachineStatus.RUNNING))
        await wait_until(pilot, lambda: "full in" in hud_rows(app)[0], "it runs")
        assert not any(word in row for row in hud_rows(app) for word in ("paused", "last known"))


@pytest.mark.parametrize("size", [(80, 24), (50, 20)])
async def test_the_header_of_another_moment_says_what_the_machine_did_then(size: tuple[int, int]) -> None:
    clock = Clock()
    session = ScriptedSession(idle(MachineStatus.RUNNING))
    async with scripted(session, clock=clock, size=size) as (app, pilot):
        for _second in range(10):
            clock.now += 1
            session.push(now=clock.now)
        await pilot.press("escape", "[")
        await wait_until(pilot, lambda: "AGO" in screen_text(app), "the past")
        assert "running" in screen_text(app).splitlines()[0]
        await pilot.press(".", "space")
        await wait_until(pilot, lambda: "HOLD" in screen_text(app), "held")
        assert "running" in screen_text(app).splitlines()[0]


async def test_a_tripped_sentinel_of_a_machine_that_is_no_more_promises_no_way_back() -> None:
    state = idle(MachineStatus.STOPPED, LinkPhase.OPENING)
    assert state.sentinel is not None
    tripped = state.sentinel.model_copy(update={"state": SentinelState.TRIPPED})
    for size in ((120, 36), (80, 24)):
        app = make_app(ScriptedSession(replace(state, sentinel=tripped)))
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            assert "/reset" not in screen_text(app)


def test_a_kernel_that_has_not_come_again_yet_is_told_as_the_last_known_one() -> None:
    running = idle(MachineStatus.RUNNING)
    assert not Frame(running).last_known
    assert Frame(replace(running, restarting=True)).last_known


def test_the_header_tells_nothing_of_an_idle_kernel_that_begins_anew() -> None:
    header, state = StatusLine(id="status"), idle(MachineStatus.RUNNING)
    assert "idle" in header.content_for(Frame(state), 120).plain
    assert "idle" not in header.content_for(Frame(replace(state, restarting=True)), 120).plain


async def test_a_machine_that_was_ended_comes_alive_by_itself_after_a_reset() -> None:
    async with simulated() as (app, pilot):
        await tell(app, pilot, "Tim")
        await pilot.press("Q")
        await confirm(pilot, "Q")
        await until(pilot, lambda: "last known ARMED" in screen_text(app), "it says that it shows what was")
        await pilot.press("R")
        await until(pilot, lambda: stands(app, 2), "the new kernel")
        await until(pilot, lambda: "last known" not in screen_text(app), "and is shown")
        await tell(app, pilot, "Sara")
        await until(pilot, lambda: "last known" not in screen_text(app) and "ARMED" in screen_text(app), "alive")


async def test_a_simulator_that_was_killed_is_shown_as_it_was_known_last() -> None:
    async with simulated((80, 24)) as (app, pilot):
        await tell(app, pilot, "Tim")
        assert app.session is not None
        assert isinstance(app.session.machine, Simulator)
        os.kill(app.session.machine._pid, signal.SIGKILL)
        await until(pilot, lambda: app.state.machine.status is MachineStatus.CRASHED, "it is told as a crash")
        await until(pilot, lambda: [row[5:15] for row in hud_rows(app)] == ["last known"] * 3, "and shown")


async def test_after_the_end_the_hints_tell_what_works_from_where_the_focus_is() -> None:
    session = ScriptedSession(idle(MachineStatus.STOPPED, LinkPhase.OPENING))
    async with scripted(session, size=(80, 24)) as (app, pilot):
        assert app.main.focused_pane == "transcript"
        assert screen_text(app).splitlines()[-1] == " r try again   O open another   ^q quit"
        await pilot.press("3")
        keys = "Esc, r try again   Esc, O open another   ^q quit"
        await wait_until(pilot, lambda: keys in screen_text(app), "the prompt has the focus")
        assert "Esc, r  try again" in screen_text(app)
        assert "Esc, O  open something else" in screen_text(app)
        await pilot.press("r")
        assert app.main.prompt.text == "r", "it is written there"
        await pilot.press("enter")
        await wait_until(
            pilot,
            lambda: "there is no session: Esc, r to try again" in screen_text(app),
            "a line that is not sent says so",
        )
        await pilot.press("escape", "r")
        await wait_until(pilot, lambda: session.opened == 2, "as it was told")


async def test_hints_of_the_past_and_of_a_pause_tell_how_to_leave_the_prompt_first() -> None:
    clock = Clock()
    session = ScriptedSession(idle(MachineStatus.PAUSED))
    async with scripted(session, clock=clock, size=(80, 24)) as (app, pilot):
        assert "paused: Esc, P resumes it" in screen_text(app)
        await pilot.press("escape")
        await wait_until(pilot, lambda: "paused: P resumes it" in screen_text(app), "it is left")
        for _second in range(10):
            clock.now += 1
            session.push(now=clock.now)
        await pilot.press("[")
        await wait_until(pilot, lambda: "the past is shown: . goes to now" in screen_text(app), "the past")
        assert "Esc" not in screen_text(app).splitlines()[-1]
        await pilot.press("i")
        await wait_until(pilot, lambda: "the past is shown: Esc, . goes to now" in screen_text(app), "in the prompt")
        assert "Esc, then  space play  [ ] 5 s  . now" in screen_text(app).splitlines()[-1]


async def test_the_footer_follows_the_focus_out_of_another_view_at_once() -> None:
    async with scripted(ScriptedSession(idle(MachineStatus.RUNNING))) as (app, pilot):
        await pilot.press("f3")
        await wait_until(pilot, lambda: "i prompt" in screen_text(app).splitlines()[-1], "the log")
        app.pacer.flush = lambda: None  # type: ignore[method-assign]  # nothing else draws meanwhile
        await pilot.press("i")
        await wait_until(pilot, lambda: app.main.focused_pane == "prompt", "back in the prompt")
        await wait_until(pilot, lambda: "Enter send" in screen_text(app).splitlines()[-1], "the footer says so")


@pytest.mark.parametrize(
    ("size", "pane", "hints"),
    [
        ((50, 20), "prompt", " Enter send Esc panes ^p palette F1 help ^q quit"),
        ((50, 20), "transcript", " i prompt ^c stop/copy ^p palette F1 help ^q quit"),
        ((80, 24), "transcript", " i prompt   ^c stop/copy   ^p palette   F1 help   g go to   ^q quit"),
    ],
)
async def test_a_narrow_footer_keeps_what_is_wanted_most(size: tuple[int, int], pane: str, hints: str) -> None:
    async with scripted(ScriptedSession(idle(MachineStatus.RUNNING)), size=size) as (app, pilot):
        app.main.focus_pane(pane)
        await wait_until(pilot, lambda: screen_text(app).splitlines()[-1] == hints, "they fit")


async def test_at_fifty_columns_the_prompt_tells_its_state_to_the_end() -> None:
    clock = Clock()
    session = ScriptedSession(idle(MachineStatus.PAUSED))
    async with scripted(session, clock=clock, size=(50, 20)) as (app, pilot):
        assert "─ paused: Esc, P resumes it ─" in screen_text(app)
        await pilot.press("escape", "space", "i")
        await wait_until(pilot, lambda: "─ held: Esc, space lets it go ─" in screen_text(app), "held")
        for _second in range(10):
            clock.now += 1
            session.push(now=clock.now)
        await pilot.press("escape", "[", "i")
        await wait_until(pilot, lambda: "─ the past: Esc, . goes to now ─" in screen_text(app), "the past")
