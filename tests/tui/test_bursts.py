"""Keys that arrive in one piece: each acts where the one before it led."""

from __future__ import annotations

from typing import Any

import pytest
from driving import (
    Clock,
    burst,
    screen_text,
    scripted,
    settled,
    simulated,
    until,
    wait_until,
)
from textual import events
from textual.screen import Screen

from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.tui.pages.ask import AskLine
from llmbm_console.tui.pages.details import EventDetails
from llmbm_console.tui.pages.help import HelpScreen
from llmbm_console.tui.pages.leader import LeaderScreen
from llmbm_console.tui.pages.tour import TourScreen
from llmbm_console.tui.pages.xray import TokenXRay
from llmbm_console.tui.screen import MainScreen


async def test_what_comes_behind_the_key_of_the_prompt_in_one_piece_is_text() -> None:
    async with simulated() as (app, pilot):
        said = len(app.state.items)
        for leave, text in (("escape", "RRa"), ("2", "Pause"), ("4", "The space boy z6")):
            await pilot.press("escape", leave)
            assert app.main.focused_pane != "prompt"
            burst(pilot, f"i{text}")
            await until(pilot, lambda text=text: app.main.prompt.text.endswith(text), f"{text} is written")
        assert app.main.prompt.text == "RRaPauseThe space boy z6"
        assert app.arming.action is None
        assert app.state.machine.status is MachineStatus.RUNNING
        assert len(app.state.items) == said
        await pilot.press("escape")
        burst(pilot, "i\r")
        await until(pilot, lambda: len(app.state.items) > said or app.state.turn is not None, "sent")


@pytest.mark.parametrize(
    ("keys", "pane", "zoomed"),
    [
        ("4z", "memory", "memory"),
        ("?q?q4z", "memory", "memory"),
        ("4\t\t", "context", ""),
        ("5\x1b[Zz", "memory", "memory"),
        ("12i\x1bOS6", "context", ""),
    ],
    ids=["digit", "help closed", "tab", "shift+tab", "F4 from the prompt"],
)
async def test_each_key_of_a_burst_finds_the_focus_where_the_one_before_moved_it(
    keys: str, pane: str, zoomed: str
) -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape")
        burst(pilot, keys)
        await until(pilot, lambda: (app.main.focused_pane, app.main.shape.zoom) == (pane, zoomed), "where they lead")
        assert app.main.prompt.text == ""


@pytest.mark.parametrize(
    ("keys", "screen", "pane", "text"),
    [
        ("ab\x1b?", HelpScreen, "transcript", "ab"),
        ("ab\x1bx", TokenXRay, "transcript", "ab"),
        ("ab\x1bR", MainScreen, "transcript", "ab"),
        ("ab\x1b/", AskLine, "transcript", "ab"),
        ("ab\x1b/cd\x1bic", MainScreen, "prompt", "abc"),
        ("ab\x1bic\x1b", MainScreen, "transcript", "abc"),
        ("ab\x1bi" + "c" * 40, MainScreen, "prompt", "ab" + "c" * 40),
        ("ab\x1b\rc", MainScreen, "prompt", "ab\nc"),
        ("ab\x1b[99;9Xc", MainScreen, "prompt", "abc"),
        ("\x1b4\x1b?\x1b6\x1bz", MainScreen, "context", ""),
    ],
    ids=["help", "tokens", "a question", "find", "out of find", "twice", "long", "new line", "no known key", "panes"],
)
async def test_escape_and_a_key_in_one_piece_do_what_they_do_one_after_the_other(
    keys: str, screen: type[Screen[Any]], pane: str, text: str
) -> None:
    async with scripted(clock=Clock()) as (app, pilot):
        burst(pilot, keys)
        await wait_until(
            pilot, lambda: isinstance(app.screen, screen) and app.main.focused_pane == pane, "where they lead"
        )
        await wait_until(pilot, lambda: app.main.prompt.text == text, "the text")
        armed = app.by_id["machine.reset"] if keys.endswith("R") else None
        await wait_until(pilot, lambda: app.arming.action is armed, "the question")
        zoom = "context" if keys.endswith("z") else ""
        await wait_until(pilot, lambda: app.main.shape.zoom == zoom, "the zoom")


@pytest.mark.parametrize("keys", ["", "\x1b", "abc\x1b?\x1b", "i\x1bR"])
async def test_keys_behind_the_end_go_nowhere(keys: str) -> None:
    async with scripted(clock=Clock()) as (app, pilot):
        burst(pilot, "a" + keys)  # some of it is still on its way when all screens are taken down
    burst(pilot, "b\x1bc")
    assert not app.screen_stack
    await app._type_ahead.take(events.Key("escape", "\x1b"))
    await app._deliver(events.Key("escape", "\x1b"))


@pytest.mark.parametrize(
    ("keys", "pane", "text"),
    [
        ("i{transcript}ab", "transcript", ""),
        ("iabR{transcript}", "transcript", "abR"),
        ("{prompt}abR", "prompt", "abR"),
    ],
    ids=["before", "behind", "into the prompt"],
)
async def test_a_click_among_keys_acts_in_its_turn(keys: str, pane: str, text: str) -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape", "4")
        clicks = {}
        for name in ("transcript", "prompt"):
            x, y = (place + 2 for place in app.main.deck.regions[name].offset)
            clicks[name] = f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"
        burst(pilot, keys.format(**clicks))
        await until(pilot, lambda: (app.main.focused_pane, app.main.prompt.text) == (pane, text), "where they lead")
        await settled(pilot)
        assert (app.main.focused_pane, app.main.prompt.text) == (pane, text)
        assert app.arming.action is None


async def test_what_is_bound_to_a_key_with_alt_is_not_escape_and_that_key() -> None:
    settings = Settings(bindings={"view.tour": ("alt+x",)})
    async with scripted(settings=settings) as (app, pilot):
        burst(pilot, "ab\x1bx")
        await wait_until(pilot, lambda: isinstance(app.screen, TourScreen), "what is bound to it")
        assert app.main.focused_pane == "prompt"


@pytest.mark.parametrize(
    ("keys", "screen"),
    [
        (["f3", "2", "enter"], EventDetails),
        (["f5", "f1"], HelpScreen),
        (["f5", "x"], TokenXRay),
        (["f5", "g"], LeaderScreen),
        (["f5", "/"], AskLine),
    ],
)
async def test_the_key_of_a_view_leaves_a_page_and_no_line_that_is_being_written(
    keys: list[str], screen: type[Screen[Any]]
) -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", *keys)
        await wait_until(pilot, lambda: isinstance(app.screen, screen), "the page")
        await pilot.press("f6")
        if screen is AskLine:
            await settled(pilot)
            assert isinstance(app.screen, AskLine)
        else:
            await wait_until(pilot, lambda: app.screen is app.main and app.main.shape.tab == "chat", "the view")


async def test_keys_behind_one_that_opens_a_dialog_go_to_the_dialog() -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape")
        burst(pilot, "7acalm\r")
        await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.temperature == 500_000, "set")
        assert app.screen is app.main
        await pilot.press("escape")
        burst(pilot, "2/level:warn\r")
        await until(pilot, lambda: app.main.event_list.wanted == "level:warn", "filtered")
        await pilot.press("escape")
        burst(pilot, "4gpRa")  # the list behind g, the prompt, its text
        await until(pilot, lambda: app.main.prompt.text == "Ra", "written")
        burst(pilot, "\x03\x10theme paper")
        await until(pilot, lambda: len(app.screen_stack) == 2 and "Theme: Paper" in screen_text(app), "palette")
        assert app.main.prompt.text == ""
