"""The event list while events come: a full log forgets its oldest lines and says so, and a filter goes on with it."""

from __future__ import annotations

from typing import Any

import pytest
from driving import make_app, rows_of, screen_text, scripted, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state
from textual.pilot import Pilot

from llmbm_console.core.state import store_parts
from llmbm_console.core.state.events import Notice, RecordReceived
from llmbm_console.core.state.store import reduce
from llmbm_console.core.state.timeline import Timeline
from llmbm_console.tui import log_text
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.words import Arena, LogCode, LogLevel

ROOM = 50  # lines of the log in these tests


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "MAX_LOG", ROOM)


def tell(session: ScriptedSession, first: int, end: int) -> None:
    for number in range(first, end):
        event = Notice(NOW + number / 10, "warn" if number % 10 == 0 else "info", f"line {number}")
        session.state = reduce(session.state, event)
        for listener in session.listeners:
            listener(session.state, event)


def numbers(app: ConsoleApp) -> list[int]:
    return [int(row.text.rsplit(" ", 1)[1]) for row in rows_of(app.main.event_list)]


async def shows(pilot: Pilot[Any], app: ConsoleApp, wanted: list[int]) -> None:
    await wait_until(pilot, lambda: numbers(app) == wanted, f"{wanted}")


async def test_a_full_log_keeps_the_newest_and_says_how_many_there_were() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        assert "Nothing happened yet" in screen_text(app)
        tell(session, 0, ROOM)
        await shows(pilot, app, list(range(ROOM)))
        assert "newest" not in screen_text(app)
        tell(session, ROOM, 1234)
        await shows(pilot, app, list(range(1234 - ROOM, 1234)))
        await wait_until(pilot, lambda: "the newest 50 of 1,234" in screen_text(app), "said")
        assert "line 1233" in screen_text(app)


def test_a_budget_that_the_kernel_learns_is_told_as_it_is_asked_for() -> None:
    record = LogRecord(
        number=1, time=1, level=LogLevel.INFO, code=LogCode.PARAM, arena=Arena.NONE, first=0, second=0,
        message=b"budget_decode=0",
    )  # fmt: skip
    state = reduce(rich_state(log=()), RecordReceived(NOW, record))
    assert log_text.told(state.log[-1]) == "budget_decode=auto"


async def test_scrolled_up_a_line_stays_in_its_place_while_older_ones_go() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        tell(session, 0, ROOM)
        await shows(pilot, app, list(range(ROOM)))
        view = app.main.event_list
        view.focus()
        view.scroll_to(y=30, animate=False, immediate=True)
        view.select(31)
        assert not view.following
        first = view.row_line(view.scroll_offset.y)
        tell(session, ROOM, ROOM + 7)
        await shows(pilot, app, list(range(7, ROOM + 7)))
        assert view.row_line(view.scroll_offset.y).text == first.text
        assert view.selected is not None
        assert view.selected.text == "line 31"


async def test_a_filter_goes_on_with_the_lines_that_come_and_go() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        tell(session, 0, 45)
        await shows(pilot, app, list(range(45)))
        assert app.main.event_list.filter("level:warn") == ""
        assert numbers(app) == [0, 10, 20, 30, 40]
        await wait_until(pilot, lambda: "5 of 45" in screen_text(app), "counted")
        tell(session, 45, 72)
        await shows(pilot, app, [30, 40, 50, 60, 70])
        assert app.main.event_list.filter("") == ""
        assert numbers(app) == list(range(22, 72))
        app.main.event_list.filter("no such line")
        await wait_until(pilot, lambda: "Nothing matches the filter." in screen_text(app), "empty")


async def test_looking_back_shows_the_lines_of_that_moment() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        tell(session, 0, 5)
        early = session.state
        await shows(pilot, app, list(range(5)))
        tell(session, 5, 140)
        await shows(pilot, app, list(range(90, 140)))
        view, frame = app.main.event_list, app.frame()
        view.show(type(frame)(state=early, wall=frame.wall))
        assert numbers(app) == list(range(5))
        view.show(frame)
        assert numbers(app) == list(range(90, 140))


async def test_scrolled_up_the_frame_says_how_much_is_below_and_a_prompt_follows_again() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        tell(session, 0, 20)
        await shows(pilot, app, list(range(20)))
        await settled(pilot)
        app.pacer.flush = lambda: None  # type: ignore[method-assign]  # nothing but the focus draws meanwhile
        await pilot.press("escape", "2", *["up"] * 9)
        await wait_until(
            pilot, lambda: "below │ G to the newest" in screen_text(app), "said, as it is pressed from there"
        )
        del app.pacer.flush
        assert not app.main.event_list.following
        tell(session, 20, 24)
        await shows(pilot, app, list(range(24)))
        below = 24 - app.main.event_list.scroll_offset.y - app.main.event_list.scrollable_content_region.height
        await wait_until(pilot, lambda: f"{below} lines below" in screen_text(app), "counted on")
        await pilot.press("i", *"Hi", "enter")
        await wait_until(pilot, lambda: session.submitted == ["Hi"], "sent")
        await wait_until(pilot, lambda: "below" not in screen_text(app) and "line 23" in screen_text(app), "follows")


async def test_in_a_filtered_list_n_goes_from_hit_to_hit() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        tell(session, 0, 31)
        await shows(pilot, app, list(range(31)))
        await pilot.press("escape", "2", "/", *"level:warn", "enter")
        await shows(pilot, app, [0, 10, 20, 30])
        for wanted in ("line 0", "line 10", "line 20"):
            await pilot.press("n")
            selected = app.main.event_list.selected
            assert selected is not None
            assert selected.text == wanted
        await pilot.press("N")
        assert app.main.event_list.selected_row == 1
        assert len(app.screen_stack) == 1, "the filter is not asked for again"


def overrun(session: ScriptedSession, number: int, level: LogLevel = LogLevel.WARN, phase: str = "decode") -> None:
    """A pass over its budget of a thousand cycles, by a thousand more for each."""
    text = f"{phase} pass over its budget"
    record = LogRecord(
        time=number, number=number, level=level, code=LogCode.BUDGET, arena=Arena.NONE,
        first=1000 * (number + 2), second=1000, message=text,
    )  # fmt: skip
    event = RecordReceived(NOW + number / 10, record)
    session.state = reduce(session.state, event)
    for listener in session.listeners:
        listener(session.state, event)


def texts(app: ConsoleApp) -> list[str]:
    rows = [row.text for row in rows_of(app.main.event_list)]
    return [row[row.index("budget") :].split(":")[0] for row in rows if "budget" in row]


async def test_passes_over_their_budgets_share_a_row_that_counts_them() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        view = app.main.event_list
        for number in range(3):
            overrun(session, number)
        await wait_until(pilot, lambda: view.row_count == 1, "one row")
        assert texts(app) == ["budget     3× 4.00k of 1.00k"]
        view.focus()
        view.select(0)
        for number in range(3, 20):
            overrun(session, number)
        await wait_until(pilot, lambda: "20× 21.0k of 1.00k" in screen_text(app), "the count grows")
        assert view.row_count == 1
        assert view.selected is not None
        assert view.selected.record is not None
        assert view.selected.record.first == 21_000, "the newest"
        assert len(view.run) == 20
        tell(session, 21, 22)
        overrun(session, 22)
        overrun(session, 23, phase="prefill")
        await wait_until(pilot, lambda: view.row_count == 4, "what came between and another phase are apart")


async def test_nothing_of_what_shares_a_row_is_lost() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        for number in (0, 1, 7, 3):
            overrun(session, number)
        view = app.main.event_list
        await wait_until(pilot, lambda: view.row_count == 1, "one row")
        await pilot.press("escape", "2", "up", "enter")
        await wait_until(pilot, lambda: "4 since" in screen_text(app), "its page counts them")
        assert "the worst 9.00k of 1.00k cycles" in screen_text(app)
        await pilot.press("escape")
        assert view.filter("code:budget") == ""
        assert view.row_count == 4
        view.go_to(session.state.log[1])
        assert view.selected is session.state.log[1]
        assert view.filter("") == ""
        view.go_to(session.state.log[1])
        assert session.state.log[1] in view.run


async def test_of_passes_over_their_budgets_the_title_counts_all_and_those_that_are_listed() -> None:
    session = ScriptedSession(rich_state(log=()))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        for number in range(4):
            overrun(session, number)
        await wait_until(pilot, lambda: " 4 over budget ─" in screen_text(app), "the log's")
        assert session.state.sentinel is not None
        counted = session.state.sentinel.model_copy(update={"decode_overruns": 31, "prefill_overruns": 2})
        session.push(sentinel=counted)
        await wait_until(pilot, lambda: " 33 over budget, 4 listed ─" in screen_text(app), "the sentinel's, too")


async def test_passes_over_their_budgets_are_nothing_to_look_at_and_a_trip_is() -> None:
    session = ScriptedSession(rich_state(log=()))
    app = make_app(session)
    timeline = Timeline()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        timeline.note(session.state)
        marks = timeline.marks()
        for number in range(9):
            overrun(session, number)
        timeline.note(session.state)
        await wait_until(pilot, lambda: " 9 over budget ─" in screen_text(app), "counted, and no trouble")
        assert "nothing wrong" not in screen_text(app), "beside rows that warn"
        assert " Log " in screen_text(app).splitlines()[1]
        assert timeline.marks() == marks
        view = app.main.event_list
        assert not view.step_error(-1)
        overrun(session, 9, LogLevel.ERROR)
        await wait_until(pilot, lambda: "9 over budget │ 1 to look at" in screen_text(app), "what tripped it is")
        assert view.row_count == 2, "and has a row of its own"
        assert view.step_error(-1)
        assert view.selected is session.state.log[-1]


async def test_a_full_log_forgets_lines_that_share_a_row_one_by_one() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        for number in range(10):
            overrun(session, number)
        tell(session, 10, ROOM + 4)
        view = app.main.event_list
        await wait_until(pilot, lambda: view.row_count == ROOM - 5 and len(view._run(0)) == 6, "four went")
        assert texts(app) == ["budget     6× 11.0k of 1.00k"]
        tell(session, ROOM + 4, ROOM + 12)
        await wait_until(pilot, lambda: view.row_count == ROOM and not texts(app), "all went")


async def test_what_is_below_is_counted_anew_where_the_list_has_another_height_and_nothing_is_not_told() -> None:
    session = ScriptedSession(rich_state(log=()))
    async with scripted(session) as (app, pilot):
        tell(session, 0, 12)
        await shows(pilot, app, list(range(12)))
        view = app.main.event_list
        await pilot.press("escape", "2", "home")
        await wait_until(pilot, lambda: f"{12 - view.window.height} lines below" in screen_text(app), "counted")
        await pilot.press("f3")
        await wait_until(pilot, lambda: view.window.height >= 12 and "lines below" not in screen_text(app), "all seen")
        await pilot.press("f6")
        await wait_until(pilot, lambda: view.window.height < 12, "smaller")
        await wait_until(pilot, lambda: f"{12 - view.window.height} lines below" in screen_text(app), "again")
