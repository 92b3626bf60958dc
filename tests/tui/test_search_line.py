"""The line in which one writes what to look for: what it says while one writes, what Enter and Esc lead to."""

from __future__ import annotations

from typing import Any

import pytest
from driving import make_app, rows_of, screen_text, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state, turn
from textual.pilot import Pilot
from textual.widgets import Input

from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.ask import AskLine

ITEMS = tuple(turn(number, f"prompt {number}", "a quiet [bold] Pond " * 30) for number in range(1, 12))
EVENTS = tuple(
    LogLine(NOW - 50 + number, "link", "info", "link" if number % 4 else "pond", f"event {number}")
    for number in range(40)
)
GO_ON = "up and down go on; after Enter n and N"
THROUGH = "up and down go through them, Enter keeps the filter"


def told_story(**options: Any) -> ConsoleApp:
    return make_app(ScriptedSession(rich_state(items=ITEMS, turn=None, log=EVENTS)), **options)


async def ask(pilot: Pilot[Any], app: ConsoleApp, *keys: str) -> None:
    """Opens the line, and writes."""
    await pilot.press("/")
    await wait_until(pilot, lambda: isinstance(app.screen, AskLine), "the line to write in")
    await pilot.press(*keys)


async def says(pilot: Pilot[Any], app: ConsoleApp, text: str) -> None:
    await wait_until(pilot, lambda: text in screen_text(app), text)


async def test_while_a_word_is_written_it_says_which_keys_go_on_now_and_which_after_enter() -> None:
    app = told_story()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape")
        await ask(pilot, app, *"PoND")
        count = sum(row.text.count("Pond") for row in rows_of(app.main.transcript))
        await says(pilot, app, f'"PoND": {count} of {count}   {GO_ON}')
        await pilot.press("up", "up")
        await says(pilot, app, f'"PoND": {count - 2} of {count}   {GO_ON}')
        await pilot.press("down", "down", "down")
        await says(pilot, app, f'"PoND": 1 of {count}, from the top   {GO_ON}')
        await pilot.press("n")
        assert app.screen.query_one(Input).value == "PoNDn", "it is a letter here"
        await pilot.press("backspace", "up", "up", "enter")
        await wait_until(pilot, lambda: app.screen is app.main, "back on the main screen")
        assert app.main.transcript.found == f'"PoND": {count - 2} of {count}', "Enter stays where one went to"
        await pilot.press("N")
        assert app.main.transcript.found == f'"PoND": {count - 3} of {count}'


@pytest.mark.parametrize("pane", ["4", "7"])
async def test_enter_goes_to_where_the_keys_that_go_on_are_no_letters(pane: str) -> None:
    app = told_story()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", pane)
        await ask(pilot, app, *"pond", "enter")
        await wait_until(pilot, lambda: app.main.focused_pane == "transcript", "in the transcript")
        await pilot.press("i")
        app.do("view.find")
        await wait_until(pilot, lambda: isinstance(app.screen, AskLine), "from the prompt, too")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.main.focused_pane == "transcript", "in the transcript again")


async def test_enter_on_a_word_that_is_nowhere_says_so_and_what_to_do() -> None:
    app = told_story(settings=Settings(bindings={"view.leave": ("f8",)}))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.main.focus_pane("transcript")
        await ask(pilot, app, *"Zebra")
        await says(pilot, app, "not found in the transcript")
        await pilot.press("enter")
        await says(pilot, app, '"Zebra" is not in the transcript: write another word')
        assert isinstance(app.screen, AskLine)


@pytest.mark.parametrize("scrolled", [True, False])
async def test_escape_comes_back_to_what_was_seen_and_marked(scrolled: bool) -> None:
    app = told_story()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        transcript = app.main.transcript
        await pilot.press("escape")
        if scrolled:
            await pilot.press(*["pageup"] * 2)
            await wait_until(pilot, lambda: not transcript.following, "scrolled up")
        before = transcript.scroll_offset.y, transcript.following
        await ask(pilot, app, *"prompt 2")
        await wait_until(pilot, lambda: transcript.scroll_offset.y < before[0], "the place is shown")
        await pilot.press("escape")
        await wait_until(pilot, lambda: (transcript.scroll_offset.y, transcript.following) == before, "as before")
        assert (transcript.sought, transcript.selected_row, transcript.found) == ("", -1, "")


async def test_escape_comes_back_to_the_place_among_those_of_the_word_before() -> None:
    app = told_story()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        transcript = app.main.transcript
        await pilot.press("escape")
        await ask(pilot, app, *"prompt", "enter")
        await wait_until(pilot, lambda: app.screen is app.main, "kept")
        await pilot.press("N", "N", "N")
        before = transcript.selected_row, transcript.found
        assert before[1] == '"prompt": 8 of 11'
        await ask(pilot, app, *"pond", "escape")
        await wait_until(pilot, lambda: app.screen is app.main, "left")
        assert (transcript.selected_row, transcript.found, transcript.sought) == (*before, "prompt")
        await pilot.press("N")
        assert transcript.found == '"prompt": 7 of 11'


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_escape_comes_back_to_the_view_that_had_no_transcript(size: tuple[int, int]) -> None:
    app = told_story()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f2")
        await wait_until(pilot, lambda: app.main.shape.tab == "memory", "the memory view")
        pane = app.main.focused_pane
        await ask(pilot, app, *"pond")
        await wait_until(pilot, lambda: "transcript" in app.main.deck.regions, "the place is shown")
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.main.shape.tab == "memory", "the memory view again")
        assert app.main.focused_pane == pane


@pytest.mark.parametrize("pane", ["events", "facets", "details"])
async def test_in_the_log_view_every_pane_looks_through_the_events_and_the_search_goes_round(pane: str) -> None:
    app = told_story()
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f3")
        await wait_until(pilot, lambda: app.main.shape.tab == "log", "the log view")
        app.main.focus_pane(pane)
        await ask(pilot, app, *"Pond")
        await says(pilot, app, f"10 shown   {THROUGH}")
        await pilot.press("up")
        await says(pilot, app, f'"Pond": 10 of 10   {THROUGH}')
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.main.focused_pane == "events", "in the list")
        for key, told in (("n", "1 of 10, from the top"), ("n", "2 of 10"), ("N", "1 of 10")):
            await pilot.press(key)
            await says(pilot, app, f'"Pond": {told}')
        await pilot.press("N")
        await says(pilot, app, '"Pond": 10 of 10, from the end')


async def test_a_filter_that_nothing_passes_says_so_while_it_is_written_and_to_the_keys_that_go_on() -> None:
    app = told_story()
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "2")
        await ask(pilot, app, *"Zebra")
        await says(pilot, app, "no event matches")
        await pilot.press("enter", "n")
        await says(pilot, app, 'no event matches "Zebra": / changes the filter')


async def test_escape_comes_back_to_the_event_that_was_selected() -> None:
    app = told_story()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        events = app.main.event_list
        await pilot.press("escape", "2", *["up"] * 20)
        entry, top = events.selected, events.scroll_offset.y
        assert entry is not None
        await ask(pilot, app, *"pond", "escape")
        await wait_until(pilot, lambda: app.screen is app.main and events.selected is entry, "the event")
        assert events.scroll_offset.y == top
