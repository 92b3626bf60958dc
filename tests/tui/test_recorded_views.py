"""A session with the real kernel, recorded once and replayed in every view. Recordings of earlier consoles stay
readable: this one is not made anew when the kernel changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, settled, until, wait_until
from textual.pilot import Pilot

from llmbm_console.core.postmortem.summary import file_summary
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.state import Turn
from llmbm_console.tui.app import ConsoleApp

STORY = Path(__file__).parent / "recordings" / "story.llcap"
PROMPTS = ["Once upon a time", "One day, a dog", "Lily and Ben"]

Opened = tuple[ConsoleApp, Pilot[Any]]


@pytest.fixture(params=[(120, 36), (80, 24), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def replayed(request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """The recording at its end."""
    target = Target("file", str(STORY))
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=request.param) as pilot:
        await settled(pilot)
        await until(pilot, lambda: app.playback is not None and app.playback.complete, "read")
        app.player.pause()
        app.look_back(app.timeline.span[1])
        await settled(pilot)
        yield app, pilot
    await app.disconnect()


async def test_the_console_shows_what_was_said(replayed: Opened) -> None:
    app, _pilot = replayed
    turns = [item for item in app.state.items if isinstance(item, Turn)]
    assert [turn.prompt for turn in turns] == PROMPTS
    assert app.state.link.rejected_lines == 0
    assert all(turn.finished is not None and turn.finished.tokens == 40 for turn in turns)
    assert "Lily and Ben" in screen_text(app)


async def test_the_log_shows_the_broken_budget(replayed: Opened) -> None:
    app, pilot = replayed
    await pilot.press("escape", "f3", "/", *"code:budget", "enter", "n")
    await wait_until(pilot, lambda: "decode pass over its budget" in screen_text(app), "the pass")
    assert app.main.event_list.selected is not None
    assert app.main.event_list.selected.code == "budget"


async def test_the_memory_view_has_the_kernels_own_addresses_and_says_why_there_is_no_more(replayed: Opened) -> None:
    app, pilot = replayed
    await pilot.press("escape", "f2")
    shown: Callable[[], bool] = lambda: "2,864,128" in screen_text(app) or "2.7/2.7 MiB" in screen_text(app)  # noqa: E731
    await wait_until(pilot, shown, "the weights")
    await pilot.press("h")
    await wait_until(pilot, lambda: "A recording holds what came over the line" in screen_text(app), "the reason")


async def test_the_machine_view_has_no_button_that_could_do_nothing(replayed: Opened) -> None:
    app, pilot = replayed
    await pilot.press("escape", "f4")
    await wait_until(pilot, lambda: "stories700K.bin" in screen_text(app), "the model")
    assert "P pause" not in screen_text(app)
    assert "R reset" not in screen_text(app)


async def test_two_answers_of_the_recording_are_compared_and_none_can_be_asked_for(replayed: Opened) -> None:
    app, pilot = replayed
    await pilot.press("escape", "f7")
    await wait_until(pilot, lambda: "different from the first token on" in screen_text(app), "compared")
    text = screen_text(app)
    assert "A < turn 2 >   B < turn 3 >" in text
    assert "One day, a dog" in text
    assert "ask A again" not in text
    assert "this is a recording" in app.reason_against(app.by_id["compare.again"])


def test_a_recording_is_explained_in_a_sentence() -> None:
    lines = file_summary(STORY)
    assert lines[0].endswith("of sim:stories700K with 3 prompts.")
    assert all(any(prompt in line for line in lines) for prompt in PROMPTS)
