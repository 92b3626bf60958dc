"""The 16550 model with a clock of the test: what a real one does that a virtual machine's does not."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pytest
from native_library import Uart, declare

DATA_READY, OVERRUN, PARITY, FRAMING, BREAK, THR_EMPTY, IDLE, FIFO_ERROR = (1 << bit for bit in range(8))
MS = 1_000_000
BIT = 1_000_000_000 // 115200
BYTE = 10 * BIT
NEVER = 2**64 - 1

MakeUart = Callable[..., Uart]


@pytest.fixture
def make(library: ctypes.CDLL) -> Iterator[MakeUart]:
    declare(library)
    made: list[Uart] = []

    def one(**settings: object) -> Uart:
        uart = Uart(library, **settings)  # type: ignore[arg-type]
        made.append(uart)
        return uart

    yield one
    for uart in made:
        uart.close()


@pytest.fixture
def uart(make: MakeUart) -> Uart:
    return make()


# ---- receiver


def test_a_byte_is_there_when_its_last_bit_is_through(uart: Uart) -> None:
    uart.send(b"A", 1000)
    assert not uart.read(5, 1000 + BYTE - 1) & DATA_READY
    assert uart.next_ns == 1000 + BYTE
    assert uart.read(5, 1000 + BYTE) & DATA_READY
    assert uart.read(0, 1000 + BYTE) == ord("A")
    assert not uart.read(5, 1000 + BYTE) & DATA_READY


def test_latency_delays_both_ways_but_not_the_rate(make: MakeUart) -> None:
    uart = make(latency_ns=16 * MS)
    uart.send(b"ab", 0)
    assert uart.drain(16 * MS + BYTE - 1) == b""
    assert uart.drain(16 * MS + BYTE) == b"a"
    assert uart.drain(16 * MS + 2 * BYTE) == b"b"
    uart.write(0, ord("z"), 20 * MS)
    assert uart.at_host(36 * MS + BYTE - 1) == b""
    assert uart.at_host(36 * MS + BYTE) == b"z"


def test_the_seventeenth_unread_byte_is_lost_and_the_overrun_bit_says_so_once(uart: Uart) -> None:
    uart.send(bytes(range(17)), 0)
    assert uart.read(5, 16 * BYTE) & (DATA_READY | OVERRUN) == DATA_READY
    late = 17 * BYTE
    assert uart.read(5, late) & (DATA_READY | OVERRUN) == DATA_READY | OVERRUN
    assert uart.drain(late) == bytes(range(16))
    assert not uart.read(5, late) & OVERRUN
    assert (uart.counters.received, uart.counters.overruns) == (16, 1)


def test_without_the_fifo_the_newcomer_overwrites(uart: Uart) -> None:
    uart.write(2, 0x00, 0)
    assert uart.read(2, 0) == 0x01
    uart.send(b"abc", 0)
    assert uart.read(5, 3 * BYTE) & OVERRUN
    assert uart.drain(3 * BYTE) == b"c"
    assert uart.counters.overruns == 2


def test_clearing_the_receiver_empties_the_fifo_only(uart: Uart) -> None:
    uart.send(b"abc", 0)
    assert uart.read(5, 2 * BYTE) & DATA_READY
    uart.write(2, 0x03, 2 * BYTE)
    assert uart.drain(3 * BYTE) == b"c"


def test_a_break_is_a_zero_byte_with_its_bits(uart: Uart) -> None:
    uart.send(b"a", 0)
    uart.send_break(0)
    uart.send(b"b", 0)
    status = uart.read(5, 10 * MS)
    assert status & FIFO_ERROR
    assert not status & (BREAK | FRAMING)
    assert uart.read(0, 10 * MS) == ord("a")
    assert uart.read(5, 10 * MS) & (BREAK | FRAMING) == BREAK | FRAMING
    assert uart.read(0, 10 * MS) == 0
    assert uart.read(5, 10 * MS) & (BREAK | FRAMING | FIFO_ERROR | DATA_READY) == DATA_READY
    assert uart.read(0, 10 * MS) == ord("b")


def test_room_is_what_a_driver_takes_from_its_program(uart: Uart) -> None:
    room = uart.room
    uart.send(b"x" * room, 0)
    assert uart.room == 0
    uart.read(5, 100 * BYTE)
    assert uart.room == 100
    assert uart.counters.overruns == 100 - 16


# ---- speed and format


@pytest.mark.parametrize("divisor", [1, 2, 6, 12, 48])
def test_the_divisor_is_the_speed(make: MakeUart, divisor: int) -> None:
    uart = make(host_baud=115200 // divisor)
    uart.set_divisor(divisor, 0)
    uart.send(b"0123456789", 0)
    byte = 10 * (1_000_000_000 // (115200 // divisor))
    assert uart.drain(3 * byte) == b"012"
    assert uart.drain(10 * byte) == b"3456789"
    uart.write(0, ord("q"), 20 * byte)
    assert uart.at_host(21 * byte - 1) == b""
    assert uart.at_host(21 * byte) == b"q"
    assert uart.counters.damaged == 0


def test_the_divisor_is_read_back_and_is_not_data(uart: Uart) -> None:
    uart.set_divisor(0x1234, 0)
    uart.write(3, 0x83, 0)
    assert (uart.read(0, 0), uart.read(1, 0)) == (0x34, 0x12)
    uart.write(3, 0x03, 0)
    assert uart.counters.sent == 0
    assert uart.quiet(MS)


@pytest.mark.parametrize(
    ("host_baud", "readable"), [(111_000, True), (119_000, True), (57_600, False), (230_400, False)]
)
def test_a_wrong_speed_damages_and_a_slightly_wrong_one_does_not(
    make: MakeUart, host_baud: int, readable: bool
) -> None:
    uart = make(host_baud=host_baud)
    text = b"The quick brown"
    uart.send(text, 0)
    assert (uart.drain(10 * MS) == text) is readable
    for at, byte in enumerate(text):
        uart.write(0, byte, 20 * MS + at)
    assert (uart.at_host(100 * MS) == text) is readable
    if host_baud == 57_600:
        assert uart.counters.damaged > 0


def test_a_divisor_of_zero_stops_the_line(uart: Uart) -> None:
    uart.set_divisor(0, 0)
    uart.send(b"abc", 0)
    uart.write(0, ord("x"), 0)
    assert uart.drain(100 * MS) == b""
    assert uart.at_host(100 * MS) == b""


def test_parity_that_the_host_does_not_send_is_an_error(uart: Uart) -> None:
    uart.write(3, 0x1B, 0)  # 8 bits, even parity: the host's stop bit is taken as a parity bit of one
    uart.send(b"\x03\x01", 0)
    assert uart.read(5, MS) & PARITY  # two ones: the parity bit should be zero
    assert uart.read(0, MS) == 3
    assert not uart.read(5, MS) & PARITY
    assert uart.read(0, MS) == 1


# ---- transmitter


def test_the_transmitter_takes_sixteen_bytes_when_it_says_it_is_empty(uart: Uart) -> None:
    assert uart.read(5, 0) & (THR_EMPTY | IDLE) == THR_EMPTY | IDLE
    for byte in range(17):  # one goes on to the shift register at once
        uart.write(0, byte, 0)
    assert not uart.read(5, 0) & (THR_EMPTY | IDLE)
    assert not uart.read(5, 16 * BYTE - 1) & THR_EMPTY
    assert uart.read(5, 16 * BYTE) & (THR_EMPTY | IDLE) == THR_EMPTY
    assert not uart.read(5, 17 * BYTE - 1) & IDLE
    assert uart.read(5, 17 * BYTE) & (THR_EMPTY | IDLE) == THR_EMPTY | IDLE
    assert uart.at_host(17 * BYTE) == bytes(range(17))
    assert uart.counters.tx_lost == 0


def test_a_byte_written_to_a_full_transmitter_is_lost_and_counted(uart: Uart) -> None:
    for byte in range(20):
        uart.write(0, byte, 0)
    assert uart.at_host(100 * MS) == bytes(range(17))
    assert uart.counters.tx_lost == 3


def test_time_passes_between_looks_as_well(uart: Uart) -> None:
    for byte in b"hello":
        uart.write(0, byte, 0)
    assert uart.at_host(2 * BYTE) == b"he"
    assert uart.at_host(50 * MS) == b"llo"
    assert uart.next_ns == NEVER


def test_loop_back_returns_what_is_sent_and_the_modem_lines(uart: Uart) -> None:
    uart.write(4, 0x10 | 0x0A, 0)
    assert uart.read(6, 0) & 0xF0 == 0x90  # RTS and OUT2 come back as CTS and DCD
    uart.write(0, ord("L"), 0)
    assert uart.drain(BYTE) == b"L"
    assert uart.at_host(MS) == b""


def test_the_modem_status_tells_whether_somebody_is_there(uart: Uart) -> None:
    assert uart.read(6, 0) == 0
    uart.peer(True)
    assert uart.read(6, 0) == 0xBB  # with the change bits, which reading clears
    assert uart.read(6, 0) == 0xB0


def test_the_scratch_register_keeps_a_byte(uart: Uart) -> None:
    uart.write(7, 0xA5, 0)
    assert uart.read(7, 0) == 0xA5


# ---- a plain line


def test_a_plain_line_loses_nothing_and_makes_the_kernel_wait(make: MakeUart) -> None:
    uart = make(plain=True)
    data = bytes(range(256)) * 16
    assert uart.room == len(data)
    uart.send(data, 0)
    assert uart.room == 0
    assert uart.drain(0) == data
    written = 0
    while uart.read(5, 0) & THR_EMPTY:
        for _ in range(16):
            uart.write(0, written & 0xFF, 0)
            written += 1
    assert written >= 4096
    assert uart.at_host(0) == bytes(value & 0xFF for value in range(written))
    assert uart.read(5, 0) & (THR_EMPTY | IDLE) == THR_EMPTY | IDLE
    assert uart.counters.tx_lost == uart.counters.overruns == 0


# ---- a kernel of twelve layers at 33 ms a token, and hosts of three kinds


def polls(gaps: list[int]) -> Iterator[int]:
    """The times at which a kernel finds time for its line."""
    now = 0
    while True:
        for gap in gaps:
            now += gap
            yield now


LAYERS = [2_150_000] * 12 + [7_400_000]  # a poll after each layer, and one after the logits
SLOW = [200_000_000]


def unpaced(uart: Uart, gaps: list[int], writes: list[tuple[int, bytes]]) -> tuple[bytes, int]:
    """A host that writes by its own clock; what the kernel got and what was lost."""
    got, total = b"", sum(len(data) for _, data in writes)
    for when, data in writes:
        uart.send(data, when)
    schedule = polls(gaps)
    while len(got) + uart.counters.overruns < total:
        got += uart.drain(next(schedule))
    return got, int(uart.counters.overruns)


def test_a_burst_overruns_a_busy_kernel_with_gaps_between_what_is_left(uart: Uart) -> None:
    data = bytes(index % 251 for index in range(1000))
    got, lost = unpaced(uart, LAYERS, [(0, data)])
    assert lost == pytest.approx(427, abs=5)  # the figure of an independent simulation
    assert not data.startswith(got)  # not a lost tail: holes
    assert len(got) + lost == 1000


def test_pauses_without_flow_control_lose_less_but_lose(uart: Uart) -> None:
    """Chunks of 20 bytes and 20 ms between them, as terminal programs offer it."""
    writes, now = [], 0
    for _ in range(0, 1000, 20):
        writes.append((now, bytes(20)))
        now += 20 * BYTE + 20 * MS
    assert unpaced(uart, LAYERS, writes)[1] == pytest.approx(93, abs=5)


def test_a_slow_kernel_loses_nearly_all_of_a_burst(uart: Uart) -> None:
    assert unpaced(uart, SLOW, [(0, bytes(1000))])[1] == 984


def credited(uart: Uart, gaps: list[int], data: bytes, window: int) -> bytes:
    """A host that never has more than `window` bytes beyond what the kernel says it has consumed."""
    got, sent, credit, line, backlog = b"", 0, 0, b"", b""
    for now in polls(gaps):
        arrived = uart.drain(now)
        got += arrived
        if len(got) == len(data):
            return got
        assert now < 120_000 * MS, "the line came to rest"
        if arrived:
            backlog += b"@K 0009 c=%010d w=15*4bc8e7bd\r\n" % len(got)
        if uart.read(5, now) & THR_EMPTY:
            for byte in backlog[:16]:
                uart.write(0, byte, now)
            backlog = backlog[16:]
        line += uart.at_host(now)
        *whole, line = line.split(b"\n")
        for credit_line in whole:
            credit = int(credit_line.split(b"c=")[1][:10])
        chunk = data[sent : credit + window]
        uart.send(chunk, now)
        sent += len(chunk)
    raise AssertionError("unreachable: the schedule has no end")


@pytest.mark.parametrize("latency_ns", [100_000, 2 * MS, 16 * MS])
@pytest.mark.parametrize("gaps", [LAYERS, SLOW], ids=["layers", "one poll a token"])
def test_a_window_of_fifteen_never_overruns_whatever_the_gaps(make: MakeUart, gaps: list[int], latency_ns: int) -> None:
    uart = make(latency_ns=latency_ns)
    data = bytes(index % 251 for index in range(1000))
    assert credited(uart, gaps, data, 15) == data
    assert uart.counters.overruns == 0


def test_a_window_larger_than_the_fifo_does(make: MakeUart) -> None:
    """The proof that the test above can fail."""
    uart = make(latency_ns=100_000)
    with pytest.raises(AssertionError, match="came to rest"):
        credited(uart, LAYERS, bytes(1000), 40)
    assert uart.counters.overruns > 0
