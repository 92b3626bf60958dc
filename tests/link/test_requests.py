"""Operations: what each answers, what it refuses and with which word and field, and that nothing is done twice."""

from __future__ import annotations

import itertools

import pytest
from link_client import PROMPT, Host, short

from llmbm_protocol.frame import encode
from llmbm_protocol.schema import (
    OPERATIONS,
    Arena,
    Counters,
    Cpu,
    Event,
    Finished,
    KvCache,
    LogLevel,
    Model,
    Output,
    Response,
    SamplingState,
    Sentinel,
    StopReason,
    Stream,
    Token,
    TokenizerState,
    Version,
    Zone,
    Zones,
)
from llmbm_protocol.shape import dictionary_text

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


def test_every_arena_is_told_anew_when_a_trip_wipes_some_when_they_are_laid_out_again_and_with_a_model(
    host: Host,
) -> None:
    def told(since: int) -> dict[Arena, tuple[tuple[int, int], bool]]:
        return {zone.arena: ((zone.used, zone.size), zone.guard_ok) for zone in host.of(Zone, since)}

    def as_in_short(since: int) -> bool:
        zones, brief = told(since), host.of(Zones, since)[-1:]
        alike = [zones[arena][0] == getattr(short, arena.value) for short in brief for arena in zones]
        return len(alike) == 6 and all(alike)

    for line, used in (("/test_failsafe guard", False), ("/reset", True), ("/load stories700K.bin", True)):
        since = len(host.records)
        host.run(line)
        host.until(lambda since=since: as_in_short(since), "each arena")  # type: ignore[misc]
        zones = told(since)
        assert [bool(zones[arena][0][0]) for arena in (Arena.SCRATCH, Arena.ACTS)] == [used] * 2
        assert zones[Arena.SCRATCH][1] == used, "the guard"


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
    "prob": {"count": 2},
    "word": {"text": b"5 6"},
    "out": {"of": 1, "index": 0, "count": 1},
    "text": {"text": b"a", "offset": 0},
    "gen": {"text": b"a"},
    "run": {"text": b"/version"},
    "set": {"parameter": "temp", "value": "0"},
    "get": {"parameter": "temp"},
    "open": {"text": b"mem:dump"},
    "data": {"offset": 0, "count": 1},
}


def test_while_busy_only_what_may_is_done(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    for operation in OPERATIONS:
        if operation.name == "stop":
            continue
        answer = slow_host.ask(operation.name, **ARGUMENTS.get(operation.name, {}))
        expected = None if operation.while_busy else "busy"
        if operation.name in ("last", "data"):
            expected = "state"  # neither an end nor an open file is there
        assert answer.error == expected, (operation.name, answer)
    assert not [end for end in slow_host.of(Finished) if end.generation == generation], "it was busy all the time"
