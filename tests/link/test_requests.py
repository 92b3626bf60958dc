"""Operations: what each answers, what it refuses and with which word and field, and that nothing is done twice."""

from __future__ import annotations

import itertools
import os

import pytest
from link_client import SLOW, STOP, Boot, Host

from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import encode
from llmbm_protocol.schema import (
    OPERATIONS,
    Counters,
    Cpu,
    Credit,
    Event,
    Finished,
    HostHello,
    KvCache,
    LogLevel,
    Model,
    Output,
    Perf,
    Phase,
    Response,
    SamplingState,
    Sentinel,
    StopReason,
    Stream,
    Token,
    TokenizerState,
    Version,
    Zone,
)
from llmbm_protocol.shape import dictionary_text

PROMPT = b"Once upon a time"


def short(host: Host, tokens: int = 12) -> int:
    """A finished generation of some tokens; its number."""
    assert host.ask("set", parameter="max_tokens", value=str(tokens)).ok
    generation = host.generate(PROMPT)
    host.finished(generation)
    return generation


# ---- every operation -------------------------------------------------------------------------------------------------


def test_ping_tells_the_kernels_time(host: Host) -> None:
    first, second = host.ask("ping"), host.ask("ping")
    assert first.ok
    assert 0 < first.time <= second.time < first.time + 60_000


def test_info_sends_every_record_once(host: Host) -> None:
    since = len(host.records)
    answer = host.ask("info")
    sent = [record for record in host.records[since:] if record.kind == "S"]
    assert answer.count == len(sent)
    kinds = [type(record) for record in sent]
    assert kinds[:7] == [Version, Cpu, Model, TokenizerState, SamplingState, Sentinel, KvCache]
    assert set(kinds[7:]) == {Zone}
    assert len({zone.arena for zone in host.of(Zone, since)}) == len(kinds) - 7 == 6


@pytest.mark.parametrize("stream", [stream for stream in Stream if stream is not Stream.LOAD])
def test_stat_sends_the_record_of_a_stream(host: Host, stream: Stream) -> None:
    since = len(host.records)
    answer = host.ask("stat", stream=stream)
    sent = [record for record in host.records[since:] if record.kind == "S" and record.stream == stream]  # type: ignore[attr-defined]
    assert answer.ok
    assert answer.count == len(sent) == (6 if stream is Stream.ZONE else 1)


def test_dict_sends_the_schema_as_text(host: Host) -> None:
    since = len(host.records)
    answer = host.ask("dict")
    assert host.output(answer.id, since) == dictionary_text()
    assert answer.count == len(host.of(Output, since))


def test_run_sends_what_the_command_printed(host: Host) -> None:
    since = len(host.records)
    answer = host.ask("run", text=b"/help")
    text = host.output(answer.id, since)
    assert answer.count == len(host.of(Output, since)) > 1
    assert "/zones" in text
    assert all(len(piece.text) <= 60 for piece in host.of(Output, since))


def test_out_sends_pieces_again(host: Host) -> None:
    since = len(host.records)
    run = host.ask("run", text=b"/help")
    pieces = host.of(Output, since)
    since = len(host.records)
    again = host.ask("out", of=run.id, index=2, count=3)
    assert again.count == 3
    assert host.of(Output, since) == pieces[2:5]
    assert host.ask("out", of=run.id, index=len(pieces), count=9).count == 0
    assert host.ask("out", of=run.id, index=len(pieces) - 1, count=9).count == 1


def test_a_refused_command_leaves_no_output_to_ask_for(host: Host) -> None:
    run = host.ask("run", text=b"/temp 99")
    assert not run.ok
    refused = host.ask("out", of=run.id, index=0, count=9)
    assert (refused.error, refused.field) == ("state", "of")


def test_gen_answers_at_once_and_tokens_and_one_end_follow(host: Host) -> None:
    assert host.ask("set", parameter="max_tokens", value="20").ok
    since = len(host.records)
    generation = host.generate(PROMPT)
    end = host.finished(generation)
    order = [type(record) for record in host.records[since:] if isinstance(record, (Response, Token, Finished))]
    assert order == [Response, *[Token] * 20, Finished]
    tokens = host.of(Token, since)
    assert [token.index for token in tokens] == list(range(20))
    assert {token.generation for token in tokens} == {generation}
    assert (end.tokens, end.reason) == (20, StopReason.MAX_TOKENS)
    assert all(early.time <= late.time for early, late in itertools.pairwise(tokens))
    assert b"".join(token.text for token in tokens).decode().isprintable()


def test_tok_sends_the_same_tokens_again(host: Host) -> None:
    generation = short(host)
    tokens = host.of(Token)
    since = len(host.records)
    answer = host.ask("tok", generation=generation, index=3, count=4)
    assert answer.count == 4
    assert host.of(Token, since) == tokens[3:7], "with the time at which they were made"
    assert host.ask("tok", generation=generation, index=10, count=99).count == 2
    assert host.ask("tok", generation=generation + 1, index=0, count=9).count == 0


def test_tok_repairs_a_generation_that_runs(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token, lambda token: token.index == 2)
    tokens = slow_host.of(Token)
    since = len(slow_host.records)
    assert slow_host.ask("tok", generation=generation, index=0, count=2).count == 2
    again = [token for token in slow_host.of(Token, since) if token.index < 2]
    assert again == tokens[:2]


def test_last_sends_the_end_again(host: Host) -> None:
    generation = short(host)
    end = host.finished(generation)
    since = len(host.records)
    assert host.ask("last").count == 1
    assert host.of(Finished, since) == [end]


def test_last_without_an_end_is_refused(slow_host: Host) -> None:
    assert slow_host.ask("last").error == "state"
    slow_host.generate()
    assert slow_host.ask("last").error == "state"


def test_log_sends_events_again(host: Host) -> None:
    since = len(host.records)
    answer = host.ask("log", index=0)
    events = host.of(Event, since)
    assert answer.count == len(events) == host.next_credit().events
    assert [event.number for event in events] == list(range(len(events)))
    since = len(host.records)
    assert host.ask("log", index=1, count=1).count == 1
    assert [event.number for event in host.of(Event, since)] == [1]
    assert host.ask("log", index=10_000).count == 0


def test_log_sets_the_least_level(host: Host) -> None:
    since = len(host.records)
    host.run("/load stories700K.bin")
    assert host.of(Event, since), "loading is an event"
    assert host.ask("log", level=LogLevel.ERROR).count == 0
    since = len(host.records)
    host.run("/load stories700K.bin")
    host.settle(0.1)
    assert not host.of(Event, since)


def test_set_and_get_speak_as_the_repl_does(host: Host) -> None:
    assert host.ask("set", parameter="temp", value="0.70").value == "0.7"
    assert host.ask("get", parameter="temp").value == "0.7"
    assert host.ask("set", parameter="overflow", value="stop").value == "stop"
    assert host.ask("set", parameter="seed", value="18446744073709551615").value == "18446744073709551615"


def test_stop_with_nothing_running_does_nothing(host: Host) -> None:
    assert host.ask("stop").ok
    assert host.finished(short(host, 5)).reason == StopReason.MAX_TOKENS


# ---- refusals --------------------------------------------------------------------------------------------------------

REFUSED = [
    ({"op": "dance"}, "op", "op"),
    ({}, "arg", "op"),
    ({"op": "stat"}, "arg", "k"),
    ({"op": "stat", "k": "weather"}, "arg", "k"),
    ({"op": "sub", "k": "kv"}, "arg", "hz"),
    ({"op": "sub", "k": "kv", "hz": "21"}, "range", "hz"),
    ({"op": "sub", "k": "kv", "hz": "256"}, "range", "hz"),
    ({"op": "sub", "k": "kv", "hz": "05"}, "arg", "hz"),
    ({"op": "sub", "k": "kv", "hz": "-1"}, "arg", "hz"),
    ({"op": "log", "lv": "loud"}, "arg", "lv"),
    ({"op": "log", "i": "4294967296"}, "range", "i"),
    ({"op": "tok", "g": "1", "i": "0"}, "arg", "n"),
    ({"op": "tok", "g": "1", "i": "0", "n": "65536"}, "range", "n"),
    ({"op": "out", "of": "0", "i": "0", "n": "1"}, "state", "of"),
    ({"op": "out", "of": "77", "i": "0", "n": "1"}, "state", "of"),
    ({"op": "last"}, "state", None),
    ({"op": "text", "s": "a"}, "arg", "o"),
    ({"op": "text", "o": "0"}, "arg", "s"),
    ({"op": "text", "s": "a,b", "o": "0"}, "arg", "s"),
    ({"op": "text", "s": "a" * 57, "o": "0"}, "toolong", "s"),
    ({"op": "text", "s": "a", "o": "1"}, "state", "o"),
    ({"op": "gen"}, "arg", "s"),
    ({"op": "gen", "s": ""}, "arg", None),
    ({"op": "gen", "s": "a", "o": "5"}, "state", "o"),
    ({"op": "run", "s": "Once"}, "arg", "s"),
    ({"op": "run", "s": ""}, "arg", "s"),
    ({"op": "run", "s": "/nonsense"}, "op", None),
    ({"op": "run", "s": "/temp_9"}, "range", None),
    ({"op": "set", "par": "temp"}, "arg", "v"),
    ({"op": "set", "v": "1"}, "arg", "par"),
    ({"op": "set", "par": "weather", "v": "1"}, "arg", "par"),
    ({"op": "set", "par": "temp", "v": "2.5"}, "range", "v"),
    ({"op": "set", "par": "temp", "v": "warm"}, "arg", "v"),
    ({"op": "set", "par": "temp", "v": ""}, "arg", "v"),
    ({"op": "set", "par": "temp", "v": "%00"}, "arg", "v"),
    ({"op": "set", "par": "temp", "v": "1" * 41}, "toolong", "v"),
    ({"op": "set", "par": "a" * 17, "v": "1"}, "toolong", "par"),
    ({"op": "set", "par": "model", "v": "x.bin"}, "arg", "par"),
    ({"op": "get", "par": "weather"}, "arg", "par"),
    # The first fault in the order of the table counts.
    ({"op": "stat", "k": "weather", "hz": "999", "s": "a" * 57}, "arg", "k"),
]


def test_what_is_refused_is_refused_by_name_and_changes_nothing(host: Host) -> None:
    def state() -> list[SamplingState]:
        since = len(host.records)
        host.ask("stat", stream=Stream.SAMPLING)
        return [record.model_copy(update={"time": 0, "number": 0}) for record in host.of(SamplingState, since)]

    before = state()
    wrong: list[object] = []
    for number, (fields, code, field) in enumerate(REFUSED, 100):
        answer = host.ask_raw(id=str(number), **fields)
        if (answer.ok, answer.error, answer.field) != (False, code, field) or not answer.message:
            wrong.append((fields, answer))
    assert not wrong, "\n".join(map(str, wrong))
    assert state() == before


def test_every_operation_is_refused_without_its_arguments(host: Host) -> None:
    for number, operation in enumerate(OPERATIONS, 200):
        if operation.required:
            answer = host.ask_raw(id=str(number), op=operation.name)
            assert (answer.ok, answer.error) == (False, "arg"), operation.name


@pytest.mark.parametrize(
    "fields",
    [
        {"op": "ping"},
        {"id": "0", "op": "ping"},
        {"id": "01", "op": "ping"},
        {"id": "65536", "op": "ping"},
        {"id": "", "op": "ping"},
    ],
)
def test_without_a_readable_id_there_is_no_answer_but_a_count(host: Host, fields: dict[str, str]) -> None:
    since = len(host.records)
    host.send(host.raw_line(**fields))
    assert host.wait_for(Counters, since=since).malformed == 1
    assert not host.of(Response, since)


def test_unknown_keys_and_kinds_are_ignored(host: Host) -> None:
    assert host.ask_raw(id="1", op="ping", zz="1", future="a,b").ok
    host.send(encode("z", 1, {"id": "2", "op": "ping"}))
    assert host.ask_raw(id="3", op="ping").ok
    assert {response.id for response in host.of(Response)} == {1, 3}


# ---- busy ------------------------------------------------------------------------------------------------------------

ARGUMENTS: dict[str, dict[str, object]] = {
    "stat": {"stream": Stream.KV},
    "sub": {"stream": Stream.KV, "rate": 1},
    "log": {"index": 0},
    "tok": {"generation": 1, "index": 0, "count": 1},
    "out": {"of": 1, "index": 0, "count": 1},
    "text": {"text": b"a", "offset": 0},
    "gen": {"text": b"a"},
    "run": {"text": b"/version"},
    "set": {"parameter": "temp", "value": "0"},
    "get": {"parameter": "temp"},
}


def test_while_busy_only_what_may_is_done(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    for operation in OPERATIONS:
        if operation.name == "stop":
            continue
        answer = slow_host.ask(operation.name, **ARGUMENTS.get(operation.name, {}))
        expected = None if operation.while_busy else "busy"
        if operation.name == "last":
            expected = "state"
        assert answer.error == expected, (operation.name, answer)
    assert not [end for end in slow_host.of(Finished) if end.generation == generation], "it was busy all the time"


# ---- exactly once ----------------------------------------------------------------------------------------------------


def rows(host: Host) -> int:
    """Rows of the KV cache."""
    since = len(host.records)
    host.ask("stat", stream=Stream.KV)
    return host.of(KvCache, since)[-1].rows


def test_a_repeated_id_gets_the_stored_answer_and_nothing_else(host: Host) -> None:
    first = host.ask("set", id=50, parameter="temp", value="0.5")
    second = host.ask("set", id=50, parameter="temp", value="0.9")
    assert (first.value, second.value) == ("0.5", "0.5")
    assert host.ask("get", parameter="temp").value == "0.5"


def test_a_repeated_run_runs_once(host: Host) -> None:
    short(host, 5)
    assert host.ask("run", id=60, text=b"/clear").ok
    short(host, 5)
    held = rows(host)
    host.next_id = 61
    since = len(host.records)
    assert host.ask("run", id=60, text=b"/clear").ok
    assert not host.of(Output, since)
    assert rows(host) == held > 0


def test_a_refusal_is_repeated_too(host: Host) -> None:
    first = host.ask("set", id=70, parameter="temp", value="9")
    again = host.ask("set", id=70, parameter="temp", value="1")
    assert not again.ok
    assert again.error == first.error


def test_a_generation_asked_for_again_while_it_runs_is_not_run_again(slow_host: Host) -> None:
    first = slow_host.ask("gen", id=80, text=PROMPT)
    slow_host.wait_for(Token)
    for _ in range(3):
        again = slow_host.ask("gen", id=80, text=PROMPT)
        assert (again.ok, again.generation) == (True, first.generation)
    slow_host.ask("stop")
    slow_host.finished(first.generation or 0)
    slow_host.settle(0.1)
    assert {token.generation for token in slow_host.of(Token)} == {first.generation}
    assert slow_host.next_credit().generation == first.generation


def test_a_request_that_comes_twice_before_it_is_answered_is_answered_once(host: Host) -> None:
    short(host, 3)
    since = len(host.records)
    _, run = host.line("run", id=90, text=b"/version")
    host.send(run + run)
    host.answer(90, since)
    host.settle(0.1)
    # Whether the second was read before or after the end of the first: the command ran once.
    assert len({output.index for output in host.of(Output, since)}) == len(host.of(Output, since))


def test_four_answers_are_kept(host: Host) -> None:
    values = ["0.1", "0.2", "0.3", "0.4"]
    for number, value in enumerate(values, 1):
        host.ask("set", id=number, parameter="temp", value=value)
    for number, value in enumerate(values, 1):
        assert host.ask("set", id=number, parameter="temp", value="1").value == value
    host.ask("ping", id=5)
    assert host.ask("set", id=1, parameter="temp", value="1").value == "1", "forgotten: done anew"


# ---- staged text -----------------------------------------------------------------------------------------------------


def staged(host: Host, data: bytes, piece: int = 56) -> int:
    """Stages all but the last piece; the offset of that."""
    at = 0
    while len(data) - at > piece:
        assert host.ask("text", text=data[at : at + piece], offset=at).ok
        at += piece
    return at


def test_a_long_prompt_is_put_together(host: Host) -> None:
    text = b"Once upon a time there was a little girl who liked to play. " * 4
    at = staged(host, text)
    host.ask("set", parameter="max_tokens", value="1")
    answer = host.ask("gen", text=text[at:], offset=at)
    long = host.finished(answer.generation or 0).prompt_tokens
    host.run("/clear")
    at = staged(host, text, 7)
    answer = host.ask("gen", text=text[at:], offset=at)
    assert host.finished(answer.generation or 0).prompt_tokens == long > 40


def test_pieces_that_are_staged_already_change_nothing(host: Host) -> None:
    for offset, piece in [(0, b"/temp"), (5, b" 0."), (8, b"12"), (5, b" 0."), (6, b"0.1"), (8, b"12")]:
        assert host.ask("text", text=piece, offset=offset).ok, (offset, piece)
    assert host.ask("run", text=b"5", offset=10).ok
    assert host.ask("get", parameter="temp").value == "0.125"


def test_a_gap_or_an_overlap_is_refused_with_the_offset_that_is_expected(host: Host) -> None:
    assert host.ask("text", text=b"/temp", offset=0).ok
    for offset, piece in [(6, b"x"), (3, b"mp 1"), (4_294_967_295, b"x")]:
        refused = host.ask("text", text=piece, offset=offset)
        assert (refused.ok, refused.error, refused.field) == (False, "state", "o")
        assert "o=5" in (refused.message or "")
    assert host.ask("run", text=b" 0.5", offset=5).ok
    assert host.ask("get", parameter="temp").value == "0.5"


def test_offset_zero_begins_anew_and_no_offset_takes_the_text_alone(host: Host) -> None:
    host.ask("text", text=b"/temp 0.1", offset=0)
    host.ask("text", text=b"/temp", offset=0)
    assert host.ask("run", text=b" 0.2", offset=5).ok
    host.ask("text", text=b"rubbish", offset=0)
    assert host.ask("run", text=b"/top_k 7").ok
    assert (host.ask("get", parameter="temp").value, host.ask("get", parameter="top_k").value) == ("0.2", "7")
    assert host.ask("text", text=b"x", offset=7).error == "state", "what was staged is forgotten"


def test_the_longest_text_has_4095_octets(host: Host) -> None:
    text = b"a" * 4095
    at = staged(host, text)
    assert host.ask("text", text=text[at:], offset=at).ok
    assert host.ask("text", text=b"b", offset=4095).error == "toolong"
    assert host.ask("gen", text=b"bb", offset=4095).error == "toolong"


# ---- subscriptions ---------------------------------------------------------------------------------------------------


def test_samples_come_while_it_is_subscribed_and_are_numbered(slow_host: Host) -> None:
    assert slow_host.ask("sub", stream=Stream.PERF, rate=10).value == "10"
    since = len(slow_host.records)
    generation = slow_host.generate()
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
    """Keys at the machine's own keyboard: the window narrows first, then the generation is told."""
    keys = tmp_path_factory.mktemp("keyboard") / "keys"
    os.mkfifo(keys)
    writer = os.open(keys, os.O_RDWR)
    host = boot("--keyboard", str(keys), *SLOW).session()
    host.ask("ping")
    host.wait_for(Credit, lambda credit: credit.window == 240)
    host.ask("ping")
    since = len(host.records)
    os.write(writer, b"Once upon\r")
    host.wait_for(Token, since=since)
    narrow = next(
        n for n, record in enumerate(host.records[since:]) if isinstance(record, Credit) and record.window == 15
    )
    busy = next(
        n for n, record in enumerate(host.records[since:]) if isinstance(record, Credit) and record.phase != Phase.IDLE
    )
    assert narrow < busy
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
