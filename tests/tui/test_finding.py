"""Finding in the transcript, filtering the events, and everything about one event."""

from __future__ import annotations

import pytest
from driving import make_app, rows_of, screen_text, scripted, settled, wait_until
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from scripted import NOW, ScriptedSession, rich_state, turn

from llmbm_console.core.log_filter import FilterError, log_filter
from llmbm_console.core.postmortem.log_values import values_of
from llmbm_console.core.state.state import LogLine
from llmbm_console.core.state.store_records import SEVERITY
from llmbm_console.tui.finding import counts, places_of
from llmbm_console.tui.log_text import fitted
from llmbm_console.tui.pages.ask import AskLine
from llmbm_console.tui.pages.details import EventDetails
from llmbm_console.tui.text import wrap
from llmbm_console.tui.widgets.lines import Line
from llmbm_protocol.schema import Arena, Event, LogCode, LogLevel

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
        ("level:err", [2]),
        ("level:ERR", [2]),
        ("level:=warning", [1]),
        ("level:", [0, 1, 2]),
        ("kind:budget", [1]),
        ("!kind:budget level:warn", [2]),
        ("kind:", [0, 1, 2]),
        ("nowhere", []),
    ],
)
def test_a_filter_shows_what_every_word_matches(query: str, shown: list[int]) -> None:
    assert [LOG.index(entry) for entry in LOG if log_filter(query)(entry)] == shown


def numbered(number: int, took: int, budget: int) -> LogLine:
    record = Event(
        number=number,
        time=1,
        level=LogLevel.WARN,
        code=LogCode.BUDGET,
        first=took,
        second=budget,
        message="decode pass over its budget",
    )
    return LogLine(NOW, "kernel", "warn", "budget", record.message, record)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("took>300M", [1]),
        ("took>=300M took<331M", [0]),
        ("took>0.3G", [1]),
        ("budget<=1k", []),
        ("number=7", [1]),
        ("!number>6 kind:budget", [0]),
        ("took>", [0, 1, 2]),
        ("size>0", []),
        ("a>b", []),
        ('"took>1"', []),
    ],
)
def test_numbers_of_events_are_compared(query: str, shown: list[int]) -> None:
    log = (numbered(6, 300_000_000, 299_000_000), numbered(7, 331_000_000, 310_000_000), LOG[2])
    assert [log.index(entry) for entry in log if log_filter(query)(entry)] == shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("step>10", "step: events have no such number; expected one of number, "),
        ("took>much", "took>much: expected a number behind >, such as took>1000"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_what_can(query: str, said: str) -> None:
    with pytest.raises(FilterError, match=said):
        log_filter(query)


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
    async with scripted(ScriptedSession(rich_state(items=items, turn=None))) as (app, pilot):
        await pilot.press("escape", "/")
        await wait_until(pilot, lambda: isinstance(app.screen, AskLine), "the line to write in")
        await pilot.press(*"prompt 3")
        assert app.main.transcript.rows[app.main.transcript.selected_row].text.endswith("prompt 3")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.main, "back on the main screen")
        await wait_until(pilot, lambda: "prompt 3" in screen_text(app), "the place is on screen")
        await wait_until(
            pilot, lambda: "n next N previous" in " ".join(screen_text(app).split()), "the keys that go on"
        )
        await pilot.press("i")
        await wait_until(pilot, lambda: "n next" not in screen_text(app), "text in the prompt")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "n next" in screen_text(app), "the keys again")
        app.main.transcript.find("pond")
        last = app.main.transcript.selected_row
        await pilot.press("N")
        count = sum(row.text.casefold().count("pond") for row in rows_of(app.main.transcript))
        await wait_until(pilot, lambda: f'"pond": {count - 1} of {count}' in screen_text(app), "which of how many")
        await pilot.press("n")
        assert app.main.transcript.selected_row == last
        await pilot.press("n")
        assert app.main.transcript.selected_row < last
        await wait_until(pilot, lambda: f'"pond": 1 of {count}, from the top' in screen_text(app), "begins anew")
        await pilot.press("N")
        assert app.main.transcript.selected_row == last
        await wait_until(pilot, lambda: f'"pond": {count} of {count}, from the end' in screen_text(app), "and back")
        await pilot.press("escape")
        await wait_until(pilot, lambda: '"pond"' not in screen_text(app), "nothing is looked for")
        await wait_until(pilot, lambda: "n next" not in screen_text(app), "no keys for it")
        assert app.main.transcript.sought == ""


async def test_slash_filters_the_events_while_it_is_typed_and_escape_undoes_it() -> None:
    async with scripted(ScriptedSession(rich_state(log=LOG))) as (app, pilot):
        await pilot.press("escape", "2", "/", *"level:error")
        assert [row.text[-19:] for row in rows_of(app.main.event_list)] == ["line silent for 2 s"]
        await pilot.press("enter")
        assert "1 of 3" in screen_text(app)
        await wait_until(
            pilot, lambda: "/ other filter Esc all events" in " ".join(screen_text(app).split()), "its keys"
        )
        await pilot.press("/", *"colour:red")
        await wait_until(pilot, lambda: "no such field" in screen_text(app), "the problem is shown")
        await pilot.press("escape")
        assert app.main.event_list.wanted == "level:error"
        await pilot.press("escape")
        assert len(rows_of(app.main.event_list)) == 3
        await wait_until(pilot, lambda: "all events" not in screen_text(app), "no filter")


def broken_budget(at: float = NOW, level: str = "warn") -> LogLine:
    record = Event(
        number=7, time=10_684, level=level, code="budget", first=753_220_182, second=474_698_396, message=LOG[1].text
    )
    return LogLine(at, "kernel", SEVERITY[record.level], "budget", record.message, record)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("753M", 1),
        ("753M of 475M", 1),
        ('"753M of 475M cyc"', 1),
        ("753220182", 1),
        ("474,698,396", 1),
        ("budget !753", 0),
        ("00:00:00", 1),
        ("00:00:01", 0),
        ("text:753M", 1),
        ("code:753M", 0),
        ("754M", 0),
    ],
)
async def test_a_filter_looks_through_what_the_list_shows_and_the_numbers_in_full(query: str, shown: int) -> None:
    async with scripted(ScriptedSession(rich_state(log=(broken_budget(),)))) as (app, _pilot):
        assert "753M of 475M" in screen_text(app)
        assert ":00:00.000 WARN budget" in screen_text(app)
        assert app.main.event_list.filter(query) == ""
        assert len(app.main.event_list.shown) == shown


async def test_a_filter_that_is_refused_says_what_was_expected_and_leaves_the_list_as_it_was() -> None:
    async with scripted(ScriptedSession(rich_state(log=LOG))) as (app, pilot):
        await pilot.press("escape", "2", "/", *"level:loud", "enter")
        await wait_until(pilot, lambda: "level:loud: expected one of info, warn, error" in screen_text(app), "said")
        assert isinstance(app.screen, AskLine), "there is something to mend"
        assert len(app.main.event_list.shown) == 3
        assert "Nothing matches" not in screen_text(app)
        await pilot.press(*["backspace"] * 4, *"err", "enter")
        await wait_until(pilot, lambda: app.screen is app.main, "taken")
        assert [entry.text for entry in app.main.event_list.shown] == ["line silent for 2 s"]


async def test_the_values_of_an_event_are_told_by_what_they_mean() -> None:
    async with scripted(ScriptedSession(rich_state(log=(broken_budget(),)))) as (app, pilot):
        await pilot.press("escape", "2", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, EventDetails), "the page")
        rows = [" ".join(row.strip("│ ").split()) for row in screen_text(app).splitlines()]
        text = "\n".join(rows)
        assert "took 753,220,182 cycles" in text
        assert "budget 474,698,396 cycles" in text
        assert not [row for row in rows if row.startswith(("first", "second", "number", "arena"))]


@pytest.mark.parametrize("width", range(14, 70))
def test_the_numbers_of_a_broken_budget_stay_longer_than_the_words(width: int) -> None:
    text = fitted(broken_budget(), width, "…")
    assert cell_len(text) <= width
    assert "753M of 475M" in text


@given(
    st.sampled_from([*LogCode]), st.sampled_from([*Arena]), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1),
    st.sampled_from([*LogLevel]),
)  # fmt: skip
def test_whatever_an_event_holds_its_values_can_be_told(
    code: LogCode, arena: Arena, first: int, second: int, level: LogLevel
) -> None:
    record = Event(number=0, time=0, level=level, code=code, arena=arena, first=first, second=second, message="m")
    values = values_of(record)
    assert all(name and value for name, value in values)
    assert not values_of(record.model_copy(update={"first": 0, "second": 0}))


async def test_enter_tells_everything_about_an_event() -> None:
    async with scripted(ScriptedSession(rich_state(log=LOG))) as (app, pilot):
        await pilot.press("escape", "2", "E", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, EventDetails), "the page")
        text = screen_text(app)
        assert "line silent for 2 s" in text
        assert "error" in text
        await pilot.press("escape", "up", "enter")
        await wait_until(pilot, lambda: "decode pass over its budget" in screen_text(app), "the line above")


async def test_places_are_counted_and_gone_through_and_not_the_lines_that_hold_them() -> None:
    items = (turn(1, "Timmy", "TIMMY met timmy. Then Timmy's friend left."), turn(2, "And", "Timmytimmy"))
    async with scripted(ScriptedSession(rich_state(items=items, turn=None))) as (app, _pilot):
        transcript = app.main.transcript
        assert transcript.find("timmy") == 6
        seen = []
        for place in (6, 5, 4, 3, 2, 1):
            assert transcript.found == f'"timmy": {place} of 6'
            row = transcript.selected_row
            lit = [
                segment.text
                for segment in transcript.render_line(row - transcript.scroll_offset.y)
                if segment.style is not None and segment.style.reverse and segment.style.underline
            ]
            assert len(lit) == 1, "one of them is the one that is counted"
            seen.append((row, lit[0]))
            transcript.step_found(-1)
        assert transcript.found == '"timmy": 6 of 6, from the end'
        assert [text for _row, text in seen] == ["timmy", "Timmy", "Timmy", "timmy", "TIMMY", "Timmy"]
        assert [row for row, _text in seen] == sorted((row for row, _text in seen), reverse=True)
        transcript.step_found(1)
        assert transcript.found == '"timmy": 1 of 6, from the top'


@given(
    st.lists(st.sampled_from(["a", "ab", "Bab", "ba", "abba"]), min_size=1, max_size=40).map(" ".join),
    st.integers(8, 24),
    st.sampled_from(["a", "ab", "b a", "ab ba", "a b", "ba ab abba", "nowhere at all"]),
)
def test_wrapping_hides_no_place(text: str, width: int, sought: str) -> None:
    spans = wrap(text, width)
    rows = [Line(f"> {text[a:b]}", "", 2, soft=at + 1 < len(spans)) for at, (a, b) in enumerate(spans)]
    found, ends = counts(rows, sought)
    assert (ends[-1] if ends else 0) == text.casefold().count(sought)
    told = {place for row in range(len(rows)) for place in places_of(rows, row, sought)}
    assert len(told) == text.casefold().count(sought)
    for place in told:
        assert " ".join(rows[row].text[start:end].casefold() for row, start, end in place) == sought
        assert place[0].row in found


async def test_words_are_found_where_a_row_ends_between_them() -> None:
    story = "Once a girl named Lily ran " * 12
    app = make_app(ScriptedSession(rich_state(items=(turn(1, "Say", story),), turn=None)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        transcript = app.main.transcript
        assert transcript.find("GIRL named Lily") == 12
        halves = []
        for _place in range(12):
            row = transcript.selected_row - transcript.scroll_offset.y
            lit = [
                segment.text
                for y in (row, row + 1)
                for segment in transcript.render_line(y)
                if segment.style is not None and segment.style.reverse and segment.style.underline
            ]
            assert " ".join(lit) == "girl named Lily"
            halves.append(len(lit))
            transcript.step_found(-1)
        assert 2 in halves, "some of them go over the end of a row"
