"""Hello, sessions, and every way back to a person's line."""

from __future__ import annotations

import itertools
import signal
import time

import pytest
from link_client import SLOW, STOP, TIMEOUT, Boot, Host

from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import encode
from llmbm_protocol.schema import (
    HEARTBEAT_MS,
    MAX_LINE,
    PROTOCOL,
    WINDOW,
    Counters,
    Credit,
    Hello,
    HostHello,
    KvCache,
    Leave,
    LeaveReason,
    Phase,
    Response,
    SamplingState,
    StopReason,
    Stream,
    Token,
)


def assert_human(host: Host) -> None:
    """A person types a command and is answered with echo and prompt."""
    after = len(host.text)
    host.send(b"/version\r")
    assert host.until_text(b"llmk> ", after).startswith(b"/version\r\n")


# ---- hello -----------------------------------------------------------------------------------------------------------


def test_one_beacon_at_boot_and_none_when_the_mode_comes_back(host: Host) -> None:
    beacons = [hello for hello in host.of(Hello) if not hello.machine]
    assert [beacon.nonce for beacon in beacons] == [""]
    assert host.ask("bye").ok
    host.left()
    host.settle()
    assert len(host.of(Hello)) == 2, "the beacon and the answer to the hello"


def test_a_session_that_begins_while_a_model_is_loaded_gets_no_beacon(boot: Boot) -> None:
    simulator = boot("--poll-gap-us", "100000")  # reading the model takes long
    host = simulator.connect_stopped()
    host.socket.sendall(to_frame(HostHello(protocol=1, session=1, nonce="early"), 1))
    simulator.process.send_signal(signal.SIGCONT)
    host.sequence = 1
    assert host.wait_for(Hello).machine
    assert host.wait_for(Credit).phase == Phase.LOAD
    host.wait_for(Credit, lambda credit: credit.phase == Phase.IDLE)
    assert host.ask("ping").ok
    assert [hello.machine for hello in host.of(Hello)] == [True]
    assert host.sequences == list(range(len(host.sequences)))


def test_the_hello_echoes_the_nonce_and_tells_the_limits(person: Host) -> None:
    hello = person.hello("n %")
    assert hello.machine
    assert hello.nonce == "n %"
    assert (hello.protocol, hello.max_line) == (PROTOCOL, MAX_LINE)
    assert (hello.window_idle, hello.window_busy) == (WINDOW, WINDOW)
    assert person.sequences[-1] == 0 or 0 in person.sequences[-3:], "the answer has sequence number 0"


def test_sequence_numbers_count_every_frame_of_a_session(host: Host) -> None:
    since = next(number for number, record in enumerate(host.records) if isinstance(record, Hello) and record.machine)
    host.ask("info")
    host.run("/help")
    host.finished(host.generate())
    assert host.sequences[since:] == [n & 0xFFFF for n in range(len(host.sequences) - since)]


def test_another_protocol_version_stays_human_and_is_told_ours(person: Host) -> None:
    hello = person.hello("other", protocol=2)
    assert not hello.machine
    assert hello.protocol == PROTOCOL
    assert_human(person)


def test_another_protocol_version_does_not_disturb_a_session(host: Host) -> None:
    host.ask("ping")
    taken = host.next_credit().consumed
    line = to_frame(HostHello(protocol=3, session=1, nonce="x"), 9)
    host.send(line)
    assert not host.wait_for(Hello, lambda hello: hello.nonce == "x").machine
    host.until(lambda: host.taken == taken + len(line), "the count goes on")
    assert host.ask("ping").ok


@pytest.mark.parametrize(
    "fields", [{"p": "1", "sid": "1"}, {"p": "1", "sid": "G", "n": "x"}, {"p": "01", "sid": "1", "n": "x"}]
)
def test_a_malformed_hello_is_no_hello(person: Host, fields: dict[str, str]) -> None:
    person.send(encode("h", 1, fields))
    person.settle()
    assert not [hello for hello in person.of(Hello) if hello.machine]
    assert_human(person)


def test_a_half_typed_line_waits_for_its_person(person: Host) -> None:
    person.send(b"/nonsense that nobody en")
    person.until_text(b"nobody en")
    person.hello()
    after = len(person.text)
    person.ask("bye")
    person.left()
    person.until_text(b"llmk> /nonsense that nobody en", after)
    person.settle()
    assert b"unknown" not in person.text[after:], "it was not run"
    person.send(b"ded\r")
    assert b'unknown command "/nonsense"' in person.until_text(b"llmk> ", len(person.text))
    assert_human(person)


@pytest.mark.parametrize("cut", [slice(9, 10), slice(20, 25), slice(-3, -2)])
def test_a_damaged_hello_is_shown_and_not_run_as_a_prompt(person: Host, cut: slice) -> None:
    line = bytearray(to_frame(HostHello(protocol=1, session=7, nonce="abc"), 1))
    del line[cut]
    after = len(person.text) + len(b"llmk> ")
    person.send(bytes(line))
    person.until_raw(b"^C", after)
    person.settle()
    assert b"tok/s" not in person.raw
    assert_human(person)


def test_requests_before_a_hello_are_not_acted_upon(person: Host) -> None:
    _, line = person.line("set", parameter="temp", value="1.5")
    person.send(line + b"/temp\r")
    text = person.until_text(b"llmk> ", len(person.text) + 1)
    assert b"1.5" not in text
    assert not person.of(Response)


# ---- a new session ---------------------------------------------------------------------------------------------------


def test_a_new_session_clears_what_belonged_to_the_old(host: Host) -> None:
    host.ask("sub", stream=Stream.KV, rate=20)
    assert host.ask("ping", id=9).ok
    assert host.ask("text", text=b"Once", offset=0).ok
    host.send(b"@q 0001 id=1 op=ping*00000000\n")
    host.counted(lambda counters: counters.checksum == 1)
    host.run("/version")
    last = host.next_id - 1

    host.hello()
    since = len(host.records)
    host.next_id = 1
    assert not host.ask("text", text=b" upon", offset=4).ok, "staged text is gone"
    assert host.ask("set", id=9, parameter="temp", value="0.5").value == "0.5", "id 9 means something new"
    assert host.ask("out", of=last, index=0, count=9).error == "state"
    host.pass_time(0.7)
    assert not host.of(KvCache, since), "no subscription"
    assert not host.of(Counters, since), "counters are zero again"


def test_consumed_counts_from_the_line_end_of_the_hello(person: Host) -> None:
    person.send(b"abc\x7f\x7f\x7f")
    person.hello()
    _, line = person.line("ping")
    person.send(line)
    person.until(lambda: person.taken == len(line), "exactly this line was taken")


def test_a_hello_during_a_generation_leaves_it_running(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    slow_host.hello()
    since = len(slow_host.records)
    slow_host.wait_for(Token, since=since)
    assert slow_host.next_credit().phase == Phase.DECODE
    slow_host.ask("stop", id=1)
    assert slow_host.finished(generation).reason == StopReason.STOPPED


def test_a_persons_generation_is_seen_by_a_host_that_comes(boot: Boot) -> None:
    person = boot(*SLOW).connect()
    person.send(b"Once upon a time\r")
    person.until_text(b"Once upon a time\r\n", len(person.text))  # Enter was taken: a hello drops lines that wait
    person.hello()
    person.wait_for(Token)
    assert person.ask("stop").ok
    end = person.wait_for(Credit, lambda credit: credit.phase == Phase.IDLE, len(person.records))
    assert end.generation == 1


def test_a_response_of_an_old_session_does_not_come_into_the_new_one(boot: Boot) -> None:
    host = boot(*SLOW).session()
    _, run = host.line("run", id=5, text=b"/version")
    # In one write: the hello is read before the command has run.
    host.send(run + to_frame(HostHello(protocol=1, session=8, nonce="again"), 1))
    host.wait_for(Hello, lambda hello: hello.nonce == "again")
    since = len(host.records)
    host.pass_time(0.5)
    assert not host.of(Response, since)
    assert host.ask("ping", id=5).ok


# ---- heartbeat -------------------------------------------------------------------------------------------------------


def beats(host: Host, seconds: float = 1.5) -> bool:
    """Whether no two heartbeats were further apart than the protocol has them, and a little for the way."""
    since = len(host.records)
    host.pass_time(seconds)
    times = [
        at for record, at in zip(host.records[since:], host.arrivals[since:], strict=True) if isinstance(record, Credit)
    ]
    apart = [late - early for early, late in itertools.pairwise(times)]
    return len(apart) > 1 and max(apart) < HEARTBEAT_MS / 1000 + 0.3


def test_heartbeats_keep_coming_when_nothing_happens(host: Host) -> None:
    # A computer with other work may let kernel and test wait longer than that: one undisturbed while is enough.
    host.until(lambda: host.ask("ping").ok and beats(host), "a while of heartbeats")


def test_heartbeats_keep_coming_during_a_generation(slow_host: Host) -> None:
    def while_it_generates() -> bool:
        generation = slow_host.generate()
        beat = beats(slow_host)
        assert slow_host.ask("stop").ok
        return slow_host.finished(generation).reason == StopReason.STOPPED and beat

    slow_host.until(while_it_generates, "a while of heartbeats")


def test_the_window_is_what_a_fifo_holds_whatever_the_kernel_does(slow_host: Host) -> None:
    assert slow_host.ask("ping").ok
    generation = slow_host.generate()
    slow_host.wait_for(Credit, lambda credit: credit.phase == Phase.PREFILL)
    slow_host.wait_for(Credit, lambda credit: credit.phase == Phase.DECODE)
    slow_host.ask("stop")
    slow_host.finished(generation)
    slow_host.wait_for(Credit, lambda credit: credit.phase == Phase.IDLE, len(slow_host.records))
    assert {credit.window for credit in slow_host.of(Credit)} == {WINDOW}


# ---- ways back -------------------------------------------------------------------------------------------------------


def kernel_time(host: Host) -> int:
    """The kernel's clock, ms."""
    return host.ask("ping").time


def assert_left(host: Host, why: LeaveReason, since: int, after: int) -> None:
    """B with this word, then a prompt, then echo."""
    assert host.left(since).why == why
    host.until_text(b"llmk> ", after)
    assert len(host.of(Leave)) == 1
    assert_human(host)


def test_back_by_bye(host: Host) -> None:
    since, after = len(host.records), len(host.text)
    assert host.ask("bye").ok
    assert_left(host, LeaveReason.BYE, since, after)
    kinds = [record.kind for record in host.records[since:] if record.kind in "RB"]
    assert kinds == ["R", "B"]


def test_back_by_two_stop_octets(host: Host) -> None:
    since, after = len(host.records), len(host.text)
    while not host.of(Leave, since):  # more than a second apart, on a slow computer, they are single ones
        host.send(STOP)
        host.until(lambda: host.of(Leave, since) or host.taken == host.sent, "it was taken")
    assert_left(host, LeaveReason.CTRL_C, since, after)


def test_two_stop_octets_a_second_apart_are_two_single_ones(host: Host) -> None:
    host.send(STOP)
    taken = kernel_time(host)
    host.pass_time(1.1)
    host.until(lambda: kernel_time(host) - taken > 1000, "more than a second by the kernel's clock")
    host.send(STOP)
    assert host.ask("ping").ok
    assert not host.of(Leave)


def test_a_storm_of_stop_octets_gives_the_line_back_once(host: Host) -> None:
    since, after = len(host.records), len(host.text)
    host.send(STOP * 500)
    assert host.left(since).why == LeaveReason.CTRL_C
    host.until_text(b"llmk> ", after)
    host.settle()
    assert len(host.of(Leave)) == 1
    assert_human(host)


@pytest.mark.parametrize("options", [(), ("--uart", "16550")])
def test_back_by_break(boot: Boot, options: tuple[str, ...]) -> None:
    simulator = boot(*options)
    host = simulator.session()
    since, after = len(host.records), len(host.text)
    simulator.process.send_signal(signal.SIGUSR1)
    assert_left(host, LeaveReason.BREAK, since, after)


def test_back_by_silence(host: Host) -> None:
    since, after, begun = len(host.records), len(host.text), time.monotonic()
    host.send(b"noise is no sign of life\n@q 0008 id=8 op=log i=")  # its program was killed in the middle of a line
    assert host.left(since).why == LeaveReason.EXPIRED
    host.until_text(b"llmk> ", after)
    left, after = after, len(host.text)
    host.send(b"q 0012 id=3 op=gen s=Once_upon_a_time*00000000\n")  # of a host that has not noticed, and damaged
    host.until_text(b"^C", after)
    host.settle()
    assert b"tok/s" not in host.text[after:], "it was not run as a prompt"
    assert_human(host)
    assert b"op=log" not in host.text[left:], "a person's line begins with what a person typed"
    assert time.monotonic() - begun > 9.0


def test_a_stopped_simulator_has_no_time(boot: Boot) -> None:
    simulator = boot()
    host = simulator.session()
    begun, first = time.monotonic(), kernel_time(host)
    simulator.process.send_signal(signal.SIGSTOP)
    host.settle()  # it has stopped, and so long
    stopped = time.monotonic()
    host.send(host.line("ping", id=900)[1][:8])  # came in the meantime
    time.sleep(0.5)  # the time that must not be counted
    least = time.monotonic() - stopped
    simulator.process.send_signal(signal.SIGCONT)
    since = len(host.records)
    host.send(b"\n")
    taken = kernel_time(host) - first
    assert taken <= (time.monotonic() - begun - least) * 1000 * 1.02 + 2
    assert not host.of(Leave, since)


def test_a_clock_that_jumps_over_the_expiry_ends_no_session(boot_altered: Boot) -> None:
    """The cycle counter of a virtual machine may run on while it is paused."""
    leaves_out, jumps = "left_out += now - counter->last;", "left_out -= UINT64_C(60000000000);"
    simulator = boot_altered("port/posix/clock.c", leaves_out, jumps, "--clock-hz", "1000000000")
    host = simulator.session()
    before = kernel_time(host)
    simulator.process.send_signal(signal.SIGCONT)
    host.until(lambda: kernel_time(host) - before >= 60_000, "the clock has jumped")
    host.next_credit()
    assert not host.of(Leave)
    simulator.end()


def test_a_request_that_polled_would_end_the_simulator(boot_altered: Boot) -> None:
    """What serves a request must not poll: the request stands in memory that the next frame takes."""
    serves = "replay(kernel, request->id)"
    simulator = boot_altered("core/link_answers.c", serves, f"link_poll(kernel) && {serves}")
    host = simulator.session()
    host.send(host.line("ping")[1])
    assert -simulator.process.wait(TIMEOUT) in (signal.SIGILL, signal.SIGTRAP)
    host.close()


def test_back_by_reboot(host: Host) -> None:
    since, after, boot_id = len(host.records), len(host.text), host.of(Hello)[-1].boot
    assert host.ask("reboot").ok
    assert host.left(since).why == LeaveReason.REBOOT
    beacon = host.wait_for(Hello, since=since)
    assert not beacon.machine
    assert beacon.boot != boot_id
    host.until_text(b"llmk> ", after)
    assert host.hello().boot == beacon.boot


def test_leaving_during_a_generation_goes_on_as_text_and_ends_in_one_prompt(slow_host: Host) -> None:
    slow_host.generate()
    slow_host.wait_for(Token)
    after = len(slow_host.text)
    slow_host.send(STOP * 2)
    slow_host.until_text(b"llmk> ", after)
    slow_host.settle()
    assert slow_host.text.count(b"llmk> ") == 2, "the one of the boot, and this one"
    assert_human(slow_host)


def test_a_session_after_a_session(host: Host) -> None:
    for number in range(3):
        after = len(host.text)
        assert host.ask("bye").ok
        host.until(lambda number=number: len(host.of(Leave)) == number + 1, "left")
        host.until_text(b"llmk> ", after)
        assert_human(host)
        assert host.hello().machine
        host.next_id = 1
        assert host.ask("get", parameter="temp").value == "0"


def test_a_parameter_set_by_a_person_meanwhile_is_seen(host: Host) -> None:
    after = len(host.text)
    host.ask("bye")
    host.until_text(b"llmk> ", after)
    host.send(b"/temp 0.7\r")
    host.until_text(b"llmk> ", len(host.text) + 1)
    host.hello()
    host.next_id = 1
    assert host.ask("stat", stream=Stream.SAMPLING).ok
    assert host.of(SamplingState)[-1].temperature == 700_000
