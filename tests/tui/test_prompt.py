"""The prompt: sending, several lines, history, completion, and giving back what was not taken."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import (
    Clock,
    burst,
    confirm,
    make_app,
    messages,
    screen_text,
    scripted,
    settled,
    simulated,
    slow_simulator,
    start_instead,
    until,
    wait_until,
)
from scripted import ScriptedSession, rich_state
from textual import events
from textual.document._edit import Edit
from textual.pilot import Pilot

from llmbm_console.core.link import sending
from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.session import Outcome
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import Command, Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.completion import candidates
from llmbm_console.tui.session_app import NOTHING_SENT
from llmbm_console.tui.terminal.key_parser import KeyParser
from llmbm_protocol.schema import Phase, SentinelState


def idle() -> ScriptedSession:
    return ScriptedSession(rich_state(turn=None, phase=Phase.IDLE))


def tripped() -> ScriptedSession:
    session = idle()
    assert session.state.sentinel is not None
    session.push(sentinel=session.state.sentinel.model_copy(update={"state": SentinelState.TRIPPED}))
    return session


async def test_enter_sends_and_empties() -> None:
    session = idle()
    async with scripted(session) as (app, pilot):
        await pilot.press(*"Hi there", "enter")
        await wait_until(pilot, lambda: session.submitted == ["Hi there"], "sent")
        assert app.main.prompt.text == ""


async def test_nothing_is_not_sent() -> None:
    session = idle()
    async with scripted(session) as (app, pilot):
        await pilot.press("space", "enter", "enter")
        await wait_until(pilot, lambda: "only blanks are written here: nothing was sent" in screen_text(app), "told")
        assert session.submitted == []
        await pilot.press("a")
        await wait_until(pilot, lambda: "nothing was sent" not in screen_text(app), "the reason is gone")


async def test_a_command_with_blanks_before_it_is_no_story() -> None:
    async with simulated() as (app, pilot):
        await pilot.press("space", *"/ctx ", "enter")
        sent = (Command, Turn)
        await until(pilot, lambda: any(isinstance(item, sent) for item in app.state.items), "it has gone")
        (item,) = (item for item in app.state.items if isinstance(item, sent))
        assert isinstance(item, Command)
        assert (item.line, item.ok) == ("/ctx", True)


async def test_several_lines_grow_the_prompt_to_six_rows() -> None:
    session = idle()
    async with scripted(session) as (app, pilot):
        await pilot.press("a", "ctrl+j", "b", "alt+enter", "c")
        await wait_until(pilot, lambda: app.main.prompt.outer_size.height == 5, "three rows")
        await pilot.press(*["ctrl+j"] * 7)
        await wait_until(pilot, lambda: app.main.prompt.outer_size.height == 8, "six rows at most")
        await pilot.press("ctrl+home")
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.submitted == ["a\nb\nc"], "sent")
        await wait_until(pilot, lambda: app.main.prompt.outer_size.height == 3, "small again")


async def test_the_arrows_recall_earlier_prompts_of_earlier_runs(tmp_path: Path) -> None:
    async with scripted(idle(), memory=tmp_path) as (app, pilot):
        await pilot.press(*"first", "enter", *"second", "enter")
    async with scripted(idle(), memory=tmp_path) as (app, pilot):
        await pilot.press(*"draft", "up")
        assert app.main.prompt.text == "second"
        await pilot.press("up")
        assert app.main.prompt.text == "first"
        await pilot.press("up")
        assert app.main.prompt.text == "first"
        await pilot.press("down", "down")
        assert app.main.prompt.text == "draft"


async def test_the_arrows_move_inside_a_text_of_several_lines() -> None:
    async with scripted(idle()) as (app, pilot):
        app.main.prompt.past.add("older")
        await pilot.press("a", "ctrl+j", "b", "up")
        assert app.main.prompt.text == "a\nb"
        await pilot.press("up")
        assert app.main.prompt.text == "older"


async def test_tab_completes_commands_and_leaves_prose_alone() -> None:
    async with scripted(idle()) as (app, pilot):
        await pilot.press(*"/zo", "tab")
        assert app.main.prompt.text == "/zones"
        await pilot.press(*["backspace"] * 6, *"/t")
        await wait_until(pilot, lambda: "/temp" in screen_text(app) and "/top_k" in screen_text(app), "candidates")
        await pilot.press("backspace", "backspace", *"Once", "tab")
        assert app.main.focused_pane != "prompt"


async def test_a_refused_command_is_left_to_the_transcript() -> None:
    session = idle()
    session.answer = Outcome("", False, error="temp: expected 0 to 2")
    async with scripted(session) as (app, pilot):
        await pilot.press(*"/temp 7", "enter")
        await wait_until(pilot, lambda: session.submitted == ["/temp 7"], "sent")
        await pilot.pause()
        assert app.main.prompt.text == ""


async def test_a_line_written_while_the_kernel_boots_is_sent_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    start_instead(tmp_path, monkeypatch, before=f'while [ ! -e "{go}" ]; do sleep 0.02; done')
    target = Target("sim")
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press(*"/temp 0.25", "enter")
        await until(pilot, lambda: "1 line waits" in screen_text(app), "the frame says so")
        assert app.state.sampling is None, "nothing is known of a kernel yet"
        go.touch()
        await until(pilot, lambda: app.state.sampling and app.state.sampling.temperature == 250_000, "carried out")
        await until(pilot, lambda: "line waits" not in screen_text(app), "none waits")
    await app.disconnect()


async def test_pasted_control_characters_are_made_visible() -> None:
    async with scripted(idle()) as (app, pilot):
        app.main.prompt.post_message(events.Paste("a\x1b]0;title\x07b\r\nc"))
        await wait_until(pilot, lambda: "b\nc" in app.main.prompt.text, "pasted")
        assert "\x1b" not in app.main.prompt.text
        assert "\x07" not in app.main.prompt.text


async def test_the_frame_says_when_a_prompt_does_not_fit() -> None:
    async with scripted(idle()) as (app, pilot):
        app.main.prompt.replace_text("word " * 110)
        await wait_until(pilot, lambda: "does not fit" in screen_text(app), "warning")


async def test_a_prompt_longer_than_the_context_is_announced_and_its_refusal_can_be_read_as_a_whole() -> None:
    async with simulated(size=(120, 36), notifications=True) as (app, pilot):
        text = "word " * 700
        app.main.prompt.replace_text(text)
        await wait_until(pilot, lambda: "> the whole context of 512: will be refused" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.main.prompt.error, "refused")
        assert app.main.prompt.text == text.rstrip("\n")
        whole = "the prompt has 1402 tokens with BOS; the context of this model has 512 rows"
        assert app.main.prompt.error.endswith(whole)
        await wait_until(pilot, lambda: whole in screen_text(app), "in a notice, where the frame cuts it")


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=str)
async def test_a_prompt_that_no_kernel_takes_is_refused_where_it_stands_for_the_reason_that_was_announced(
    size: tuple[int, int],
) -> None:
    async with simulated(size=size) as (app, pilot):
        text = "word " * 5400
        app.main.prompt.take_paste(text)
        await wait_until(pilot, lambda: "27,000 bytes" in screen_text(app), "announced")
        assert "4,095" in screen_text(app)
        assert "will be refused" in screen_text(app)
        await pilot.press("enter")
        assert app.main.prompt.text == text
        await wait_until(
            pilot, lambda: "27,000 bytes: at most 4,095 can be sent at once" in screen_text(app), "refused"
        )
        assert "will be refused" not in screen_text(app)
        assert not any(isinstance(item, Turn) for item in app.state.items)
        assert (app.main.prompt.waiting, app.main.prompt.past.entries) == (0, [])


async def test_keys_that_wait_already_are_one_change_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    session = idle()
    app = make_app(session)
    changes: list[Edit] = []
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        prompt = app.main.prompt
        edit = prompt.edit
        monkeypatch.setattr(prompt, "edit", lambda change: (changes.append(change), edit(change))[1])
        text = "lorem ipsum " * 300
        burst(pilot, text)
        await wait_until(pilot, lambda: prompt.text == text, "written")
        assert len(changes) < 20, "each wraps the whole line anew"


async def test_among_keys_that_come_at_once_each_has_its_effect_in_its_order() -> None:
    session = idle()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        burst(pilot, "abd\x1b[Dc\x1b[F\x7fe\x1b[200~f\x1b[201~g\nh\rnext")
        await wait_until(pilot, lambda: session.submitted == ["abcefg\nh"], "left, end, backspace, a paste, a line")
        await wait_until(pilot, lambda: app.main.prompt.text == "next", "and what comes behind Enter")
        burst(pilot, " one\x03")
        await wait_until(pilot, lambda: app.main.prompt.text == "" and bool(app.main.prompt.past.entries), "^c")
        await pilot.press("up")
        assert app.main.prompt.text == "next one"


async def test_lines_written_during_an_answer_are_sent_after_it_in_their_order() -> None:
    session = idle()
    session.answering = asyncio.Event()
    async with scripted(session) as (_app, pilot):
        await pilot.press(*"one", "enter", *"two", "enter", *"/ctx", "enter")
        await wait_until(pilot, lambda: session.submitted == ["one"], "the first is sent")
        await pilot.pause()
        assert session.submitted == ["one"]
        session.answering.set()
        await wait_until(pilot, lambda: session.submitted == ["one", "two", "/ctx"], "the others follow")


async def test_the_reset_of_a_tripped_kernel_is_typed_in_the_place_of_the_prompt_that_came_back() -> None:
    session = tripped()
    session.answer = Outcome("Hello", False, error="sentinel tripped")
    async with scripted(session) as (app, pilot):
        await pilot.press(*"Hello", "enter")
        await wait_until(pilot, lambda: app.main.prompt.text == "Hello", "given back")
        await pilot.press(*"/reset")
        assert app.main.prompt.text == "/reset"
        session.answer, session.answering = None, asyncio.Event()
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.submitted[1:] == ["/reset"], "sent")
        session.push(sentinel=idle().state.sentinel)
        await wait_until(pilot, lambda: "tripped" not in screen_text(app), "armed, before the command has ended")
        session.answering.set()
        await wait_until(pilot, lambda: app.main.prompt.text == "Hello", "given back again")
        await pilot.press(*"/ctx")
        assert app.main.prompt.text == "/ctx", "it stands there as before: what is written takes its place"


async def test_the_frame_says_that_the_machine_is_paused_or_the_kernel_tripped() -> None:
    state = rich_state(turn=None, phase=Phase.IDLE)
    assert state.sentinel is not None
    paused = replace(state, machine=replace(state.machine, status=MachineStatus.PAUSED))
    tripped = replace(state, sentinel=state.sentinel.model_copy(update={"state": SentinelState.TRIPPED}))
    for shown, words in ((paused, "paused"), (tripped, "/reset")):
        app = make_app(ScriptedSession(shown))
        async with app.run_test(size=(120, 36)) as pilot:
            await settled(pilot)
            assert words in screen_text(app)


async def test_in_the_narrow_layout_a_sent_line_brings_the_transcript_back() -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        await pilot.press("escape", "4", "i")
        assert app.main.shape.tab == "memory"
        await pilot.press(*"/ctx", "enter")
        await wait_until(pilot, lambda: app.main.shape.tab == "chat", "the answer is on screen")


async def test_a_kernel_without_a_model_is_not_offered_a_story() -> None:
    async with scripted(ScriptedSession(rich_state(phase=Phase.RESCUE, turn=None))) as (app, pilot):
        await wait_until(pilot, lambda: "/load FILE" in screen_text(app), "what to do")
        assert "kernel ready" not in screen_text(app)


async def test_a_prompt_that_a_tripped_kernel_refused_comes_back_and_again_after_the_reset() -> None:
    async with simulated() as (app, pilot):

        def answers() -> list[str]:
            return [item.prompt for item in app.state.items if isinstance(item, Turn)]

        await pilot.press(*"/test_failsafe", "enter", *"Once", "enter")
        await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.TRIPPED, "tripped")
        told = len(answers())
        await pilot.press(*"Hello", "enter")
        await until(pilot, lambda: app.main.prompt.text == "Hello", "given back")
        assert "tripped" in app.main.prompt.error
        await until(pilot, lambda: "not sent │ tripped: /reset brings the chat back" in screen_text(app), "what to do")
        assert len(answers()) == told
        await pilot.press(*"/reset", "enter")
        await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.ARMED, "armed")
        await until(pilot, lambda: app.main.prompt.text == "Hello", "given back again")
        await pilot.press("enter")
        await until(pilot, lambda: answers()[told:] == ["Hello"], "answered")
        await pilot.press(*"/ctx", "enter")
        await until(pilot, lambda: isinstance(app.state.items[-1], Command), "sent")
        assert app.main.prompt.text == "", "what was taken does not come back"


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_reason_of_a_refusal_goes_when_the_sentinel_is_reset_by_its_key(size: tuple[int, int]) -> None:
    async with simulated(size=size) as (app, pilot):
        await pilot.press(*"/test_failsafe", "enter", *"Once", "enter")
        await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.TRIPPED, "tripped")
        await pilot.press(*"Hello", "enter")
        await until(pilot, lambda: "not sent │ tripped: /reset brings the chat back" in screen_text(app), "refused")
        await pilot.press("escape", "5", "X")
        await confirm(pilot, "X")
        await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.ARMED, "armed")
        await until(pilot, lambda: "not sent" not in screen_text(app), "no reason any more")
        assert app.main.prompt.error == ""
        assert app.main.prompt.text == "Hello", "still there to be sent"


async def test_a_refused_prompt_that_was_deleted_does_not_come_back() -> None:
    session = tripped()
    session.answer = Outcome("", False, error="sentinel tripped")
    async with scripted(session) as (app, pilot):
        await pilot.press(*"Hello", "enter")
        await wait_until(pilot, lambda: app.main.prompt.text == "Hello", "given back")
        session.answer = None
        await pilot.press("backspace", *"/reset", "enter")
        await wait_until(pilot, lambda: session.submitted == ["Hello", "/reset"], "carried out")
        await pilot.pause()
        assert app.main.prompt.text == ""


async def test_too_many_lines_are_refused_and_those_that_wait_can_be_withdrawn() -> None:
    session = idle()
    session.answering = asyncio.Event()
    async with scripted(session, notifications=True) as (app, pilot):
        prompt = app.main.prompt
        await pilot.press(*"0", "enter")
        await wait_until(pilot, lambda: session.submitted == ["0"], "sent")
        for number in range(1, 18):
            prompt.replace_text(f"line {number}")
            await pilot.press("enter")
        await wait_until(pilot, lambda: "16 lines wait already: ^c twice withdraws them" in screen_text(app), "full")
        await pilot.press(*" on")
        assert prompt.text == "line 17 on"
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: "16 lines wait: ^c again withdraws them" in screen_text(app))
        assert (session.stops, prompt.waiting) == (1, 16)
        session.answering.set()
        await wait_until(pilot, lambda: app.sent == NOTHING_SENT, "the answer has ended")
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: "16 lines that waited are withdrawn" in screen_text(app), "told")
        assert "wait already" not in screen_text(app), "the reason is gone with them"
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.submitted == ["0", "line 17 on"], "and none of them was sent")
        await pilot.press("up", "up")
        assert prompt.text == "line 17", "the history has them"


async def test_lines_behind_a_stopped_answer_are_sent_when_the_time_to_withdraw_them_is_over() -> None:
    session = idle()
    session.answering = asyncio.Event()
    clock = Clock()
    async with scripted(session, clock=clock, notifications=True) as (app, pilot):
        await pilot.press(*"0", "enter", *"1", "enter", *"2", "enter")
        await wait_until(pilot, lambda: app.main.prompt.waiting == 2, "both wait")
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: "they are sent in 5 s" in screen_text(app), "told")
        session.answering.set()
        await wait_until(pilot, lambda: app.sent == NOTHING_SENT, "the answer has ended")
        assert session.submitted == ["0"]
        clock.now += 5
        await wait_until(pilot, lambda: session.submitted == ["0", "1", "2"], "sent")


async def test_a_kernel_that_hangs_is_not_called_ready_and_the_line_that_it_was_sent_is_shown() -> None:
    async with simulated(notifications=True) as (app, pilot):
        await until(pilot, lambda: "kernel ready" in screen_text(app), "ready")
        assert isinstance(app.session, LiveSession)
        assert isinstance(app.session.machine, Simulator)
        os.kill(app.session.machine._pid, signal.SIGSTOP)
        await pilot.press(*"A dog ran", "enter")
        await until(pilot, lambda: "ago, and not answered yet: ^c sends a stop" in screen_text(app), "told of the line")
        rows = screen_text(app).splitlines()
        assert any("A dog ran" in row and "│" in row for row in rows), "in the transcript"
        await until(pilot, lambda: "no answer for" in screen_text(app), "told of the kernel")
        await until(pilot, lambda: f"{app.key_labels['machine.reset']} resets" in screen_text(app), "and of what helps")
        assert "kernel ready" not in screen_text(app)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: 'a stop is sent behind "A dog ran"' in screen_text(app), "what is outstanding")
        os.kill(app.session.machine._pid, signal.SIGCONT)
        await until(pilot, lambda: any(isinstance(item, Turn) for item in app.state.items), "answered")
        await until(pilot, lambda: "not answered yet" not in screen_text(app), "no longer outstanding")
        await until(pilot, lambda: "kernel ready" in screen_text(app), "ready")


async def test_a_refused_line_stops_those_behind_it_and_all_come_back_in_their_order() -> None:
    session = idle()
    session.answering = asyncio.Event()
    session.answer = Outcome("", False, error="sentinel tripped")
    async with scripted(session) as (app, pilot):
        await pilot.press(*"one", "enter", *"two", "enter", *"two", "enter", *"/ctx", "enter")
        await wait_until(pilot, lambda: "3 lines wait" in screen_text(app), "the frame says so")
        assert not app._notifications
        session.answering.set()
        await wait_until(pilot, lambda: app.main.prompt.text == "one", "the first came back")
        await wait_until(pilot, lambda: "3 more lines come back" in screen_text(app), "and the others do")
        assert "sentinel tripped" in screen_text(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.submitted == ["one", "one"], "refused again")
        await wait_until(pilot, lambda: app.main.prompt.text == "one", "it is still the first")
        session.answer = None
        for sent in ("one", "two", "two", "/ctx"):
            await wait_until(pilot, lambda sent=sent: app.main.prompt.text == sent, sent)
            await pilot.press("enter")
        await wait_until(pilot, lambda: session.submitted[2:] == ["one", "two", "two", "/ctx"], "all were sent")
        assert "come back" not in screen_text(app)


async def test_lines_behind_a_refused_command_come_back_with_the_reason() -> None:
    session = idle()
    session.answering = asyncio.Event()
    session.answer = Outcome("/load a", False, error="no such file")
    async with scripted(session) as (app, pilot):
        await pilot.press(*"/load a", "enter", *"Hello", "enter")
        session.answering.set()
        await wait_until(pilot, lambda: app.main.prompt.text == "Hello", "given back")
        assert session.submitted == ["/load a"]
        assert "the line before it was not taken" in screen_text(app)


async def test_what_is_written_while_the_machine_is_paused_is_sent_in_order_when_it_goes_on() -> None:
    async with simulated() as (app, pilot):

        def turns() -> list[Turn]:
            return [item for item in app.state.items if isinstance(item, Turn)]

        await pilot.press("escape", "P")
        await until(pilot, lambda: app.state.machine.status is MachineStatus.PAUSED, "paused")
        await pilot.press("i", *"alpha one", "enter")
        await until(pilot, lambda: "1 line waits" in screen_text(app), "the frame says so")
        await pilot.press(*"beta two", "enter")
        await until(pilot, lambda: "2 lines wait" in screen_text(app), "both wait")
        await pilot.press("escape", "P")
        await until(pilot, lambda: len(turns()) == 2 and turns()[1].finished, "answered")
        assert [turn.prompt for turn in turns()] == ["alpha one", "beta two"]
        assert app.main.prompt.text == ""


async def test_in_the_middle_of_an_answer_of_a_paused_machine_it_is_told_when_a_stop_acts_and_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_simulator(tmp_path, monkeypatch, 100_000)  # however long it takes to pause it, it still answers
    monkeypatch.setattr(sending, "STOP_PAUSE", 0.0)  # as if more than a second lay between two keys
    async with simulated((80, 24), notifications=True) as (app, pilot):
        await pilot.press(*"Once", "enter", *"Tom", "enter")
        await until(pilot, lambda: app.state.turn and app.state.turn.tokens, "it answers")
        await pilot.press("escape", "P")
        await until(pilot, lambda: app.state.machine.status is MachineStatus.PAUSED, "paused")
        await pilot.press("i", "ctrl+c")
        told = "the answer stops when the machine goes on (Esc, P)"
        withdraws = f"{told}; 1 line waits: ^c again withdraws it"
        await until(pilot, lambda: withdraws in " ".join(screen_text(app).split()), "told, and no time for the line")
        assert "sent in" not in screen_text(app)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "1 line that waited is withdrawn" in screen_text(app), "withdrawn")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: told in screen_text(app), "told again, where nothing waits")
        await pilot.press("escape", "P")
        await until(pilot, lambda: "· stopped" in screen_text(app), "stopped")
        await pilot.press("i", *"/version", "enter")
        await until(pilot, lambda: any(isinstance(item, Command) for item in app.state.items), "it is used on")
        assert [item.prompt for item in app.state.items if isinstance(item, Turn)] == ["Once"]
        assert not any("machine mode" in line.text for line in app.state.log), "the kernel kept to its protocol"
        assert app.state.link.phase is LinkPhase.MACHINE


async def test_behind_a_refused_line_that_was_deleted_comes_the_next_one() -> None:
    async with simulated() as (app, pilot):
        await pilot.press(*"/test_failsafe", "enter", *"Once", "enter")
        await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.TRIPPED, "tripped")
        burst(pilot, "one\rtwo\r")
        await until(pilot, lambda: "1 more line comes back" in screen_text(app), "both are there")
        await until(pilot, lambda: "not sent" in screen_text(app), "the reason of the first")
        assert app.main.prompt.text == "one"
        await pilot.press("backspace")
        await until(pilot, lambda: app.main.prompt.text == "two", "the second")
        await pilot.press("backspace")
        await until(pilot, lambda: app.main.prompt.text == "", "none is left")
        await pilot.press("up")
        assert app.main.prompt.text == "two", "the history has them"


@pytest.mark.parametrize("raw", ["\x1b4", "\x1b[52;3u"])
async def test_escape_and_a_digit_at_once_go_to_a_pane(raw: str) -> None:
    async with scripted(idle()) as (app, pilot):
        (key,) = KeyParser().feed(raw)
        assert isinstance(key, events.Key)
        await pilot.press("H", key.key)
        assert app.main.focused_pane == "memory"
        assert app.main.prompt.text == "H"


@pytest.mark.parametrize("keys", [("f6",), ("f2", "f6"), ("shift+tab", "tab")], ids=["F6", "F2 F6", "tabs"])
async def test_keys_that_move_the_focus_leave_unsent_text_as_it_is(keys: tuple[str, ...]) -> None:
    async with simulated() as (app, pilot):
        await pilot.press(*"abc", *keys, "x")
        assert app.main.prompt.text == "abcx"
        assert app.main.prompt.selected_text == ""


@pytest.mark.parametrize("leave", ["ctrl+q", "O"])
async def test_a_prompt_that_was_not_sent_comes_back_in_the_next_run(tmp_path: Path, leave: str) -> None:
    async with scripted(idle(), memory=tmp_path, clock=Clock(), size=(120, 36), notifications=True) as (app, pilot):
        await pilot.press(*"not sent", "escape", "ctrl+c")
        await wait_until(pilot, lambda: "quits and keeps the prompt's text: up" in screen_text(app), "told")
        await pilot.press(leave)
        if leave == "O":
            await confirm(pilot, leave)
        await wait_until(pilot, lambda: app._exit, "left")
    assert app.kept_unsent
    async with scripted(idle(), memory=tmp_path) as (app, pilot):
        await pilot.press("up")
        assert app.main.prompt.text == "not sent"
        await pilot.press("backspace", "ctrl+c", "up")
        assert app.main.prompt.text == "not sen"


async def test_control_c_empties_a_prompt_while_nothing_runs_and_its_text_can_be_had_back() -> None:
    async with simulated() as (app, pilot):
        await pilot.press(*"first row", "ctrl+j", *"second row", "ctrl+c")
        assert app.main.prompt.text == ""
        assert any("up brings its text back" in notice.message for notice in app._notifications)
        await pilot.press("up")
        assert app.main.prompt.text == "first row\nsecond row"
        await pilot.press("escape", "ctrl+c")
        assert app.main.prompt.text == "first row\nsecond row", "only with the focus"
        burst(pilot, "i of three\x03")
        await until(pilot, lambda: app.main.prompt.text == "", "the end of a burst is in the text before it goes")
        await pilot.press("up")
        assert app.main.prompt.text == "first row\nsecond row of three"


async def test_text_that_is_pasted_beside_the_prompt_goes_into_it() -> None:
    async with simulated() as (app, pilot):
        await pilot.press(*"Say: ", "escape", "4")
        burst(pilot, "\x1b[200~R Pause\r\nit\x1b[201~!")
        await until(pilot, lambda: app.main.prompt.text == "Say: R Pause\nit!", "pasted, and written on")
        assert app.main.focused_pane == "prompt"
        await pilot.press("escape", "f1")
        burst(pilot, "\x1b[200~lost\x1b[201~")
        await until(pilot, lambda: any("what was pasted" in n.message for n in app._notifications), "told")
        assert app.main.prompt.text == "Say: R Pause\nit!"


async def test_what_is_pasted_where_nothing_can_be_said_is_told_of() -> None:
    async with scripted(ScriptedSession(read_only=True)) as (app, pilot):
        burst(pilot, "\x1b[200~text\x1b[201~")
        await wait_until(pilot, lambda: any("only watches" in n.message for n in app._notifications), "told")


async def test_a_line_that_was_given_back_is_emptied_by_the_key_that_empties() -> None:
    async with scripted(idle(), size=(120, 36), notifications=True) as (app, pilot):
        prompt = app.main.prompt
        prompt.refuse("hello", "the kernel said no")
        await wait_until(pilot, lambda: "the kernel said no" in screen_text(app), "told")
        assert (prompt.selected_text, prompt.cursor_location) == ("", (0, 5)), "what is typed goes on with it"
        await pilot.press("ctrl+c")
        assert prompt.text == ""
        await pilot.press(*"abc", "shift+home", "ctrl+c")
        await wait_until(pilot, lambda: "copied 3 characters" in screen_text(app), "what a person selected is copied")
        assert prompt.text == "abc"


async def tripped_with_a_refused_prompt(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    """`The dog` was refused after a trip, and is there again behind the reset."""
    await pilot.press(*"/test_failsafe", "enter", *"Once", "enter")
    await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.TRIPPED, "tripped")
    await pilot.press(*"The dog", "enter")
    await until(pilot, lambda: "tripped: /reset" in screen_text(app) and app.main.prompt.text == "The dog", "refused")
    await pilot.press(*"/reset", "enter")
    await until(pilot, lambda: app.state.sentinel and app.state.sentinel.state is SentinelState.ARMED, "armed")
    await until(pilot, lambda: "tripped: /reset" not in screen_text(app), "and known to be")
    await until(pilot, lambda: app.main.prompt.text == "The dog", "given back")


def carried_out(app: ConsoleApp, line: str) -> bool:
    """Whether a command has ended, and no line waits."""
    lines = [item.line for item in app.state.items if isinstance(item, Command)]
    return line in lines and not app.main.prompt.waiting


async def test_a_prompt_that_was_given_back_does_not_return_when_something_else_was_sent_in_its_place() -> None:
    async with simulated() as (app, pilot):
        await tripped_with_a_refused_prompt(app, pilot)
        await pilot.press(*"/ctx", "enter")
        await until(pilot, lambda: carried_out(app, "/ctx"), "carried out")
        await pilot.pause()
        assert app.main.prompt.text == ""
        await pilot.press(*"XYZ", "up", "up")
        assert app.main.prompt.text != "XYZ"
        await pilot.press("down", "down")
        assert app.main.prompt.text == "XYZ", "what was written comes back from the earlier ones"


async def test_a_prompt_that_was_given_back_does_not_return_when_what_replaced_it_was_put_away() -> None:
    async with simulated() as (app, pilot):
        await tripped_with_a_refused_prompt(app, pilot)
        await pilot.press("B", "ctrl+c")
        await pilot.pause()
        assert app.main.prompt.text == ""
        await pilot.press(*"/temp 0.7", "enter")
        await until(pilot, lambda: carried_out(app, "/temp 0.7"), "carried out")
        await pilot.pause()
        assert app.main.prompt.text == ""


async def test_how_a_machine_ended_is_not_told_of_the_one_that_was_started_after_it() -> None:
    state = rich_state(turn=None)
    boots = replace(state, link=replace(state.link, phase=LinkPhase.WAITING))
    over = replace(boots.machine, status=MachineStatus.CRASHED, detail="QEMU was killed by SIGKILL")
    session = ScriptedSession(replace(boots, machine=over))
    async with scripted(session) as (app, pilot):
        app.main.prompt.refuse("hello", "QEMU was killed by SIGKILL")
        await wait_until(pilot, lambda: "by SIGKILL" in app.main.prompt.error, "told")
        session.push(machine=boots.machine)
        await wait_until(pilot, lambda: app.main.prompt.error == "", "the reason is gone")


async def test_that_there_was_no_session_is_not_told_once_there_is_one() -> None:
    state = rich_state(turn=None)
    session = ScriptedSession(replace(state, link=replace(state.link, phase=LinkPhase.CLOSED)))
    async with scripted(session) as (app, pilot):
        app.main.prompt.refuse("hello", "there is no session: Esc, r tries again")
        await wait_until(pilot, lambda: "there is no session" in screen_text(app), "told")
        session.push(link=state.link)
        await wait_until(pilot, lambda: "there is no session" not in screen_text(app), "the reason is gone")
        assert app.main.prompt.text == "hello"


async def test_an_editor_is_refused_where_no_terminal_can_be_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "vi")
    async with scripted(idle(), size=(120, 36), notifications=True) as (app, pilot):
        await pilot.press(*"draft", "ctrl+e")
        await wait_until(pilot, lambda: "an editor needs a terminal" in screen_text(app), "said")
        assert app.main.prompt.text == "draft"


async def test_tab_takes_each_command_in_turn_where_they_agree_no_further() -> None:
    async with scripted(idle()) as (app, pilot):
        await pilot.press(*"/sa")
        found = candidates("/sa")
        assert len(found) > 2
        for command in (*found, found[0]):
            await pilot.press("tab")
            assert (app.main.focused_pane, app.main.prompt.text) == ("prompt", command)
            await wait_until(pilot, lambda: "  ".join(found) in screen_text(app), "all stay told")
        await pilot.press("backspace", "tab")
        assert app.main.prompt.text == "/sampling", "another word"
        await pilot.press(*["backspace"] * 8, "t", "tab")
        assert app.main.prompt.text == "/temp"
        await pilot.press("0", "tab")
        assert app.main.prompt.text == "/temp0", "there is no such command"


async def test_the_frame_tells_nothing_of_the_context_of_a_kernel_that_is_no_more() -> None:
    state = rich_state(turn=None, phase=Phase.IDLE)
    assert state.kv is not None
    full = replace(state, kv=state.kv.model_copy(update={"rows": state.kv.capacity - 3}))
    session = ScriptedSession(full)
    async with scripted(session) as (app, pilot):
        await pilot.press(*"Once upon a time there was")
        await wait_until(pilot, lambda: "/overflow" in screen_text(app), "told")
        over = replace(full.machine, status=MachineStatus.CRASHED, detail="QEMU was killed by SIGKILL")
        session.push(machine=over, link=replace(full.link, phase=LinkPhase.OPENING))
        await wait_until(pilot, lambda: "no session: Esc, r to" in screen_text(app), "without a key")
        assert "/overflow" not in screen_text(app)


async def test_asking_again_without_a_session_says_so_and_leaves_the_prompt_alone() -> None:
    session = ScriptedSession(rich_state(turn=None, phase=Phase.IDLE))
    async with scripted(session) as (app, pilot):
        over = replace(app.state.machine, status=MachineStatus.STOPPED)
        session.push(machine=over, link=replace(app.state.link, phase=LinkPhase.OPENING))
        await pilot.press("escape", "A")
        await wait_until(pilot, lambda: messages(app), "told")
        assert messages(app) == ["not asked again: there is no session: r to try again"]
        assert app.main.prompt.text == ""
