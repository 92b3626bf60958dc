"""What is kept of a session of any length has a bound, and what is kept is what was."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.state import store_parts, store_records, timeline, turns
from llmbm_console.core.state.events import ConsoleText, Gap, RecordReceived
from llmbm_console.core.state.known_words import KnownWords
from llmbm_console.core.state.room import CHOICE_ROOM, LOG_ROOM, room_of
from llmbm_console.core.state.series import Series
from llmbm_console.core.state.state import MAX_ITEMS, MAX_LOG, State, TokenInfo, Turn
from llmbm_console.core.state.store import reduce
from llmbm_console.core.state.timeline import Timeline
from llmbm_console.core.state.token_buffer import TOKEN_ROOM, TokenBuffer
from llmbm_protocol.codec import from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import (
    Choice,
    Event,
    Finished,
    LogCode,
    LogLevel,
    Record,
    SamplingState,
    StopReason,
    Token,
    Word,
)

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
        warning = Event(number=generation, time=1, level=LogLevel.WARN, code=LogCode.GUARD, message="a guard broke")
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
    assert [mark.text for mark in marks[:4]] == ["turn 1", "a guard broke", "turn 2", "a guard broke"]
    assert len(marks) == 2 * answers


# ---- octets


def heard(record: Record, at: float) -> RecordReceived:
    """As it comes from the line, each time another object."""
    (frame,) = FrameDecoder().feed(to_frame(record, 0))
    assert isinstance(frame, Frame)
    made = from_frame(frame)
    assert isinstance(made, Record)
    return RecordReceived(at, made)


def long_life(seconds: int, choices: bool, state: State, looking_back: Timeline) -> State:
    """A hundred tokens a second in answers of a second each, with warnings, samples and texts of the firmware."""
    sampling = SamplingState(
        time=1, temperature=850_000, min_p=50_000, top_p=950_000, top_k=80, no_repeat_ngram=4,
        repeat_penalty=1_150_000, max_tokens=160, seed=42,
    )  # fmt: skip
    for generation in range(1, seconds + 1):
        base = generation * 1000
        records: list[Record] = [sampling.model_copy(update={"time": base})]
        for index in range(100):
            now, cycles = base + index * 10, 1_000_000 + generation * 7919 * index % 600_000
            token = generation * index * 31 % 32_000
            records.append(
                Token(generation=generation, index=index, time=now, token=token, cycles=cycles, text=b" word")
            )
            if choices:
                likeliest = ";".join(f"{(token + other) % 32_000}:{other}" for other in range(15))
                records.append(
                    Choice(
                        generation=generation, index=index, temperature=850_000, probability=300_000, rank=1,
                        kept=(9, 9, 7), rest=(90_000, 400_000), likeliest=likeliest,
                    )
                )  # fmt: skip
        level = LogLevel.WARN if generation % 3 == 0 else LogLevel.INFO
        records += [
            Finished(
                generation=generation, time=base + 995, reason=StopReason.EOS, tokens=100, prompt_tokens=3,
                prefill_us=generation, decode_us=generation * 3, kv_rows=103, turn=generation,
            ),
            Event(number=generation, time=base + 996, level=level, code=LogCode.BUDGET, message=f"over {generation}"),
        ]  # fmt: skip
        for number, record in enumerate(records):
            state = reduce(state, heard(record, generation + number / len(records)))
            looking_back.note(state)
        if generation % 10 == 0:
            state = reduce(state, ConsoleText(generation + 0.999, f"text {generation} " * 20))
    return state


KEPT, BACK, LINES = 150_000, 450_000, 100


@pytest.mark.parametrize("choices", [False, True])
def test_a_session_many_times_as_long_as_what_is_kept_of_it_takes_no_more_memory_than_that(
    choices: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_parts, "MAX_ROOM", KEPT)
    monkeypatch.setattr(store_parts, "MAX_LOG", LINES)
    monkeypatch.setattr(timeline, "MOST_ROOM", BACK)
    for name, value in (("FINE", 5.0), ("END_ITEMS", 2), ("END_LOG", 2)):
        monkeypatch.setattr(timeline, name, value)
    for module in (store_parts, turns):
        monkeypatch.setattr(module, "MAX_CHOICES", 400)
    long_life(3, choices, State(), Timeline())  # what is made once is there
    looking_back, seconds = Timeline(), 60 if choices else 230
    gc.collect()
    tracemalloc.start()
    try:
        state = long_life(seconds, choices, State(), looking_back)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert state.dropped_room + LOG_ROOM * state.dropped_log > 1.5 * BACK
    assert looking_back.room <= BACK
    assert kept <= KEPT + BACK + LINES * LOG_ROOM + (400 * CHOICE_ROOM if choices else 0)
    past = looking_back.at(looking_back.span[1] - 10)
    assert past is not None
    turn = next(item for item in reversed(past.items) if isinstance(item, Turn))
    assert [token.index for token in turn.tokens] == list(range(100))


def test_of_moments_beyond_the_bound_the_end_of_the_transcript_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MOST_ROOM", 3_000_000)
    for name, value in (("END_ITEMS", 8), ("END_LOG", 8), ("FINE", 10.0), ("COARSE_STEP", 8.0)):
        monkeypatch.setattr(timeline, name, value)
    monkeypatch.setattr(store_parts, "MAX_ROOM", 100_000)
    looking_back = Timeline()
    after_answers(1100, State(), looking_back)
    assert looking_back.room <= 3_000_000
    assert looking_back.span == (1.0, 1100.0)
    for moment in (100, 300, 550, 900, 1090):
        past = looking_back.at(float(moment))
        assert past is not None
        assert moment - past.now < 60
        newest = next(item for item in reversed(past.items) if isinstance(item, Turn))
        assert newest.number in (past.now, past.now - 1)
        assert newest.text == " word" * TOKENS
        total = past.dropped_items + len(past.items)
        assert total in (2 * past.now, 2 * past.now - 1, 2 * past.now - 2)
        assert len(past.items) >= min(total, 8)
    assert sum(looking_back.activity(10)) == 1100 * TOKENS - 1


def test_moments_of_an_endless_answer_share_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MOST_ROOM", 3_000_000)
    looking_back, state = Timeline(), State()
    for index in range(6000):
        record = Token(generation=1, index=index, time=index, token=index, cycles=5, text=b" word")
        state = reduce(state, RecordReceived(index / 10, record))
        looking_back.note(state)
    assert looking_back.room <= 3_000_000
    first, last = looking_back.span
    assert (first, last) == (0.0, 599.9)
    for ago in (1.0, 30.0, 300.0):
        past = looking_back.at(last - ago)
        assert past is not None
        assert past.turn is not None
        assert last - ago - past.now <= max(1.0, ago / 4)
        assert past.turn.text == " word" * len(past.turn.tokens)


def test_the_texts_of_tokens_are_shared_by_all_states_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_records, "MAX_WORDS", 1000)
    states = [State()]
    for token in range(2500):
        states.append(reduce(states[-1], RecordReceived(1.0, Word(token=token, text=f"w{token}".encode()))))
        assert len(states[-1].words) <= 1000
    assert len({id(state.words._shared) for state in states[1:] if isinstance(state.words, KnownWords)}) < 20
    for count in (1, 2, 999, 1000):
        assert dict(states[count].words) == {token: f"w{token}" for token in range(count)}
        assert count not in states[count].words
    newest = states[-1].words
    assert list(newest) == list(range(2500 - len(newest), 2500))
    assert len(newest) >= 900


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("abc"), st.integers(1, 9))))
def test_every_version_of_known_words_keeps_what_it_knew(steps: list[tuple[int, int, str, int]]) -> None:
    versions: list[tuple[KnownWords, dict[int, str]]] = [(KnownWords(), {})]
    for from_newest, token, text, most in steps:
        words, plain = versions[max(0, len(versions) - 1 - from_newest)]
        made = words.with_word(token, text, most)
        assert made[token] == text
        assert len(made) <= max(most, len(plain))
        if token in plain or len(plain) < most:
            assert dict(made) == {**plain, token: text}
        versions.append((made, dict(made)))
    for words, plain in versions:
        assert (dict(words), len(words)) == (plain, len(plain))
        assert words == plain


# ---- tokens


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
    assert buffer.octets == TOKEN_ROOM * len(tokens)
    buffer.pack()
    assert list(buffer) == tokens
