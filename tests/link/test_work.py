"""What goes on beside the requests: samples, stops, a person at the machine, a hello in the middle."""

from __future__ import annotations

import os

import pytest
from link_client import PROMPT, SLOW, STOP, Boot, Host, rows

from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import (
    Credit,
    HostHello,
    Perf,
    Phase,
    Response,
    SamplingState,
    StopReason,
    Stream,
    Token,
)

# ---- subscriptions ---------------------------------------------------------------------------------------------------


def test_samples_come_while_it_is_subscribed_and_are_numbered(slow_host: Host) -> None:
    assert slow_host.ask("sub", stream=Stream.PERF, rate=10).value == "10"
    generation = slow_host.generate()
    since = len(slow_host.records)  # one before the answer is of none
    slow_host.until(lambda: len(slow_host.of(Perf, since)) >= 5, "five samples")
    assert slow_host.ask("sub", stream=Stream.PERF, rate=0).value == "0"
    count = len(slow_host.of(Perf, since))
    slow_host.pass_time(0.5)
    assert len(slow_host.of(Perf, since)) == count
    numbers = [sample.number for sample in slow_host.of(Perf)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {sample.generation for sample in slow_host.of(Perf, since)} == {generation}


def test_the_rate_granted_is_what_the_line_carries(host: Host) -> None:
    granted = [
        int(host.ask("sub", stream=stream, rate=20).value or -1) for stream in (Stream.PERF, Stream.KV, Stream.ZONES)
    ]
    assert granted[0] == 20
    assert all(rate >= 1 for rate in granted)
    assert sum(granted) < 35, "three tenths of 11520 octets a second"
    host.ask("sub", stream=Stream.PERF, rate=0)
    assert int(host.ask("sub", stream=Stream.KV, rate=20).value or 0) == 20


def test_what_is_set_is_pushed(host: Host) -> None:
    host.ask("sub", stream=Stream.SAMPLING, rate=1)
    since = len(host.records)
    host.ask("set", parameter="temp", value="1.25")
    host.wait_for(SamplingState, lambda state: state.temperature == 1_250_000, since)
    since = len(host.records)
    host.run("/top_k 33")
    host.wait_for(SamplingState, lambda state: state.top_k == 33, since)


# ---- stopping --------------------------------------------------------------------------------------------------------


def test_stop_by_operation(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    assert slow_host.ask("stop").ok
    end = slow_host.finished(generation)
    assert end.reason == StopReason.STOPPED
    assert end.tokens == len(slow_host.of(Token))
    assert end.kv_rows <= rows(slow_host)


def test_stop_by_the_octet_is_outside_credit_and_keeps_the_mode(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    slow_host.send(STOP)
    assert slow_host.finished(generation).reason == StopReason.STOPPED
    assert slow_host.ask("ping").ok


def test_both_at_once_stop_once(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    id, line = slow_host.line("stop")
    slow_host.send(STOP + line)
    assert slow_host.answer(id).ok
    assert slow_host.finished(generation).reason == StopReason.STOPPED
    assert slow_host.ask("set", parameter="max_tokens", value="3").ok
    assert slow_host.finished(slow_host.generate()).reason == StopReason.MAX_TOKENS


def test_a_stop_right_behind_the_request_is_not_lost(boot: Boot) -> None:
    """In one write: the stop is read before the generation has begun."""
    host = boot(*SLOW).session()
    id, line = host.line("gen", text=PROMPT)
    host.send(line + STOP)
    generation = host.answer(id).generation
    assert generation is not None
    assert host.finished(generation).reason == StopReason.STOPPED


def test_a_stop_does_not_overtake_the_line_before_it(host: Host) -> None:
    """The line's first half was read, its end and the stop come together."""
    id, line = host.line("ping")
    host.send(line[:12])
    host.until(lambda: host.taken == 12, "half of it was taken")
    host.send(line[12:] + STOP)
    assert host.answer(id).ok


def test_a_stop_drops_a_half_line(host: Host) -> None:
    id, line = host.line("ping")
    host.send(line[:12] + STOP + line[12:])
    assert host.ask("ping").ok
    assert id not in {response.id for response in host.of(Response)}


def test_stop_octets_are_counted_as_taken(host: Host) -> None:
    host.ask("ping")
    host.send(STOP)
    host.until(lambda: host.taken == host.sent, "every octet was taken")


def test_a_persons_work_at_the_machine_is_seen_by_the_host(
    boot: Boot, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keys at the machine's own keyboard: the host is told, and its own prompt is refused."""
    keys = tmp_path_factory.mktemp("keyboard") / "keys"
    os.mkfifo(keys)
    writer = os.open(keys, os.O_RDWR)
    host = boot("--keyboard", str(keys), *SLOW).session()
    since = len(host.records)
    os.write(writer, b"Once upon\r")
    host.wait_for(Token, since=since)
    host.wait_for(Credit, lambda credit: credit.phase == Phase.DECODE, since)
    assert host.ask("gen", text=b"a").error == "busy"
    host.ask("stop")
    os.close(writer)


def test_a_new_hello_between_two_halves_of_a_line(host: Host) -> None:
    _, line = host.line("set", parameter="temp", value="1.5")
    host.send(line[:20])
    host.send(to_frame(HostHello(protocol=1, session=9, nonce="mid"), 1) + line[20:])
    host.next_id = 1
    host.wait_for(Credit, since=len(host.records))
    assert host.ask("get", parameter="temp").value == "0"
