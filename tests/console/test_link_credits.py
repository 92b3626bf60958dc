"""Credit: whatever a line keeps or loses, no more than the kernel's receiver holds is under way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from link_records import credit

from llmbm_console.core.link.credits import RESERVE, WRAP, Credits
from llmbm_protocol.schema import ENQUIRY, Credit


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
        assert fifo <= window
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
