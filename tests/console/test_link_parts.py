"""The parts of the link that need no line: credit, requests, repair, clocks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.clock import ClockFilter
from llmbm_console.core.credits import RESERVE, WRAP, Credits
from llmbm_console.core.link_decode import LineDecoder
from llmbm_console.core.link_repair import GRACE, MAX_TRIES, MOST_AHEAD, RING, EventStream, TokenStream
from llmbm_console.core.link_requests import MAX_TRIES as REQUEST_TRIES
from llmbm_console.core.link_requests import RequestError, Requests
from llmbm_protocol.codec import from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder, encode
from llmbm_protocol.schema import (
    ENQUIRY,
    Credit,
    Event,
    Finished,
    LogCode,
    LogLevel,
    Phase,
    Record,
    Request,
    Response,
    StopReason,
    Token,
)


def credit(consumed: int, window: int = 15, **more: object) -> Credit:
    return Credit(consumed=consumed, window=window, **more)  # type: ignore[arg-type]


def token(index: int, generation: int = 1, part: int = 0, more: bool = False) -> Token:
    return Token(generation=generation, index=index, part=part, more=more, time=0, token=0, cycles=0, text=b"x")


def end(tokens: int, generation: int = 1) -> Finished:
    return Finished(
        generation=generation, time=0, reason=StopReason.EOS, tokens=tokens, prompt_tokens=1, prefill_us=1, decode_us=1,
        kv_rows=1, turn=1,
    )  # fmt: skip


def log(number: int) -> Event:
    return Event(number=number, time=0, level=LogLevel.INFO, code=LogCode.INFO, message="")


# ---- credit ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from([15, 240])), max_size=60))
def test_never_more_than_the_window_is_under_way(steps: list[tuple[int, int, int]]) -> None:
    """The FIFO holds at most the window, whatever the kernel's polling looks like."""
    credits, fifo, consumed = Credits(), 0, 0
    credits.begin(15, 0.0)
    window = 15
    for number, (wish, take, next_window) in enumerate(steps):
        sent = min(wish, credits.room)
        credits.on_sent(sent, float(number))
        fifo += sent
        assert fifo <= max(window, 240 if window == 15 and fifo > 15 else window)
        taken = min(take, fifo)
        fifo -= taken
        consumed += taken
        if fifo <= next_window:  # a kernel narrows only behind its barrier, when nothing is under way
            window = next_window
        credits.on_credit(credit(consumed, window), float(number))


class SlowLine:
    """A line that may keep, lose and pass what it likes, but in its order, and a kernel that looks when it likes."""

    def __init__(self) -> None:
        self.credits = Credits()
        self.credits.begin(15, 0.0)
        self.now = 0.0
        self.up: list[int] = []  # on the line: enquiries, 0 for any other octet
        self.fifo: list[int] = []
        self.down: list[Credit] = []
        self.sent = self.consumed = self.enquiry = self.lost = self.lost_enquiries = 0

    def write(self, octets: list[int]) -> None:
        self.up += octets
        self.sent += len(octets)
        assert len(self.up) + len(self.fifo) <= 15, "they may all arrive before the kernel looks again"

    def send(self, most: int) -> None:
        count = min(most, self.credits.room)
        if count:
            self.credits.on_sent(count, self.now)
            self.write([0] * count)

    def lose(self, at: int) -> None:
        if self.up:
            self.lost_enquiries += self.up.pop(at % len(self.up)) > 0

    def arrive(self, count: int) -> None:
        self.fifo += self.up[:count]
        del self.up[:count]

    def poll(self) -> None:
        self.consumed += len(self.fifo)
        for octet in self.fifo:
            self.enquiry = octet or self.enquiry
        self.fifo.clear()
        self.down.append(credit(self.consumed, enquiry=self.enquiry))

    def hear(self, seconds: float) -> None:
        self.now += seconds
        if self.down:
            self.lost += self.credits.on_credit(self.down.pop(0), self.now)
            self.write([octet - ENQUIRY + 1 for octet in self.credits.enquire(self.now)])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["send", "lose", "arrive"]), st.integers(0, 15)),
            st.tuples(st.just("poll")),
            st.tuples(st.just("hear"), st.sampled_from([0.01, 0.25, 0.4, 1.0, 3.0, 20.0])),
        ),
        max_size=120,
    )
)
def test_whatever_a_line_keeps_or_loses_no_more_than_the_window_is_under_way(steps: list[tuple[Any, ...]]) -> None:
    line = SlowLine()
    for name, *argument in steps:
        getattr(line, name)(*argument)
    # From here on it is a good line: what it still kept arrives, and all credit comes back. With every enquiry lost the
    # session ends, as with any line that brings nothing for ten seconds.
    for _ in range(8):
        line.arrive(15)
        line.poll()
        while line.down:
            line.hear(4.0)
    if line.lost_enquiries < RESERVE:
        assert (line.credits.under_way, line.credits.room) == (0, 15 - RESERVE)
        assert line.lost == line.credits.lost_bytes == line.sent - line.consumed


def test_lost_bytes_are_given_back_when_what_was_sent_behind_them_has_arrived() -> None:
    line = SlowLine()
    line.send(12)
    line.arrive(5)
    for _ in range(7):
        line.lose(0)
    line.poll()
    line.hear(0.1)
    assert line.credits.room == 5
    line.poll()
    line.hear(0.25)
    assert line.up == [1], "they may still be on their way: it is asked"
    assert line.credits.room == 0
    line.arrive(1)
    line.poll()
    line.hear(0.01)
    assert (line.lost, line.credits.room) == (7, 12)


def test_an_enquiry_that_is_lost_is_followed_by_others_ever_later_and_not_by_a_fourth() -> None:
    line = SlowLine()
    line.send(12)
    times = []
    for _ in range(200):
        line.up.clear()
        line.poll()
        line.hear(0.125)
        if line.up:
            times.append((line.now, line.up[0]))
    assert [number for _, number in times] == [1, 2, 3]
    assert [at for at, _ in times] == [0.375, 1.375, 4.125]


def test_bytes_that_nobody_counted_do_not_block_it() -> None:
    credits = Credits()
    credits.begin(15, 0.0)
    credits.on_sent(3, 0.0)
    credits.on_credit(credit(4), 0.1)  # noise on the line
    assert credits.room == 15 - RESERVE


def test_the_count_wraps() -> None:
    credits = Credits()
    credits.begin(240, 0.0)
    credits.sent = credits.consumed = WRAP - 10
    credits.on_sent(20, 0.0)
    assert (credits.sent, credits.under_way) == (10, 20)
    credits.on_credit(credit(10, 240), 0.1)
    assert credits.under_way == 0


def test_a_pause_is_no_loss() -> None:
    credits = Credits()
    credits.begin(15, 0.0)
    credits.on_sent(10, 0.0)
    credits.thaw(100.0)
    credits.on_credit(credit(0), 100.2)
    assert credits.enquire(100.2) == b""


# ---- requests --------------------------------------------------------------------------------------------------------


def sent_requests(data: bytes) -> list[Request]:
    found: list[Request] = []
    for piece in FrameDecoder().feed(data):
        if isinstance(piece, Frame):
            record = from_frame(piece)
            assert isinstance(record, Request)
            found.append(record)
    return found


def all_output(requests: Requests, credits: Credits, now: float) -> bytes:
    """What goes out when the kernel takes everything at once."""
    out = b""
    while chunk := requests.next_chunk(now):
        assert len(chunk) <= credits.window
        out += chunk
        credits.on_credit(credit(credits.sent, credits.window), now)
    return out


def fresh(window: int = 240) -> tuple[Requests, Credits]:
    credits = Credits()
    credits.begin(window, 0.0)
    return Requests(credits), credits


async def test_a_long_line_goes_out_in_windows() -> None:
    requests, credits = fresh(15)
    pending = requests.add(Request(id=1, op="ping"), None)
    first = requests.next_chunk(0.0)
    assert len(first) == 15 - RESERVE
    assert requests.next_chunk(0.0) == b""
    assert pending.sent_at is None
    credits.on_credit(credit(len(first)), 0.1)
    rest = all_output(requests, credits, 0.2)
    assert [request.op for request in sent_requests(first + rest)] == ["ping"]
    assert pending.sent_at == 0.2


async def test_nothing_follows_work_that_starts_until_it_is_answered() -> None:
    requests, credits = fresh()
    work = requests.add(Request(id=1, op="gen", text=b"Once"), None)
    requests.add(Request(id=1, op="ping"), None)
    assert [request.op for request in sent_requests(all_output(requests, credits, 0.0))] == ["gen"]
    # Only the same request may pass, when no answer comes.
    requests.check(2.0, False, 0.25)
    again = all_output(requests, credits, 2.0)
    assert again.startswith(b"\n@q ")
    assert [(request.op, request.id) for request in sent_requests(again)] == [("gen", work.request.id)]
    requests.on_response(Response(id=work.request.id, ok=True, busy=True, generation=1), 15)
    assert credits.window == 15
    assert [request.op for request in sent_requests(all_output(requests, credits, 2.1))] == ["ping"]
    assert requests.retries == 1


async def test_an_unanswered_request_is_given_up_after_its_repetitions() -> None:
    requests, credits = fresh()
    pending = requests.add(Request(id=1, op="ping"), None)
    ids = set()
    for second in range(0, 40, 2):
        requests.check(float(second), False, 0.25)
        ids |= {request.id for request in sent_requests(all_output(requests, credits, float(second)))}
    assert ids == {pending.request.id}
    assert pending.tries >= REQUEST_TRIES
    with pytest.raises(RequestError, match="has not answered") as caught:
        await pending.answer
    assert caught.value.code == "timeout"


async def test_what_was_surely_lost_is_sent_again_at_once() -> None:
    requests, credits = fresh()
    requests.add(Request(id=1, op="ping"), None)
    sent = all_output(requests, credits, 1.0)
    end = credits.sent
    requests.on_credit(1.01, credits.on_credit(credit(end - 1, 240), 1.01))
    requests.check(1.2, False, 0.25)
    assert not all_output(requests, credits, 1.2), "its last octet was not taken yet"
    requests.on_credit(1.21, credits.on_credit(credit(end, 240), 1.21))
    requests.check(1.25, False, 0.25)
    assert not all_output(requests, credits, 1.25), "the answer may be on its way"
    requests.check(1.32, False, 0.25)
    assert [request.id for request in sent_requests(all_output(requests, credits, 1.32))] == [
        request.id for request in sent_requests(sent)
    ]


async def test_lost_octets_mean_that_the_request_was_lost() -> None:
    requests, credits = fresh()
    requests.add(Request(id=1, op="ping"), None)
    assert requests.next_chunk(1.0)
    credits.on_credit(credit(5, 240), 1.35)
    assert requests.next_chunk(1.35) == bytes((ENQUIRY,))
    requests.check(1.4, False, 0.25)
    assert not requests.next_chunk(1.4), "nothing before it is answered"
    requests.on_credit(1.45, credits.on_credit(credit(6, 240, enquiry=1), 1.45))
    assert credits.lost_bytes
    requests.check(1.56, False, 0.25)
    assert all_output(requests, credits, 1.56)


@pytest.mark.parametrize(("op", "arguments"), [("run", {"text": b"/help"}), ("data", {"offset": 0, "count": 9})])
async def test_work_is_not_expected_to_be_answered_at_once(op: str, arguments: dict[str, object]) -> None:
    requests, credits = fresh()
    requests.add(Request(id=1, op=op, **arguments), None)  # type: ignore[arg-type]
    all_output(requests, credits, 1.0)
    requests.on_credit(1.1, credits.on_credit(credit(credits.sent, 240), 1.1))
    requests.check(1.9, False, 0.25)
    assert not all_output(requests, credits, 1.9)
    requests.check(2.1, False, 0.25)
    assert all_output(requests, credits, 2.1)


async def test_a_late_answer_is_for_nobody() -> None:
    requests, _ = fresh()
    pending = requests.add(Request(id=1, op="ping"), None)
    assert requests.on_response(Response(id=pending.request.id + 1, ok=True), 15) is None
    assert not pending.answer.done()


async def test_stop_overtakes_and_a_dropped_half_line_begins_again() -> None:
    requests, credits = fresh(15)
    requests.add(Request(id=1, op="ping"), None)
    requests.add(Request(id=1, op="info"), None)
    requests.next_chunk(0.0)
    requests.add(Request(id=1, op="stop"), None)
    requests.drop_partial()
    credits.on_credit(credit(credits.sent), 0.1)
    out = all_output(requests, credits, 0.1)
    assert out.startswith(b"\n@q ")
    assert [request.op for request in sent_requests(out)] == ["ping", "stop", "info"]


async def test_ids_wrap_and_never_collide_with_one_that_waits() -> None:
    requests, _ = fresh()
    waiting = requests.add(Request(id=1, op="ping"), None).request.id
    seen = set()
    for _ in range(65_600):
        pending = requests.add(Request(id=1, op="ping"), None)
        assert pending.request.id != waiting
        seen.add(pending.request.id)
        requests.waiting.pop(pending.request.id)
    assert seen == set(range(1, 65_536)) - {waiting}


# ---- repair ----------------------------------------------------------------------------------------------------------


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


def test_the_quickest_round_trip_sets_the_clock() -> None:
    clock = ClockFilter()
    clock.add(10.0, 10.2, 1000)
    best = clock.add(20.0, 20.002, 11_001)
    assert best.duration == pytest.approx(0.002)
    assert clock.add(30.0, 31.0, 21_500) == best
    assert best.offset == pytest.approx(9.0)


def test_a_heartbeat_that_says_the_same_is_the_same_record_and_its_number_is_its_own() -> None:
    decoder = LineDecoder()
    same, other = Credit(consumed=9, window=15, events=2), Credit(consumed=10, window=15, events=2)
    data = b"".join(to_frame(record, number) for number, record in enumerate((same, same, other, same)))
    heard = [piece for piece in decoder.feed(data) if not isinstance(piece, str)]
    records = [record for record, _number in heard]
    assert records == [same, same, other, same]
    assert [number for _record, number in heard] == [0, 1, 2, 3]
    assert records[0] is records[1]
    assert records[1] is not records[3]


def test_a_heartbeat_that_cannot_be_read_is_rejected_each_time() -> None:
    decoder = LineDecoder()
    good = to_frame(Credit(consumed=9, window=15), 0)
    bad = encode("K", 1, {"c": "x"})
    heard = list(decoder.feed(good + bad + bad + good))
    assert len(heard) == 2
    assert decoder.rejected_lines == 2


# ---- kernels that are none -------------------------------------------------------------------------------------------


def test_what_waits_behind_a_gap_that_cannot_be_filled_is_bounded() -> None:
    """The kernel keeps 512 tokens and 128 events; a peer that sends more behind a gap must not fill the memory."""
    tokens = TokenStream()
    tokens.begin(1)
    released = [record for index in range(1, 2 * MOST_AHEAD) for record in tokens.on_token(token(index))]
    assert [record.index for record in released if isinstance(record, Token)] == [*range(1, 2 * MOST_AHEAD)]
    events = EventStream()
    assert not [event for number in range(1, RING + 1) for event in events.on_event(log(number))]
    assert [event.number for event in events.on_event(log(RING + 1))] == [*range(1, RING + 2)]


async def test_a_request_that_the_kernel_has_no_room_for_is_refused_at_once() -> None:
    requests = Requests(Credits())
    requests.longest = 5
    with pytest.raises(
        RequestError, match="ping: its line has 30 octets, and this kernel says that it takes 5 at most"
    ):
        requests.add(Request(id=1, op="ping"), None)
    assert not requests.waiting
    assert not requests.has_output


async def test_only_credit_starves_a_request_and_no_barrier_does() -> None:
    credits = Credits()
    requests = Requests(credits)
    credits.begin(0, 0.0)
    requests.add(Request(id=1, op="run", text=b"/bench"), None)
    assert requests.starved
    credits.begin(1000, 0.0)
    requests.next_chunk(1.0)
    requests.add(Request(id=1, op="ping"), None)
    assert requests.has_output
    assert not requests.starved, "it waits for the work that runs"
