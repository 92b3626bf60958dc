"""Post-mortem files of this kernel: exact, with a CRC, and a torn one is known."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from llmbm_console.core.errors import SessionError
from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.summary import summary
from llmbm_console.core.postmortem.verdict import cause, last_of
from llmbm_console.core.session.post_mortem import open_dump
from llmbm_console.core.state.events import LinkPhase
from llmbm_protocol.schema import (
    Arena,
    Bench,
    Event,
    KvCache,
    LogCode,
    LogLevel,
    Model,
    SamplingState,
    Sentinel,
    SentinelState,
    Zone,
)

SAMPLE = Path(__file__).with_name("sample-llmk-failsafe.txt")


def sealed(body: str) -> bytes:
    """A body with the end line that belongs to it."""
    return body.encode() + b"end crc32=%08x\n" % zlib.crc32(body.encode())


def body() -> str:
    return SAMPLE.read_text().partition("end crc32=")[0]


def read(data: bytes) -> PostMortem:
    return parse_post_mortem(data, "llmk-failsafe.txt")


def test_every_section_becomes_typed_records() -> None:
    found = read(sealed(body()))
    assert (found.kind, found.origin, found.complete, found.problems) == ("failsafe", "llmk", True, ())
    model, kv = last_of(found.records, Model), last_of(found.records, KvCache)
    assert model is not None
    assert (model.file, model.parameters, model.hidden_dim, model.shared) == ("stories700K.bin", 707808, 256, True)
    assert kv is not None
    assert (kv.rows, kv.capacity, kv.turns) == (175, 512, (0, 87))
    sampling, sentinel = last_of(found.records, SamplingState), last_of(found.records, Sentinel)
    assert sampling is not None
    assert (sampling.temperature, sampling.repeat_penalty, sampling.seed) == (850_000, 1_150_000, 42)
    assert sentinel is not None
    assert (sentinel.state, sentinel.decode_budget, sentinel.decode) == (SentinelState.TRIPPED, 2064000, 355040)
    assert sentinel.percentiles == (344000, 401200, 690000)
    zones = {zone.arena: zone for zone in found.records if isinstance(zone, Zone)}
    assert zones[Arena.WEIGHTS].used == 2876416
    assert zones[Arena.WEIGHTS].read_only
    assert zones[Arena.KEEP].last_tag == "turn"
    assert [entry.record.message for entry in found.events][:2] == [
        "tripped: volatile memory wiped",
        "decode pass over its budget",
    ]


@pytest.mark.parametrize("unit", ["x", "9", " ", "a=( "])
def test_a_line_of_a_megabyte_in_any_section_is_read_at_once(unit: str) -> None:
    """Not measured: in a reader that looks at every octet from every other one this takes hours."""
    lines = body().splitlines(keepends=True)
    for place in range(1, len(lines), 8):
        text = "".join(lines[:place]) + "  " + unit * (1_000_000 // len(unit)) + "\n" + "".join(lines[place:])
        assert last_of(read(sealed(text)).records, SamplingState) is not None


def test_the_sample_in_the_tree_is_whole() -> None:
    assert read(SAMPLE.read_bytes()).complete


def test_verdict_names_phase_cycles_and_budget() -> None:
    verdict = read(sealed(body())).verdict
    assert "a decode pass took 2,064,156 cycles, its budget was 1,000" in verdict
    assert "stories700K.bin, 175 of 512 context rows used" in verdict
    assert "still tripped" in verdict


@pytest.mark.parametrize("strict", ["is", "was"])
@pytest.mark.parametrize(("passes", "went"), [(1, "pass went over its budget and was"), (5, "passes went over their")])
def test_passes_over_their_budget_that_stopped_nothing_are_told_as_no_error(
    strict: str, passes: int, went: str
) -> None:
    """A few of each answer are logged: the worst of those is told."""
    text = body().replace("state=tripped strict=1", f"state=armed strict={int(strict == 'was')}")
    head, log, _events = text.partition("[llmk][log]")
    head = re.sub(r"failsafe( format=.*) cause=\w+ phase=\w+", r"dump\1", head)
    head = re.sub(r"(prefill|decode)_overruns=\d+", r"\1_overruns=0", head)
    head = head.replace("decode_overruns=0", f"decode_overruns={passes}")
    rows = [
        f"  #{at} tsc=9 t=31 level=warn code=budget arena=none first=0x{cycles:x} second=600000 msg=decode pass over"
        for at, cycles in enumerate((700_000, 8_400_000, 900_000))
    ]
    found = read(sealed(f"{head}{log} last 3 events (ring cap=128)\n" + "\n".join(reversed(rows)) + "\n"))
    assert found.complete
    assert found.verdict == (
        f"Nothing tripped; {passes} decode {went}{' budget and were' if passes > 1 else ''} only logged (strict "
        f"{strict} off); the worst in the log took 8,400,000 cycles, 14.0 times its budget of 600,000 ("
        "stories700K.bin, 175 of 512 context rows used)."
    )
    assert not re.search("error", "\n".join(summary(found)))


@pytest.mark.parametrize(
    ("code", "arena", "first", "second", "words"),
    [
        (LogCode.OOB, Arena.KV, 512, 512, "row 512 of 512 was asked for in KV"),
        (LogCode.OOB, Arena.KV, 0x7E100000, 64, "an access outside its arena at 0x7e100000 in KV"),
        (LogCode.RO_WRITE, Arena.WEIGHTS, 0xA1B2C3D4E5F60718, 0x1122334455667788, "was 0x1122334455667788"),
        (LogCode.RO_WRITE, Arena.WEIGHTS, 0x7E100000, 64, "a write to read-only memory at 0x7e100000 in WEIGHTS"),
    ],
)
def test_the_values_of_a_cause_are_told_by_what_they_are_in_either_kernel(
    code: LogCode, arena: Arena, first: int, second: int, words: str
) -> None:
    event = Event(
        number=1, time=1, level=LogLevel.ERROR, code=code, arena=arena, first=first, second=second, message=""
    )
    assert words in cause(event, code, "")


@pytest.mark.parametrize("keep", [60, 200, 700, 1500, 2300])
def test_a_torn_file_is_known_and_still_read(keep: int) -> None:
    found = read(sealed(body())[:keep])
    assert not found.complete
    assert "not whole" in found.verdict
    assert found.header["boot"] == "5f03a9d1"


@pytest.mark.parametrize(
    "copy",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le"),
        lambda text: text.encode("utf-16-be").join((b"\xfe\xff", b"")),
        lambda text: text.replace("size=", "\x1b[33msize\x1b[0m=").encode(),
        lambda text: "".join(f"> {line}" for line in text.splitlines(keepends=True)).encode(),
        lambda text: b"\x1b[2J\x1b[01;01HBdsDxe: loading Boot0002\r\n" + text.encode(),
    ],
    ids=["crlf", "cr", "utf-8 mark", "utf-16 of a Windows tool", "utf-16be", "colours", "quoted", "firmware before it"],
)
def test_a_copy_that_another_program_wrote_is_proven_by_the_same_checksum(copy: Callable[[str], bytes]) -> None:
    found, wanted = read(copy(sealed(body()).decode())), read(sealed(body()))
    assert found.complete
    assert (found.kind, found.origin, found.verdict) == (wanted.kind, wanted.origin, wanted.verdict)
    assert found.records == wanted.records


def test_of_a_number_at_the_torn_end_of_a_file_digits_may_be_missing() -> None:
    found = read(body().partition("75 kv_cap")[0].encode())
    assert last_of(found.records, KvCache) is None


def test_one_changed_byte_is_known() -> None:
    data = bytearray(sealed(body()))
    data[400] ^= 1
    found = read(bytes(data))
    assert not found.complete
    assert any("CRC-32" in problem for problem in found.problems)


def test_a_broken_line_is_named_and_the_rest_is_kept() -> None:
    found = read(sealed(body().replace("strict=1 last_err=budget", "strict=1")))
    assert any("line" in problem and "last_err" in problem for problem in found.problems)
    assert last_of(found.records, Model) is not None
    assert len(found.events) == 4


def test_no_model_is_told_with_its_reason() -> None:
    start, _, rest = body().partition("Context:\n")
    sampling = "Sampling:\n" + rest.partition("Sampling:\n")[2]
    found = read(sealed(f"{start}Context:\n  model=none reason=dim is 0, expected 16 to 16384\n{sampling}"))
    model = last_of(found.records, Model)
    assert model is not None
    assert model.file == ""


async def test_a_file_is_a_session_that_refuses_verbs() -> None:
    session = open_dump(SAMPLE)
    await session.open()
    state = session.state
    assert session.read_only
    assert state.link.phase is LinkPhase.POST_MORTEM
    assert state.verdict.startswith("The sentinel tripped")
    assert state.kv is not None
    assert next(line.text for line in state.log if line.record is not None).startswith("kernel started")
    with pytest.raises(SessionError, match="post-mortem file"):
        await session.submit("hello")


def test_a_bench_in_the_context_becomes_its_record() -> None:
    lines = (
        "  bench=avx2 bench_processors=2 bench_row=175 bench_weights=2831232 bench_cache=33554432 read_mb_s=120000\n"
        "  decode_tok_s=12345.678901 decode_mb_s=35000 decode_cycles=210000 prefill_tok_s=20000.5 prefill_mb_s=1 "
        "prefill_cycles=99\n"
    )
    found = read(sealed(body().replace("Sampling:\n", lines + "Sampling:\n", 1)))
    bench = last_of(found.records, Bench)
    assert found.problems == ()
    assert bench is not None
    assert (bench.level, bench.processors, bench.cache, bench.read_mb_s) == ("avx2", 2, 33554432, 120000)
    assert (bench.decode_rate, bench.prefill_rate) == (12_345_678_901, 20_000_500_000)
    assert last_of(read(sealed(body())).records, Bench) is None


def test_a_serial_log_in_utf_16_is_read_by_its_frames() -> None:
    frame = b"T 0000 g=1 i=0 t=5 id=7 cy=9 s=a"
    log = b"boot text\r\n@" + frame + b"*%08x\r\n" % zlib.crc32(frame)
    copy = parse_post_mortem(log.decode().encode("utf-16"), "any.log")
    assert (copy.kind, copy.origin) == ("serial log", "llmk")
    assert copy.records == parse_post_mortem(log, "any.log").records
