"""Flow control against a modelled 16550: who keeps to the credit loses nothing, others lose. Damaged lines."""

from __future__ import annotations

import random
import zlib

import pytest
from link_client import STOP, Boot, Credited, Host, Simulator

from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import (
    ENQUIRIES,
    ENQUIRY,
    Counters,
    Credit,
    HostHello,
    Perf,
    Response,
    StopReason,
    Stream,
    Token,
)

MODEL = ("--uart", "16550", "--uart-stats")


def paced_session(simulator: Simulator, kind: type[Host] = Credited) -> Host:
    """A hello as a host sends it that has no credit yet: pieces that a FIFO holds, each after the one before."""
    host = simulator.connect(kind)
    line = to_frame(HostHello(protocol=1, session=1, nonce="paced"), 1)
    for start in range(0, len(line), 12):
        host.socket.sendall(line[start : start + 12])
        host.pass_time(0.06)
    host.until(lambda: host.window, "a first credit")
    host.sent, host.sequence = 0, 1
    return host


def traffic(host: Host) -> None:
    """What a console does: queries, settings, a long prompt, a generation with pings in it, a stop."""
    assert host.ask("info").count
    assert host.ask("sub", stream=Stream.PERF, rate=5).ok
    assert "/zones" in host.run("/help")
    assert host.ask("set", parameter="temp", value="0").ok
    text = b"Once upon a time there was a little girl. " * 4
    for at in range(0, 112, 56):
        assert host.ask("text", text=text[at : at + 56], offset=at).ok
    answer = host.ask("gen", text=text[112:168], offset=112)
    assert answer.generation is not None
    host.wait_for(Token)
    for _ in range(3):
        assert host.ask("ping").ok
    assert host.ask("stop").ok
    assert host.finished(answer.generation).tokens > 0


@pytest.mark.parametrize("gap", [1000, 10_000, 50_000])
def test_a_host_that_keeps_to_the_credit_loses_nothing(boot: Boot, gap: int) -> None:
    simulator = boot(*MODEL, "--poll-gap-us", str(gap))
    host = paced_session(simulator)
    traffic(host)
    assert not [counters for counters in host.of(Counters) if counters.overrun or counters.checksum]
    assert not host.rejected
    counted = simulator.counters()
    assert (counted["overruns"], counted["damaged"], counted["tx_lost"], counted["host_lost"]) == (0, 0, 0, 0)


def test_the_stop_octet_fits_beside_a_full_window(boot: Boot) -> None:
    simulator = boot(*MODEL, "--poll-gap-us", "50000")
    host = paced_session(simulator)
    generation = host.generate()
    host.wait_for(Token)
    host.until(lambda: host.window == 15 and host.sent == host.taken, "a narrow window, and nothing under way")
    host.socket.sendall(b"\n" * 15 + STOP)
    assert host.finished(generation).reason == StopReason.STOPPED
    assert simulator.counters()["overruns"] == 0


def test_an_enquiry_is_told_of_at_once_and_belongs_to_no_line(host: Host) -> None:
    id, line = host.line("ping")
    for number, at in enumerate((0, 5, 20, len(line) - 1, len(line)), 1):
        expected = (number - 1) % ENQUIRIES + 1
        last = host.of(Credit)[-1].enquiry if host.of(Credit) else 0
        host.send(line[:at] + bytes((ENQUIRY + expected - 1,)) + line[at:])
        told = host.wait_for(Credit, lambda credit: credit.enquiry != last, len(host.records))  # noqa: B023
        assert told.enquiry == expected
        assert host.answer(id).ok
        id, line = host.line("ping")
    host.until(lambda: host.taken == host.sent, "they count as octets")
    host.hello()
    assert host.next_credit().enquiry == 0, "a session begins without one"
    assert not [counters for counters in host.of(Counters) if counters.checksum or counters.malformed]


def test_to_a_person_enquiries_are_keys_without_a_meaning(person: Host) -> None:
    person.send(b"/ver" + bytes(range(ENQUIRY, ENQUIRY + ENQUIRIES)) + b"sion\r")
    person.until_text(b"llmk> ", person.text.index(b"llmk> ") + 6)
    assert b"unknown" not in person.text.lower()
    assert b"schema" in person.text


def test_a_host_that_ignores_the_credit_is_overrun(boot: Boot) -> None:
    """The proof that the tests above can fail."""
    simulator = boot(*MODEL, "--poll-gap-us", "20000")
    host = paced_session(simulator)
    assert host.ask("set", parameter="max_tokens", value="500").ok
    generation = host.generate()
    asked = 2
    for _ in range(50):  # how much of the answer is left when a burst comes depends on the computer
        Host.send(host, b"".join(host.line("ping")[1] for _ in range(20)))
        asked += 20
        host.pass_time(0.3)
        if any(counters.overrun for counters in host.of(Counters)):
            break
    host.pass_time(0.3)
    assert len(host.of(Response)) < asked
    host.socket.sendall(STOP)
    host.finished(generation)
    assert simulator.counters()["overruns"] > 0


def test_the_line_at_its_own_speed_carries_a_whole_visit(boot: Boot) -> None:
    """No gaps, 115200 bit/s: samples, a full generation and outputs; every frame arrives in its order."""
    simulator = boot(*MODEL, "--baud", "115200", "--latency-us", "2000")
    host = paced_session(simulator)
    for stream in (Stream.PERF, Stream.KV, Stream.ZONES, Stream.SENTINEL):
        assert host.ask("sub", stream=stream, rate=5).ok
    host.ask("set", parameter="max_tokens", value="60")
    generation = host.generate()
    end = host.finished(generation)
    tokens = [token for token in host.of(Token) if token.generation == generation]
    assert [token.index for token in tokens] == list(range(60))
    assert end.tokens == 60
    for command in ("/zones", "/ctx", "/log", "/help"):
        assert host.run(command)
    assert host.of(Perf)
    assert not host.rejected
    since = host.sequences.index(0, 1)
    assert host.sequences[since:] == list(range(len(host.sequences) - since)), "none was dropped"
    counted = simulator.counters()
    assert (counted["overruns"], counted["tx_lost"], counted["host_lost"]) == (0, 0, 0)


def test_a_host_that_does_not_read_stops_nothing_for_good(boot: Boot) -> None:
    """The line stands still; when it is read again, everything that must come has come or was counted."""
    host = boot().session()
    host.ask("set", parameter="max_tokens", value="256")
    since = len(host.records)
    for _ in range(200):
        host.send(host.line("info")[1])
    host.until(lambda: len([r for r in host.of(Response, since) if r.count]) > 0, "answers")
    assert host.ask("ping").ok
    generation = host.generate()
    assert host.finished(generation).tokens == 256


# ---- damage ----------------------------------------------------------------------------------------------------------


def bad_lines(host: Host) -> list[tuple[str, bytes]]:
    """One line for each way a line can be wrong, and the counter that it belongs to."""
    good = host.line("set", parameter="temp", value="1.5")[1]
    flipped = bytearray(good)
    flipped[20] ^= 1
    return [
        ("checksum", bytes(flipped)),
        ("checksum", good[:-10] + b"\n"),
        ("checksum", good[:-1].upper() + b"\n"),
        ("checksum", good[:15] + host.line("ping")[1]),  # cut: another "@" before its end
        ("too_long", b"@q 0001 " + b"a" * 400 + b"\n"),
        ("malformed", framed(b"q 0001 id=1 id=2 op=ping")),
        ("malformed", framed(b"q 0001 id=1 op=ping s=%zz")),
        ("malformed", framed(b"q 0001 " + b" ".join(b"a%d=1" % n for n in range(25)))),
        ("malformed", framed(b"q 0001  id=1 op=ping")),
    ]


def framed(body: bytes) -> bytes:
    """Any body with a right CRC."""
    return b"@%b*%08x\n" % (body, zlib.crc32(body))


def test_damaged_lines_are_counted_by_reason_and_have_no_effect(host: Host) -> None:
    wrong = bad_lines(host)
    expected = {reason: [name for name, _ in wrong].count(reason) for reason in ("checksum", "too_long", "malformed")}
    for _, line in wrong:
        host.send(line)
    host.counted(lambda counters: {name: getattr(counters, name) for name in expected} == expected)
    assert host.ask("get", parameter="temp").value == "0"
    assert host.of(Counters)[-1].overrun == host.of(Counters)[-1].dropped == 0


def test_noise_between_lines_costs_nothing(host: Host) -> None:
    noise = random.Random(5)
    for _ in range(30):
        host.send(bytes(noise.choice(range(4, 256)) for _ in range(noise.randrange(60))) + b"\n")
        assert host.ask("ping").ok


def test_a_line_cut_into_single_octets_is_a_line(host: Host) -> None:
    id, line = host.line("ping")
    for octet in line:
        host.send(bytes((octet,)))
    assert host.answer(id).ok


def test_carriage_returns_end_lines_as_well(host: Host) -> None:
    for end in (b"\r", b"\r\n", b"\n"):
        id, line = host.line("ping")
        host.send(line[:-1] + end)
        assert host.answer(id).ok
    host.pass_time(0.6)
    assert not [c for c in host.of(Counters) if c.checksum or c.malformed]
