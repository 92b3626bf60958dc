"""Requests on their way: in windows of credit, behind barriers, and again where they were lost; the clock by them."""

from __future__ import annotations

import pytest
from link_records import credit

from llmbm_console.core.link.clock import ClockFilter
from llmbm_console.core.link.credits import RESERVE, Credits
from llmbm_console.core.link.requests import MAX_TRIES as REQUEST_TRIES
from llmbm_console.core.link.requests import RequestError, Requests
from llmbm_protocol.codec import from_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import ENQUIRY, Request, Response


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


def test_the_quickest_round_trip_sets_the_clock() -> None:
    clock = ClockFilter()
    clock.add(10.0, 10.2, 1000)
    best = clock.add(20.0, 20.002, 11_001)
    assert best.duration == pytest.approx(0.002)
    assert clock.add(30.0, 31.0, 21_500) == best
    assert best.offset == pytest.approx(9.0)
