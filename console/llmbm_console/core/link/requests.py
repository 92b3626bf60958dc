"""Requests on their way: ids, credit, the barrier behind work that starts, retries with the same id, and answers.

No input or output here: `next_chunk` gives what may be written now, the link writes it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from llmbm_console.core.link.credits import WRAP, Credits
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import MAX_LINE, OPERATIONS, Data, Operation, Output, Request, Response, Sample

OPERATION = {operation.name: operation for operation in OPERATIONS}
TIMEOUT_IDLE = 1.0  # s after the last byte of a request went out
TIMEOUT_BUSY = 2.5
TAKEN_GRACE = 0.1  # s after a credit that counts all of a request: its answer was sent before that credit
MAX_TRIES, GIVE_UP = 8, 30.0  # repetitions, and s, after which a request fails; both must be over
#: bytes of credit worth sending for. With less, lost bytes would never be noticed: each credit would free one byte, and
#: the line would never be quiet long enough to see that the others are gone
LEAST_PIECE = 8
UNANSWERED = ("timeout", "lost", "rebooted")  # codes of ours: the kernel has said nothing


LOADED = "loaded"  # code of ours: the kernel goes on from an earlier moment, and never began this


class RequestError(Exception):
    """A request was not answered, or refused. `code` is the kernel's word, or one of ours: "timeout" (never answered),
    "lost" (the connection or machine mode ended first), "rebooted" (the machine restarted)."""

    def __init__(self, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field_name = field_name


@dataclass
class Pending:
    """One request without its answer. Times are of the host's clock."""

    request: Request
    operation: Operation
    answer: asyncio.Future[Response]
    on_response: Callable[[Response], None] | None
    sent_at: float | None = None  # its last byte went out
    first_sent_at: float | None = None
    end: int = 0  # bytes sent when its last one was
    taken_at: float | None = None  # a credit said that the kernel has taken all of it
    tries: int = 0
    outputs: dict[int, bytes] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    data: dict[int, bytes] = field(default_factory=dict)  # pieces of a file by their offset


@dataclass
class Outgoing:
    """One line on its way out; `at` counts the bytes that are gone."""

    data: bytes
    pending: Pending | None
    at: int = 0


class Requests:
    """All requests of one session of the protocol."""

    def __init__(self, credits: Credits) -> None:
        self.credits = credits
        self.retries = 0
        self.longest = MAX_LINE  # octets of a line that the kernel takes
        self._last_id = 0
        self.begin()

    def begin(self) -> None:
        """A new session: nothing is under way. What was must have been failed before."""
        self.sequence = 1  # the hello was 0
        self.waiting: dict[int, Pending] = {}
        self.again: dict[int, dict[int, bytes]] = {}  # output of finished commands, by id, while it is asked for again
        self._queue: deque[Outgoing] = deque()
        self._current: Outgoing | None = None
        self._barrier = 0  # id of the request behind which nothing may be sent

    def add(self, request: Request, on_response: Callable[[Response], None] | None) -> Pending:
        """Queues a request; its id is filled in. Raises RequestError when the kernel takes no line of its length."""
        self._last_id = self._last_id % 65_535 + 1
        while self._last_id in self.waiting:
            self._last_id = self._last_id % 65_535 + 1
        request = request.model_copy(update={"id": self._last_id})
        if (length := len(to_frame(request, self.sequence))) > self.longest:
            said = f"its line has {length} octets, and this kernel says that it takes {self.longest} at most"
            raise RequestError("toolong", f"{request.op}: {said}; the protocol's lines have up to {MAX_LINE}")
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        pending = Pending(request, OPERATION[request.op], answer, on_response)
        self.waiting[request.id] = pending
        self._enqueue(pending, first=request.op == "stop")
        return pending

    def _enqueue(self, pending: Pending, first: bool = False) -> None:
        line = to_frame(pending.request, self.sequence)
        self.sequence = (self.sequence + 1) & 0xFFFF
        if pending.tries:
            line = b"\n" + line  # ends a half line that a loss may have left
        item = Outgoing(line, pending)
        if first:
            self._queue.appendleft(item)
        else:
            self._queue.append(item)

    @property
    def has_output(self) -> bool:
        """True while something waits to be written."""
        return self._current is not None or bool(self._queue)

    @property
    def starved(self) -> bool:
        """Something waits that nothing but the kernel's credit keeps from being written."""
        return self._current is not None or any(self._may_go(item) for item in self._queue)

    def _may_go(self, item: Outgoing) -> bool:
        """Behind a barrier only the same request may be sent again."""
        return not self._barrier or (item.pending is not None and item.pending.request.id == self._barrier)

    def next_chunk(self, now: float) -> bytes:
        """Bytes that may be written now, counted as sent; b"" when the credit is used up or nothing waits."""
        if enquiry := self.credits.enquire(now):
            return enquiry
        room = self.credits.room
        chunk = b""
        while (item := self._item()) is not None and room >= min(LEAST_PIECE, len(item.data) - item.at):
            part = item.data[item.at : item.at + room]
            item.at += len(part)
            room -= len(part)
            chunk += part
            if item.at == len(item.data):
                self._sent(item, now, (self.credits.sent + len(chunk)) % WRAP)
        if chunk:
            self.credits.on_sent(len(chunk), now)
        return chunk

    def _item(self) -> Outgoing | None:
        """The line to go on with."""
        if self._current is None:
            for item in self._queue:
                if self._may_go(item):
                    self._queue.remove(item)
                    self._current = item
                    break
        return self._current

    def _sent(self, item: Outgoing, now: float, end: int) -> None:
        self._current = None
        pending = item.pending
        if pending is not None and pending.request.id in self.waiting:
            pending.sent_at, pending.end, pending.taken_at = now, end, None
            if pending.first_sent_at is None:
                pending.first_sent_at = now
            if pending.operation.busy:
                self._barrier = pending.request.id

    def drop_partial(self) -> None:
        """The kernel was told to drop a half line: one of ours begins again."""
        if self._current is not None and self._current.at:
            self._current.data = b"\n" + self._current.data.lstrip(b"\n")
            self._current.at = 0

    def on_response(self, response: Response, narrow_to: int) -> Pending | None:
        """Takes an answer; None for one that nobody waits for (a late repetition)."""
        pending = self.waiting.pop(response.id, None)
        if pending is None:
            return None
        if response.id == self._barrier:
            self._barrier = 0
        if response.busy:
            self.credits.narrow(narrow_to)
        if pending.on_response is not None and response.ok:
            pending.on_response(response)
        if not pending.answer.done():
            pending.answer.set_result(response)
        return pending

    def on_output(self, record: Output) -> None:
        """A piece of what a command printed: of one that runs, or of an earlier one that is asked for again."""
        if record.id in self.waiting:
            self.waiting[record.id].outputs[record.index] = record.text
        elif record.id in self.again:
            self.again[record.id][record.index] = record.text

    def on_data(self, record: Data) -> None:
        """A piece of the open file; one that nobody waits for any more is dropped."""
        if record.id in self.waiting:
            self.waiting[record.id].data[record.offset] = record.data

    def on_sample(self, record: Sample) -> None:
        """A sample that may be the answer to any question under way; who asked picks its own."""
        for pending in self.waiting.values():
            pending.samples.append(record)

    def on_credit(self, now: float, lost: int) -> None:
        """The kernel has taken more, or bytes were found to be lost: a request that is answered at once and was not is
        damaged, or its answer is, and nothing is won by waiting longer."""
        for pending in self.waiting.values():
            if pending.sent_at is None or pending.taken_at is not None or not pending.operation.prompt:
                continue
            if lost or (self.credits.consumed - pending.end) % WRAP < WRAP // 2:
                pending.taken_at = now

    def check(self, now: float, busy: bool, slowest_gap: float) -> None:
        """Sends again what was not answered in time, with the same id so that it is done once; fails what never is."""
        limit = max(TIMEOUT_BUSY if busy else TIMEOUT_IDLE, 3 * slowest_gap)
        for pending in list(self.waiting.values()):
            if pending.sent_at is None or pending.first_sent_at is None:
                continue
            lost = pending.taken_at is not None and now - pending.taken_at >= TAKEN_GRACE
            if not lost and now - pending.sent_at < limit:
                continue
            if pending.tries >= MAX_TRIES and now - pending.first_sent_at >= GIVE_UP:
                said = f"the kernel was asked {pending.tries + 1} times and has not answered"
                self._fail(pending, "timeout", said)
                continue
            pending.tries += 1
            pending.sent_at = None
            self.retries += 1
            self._enqueue(pending, first=True)

    def _fail(self, pending: Pending, code: str, message: str) -> None:
        self.waiting.pop(pending.request.id, None)
        if self._barrier == pending.request.id:
            self._barrier = 0
        if not pending.answer.done():
            pending.answer.set_exception(RequestError(code, message))

    def fail_all(self, code: str, message: str) -> None:
        """Nothing that is under way will be answered."""
        for pending in list(self.waiting.values()):
            self._fail(pending, code, message)
        self.begin()

    def thaw(self, now: float) -> None:
        """The machine was paused: every request gets its time anew."""
        for pending in self.waiting.values():
            if pending.sent_at is not None:
                pending.sent_at = pending.first_sent_at = now
                pending.taken_at = None
