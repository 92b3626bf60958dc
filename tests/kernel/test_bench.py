"""/bench and the figures below an answer: what they say, and that the conversation does not notice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from link_client import STOP, Host
from made_models import Script, put_model
from typed_kernel import GREEDY, Kernel, Start
from wire_kernel import WireKernel

from llmbm_protocol.schema import Bench, Cpu, Credit, Perf, Phase, Response, Stream

SAID = re.compile(
    r"(\w+), (\d+) processors?, fp32-v0; rows from (\d+)\n"
    r"  a token reads (\d+) \([\d.]+ MiB\) of weights, from the cache of \d+ \([\d.]+ MiB\)\n"
    r"  read +([\d.]+) GB/s: the weights alone, by the same processors\n"
    r"  decode +([\d.]+) tok/s +([\d.]+) GB/s \((\d+) % of reading alone\)  (\d+) cycles a token\n"
    r"  prefill +([\d.]+) tok/s +([\d.]+) GB/s \((\d+) % of reading alone\)  (\d+) cycles a token"
)
PROMPTS = ("Once upon a time", " They went home", " The end came")


@pytest.fixture
def wire(program: Path, tmp_path: Path) -> Iterator[WireKernel]:
    """The default model in machine mode."""
    put_model(tmp_path)
    kernel = WireKernel(program, tmp_path)
    yield kernel
    kernel.end()


def bench_record(host: Host) -> Bench:
    since = len(host.records)
    assert host.ask("stat", stream=Stream.BENCH).ok
    return host.of(Bench, since)[-1]


@pytest.mark.parametrize("level", ["reference", "sse2", "avx2", "auto"])
def test_it_tells_level_weights_and_every_speed(kernel: Kernel, level: str) -> None:
    kernel.tell(f"/attn {level}", "/threads 1")
    found = SAID.fullmatch(kernel.ask("/bench 1"))
    assert found is not None
    assert found[1] == (level if level != "auto" else kernel.words("/cpu")["kernels"])
    assert (found[2], found[3]) == ("1", "0")
    assert 4 * 707_808 <= int(found[4]) <= 4 * 707_808 * 1.1  # the weights of its model card, and padding
    assert all(float(found[figure]) > 0 for figure in (5, 6, 7, 9, 10, 11, 13))


def test_the_conversation_goes_on_as_if_nothing_had_been(start: Start, tmp_path: Path) -> None:
    told = []
    for benched in (False, True):
        folder = tmp_path / str(benched)
        folder.mkdir()
        put_model(folder)
        kernel = start(folder)
        kernel.tell("/stats 0", "/budget 500000000000 500000000000", "/max_tokens 20")
        answers = []
        for prompt in PROMPTS:
            if benched:
                kernel.ask("/bench 1")
            answers.append((kernel.ask(prompt), kernel.rows()))
        told.append((answers, kernel.words("/ctx")["turn_starts"]))
    assert told[0] == told[1]


def test_a_full_context_refuses_it_and_says_what_to_do(start: Start, tmp_path: Path) -> None:
    Script([b"one", b"two"], loop=True, seq_len=64).write(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/overflow stop", "/max_tokens 64")
    kernel.ask("word")
    assert kernel.rows() == 64
    assert kernel.ask("/bench 1") == "the conversation has 64 of 64 rows; /bench needs 16 free ones: /clear makes room"
    kernel.tell("/clear")
    assert "decode" in kernel.ask("/bench 1")


def test_a_context_that_is_too_small_for_it_is_not_told_to_be_cleared(start: Start, tmp_path: Path) -> None:
    Script([b"one", b"two"], loop=True, seq_len=8).write(tmp_path)
    assert start(tmp_path).ask("/bench 1") == "the context of this model has 8 rows; /bench needs 16"


def test_without_a_model_or_after_a_trip_it_is_refused(start: Start, tmp_path: Path) -> None:
    empty = start(tmp_path)
    assert "no model is loaded" in empty.ask("/bench")
    put_model(tmp_path)
    tripped = start(tmp_path)
    tripped.ask("/test_failsafe oob")
    assert "sentinel tripped" in tripped.ask("/bench")
    tripped.tell("/reset")
    assert "decode" in tripped.ask("/bench 1")


def test_budgets_learn_nothing_of_it(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.ask("Once upon a time")
    before = kernel.ask("/budget")
    kernel.ask("/bench 1")
    assert kernel.ask("/budget") == before


@pytest.mark.parametrize("how", ["byte", "request"])
def test_a_stop_ends_it_and_nothing_is_told(wire: WireKernel, how: str) -> None:
    host = wire.host
    since = len(host.records)
    request, line = host.line("run", None, text=b"/bench 20")
    host.send(line)
    host.wait_for(Credit, lambda credit: credit.phase is Phase.BENCH, since)
    host.send(STOP if how == "byte" else host.line("stop", None)[1])
    answer = host.wait_for(Response, lambda response: response.id == request, since)
    assert not answer.ok
    assert "stopped" in (answer.message or "")
    host.wait_for(Credit, lambda credit: credit.phase is Phase.IDLE, since)
    assert bench_record(host).level == ""
    assert wire.say("Once upon a time").finished is not None


def test_the_line_is_served_meanwhile(wire: WireKernel) -> None:
    host = wire.host
    since = len(host.records)
    bench, line = host.line("run", None, text=b"/bench 2")
    host.send(line)
    host.wait_for(Credit, lambda credit: credit.phase is Phase.BENCH, since)
    ping, line = host.line("ping", None)
    host.send(line)
    host.wait_for(Response, lambda response: response.id == bench, since)
    assert [answer.id for answer in host.of(Response, since)] == [ping, bench]
    assert len([credit for credit in host.of(Credit, since) if credit.phase is Phase.BENCH]) > 4, (
        "a heartbeat a quarter"
    )


def test_the_record_is_sent_by_info_once_there_is_one(wire: WireKernel) -> None:
    host = wire.host
    since = len(host.records)
    assert host.ask("info").ok
    assert host.of(Bench, since) == []
    assert bench_record(host).level == ""
    wire.run("/bench 1")
    measured = bench_record(host)
    assert measured.level != ""
    assert measured.decode_mb_s > 0
    since = len(host.records)
    assert host.ask("info").ok
    told = {record.decode_rate for record in host.of(Bench, since)}  # the change itself may still be on its way
    assert told == {measured.decode_rate}


@pytest.mark.parametrize("change", ["/load stories700K.bin q8", "/load stories700K.bin", "/attn sse2", "/threads 2"])
def test_another_model_or_other_processors_take_the_record_back_unasked(wire: WireKernel, change: str) -> None:
    host = wire.host
    assert wire.say("Once upon a time").finished is not None
    wire.run("/bench 1")
    assert bench_record(host).level != ""
    since = len(host.records)
    wire.run(change)
    host.wait_for(Bench, lambda record: record.level == "", since)
    perf = host.wait_for(Perf, lambda record: record.read_mb_s == 0, since)
    assert (perf.decode_rate == 0) == change.startswith("/load"), "an answer of this model is still its speed"


def test_of_the_processors_the_line_tells_what_is_so_now_and_no_answer_is_set_against_the_reading_of_others(
    wire: WireKernel,
) -> None:
    wire.run("/threads 1")
    assert wire.say("Once upon a time").finished is not None
    for count in (2, 1):
        since = len(wire.host.records)
        wire.run(f"/threads {count}")
        wire.host.wait_for(Cpu, lambda record, count=count: record.processors_used == count, since)
    wire.run("/threads 2")
    wire.run("/bench 1")
    assert bench_record(wire.host).processors == 2
    since = len(wire.host.records)
    assert wire.host.ask("stat", stream=Stream.PERF).ok
    perf = wire.host.of(Perf, since)[-1]
    assert (perf.decode_rate > 0, perf.read_mb_s) == (True, 0)
    finished = wire.say(" They went home").finished
    assert finished is not None
    assert finished.read_mb_s > 0
    assert wire.host.ask("stat", stream=Stream.PERF).ok
    assert wire.host.of(Perf)[-1].read_mb_s == finished.read_mb_s


def test_an_answer_tells_what_its_decoding_read(wire: WireKernel) -> None:
    wire.run("/bench 1")
    weights = bench_record(wire.host).weights
    wire.set(temp=0, max_tokens=40)
    finished = wire.say("Once upon a time").finished
    row_bytes = wire.cache().row_bytes
    assert finished is not None
    assert finished.tokens == 40
    # The first token comes out of the prefill; each other one out of a pass at the row of the token before it.
    rows = range(finished.prompt_tokens, finished.prompt_tokens + finished.tokens - 1)
    moved = sum(weights + (row + 1) * row_bytes for row in rows)
    assert finished.decode_mb_s == moved // finished.decode_us
    assert finished.read_mb_s > 0
    since = len(wire.host.records)
    assert wire.host.ask("stat", stream=Stream.PERF).ok
    perf = wire.host.of(Perf, since)[-1]
    assert (perf.decode_mb_s, perf.read_mb_s) == (finished.decode_mb_s, finished.read_mb_s)


def test_the_line_below_an_answer_has_them_too(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    assert re.search(
        r"\[160 tokens, prefill 5 at [\d.]+ tok/s, decode [\d.]+ tok/s at \d+\.\d\d GB/s \(\d+ % of reading alone\), "
        r"164 of 512 rows\]$",
        kernel.ask("Once upon a time"),
    )


def test_a_dump_carries_the_last_one(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    assert "bench=" not in kernel.ask("/ctx")
    kernel.ask("/bench 1")
    words = kernel.words("/ctx")
    assert words["bench"] == kernel.words("/cpu")["kernels"]
    assert all(float(words[name]) > 0 for name in ("read_mb_s", "decode_tok_s", "decode_mb_s", "prefill_tok_s"))


def test_reading_and_computing_touch_nothing_foreign(start_checked: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start_checked(tmp_path)
    for level in ("reference", "sse2", "avx2", "auto"):
        kernel.tell(f"/attn {level}")
        assert "decode" in kernel.ask("/bench 1")
