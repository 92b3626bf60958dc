"""What is kept of a session of any length has a bound, and what is kept is what was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core import store_parts
from llmbm_console.core.events import ConsoleText, Gap, RecordReceived
from llmbm_console.core.series import Series
from llmbm_console.core.state import MAX_ITEMS, MAX_LOG, State, TokenInfo, Turn
from llmbm_console.core.store import reduce
from llmbm_console.core.store_parts import room_of
from llmbm_console.core.timeline import Timeline
from llmbm_console.core.token_buffer import TOKEN_ROOM, TokenBuffer
from llmbm_protocol.schema import Event, Finished, LogCode, LogLevel, StopReason, Token

TOKENS = 50  # of an answer


def answer(generation: int) -> list[Any]:
    """The records of one answer."""
    records: list[Any] = [
        Token(generation=generation, index=index, time=generation, token=index, cycles=5, text=b" word")
        for index in range(TOKENS)
    ]
    end = Finished(
        generation=generation, time=1, reason=StopReason.EOS, tokens=TOKENS, prompt_tokens=3, prefill_us=1,
        decode_us=2, kv_rows=3, turn=1,
    )  # fmt: skip
    return [*records, end]


def after_answers(count: int, state: State, timeline: Timeline | None = None) -> State:
    """A second for each answer, and a text and a warning of the kernel between them."""
    for generation in range(1, count + 1):
        at = float(generation)
        warning = Event(number=generation, time=1, level=LogLevel.WARN, code=LogCode.BUDGET, message="over budget")
        events = [RecordReceived(at, record) for record in (*answer(generation), warning)]
        for event in (*events, ConsoleText(at, "a line of text\n")):
            state = reduce(state, event)
            if timeline is not None:
                timeline.note(state)
    return state


def test_the_room_of_the_transcript_is_bounded_and_the_newest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "MAX_ROOM", 100_000)
    state = after_answers(200, State())
    assert sum(room_of(item) for item in state.items[:-1]) == state.items_room <= 100_000
    assert state.items_room > 90_000
    assert state.dropped_items + len(state.items) == 400
    newest = next(item for item in reversed(state.items) if isinstance(item, Turn))
    assert (newest.number, len(newest.tokens)) == (200, TOKENS)


def test_an_item_larger_than_all_the_room_is_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "MAX_ROOM", 100)
    state = after_answers(3, State())
    assert len(state.items) == 1
    assert state.dropped_items == 5


def test_items_and_log_are_bounded_in_number() -> None:
    state = State()
    for number in range(MAX_LOG + MAX_ITEMS + 10):
        state = reduce(state, Gap(float(number), 1.0, f"silent {number}"))
    assert (len(state.items), len(state.log)) == (MAX_ITEMS, MAX_LOG)
    assert state.log[-1].text == f"silent {MAX_LOG + MAX_ITEMS + 9}"


def test_activity_and_marks_of_a_recording_go_back_to_items_that_the_state_dropped() -> None:
    timeline = Timeline(whole=True)
    answers = MAX_ITEMS  # with as many texts between them
    state = after_answers(answers, State(), timeline)
    assert state.dropped_items > 0
    counts = timeline.activity(10)
    assert sum(counts) == (answers - 1) * TOKENS + TOKENS - 1  # the first state has the first token already
    assert max(counts) - min(counts) <= 2 * TOKENS
    marks = timeline.marks()
    assert [mark.text for mark in marks[:4]] == ["turn 1", "over budget", "turn 2", "over budget"]
    assert len(marks) == 2 * answers


_U32, _U39 = st.integers(0, 2**32 - 1), st.integers(0, 2**39 - 1)
_TOKENS = st.lists(
    st.builds(
        TokenInfo, index=_U32, token=_U32, start=_U32, end=_U32, cycles=_U39, time_ms=_U39,
        at=st.floats(0, 1e9), choice=st.sampled_from([None, "chosen"]), sampling=st.sampled_from([None, "rules"]),
    ),
    max_size=20,
)  # fmt: skip


@given(_TOKENS, st.integers(0, 20), st.integers(0, 20))
def test_a_buffer_of_tokens_gives_back_what_was_put_in(tokens: list[TokenInfo], first: int, end: int) -> None:
    series = Series(tokens, TokenBuffer())
    assert list(series) == tokens
    assert list(series[first:end]) == tokens[first:end]
    buffer = TokenBuffer()
    for token in tokens:
        buffer.append(token)
    assert list(buffer) == tokens
    part = buffer[first:end]
    assert [part[place] for place in range(len(part))] == tokens[first:end]
    assert len(buffer._rows) == TOKEN_ROOM * len(tokens)
