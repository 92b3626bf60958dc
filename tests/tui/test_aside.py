"""A file is opened out of a live session, which goes on behind it, and is there again when one goes back."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from driving import burst, messages, screen_text, settled, simulated, slow_simulator, until
from scripted import ScriptedSession

from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.session.targets import Target, sessions_of
from llmbm_console.core.state.state import State, Turn
from llmbm_console.core.state.timeline import FINE_STEP
from llmbm_console.tui.app import ConsoleApp

DUMP = (Path(__file__).parent.parent / "dump/sample-llmk-failsafe.txt").read_bytes()
RECORDING = next((Path(__file__).parent / "recordings").glob("*.llcap"))


@pytest.fixture
def dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One post-mortem file in this folder, where files are looked for."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a-llmk-failsafe.txt"
    path.write_bytes(DUMP)
    return path


def kernel(app: ConsoleApp) -> int:
    """The process of the live session."""
    session = app.live_session
    assert session is not None
    assert isinstance(session.machine, Simulator)
    return session.machine._pid


def prompts(state: State) -> list[str]:
    """Of all answers, the one that runs too."""
    return [item.prompt for item in (*state.items, state.turn) if isinstance(item, Turn)]


def open_file(app: ConsoleApp, path: Path) -> None:
    target = Target("file", str(path))
    app.open_file(target.title, sessions_of(target))


async def test_an_answer_goes_on_behind_a_file_and_is_there_again(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_simulator(tmp_path, monkeypatch, 200_000)  # half a minute, if nobody stopped it
    async with simulated() as (app, pilot):
        process = kernel(app)
        await pilot.press(*"Tim", "enter")
        await until(pilot, lambda: app.state.turn is not None and app.state.turn.tokens, "it answers")
        await pilot.press("escape", "f5")
        await until(pilot, lambda: app.main.views.files.selected == dump, "listed")
        await pilot.press("o")
        await until(pilot, lambda: "POST-MORTEM" in screen_text(app), "the file")
        await settled(pilot)
        text = screen_text(app)
        assert "B back to live" in text.splitlines()[-1]
        assert "sim:stories700K goes on" in text
        assert "B goes back to the live session" in " ".join(text.replace("│", " ").split())
        live = app.live_session
        assert live is not None
        assert live.state.turn is not None, "it goes on"
        then = len(live.state.turn.tokens)
        await until(pilot, lambda: live.state.turn is not None and len(live.state.turn.tokens) > then, "it goes on")
        first = live.state.now
        await until(pilot, lambda: live.state.now > first + 3 * FINE_STEP, "more of it than the past's resolution")
        assert live.state.turn is not None
        meanwhile = live.state.now
        await live.stop()
        await until(pilot, lambda: live.state.turn is None, "the answer came to its end behind it")
        await pilot.press("B")
        await until(pilot, lambda: app.session is live, "back")
        await settled(pilot)
        answer = next(item for item in app.state.items if isinstance(item, Turn))
        assert answer.finished is not None
        assert "Tim" in screen_text(app)
        assert app.main.focused_pane == "transcript"
        assert (kernel(app), app.aside) == (process, None)
        past = app.timeline.at(meanwhile)
        assert past is not None
        assert past.turn is not None
        assert past.now >= first, "its past has no hole"
        assert len(past.turn.tokens) > then
        await pilot.press("i", *"Sara", "enter")
        await until(pilot, lambda: "Sara" in prompts(app.state), "it is used on")


async def test_a_line_that_waits_for_its_turn_is_sent_to_the_kernel_it_was_written_for(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_simulator(tmp_path, monkeypatch)
    async with simulated() as (app, pilot):
        burst(pilot, "Tim\rSara\r")  # typed one by one, the second one would come behind the answer of a busy machine
        await until(pilot, lambda: app.state.turn is not None and app.state.turn.tokens, "it answers the first one")
        open_file(app, dump)
        await until(pilot, lambda: app.shows_file, "the file")
        live = app.live_session
        assert live is not None
        await until(pilot, lambda: "Sara" in prompts(live.state), "the second one")


@pytest.mark.parametrize("key", ["B", "q"])
async def test_out_of_a_recording_every_way_that_leaves_it_leads_back(key: str) -> None:
    async with simulated(notifications=True) as (app, pilot):
        live, span = app.session, app.timeline.span
        open_file(app, RECORDING)
        await until(pilot, lambda: app.playback is not None and app.held is not None, "it plays")
        await until(pilot, lambda: "B back to live" in screen_text(app).splitlines()[-1], "the way back")
        await pilot.press("escape")
        await until(pilot, lambda: "B goes back to sim:" in screen_text(app), "Esc, the way to the panes, says so only")
        assert app.playback is not None
        await pilot.press(key)
        await until(pilot, lambda: app.session is live, "back")
        await pilot.press("i", "x")
        assert app.main.prompt.text == "x", "the prompt's key leads there, it is not written"
        assert app.held is None
        assert not app.player.playing
        assert app.timeline.span[0] == span[0]


async def test_another_file_takes_the_place_of_the_first_and_the_live_session_stays_behind_it(dump: Path) -> None:
    async with simulated() as (app, pilot):
        live = app.session
        for path in (dump, RECORDING, dump):
            open_file(app, path)
            word = "REPLAY" if path == RECORDING else dump.name
            await until(pilot, lambda word=word: word in screen_text(app).splitlines()[0], "opened")
        assert app.live_session is live
        app.do("session.back")
        await until(pilot, lambda: app.session is live, "back")


async def test_a_file_that_cannot_be_read_leaves_the_session_where_it_is(dump: Path) -> None:
    async with simulated(notifications=True) as (app, pilot):
        live = app.session
        await pilot.press("escape", "f5")
        await until(pilot, lambda: app.main.views.files.selected == dump, "listed")
        await asyncio.to_thread(dump.unlink)
        await pilot.press("o")
        await until(pilot, lambda: any("no such file" in text for text in messages(app)), "why")
        assert (app.session, app.aside) == (live, None)


async def test_an_end_behind_a_file_is_told_and_starts_again_where_one_goes_back_to(dump: Path) -> None:
    async with simulated(notifications=True) as (app, pilot):
        open_file(app, dump)
        await until(pilot, lambda: app.shows_file, "the file")
        os.kill(kernel(app), signal.SIGKILL)
        await until(pilot, lambda: "killed by SIGKILL; B goes back to it" in screen_text(app), "told")
        await pilot.press("B")
        await until(pilot, lambda: "r start again" in screen_text(app).splitlines()[-1], "as it is now")
        await pilot.press("r")
        await until(pilot, lambda: app.state.boots == 2 and app.frame().live, "the new kernel")


async def test_what_waits_behind_a_file_is_closed_with_the_console(dump: Path) -> None:
    async with simulated() as (app, pilot):
        process = kernel(app)
        open_file(app, dump)
        await until(pilot, lambda: app.shows_file, "the file")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_where_nothing_waits_the_way_back_says_so_and_verbs_behind_a_file_name_it(dump: Path) -> None:
    app = ConsoleApp("x", ScriptedSession)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "B")
        await until(pilot, lambda: "no live session waits" in screen_text(app), "said")
    async with simulated(notifications=True) as (app, pilot):
        open_file(app, dump)
        await until(pilot, lambda: app.shows_file, "the file")
        await pilot.press("P")
        await until(pilot, lambda: "this is a file: B goes back to sim:stories700K" in screen_text(app), "said")


async def test_f5_shows_the_recording_that_was_just_announced_and_not_the_dump_that_was_opened_before(
    dump: Path,
) -> None:
    async with simulated(notifications=True) as (app, pilot):
        await pilot.press("escape", "f5")
        await until(pilot, lambda: app.main.views.files.selected == dump, "listed")
        await pilot.press("o")
        await until(pilot, lambda: "POST-MORTEM" in screen_text(app), "the file")
        await settled(pilot)
        await pilot.press("B")
        await until(pilot, lambda: app.aside is None, "back")
        app.do("record.toggle")
        await until(pilot, lambda: "recording, all that was before" in screen_text(app), "it records")
        app.do("record.toggle")
        await until(pilot, lambda: "F5 shows it" in screen_text(app), "recorded")
        await pilot.press("f5")
        await until(pilot, lambda: str(app.main.views.files.selected).endswith("-session.llcap"), "the recording")
