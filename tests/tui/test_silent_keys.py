"""No key is silent: what does nothing says why, and what to press instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import burst, make_app, screen_text, scripted, settled, until, wait_until
from scripted import NOW, ScriptedSession, rich_state
from textual.pilot import Pilot
from textual.screen import Screen

from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.page_help import PAGES, page_of
from llmbm_console.tui.pages.compare import ComparePage
from llmbm_console.tui.pages.details import EventDetails
from llmbm_console.tui.pages.picture import PicturePage
from llmbm_console.tui.pages.text import TextPage
from llmbm_console.tui.pages.xray import TokenXRay
from llmbm_console.tui.player import FASTEST, SLOWEST

STORY = Path(__file__).parent / "recordings" / "story.llcap"


def told(app: ConsoleApp) -> str:
    """The notice that is on the screen; there is never a second one."""
    (notice,) = app._notifications
    return notice.message


async def press(pilot: Pilot[Any], app: ConsoleApp, key: str) -> str:
    """What a key leads to being told."""
    await pilot.press(key)
    await wait_until(pilot, lambda: app._notifications, f"{key} says something")
    return told(app)


@pytest.mark.parametrize("key", [".", "]", "}"])
async def test_at_now_the_keys_to_a_later_moment_say_that_there_is_none(key: str) -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape")
        assert await press(pilot, app, key) == "this is now already: [ goes 5 s back"


@pytest.mark.parametrize("key", ["<", ">"])
async def test_now_has_no_other_speed_and_is_not_given_one(key: str) -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape")
        assert "[ goes 5 s back, and space plays from there" in await press(pilot, app, key)
        assert app.player.speed == 1


async def test_the_speed_of_a_past_that_stands_is_shown_and_its_ends_are_told() -> None:
    session = ScriptedSession()
    async with scripted(session, clock=lambda: session.state.now) as (app, pilot):
        for moment in range(30):
            session.push(now=NOW + moment)
        await pilot.press("escape", "[", ">")
        await settled(pilot)
        assert "2x" in screen_text(app).splitlines()[0]
        app.player.speed = FASTEST
        assert await press(pilot, app, ">") == "64x is the fastest there is"
        app.player.speed = SLOWEST
        assert await press(pilot, app, "<") == "0.125x is the slowest there is"
        await pilot.press(".")
        assert "x" not in app.player.words(), "now is not played"


async def test_at_the_end_of_a_recording_the_keys_to_a_later_moment_say_so() -> None:
    target = Target("file", str(STORY))
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.playback is not None and app.playback.complete and not app.opening, "read")
        await pilot.press(".")
        for key in (".", "]", "}"):
            assert "this is the end of the recording: [ goes 5 s back" in await press(pilot, app, key)
    await app.disconnect()


@pytest.mark.parametrize("key", ["i", "3", "p", "P", "C", "T"])
async def test_in_a_recording_what_needs_a_kernel_says_that_it_is_a_recording(key: str) -> None:
    target = Target("file", str(STORY))
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.playback is not None and not app.opening, "opened")
        assert "this is a recording: open a running kernel for that" in await press(pilot, app, key)
        assert app.main.focused_pane == "transcript"
    await app.disconnect()


async def test_a_session_that_only_watches_names_the_option_that_it_was_started_with() -> None:
    async with scripted(ScriptedSession(read_only=True)) as (app, pilot):
        assert await press(pilot, app, "i") == "Write a prompt: this session only watches (--read-only)"


@pytest.mark.parametrize(("key", "label"), [("J", "J"), ("apostrophe", "'"), ("f8", "F8"), ("ctrl+x", "^x")])
@pytest.mark.parametrize("pane", ["1", "2", "5"])
async def test_a_key_that_is_bound_to_nothing_says_where_the_keys_are(pane: str, key: str, label: str) -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", pane)
        for _ in range(3):
            assert await press(pilot, app, key) == f"no key {label} here: i writes a prompt, F1 shows the keys"


async def test_nothing_is_said_of_what_is_being_written() -> None:
    async with scripted() as (app, pilot):
        burst(pilot, "Zebras' @!")
        await wait_until(pilot, lambda: app.main.prompt.text == "Zebras' @!", "written")
        await pilot.press("ctrl+x", "f8", "escape", "7", "1", "enter")
        assert not app._notifications, "digits are a slider's value"
        await pilot.press("escape", "/", "J", "'", "f8")
        assert not app._notifications


async def test_on_a_page_a_key_that_is_bound_to_nothing_says_how_to_leave_it() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "x")
        await wait_until(pilot, lambda: app.screen is not app.main, "the x-ray")
        assert await press(pilot, app, "J") == "no key J here: F1 shows the keys, Esc leaves this page"
        for key in ("f1", "question_mark"):
            await pilot.press(key)
            await wait_until(pilot, lambda: "Token x-ray" in screen_text(app), "its own help")
            await pilot.press(key)
            await wait_until(pilot, lambda: "Token x-ray" not in screen_text(app), "closed by the same key")
        assert isinstance(app.screen, TokenXRay)


@pytest.mark.parametrize("page", [TokenXRay, EventDetails, ComparePage, TextPage, PicturePage])
def test_every_page_has_help_of_its_own(page: type[Screen[object]]) -> None:
    assert page_of(page.__new__(page)) in PAGES


async def test_in_the_tour_a_key_that_is_bound_to_nothing_says_how_to_go_on_too() -> None:
    async with scripted() as (app, pilot):
        app.do("view.tour")
        await wait_until(pilot, lambda: app.screen is not app.main, "the tour")
        assert await press(pilot, app, "x") == "no key x here: Enter goes on, Esc leaves this page"


async def test_while_a_dialog_is_open_the_keys_below_it_are_not_shown() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape")
        await wait_until(pilot, lambda: "help" in screen_text(app).splitlines()[-1], "the keys")
        await pilot.press("2", "e", "enter")
        await wait_until(pilot, lambda: "Esc closes" in screen_text(app), "the dialog")
        await wait_until(pilot, lambda: not screen_text(app).splitlines()[-1], "no keys below it")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "help" in screen_text(app).splitlines()[-1], "the keys again")


async def test_the_question_of_a_dangerous_key_is_not_covered_by_a_word_about_another_one() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "R", "J")
        assert app.arming.action is not None
        assert not app._notifications


async def test_a_pane_that_gets_no_larger_or_smaller_says_so() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "5")
        assert "no larger than its place: + makes it larger" in await press(pilot, app, "-")
        await pilot.press("+", "+")
        assert "has the whole screen: _ makes it smaller" in await press(pilot, app, "+")


async def test_a_key_that_is_not_behind_the_leader_is_told_so() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "g")
        await wait_until(pilot, lambda: app.screen is not app.main, "the list")
        assert await press(pilot, app, "J") == "no key J behind g: g shows which there are"
        assert app.screen is app.main


async def test_a_file_has_nothing_to_hold() -> None:
    state = rich_state()
    file = replace(state, link=replace(state.link, phase=LinkPhase.POST_MORTEM))
    async with scripted(ScriptedSession(file, read_only=True)) as (app, pilot):
        assert "a file is one moment: nothing moves in it" in await press(pilot, app, "space")
        assert app.held is None
        assert "space hold" not in screen_text(app)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)])
async def test_a_view_that_is_held_says_which_key_lets_it_go(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "space")
        await wait_until(pilot, lambda: "space lets go" in screen_text(app), "the way out")
        await pilot.press("space")
        await wait_until(pilot, lambda: "space lets go" not in screen_text(app), "let go")
