"""Recordings in the window: they play, stand, go back and forth, and end."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import messages, screen_text, settled, until, wait_until
from textual.pilot import Pilot

from llmbm_console.core.errors import SessionError
from llmbm_console.core.recording.capture import Capture, write_capture
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.state.state import State, Turn
from llmbm_console.core.state.timeline import WHOLE_MOST, Timeline
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.verbs import record as verbs_record


@asynccontextmanager
async def shown(path: Path, clock: list[float], speed: float = 1.0) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """A recording on the screen; `clock` holds the time that the player sees."""
    target = Target("file", str(path), speed=speed)
    app = ConsoleApp(target.title, lambda: make_session(target), clock=lambda: clock[0])
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        session = None
        await until(pilot, lambda: app.session is not None and not app.opening, "opened")
        session = app.session
        assert session is not None
        await session.wait_ready(math.inf)
        await until(pilot, lambda: app.held is not None, "the beginning is shown")
        yield app, pilot
    await app.disconnect()


@pytest.fixture
async def recording(tmp_path: Path) -> Path:
    """Two answers, at a twentieth of the speed at which they came."""
    path = tmp_path / "quick.llcap"
    session = make_session(Target("sim", record=path))
    assert isinstance(session, LiveSession)
    await session.open()
    await session.wait_ready(20)
    assert (await session.submit("Once upon a time")).ok
    session.recorder.mark(session.state.now, "between the two")
    assert (await session.submit("The little dog")).ok
    await session.close()
    quick, slow = Capture(path), tmp_path / "two.llcap"
    write_capture(slow, quick.header, (replace(entry, at=20 * entry.at) for entry in quick.entries()))
    return slow


async def test_a_recording_plays_stands_and_ends(recording: Path) -> None:
    clock = [0.0]
    async with shown(recording, clock) as (app, pilot):
        first, last = app.timeline.span
        assert app.held is not None
        assert app.held.now == pytest.approx(first)
        assert app.player.playing
        assert re.search(r"REPLAY ► 0:00 / \d+:\d\d", screen_text(app).splitlines()[0])
        assert " at 1x" in screen_text(app).splitlines()[0]
        assert "At this moment of the recording nothing was said yet." in screen_text(app)
        frame = app.shown_frame()
        before = replace(frame.state, link=replace(frame.state.link, phase=LinkPhase.WAITING))
        assert "no answer yet" in app.main.status.content_for(replace(frame, state=before), 120).plain
        clock[0] += 0.05
        await wait_until(pilot, lambda: app.held is not None and app.held.now == pytest.approx(first + 0.05))
        await pilot.press("space")
        assert not app.player.playing
        clock[0] += 1000
        await settled(pilot)
        assert app.held is not None
        assert app.held.now == pytest.approx(first + 0.05), "time stands"
        await pilot.press(">", ">", "space")
        assert "4x" in screen_text(app)
        await wait_until(pilot, lambda: app.player.playing)
        clock[0] += (last - first) / 2
        await wait_until(pilot, lambda: not app.player.playing, "the end")
        assert app.held is None
        await wait_until(pilot, lambda: "The little dog" in screen_text(app))
        assert "no session" not in screen_text(app)
        await pilot.press("space")
        await wait_until(pilot, lambda: app.held is not None and app.held.now < last, "plays again from the beginning")


async def test_marks_of_the_recording_and_keys_of_the_past_act(recording: Path) -> None:
    clock = [0.0]
    async with shown(recording, clock) as (app, pilot):
        await pilot.press("space", ".")
        assert app.held is None
        assert "between the two" in [mark.text for mark in app.timeline.marks()]
        await pilot.press("{")
        assert app.held is not None, (app.timeline.span, app.timeline.marks())
        assert not app._notifications, "what was marked is told beside its time: it is no news"
        assert app.held.mark in [mark.text for mark in app.timeline.marks()]
        assert app.held.state.turn is None or app.held.state.turn.number == 2
        before = app.held.now
        await pilot.press("[")
        assert app.held is not None
        assert app.held.now == pytest.approx(max(app.timeline.span[0], before - 5))
        await pilot.press("w")
        await wait_until(pilot, lambda: "recorded already" in screen_text(app))
        assert not app.main.prompt.region, "there is nobody to write to"


@asynccontextmanager
async def simulated(kept: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """The console on the simulator, which keeps its recordings in a folder."""
    monkeypatch.setattr(verbs_record, "saved_folder", lambda: kept)
    target = Target("sim")
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: app.state.sampling is not None, "linked")
        yield app, pilot


async def later(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    """Until the last mark is one before the moment that is shown: keys come faster here than anybody's."""
    line = app.timeline
    await until(pilot, lambda: line.span[1] > line.marks()[-1].at + 0.1, "the next sign of life")


async def test_a_session_is_recorded_and_a_clip_of_it_saved_from_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(tmp_path / "kept", monkeypatch) as (app, pilot):
        await pilot.press(*"Once", "enter")
        await until(pilot, lambda: any(isinstance(i, Turn) and i.finished for i in app.state.items), "answered")
        await pilot.press("escape", "w")
        assert app.session is not None
        recorder = app.session.recorder
        assert recorder is not None
        assert recorder.writing
        await until(pilot, lambda: "● REC 0:" in screen_text(app).splitlines()[0], "the header says so")
        await pilot.press("w")
        assert not recorder.writing
        await later(app, pilot)
        await pilot.press("W")
        await until(pilot, lambda: "a clip of" in screen_text(app), "saved")
        await until(pilot, lambda: re.search(r's, from ".+" on: ', "\n".join(messages(app))), "from where on")
        await until(pilot, lambda: "REC" not in screen_text(app).splitlines()[0], "the sign has gone")
    await app.disconnect()
    assert app.recorded == [recorder.path]
    whole, clip = sorted((tmp_path / "kept").iterdir(), key=lambda path: "clip" in path.name)
    assert Capture(whole).header.view is None
    view = Capture(clip).header.view
    assert view is not None
    clock = [0.0]
    async with shown(clip, clock) as (app, pilot):
        first, last = app.timeline.span
        assert last - first <= view[1] - view[0] + 1, "only the clip"
        await pilot.press(".")
        await wait_until(pilot, lambda: app.held is None, "its end")
        assert app.state.model is not None, "what was true before it is known"


@pytest.mark.parametrize(
    ("size", "glyphs", "words"),
    [((120, 36), "ascii", "* REC 0:"), ((80, 24), "blocks", "● REC 0:"), ((56, 24), "blocks", "● REC")],
)
async def test_the_sign_of_a_recording_in_little_room_and_in_ascii(
    tmp_path: Path, size: tuple[int, int], glyphs: str, words: str
) -> None:
    target = Target("sim", record=tmp_path / "all.llcap")
    app = ConsoleApp(target.title, lambda: make_session(target), glyphs=glyphs)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.sampling is not None, "linked")
        await until(pilot, lambda: words in screen_text(app).splitlines()[0], "the header says so")
    await app.disconnect()
    assert app.recorded == [tmp_path / "all.llcap"]


async def test_a_folder_that_cannot_be_made_is_a_notice_with_where_it_is_recorded_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(verbs_record, "saved_folder", lambda: tmp_path / "file" / "folder")
    app = ConsoleApp("sim", lambda: make_session(Target("sim")))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: app.state.sampling is not None, "linked")
        await pilot.press("escape", "w")
        await until(pilot, lambda: "folder cannot be written: Not a directory" in "\n".join(messages(app)), "told")
        assert app.session is not None
        assert app.session.recorder is not None
        assert app.session.recorder.writing
    await app.disconnect()


async def test_to_begin_behind_the_end_shows_the_end_and_says_why(recording: Path) -> None:
    app = ConsoleApp("a recording", lambda: make_session(Target("file", str(recording), seek=9999)))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "--seek 9999 is behind its end" in "\n".join(messages(app)), "told")
        await until(pilot, lambda: "The little dog" in screen_text(app), "the end is shown")
        assert not app.player.playing
    await app.disconnect()


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.llcap"
    path.write_text('{"llcap":7}\n')
    with pytest.raises(SessionError, match="version 7"):
        make_session(Target("file", str(path)))


def test_a_long_recording_is_kept_in_steps_that_its_length_allows() -> None:
    timeline, state = Timeline(whole=True), State()
    for number in range(3 * WHOLE_MOST):
        timeline.note(replace(state, now=1000 + number / 10))
    assert WHOLE_MOST / 2 <= len(timeline) <= WHOLE_MOST
    assert timeline.span == (1000, 1000 + (3 * WHOLE_MOST - 1) / 10)
    found = timeline.at(3000.05)
    assert found is not None
    assert 2999 < found.now <= 3000.05


async def test_a_clip_begins_at_the_persons_mark_and_what_was_said_before_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(tmp_path / "kept", monkeypatch) as (app, pilot):
        await pilot.press(*"/max_tokens 8", "enter")
        for number, prompt in enumerate(("Penguin", "Tim", "A dog"), 1):
            await pilot.press("i", *prompt, "enter")
            await until(
                pilot,
                lambda number=number: sum(isinstance(i, Turn) and bool(i.finished) for i in app.state.items) == number,
                f"answer {number}",
            )
            await pilot.press("escape")
            if number == 1:
                await pilot.press("m")
        await pilot.press("W")
        await until(pilot, lambda: 's, from "mark" on: ' in "\n".join(messages(app)), "though turns have marks as well")
    await app.disconnect()
    (path,) = (tmp_path / "kept").iterdir()
    assert "Penguin" not in path.read_text()
    async with shown(path, [0.0]) as (app, pilot):
        await pilot.press(".")
        await until(pilot, lambda: app.playback is not None and app.playback.complete, "read")
        await wait_until(pilot, lambda: "A dog" in screen_text(app), "its end")
        assert [item.prompt for item in app.state.items if isinstance(item, Turn)] == ["Tim", "A dog"]
        assert "Penguin" not in screen_text(app)


async def test_a_clip_in_which_nothing_was_said_does_not_ask_for_a_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(tmp_path / "kept", monkeypatch) as (app, pilot):
        await pilot.press("escape", "m")
        assert app.session is not None
        app.session.note("info", "something that is not said")
        await later(app, pilot)
        await pilot.press("W")
        await until(pilot, lambda: 's, from "mark" on: ' in "\n".join(messages(app)), "kept")
    await app.disconnect()
    (path,) = (tmp_path / "kept").iterdir()
    async with shown(path, [0.0]) as (app, pilot):
        await wait_until(pilot, lambda: "At this moment of the recording nothing was said yet." in screen_text(app))
        assert "Write the beginning" not in screen_text(app), "there is no prompt"
