"""Finding in the transcript, filtering the events, and everything about one event."""

from __future__ import annotations

import pytest
from driving import make_app, rows_of, screen_text, settled, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import NOW, ScriptedSession, rich_state, turn

from llmbm_console.core.log_filter import FilterError, log_filter
from llmbm_console.core.state import LogLine
from llmbm_console.tui.ask import AskLine
from llmbm_console.tui.details import EventDetails

LOG = (
    LogLine(NOW, "kernel", "info", "token", "pass 1"),
    LogLine(NOW, "kernel", "warn", "budget", "decode pass over its budget"),
    LogLine(NOW, "link", "error", "gap", "line silent for 2 s"),
)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", [0, 1, 2]),
        ("budget", [1]),
        ("BUDGET decode", [1]),
        ("!token", [1, 2]),
        ("level:warn", [1, 2]),
        ("level:error", [2]),
        ("level:=warn", [1]),
        ("!level:=info", [1, 2]),
        ("source:kernel !code:token", [1]),
        ('"silent for"', [2]),
        ("text:pass", [0, 1]),
        ("nowhere", []),
    ],
)
def test_a_filter_shows_what_every_word_matches(query: str, shown: list[int]) -> None:
    assert [LOG.index(entry) for entry in LOG if log_filter(query)(entry)] == shown


@pytest.mark.parametrize(
    ("query", "named"), [("colour:red", "colour"), ("level:loud", "level:loud"), ("level:=", "level:=")]
)
def test_a_filter_that_cannot_be_understood_names_the_word(query: str, named: str) -> None:
    with pytest.raises(FilterError, match=named):
        log_filter(query)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_clear_error(query: str) -> None:
    problem = ""
    try:
        assert set(filter(log_filter(query), LOG)) <= set(LOG)
    except FilterError as error:
        problem = str(error)
    assert not problem or "expected one of" in problem


async def test_slash_finds_in_the_transcript_and_n_goes_on() -> None:
    items = tuple(turn(number, f"prompt {number}", "a quiet [bold] Pond " * 30) for number in range(1, 12))
    app = make_app(ScriptedSession(rich_state(items=items, turn=None)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "/")
        await wait_until(pilot, lambda: isinstance(app.screen, AskLine), "the line to write in")
        await pilot.press(*"prompt 3")
        assert app.main.transcript.rows[app.main.transcript.selected_row].text.endswith("prompt 3")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.main, "back on the main screen")
        await wait_until(pilot, lambda: "prompt 3" in screen_text(app), "the place is on screen")
        app.main.transcript.find("pond")
        last = app.main.transcript.selected_row
        await pilot.press("N")
        assert app.main.transcript.selected_row < last
        await pilot.press("n")
        assert app.main.transcript.selected_row == last
        await pilot.press("escape")
        assert app.main.transcript.sought == ""


async def test_slash_filters_the_events_while_it_is_typed_and_escape_undoes_it() -> None:
    app = make_app(ScriptedSession(rich_state(log=LOG)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "2", "/", *"level:error")
        assert [row.text[-19:] for row in rows_of(app.main.event_list)] == ["line silent for 2 s"]
        await pilot.press("enter")
        assert "1 of 3" in screen_text(app)
        await pilot.press("/", *"colour:red")
        await wait_until(pilot, lambda: "no such field" in screen_text(app), "the problem is shown")
        await pilot.press("escape")
        assert app.main.event_list.wanted == "level:error"
        await pilot.press("escape")
        assert len(rows_of(app.main.event_list)) == 3


async def test_enter_tells_everything_about_an_event() -> None:
    app = make_app(ScriptedSession(rich_state(log=LOG)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "2", "E", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, EventDetails), "the page")
        text = screen_text(app)
        assert "line silent for 2 s" in text
        assert "error" in text
        await pilot.press("escape", "up", "enter")
        await wait_until(pilot, lambda: "decode pass over its budget" in screen_text(app), "the line above")
