"""Looking back: what is kept, how finely, and which moments can be gone to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmbm_console.core.state.state import LogLine, Seam, State, Turn
from llmbm_console.core.state.timeline import COARSE_STEP, FINE, FINE_STEP, LENGTH, Timeline


def recorded(times: list[float]) -> Timeline:
    timeline = Timeline()
    for number, at in enumerate(times):
        timeline.note(State(now=at, boots=number))
    return timeline


def test_an_empty_timeline_knows_nothing() -> None:
    timeline = Timeline()
    assert timeline.span == (0.0, 0.0)
    assert timeline.at(5.0) is None
    assert timeline.marks() == []
    assert timeline.activity(4) == [0, 0, 0, 0]


def test_a_moment_gives_the_last_state_not_later() -> None:
    timeline = recorded([10.0, 11.0, 12.0])
    for moment, boots in ((9.0, 0), (10.0, 0), (10.9, 0), (11.0, 1), (99.0, 2)):
        state = timeline.at(moment)
        assert state is not None
        assert state.boots == boots


def test_the_newest_state_is_never_missing() -> None:
    timeline = recorded([0.0, 1.0, 1.01, 1.02, 1.03])
    newest = timeline.at(2.0)
    assert newest is not None
    assert newest.boots == 4


def test_an_hour_at_a_hundred_events_a_second_stays_small_and_fine_at_its_end() -> None:
    timeline = recorded([number / 100 for number in range(360_000)])
    first, last = timeline.span
    assert last == pytest.approx(3600, abs=0.02)
    assert LENGTH - 1 <= last - first <= LENGTH + 30
    assert len(timeline) <= LENGTH / COARSE_STEP + FINE / FINE_STEP + 40
    for ago, exact in ((10.0, 2 * FINE_STEP), (600.0, 2 * COARSE_STEP)):
        state = timeline.at(last - ago)
        assert state is not None
        assert last - ago - state.now <= exact


def test_a_clip_begins_at_the_persons_mark_else_at_a_turn_else_at_what_there_is() -> None:
    timeline = Timeline()

    def begin(end: float) -> str:
        mark = timeline.clip_begin(end)
        return mark.text if mark is not None else ""

    timeline.note(State(now=0.5))
    assert begin(9.0) == ""
    first = LogLine(1.0, "kernel", "warn", "budget", "over")
    timeline.note(State(now=1.5, log=(first,)))
    assert begin(9.0) == "over"
    again = LogLine(3.0, "kernel", "warn", "budget", "over again")  # while turn 7 answers
    timeline.note(State(now=5.0, items=(Turn(7, "Once", 2.0),), log=(first, again)))
    assert begin(9.0) == "turn 7"
    timeline.mark(1.2, "here")
    assert begin(9.0) == "here"
    assert begin(1.1) == "over", "what came later is not before it"


def test_marks_are_turns_seams_warnings_and_those_set() -> None:
    timeline = Timeline()
    timeline.note(State(now=1.0))
    log = (LogLine(3.0, "kernel", "warn", "budget", "over"), LogLine(3.5, "kernel", "info", "info", "fine"))
    items = (Turn(7, "Once", 2.0), Seam("line silent", 4.0))
    timeline.note(State(now=9.0, items=items, log=log))
    timeline.mark(5.0, "here")
    assert [(mark.at, mark.text) for mark in timeline.marks()] == [
        (2.0, "turn 7"),
        (3.0, "over"),
        (4.0, "line silent"),
        (5.0, "here"),
    ]
    before, after = timeline.mark_beside(4.0, -1), timeline.mark_beside(4.0, 1)
    assert before is not None
    assert after is not None
    assert (before.at, after.at) == (3.0, 5.0)
    assert timeline.mark_beside(5.0, 1) is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 5000, allow_nan=False), max_size=300), st.floats(-10, 6000))
def test_whatever_order_the_times_have_the_timeline_is_in_order(times: list[float], moment: float) -> None:
    timeline = Timeline()
    base = State()
    for at in times:
        timeline.note(replace(base, now=at))
    assert timeline._times == sorted(timeline._times)
    state = timeline.at(moment)
    if times and moment >= timeline.span[0]:
        assert state is not None
        assert state.now <= moment


def test_what_came_in_one_read_with_an_event_in_its_midst_is_the_newest() -> None:
    """The end of an answer that came with its beginning has the time of the read, which the prompt's is later than."""
    timeline = recorded([10.0, 10.002, 10.0])
    newest = timeline.at(timeline.span[1])
    assert newest is not None
    assert newest.boots == 2
    timeline.note(State(now=5.0, boots=3))
    assert timeline.at(timeline.span[1]) is newest, "a moment of another clock"
