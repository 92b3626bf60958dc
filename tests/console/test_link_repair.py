"""Tokens and events of a line that loses and doubles them: in order, once, and their gaps are asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from link_records import credit, end, log, token

from llmbm_console.core.link.repair import GRACE, MAX_TRIES, MOST_AHEAD, RING, EventStream, TokenStream
from llmbm_protocol.schema import Event, Finished, Phase, Record, Token


@given(st.integers(1, 12), st.data())
def test_tokens_come_out_once_and_in_order_whatever_is_lost_or_doubled(count: int, data: st.DataObject) -> None:
    frames: list[Record] = [token(i) for i in range(count)] + [end(count)]
    stream, out = TokenStream(), []

    def take(frame: Record) -> None:
        out.extend(stream.on_token(frame) if isinstance(frame, Token) else stream.on_finished(frame))  # type: ignore[arg-type]

    stream.begin(1)
    for frame in frames:
        for _ in range(data.draw(st.sampled_from([0, 1, 1, 2]))):
            take(frame)
    stream.on_credit(credit(0, phase=Phase.IDLE, generation=1, tokens=count))
    for now in range(0, 200, 2):
        stream.missing(float(now))
        missing = stream.missing(now + GRACE)
        if missing is not None:
            for index in range(missing[0], missing[0] + missing[1]):
                if data.draw(st.booleans()) or now > 6:
                    take(frames[index])
            if stream.asked():
                out.extend(stream.skip())
        elif stream.end_missing(now + GRACE):
            take(frames[-1])
    assert out == frames
    assert not stream.following


def test_a_token_that_stays_lost_does_not_hold_up_the_rest() -> None:
    stream = TokenStream()
    out = [*stream.on_token(token(0)), *stream.on_token(token(2)), *stream.on_finished(end(3))]
    assert len(out) == 1
    for _ in range(MAX_TRIES):
        assert stream.missing(0.0) is None
        assert stream.missing(1.0) == (1, 1)
        assert not stream.asked()
    assert stream.asked()
    released = stream.skip()
    assert [type(frame) for frame in released] == [Token, Finished]


def test_parts_of_a_token_are_kept_in_order() -> None:
    stream = TokenStream()
    assert stream.on_token(token(0, part=1)) == []
    assert [frame.part for frame in stream.on_token(token(0, more=True)) if isinstance(frame, Token)] == [0, 1]


def test_a_running_generation_is_caught_up_from_its_beginning() -> None:
    stream = TokenStream()
    stream.on_credit(credit(0, phase=Phase.DECODE, generation=7, tokens=9))
    assert stream.missing(0.0) is None
    assert stream.missing(1.0) == (0, 9)


def test_a_finished_generation_of_before_is_not_asked_for() -> None:
    stream = TokenStream()
    stream.on_credit(credit(0, phase=Phase.IDLE, generation=7, tokens=9))
    assert stream.missing(0.0) is None
    assert stream.missing(9.0) is None
    assert not stream.end_missing(9.0)


def test_missing_events_are_asked_for_up_to_the_kernels_total_and_as_far_as_its_ring_goes() -> None:
    stream = EventStream()
    stream.on_credit(credit(0, events=3))
    assert stream.missing(0.0) is None
    assert stream.missing(1.0) == (0, 3)
    assert stream.on_event(log(1)) == []
    assert [event.number for event in stream.on_event(log(0))] == [0, 1]
    assert stream.on_event(log(1)) == []
    stream.on_credit(credit(0, events=1000))
    assert stream.missing(2.0) is None
    missing = stream.missing(3.0)
    assert missing is not None
    assert missing[0] == 1000 - RING


def test_events_that_are_gone_are_skipped() -> None:
    stream = EventStream()
    assert stream.on_event(log(5)) == []
    released: list[Event] = []
    for _ in range(MAX_TRIES + 1):
        if stream.asked(0):
            released += stream.skip(0, 5)
    assert [event.number for event in released] == [5]


def test_what_waits_behind_a_gap_that_cannot_be_filled_is_bounded() -> None:
    """The kernel keeps 512 tokens and 128 events; a peer that sends more behind a gap must not fill the memory."""
    tokens = TokenStream()
    tokens.begin(1)
    released = [record for index in range(1, 2 * MOST_AHEAD) for record in tokens.on_token(token(index))]
    assert [record.index for record in released if isinstance(record, Token)] == [*range(1, 2 * MOST_AHEAD)]
    events = EventStream()
    assert not [event for number in range(1, RING + 1) for event in events.on_event(log(number))]
    assert [event.number for event in events.on_event(log(RING + 1))] == [*range(1, RING + 2)]
