"""Files of an earlier kernel: two dialects, UTF-16LE, stale tails, torn ends."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.postmortem.dump import DumpError, parse_post_mortem, read_post_mortem
from llmbm_console.core.postmortem.kernel_text import KernelText
from llmbm_console.core.postmortem.summary import summary
from llmbm_console.core.postmortem.verdict import last_of
from llmbm_protocol.schema import (
    Arena,
    KvCache,
    LogCode,
    Model,
    SamplingState,
    Sentinel,
    SentinelError,
    SentinelPhase,
    SentinelState,
    Zone,
)

REAL = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "upstream"

#: The newer dialect, as its kernel writes it: CR CR LF, whole MiB, newest event first.
DUMP = """Context:
  model=stories15M.bin
  dim=64 layers=5 heads=8 kv=4 vocab=512 seq=512
  kv_pos=175
Sampling:
  temp=0.00 min_p=0.05 top_p=0.95 top_k=80
  norepeat=4 repeat_penalty=1.14 max_tokens=160
Budgets:
  prefill_max=36641173 decode_max=55160633 overruns(p=0 d=2)

[llmk] Zone B: base=0x4BF6D000 size=768 MiB
  [WEIGHTS] base=0x4BF6D000 size=1 MiB used=1 MiB flags=0x1
  [SCRATCH] base=0x4C10EF00 size=32 MiB used=0 MiB flags=0x0

[llmk][sentinel] enabled=1 strict=0 max_cycles=0 last_err=4 reason=budget cycles exceeded

[llmk][log] last 128 events (ring cap=128)
  #0 tsc=44537592840 code=5 arena=-1 ptr=0x0 size=0 msg=budget cycles exceeded
  #1 tsc=44537426440 code=4 arena=2 ptr=0xB98098 size=1000 msg=budget cycles exceeded
  #2 tsc=6855781166 code=0 arena=-1 ptr=0x0 size=0 msg=log init

"""


def sixteen(text: str) -> bytes:
    """The bytes an earlier kernel would have written."""
    return b"\xff\xfe" + text.replace("\n", "\r\r\n").encode("utf-16-le")


def test_newer_dialect_is_read_into_typed_records() -> None:
    found = parse_post_mortem(sixteen(DUMP), "llmk-dump.txt")
    assert (found.kind, found.origin, found.complete, found.problems) == ("dump", "earlier kernel", True, ())
    model, kv, sampling = (last_of(found.records, kind) for kind in (Model, KvCache, SamplingState))
    assert isinstance(model, Model)
    assert (model.file, model.dim, model.layers, model.heads, model.kv_heads, model.vocab) == (
        "stories15M.bin", 64, 5, 8, 4, 512,
    )  # fmt: skip
    assert isinstance(kv, KvCache)
    assert (kv.rows, kv.capacity) == (175, 512)
    assert isinstance(sampling, SamplingState)
    assert (sampling.repeat_penalty, sampling.no_repeat_ngram, sampling.max_tokens) == (1_140_000, 4, 160)
    sentinel = last_of(found.records, Sentinel)
    assert isinstance(sentinel, Sentinel)
    assert (sentinel.error, sentinel.decode_overruns, sentinel.decode_budget) == (SentinelError.BUDGET, 2, 55160633)
    zones = {zone.arena: zone for zone in found.records if isinstance(zone, Zone)}
    assert zones[Arena.SCRATCH].size == 32 << 20
    assert zones[Arena.WEIGHTS].read_only
    assert [(entry.record.code, entry.cycles) for entry in found.events] == [
        (LogCode.FAILSAFE, 44537592840),
        (LogCode.BUDGET, 44537426440),
        (LogCode.INFO, 6855781166),
    ]


def test_verdict_names_the_cause_with_its_numbers() -> None:
    verdict = parse_post_mortem(sixteen(DUMP), "llmk-dump.txt").verdict
    assert verdict.startswith("The sentinel tripped")
    assert "12,157,080 cycles" in verdict
    assert "1,000" in verdict
    assert "stories15M.bin" in verdict


def test_one_sentence_says_what_tripped_it_whether_it_still_was_and_why_the_budget_is_another() -> None:
    """Of the sentinel's line `enabled` is a setting; an error beside a trip in the log means that no reset came."""
    found = parse_post_mortem(sixteen(DUMP), "llmk-dump.txt")
    sentinel = last_of(found.records, Sentinel)
    assert isinstance(sentinel, Sentinel)
    assert (sentinel.state, sentinel.phase) == (SentinelState.TRIPPED, SentinelPhase.DECODE)
    assert "a decode pass took 12,157,080 cycles, its budget was 1,000" in found.verdict
    assert "The 1,000 were a limit for one pass, as /test_failsafe sets it; the budget itself is 55,160,633." in (
        found.verdict
    )
    assert "It was still tripped when this was written: no /reset came after it." in found.verdict
    said = "\n".join(summary(found))
    assert "sentinel  tripped, strict off, last error budget" in said
    assert "armed" not in said
    assert "overruns: 0 and 2 besides the trip" in said
    # A budget of a pass is no arena: the number stands for the phase.
    assert [entry.record.arena for entry in found.events] == [Arena.NONE] * 3
    prefill = parse_post_mortem(sixteen(DUMP.replace("code=4 arena=2", "code=4 arena=1")), "llmk-dump.txt").verdict
    assert "a prefill pass took" in prefill
    assert "the budget itself is 36,641,173" in prefill


def test_a_dump_without_an_error_or_without_a_trip_is_not_called_tripped() -> None:
    noted = DUMP.replace("code=5 arena=-1", "code=0 arena=-1")
    for text in (noted, DUMP.replace("last_err=4 reason=budget cycles exceeded", "last_err=0 reason=")):
        sentinel = last_of(parse_post_mortem(sixteen(text), "llmk-dump.txt").records, Sentinel)
        assert isinstance(sentinel, Sentinel)
        assert sentinel.state is SentinelState.ARMED
    off = last_of(parse_post_mortem(sixteen(noted.replace("enabled=1", "enabled=0")), "d").records, Sentinel)
    assert isinstance(off, Sentinel)
    assert off.state is SentinelState.DISARMED


def test_older_dialect_without_kv_pos_is_read() -> None:
    older = DUMP.replace("  kv_pos=175\n", "").replace("model=stories15M.bin", "model=stories110M.bin")
    found = parse_post_mortem(sixteen(older), "llmk-dump.txt")
    assert found.complete
    assert last_of(found.records, KvCache) is None
    model = last_of(found.records, Model)
    assert isinstance(model, Model)
    assert (model.file, model.seq_len) == ("stories110M.bin", 512)


def test_rest_of_an_older_longer_file_is_not_read_as_news() -> None:
    tail = (
        "  #3 tsc=1 code=2 arena=1 ptr=0x0 size=0 msg=old trouble\n  #9 tsc=2 code=1 arena=0 ptr=0x0 size=0 msg=older\n"
    )
    found = parse_post_mortem(sixteen(DUMP + tail.partition("\n")[0].split("#3")[1] + "\n" + tail), "llmk-dump.txt")
    assert len(found.events) == 3
    assert found.complete
    assert any("older file" in problem for problem in found.problems)


def test_bytes_and_kib_are_accepted_beside_whole_mib() -> None:
    exact = DUMP.replace("size=32 MiB used=0 MiB", "size=33554431 used=12 KiB")
    zones = [
        r for r in parse_post_mortem(sixteen(exact), "d").records if isinstance(r, Zone) and r.arena is Arena.SCRATCH
    ]
    assert (zones[-1].size, zones[-1].used) == (33554431, 12288)


@pytest.mark.parametrize("cut", [1, 2, 3, 50, 501, 902])
def test_a_torn_file_says_so_and_keeps_what_it_has(cut: int) -> None:
    data = sixteen(DUMP.rstrip("\n"))[:-cut]
    found = parse_post_mortem(data, "llmk-dump.txt")
    assert not found.complete
    assert found.problems
    assert last_of(found.records, Model) is not None


def test_utf8_copy_and_a_file_without_byte_order_mark_are_the_same() -> None:
    reference = parse_post_mortem(sixteen(DUMP), "llmk-dump.txt")
    for data in (DUMP.encode(), b"\xef\xbb\xbf" + DUMP.encode(), sixteen(DUMP)[2:]):
        assert parse_post_mortem(data, "llmk-dump.txt").records == reference.records


def test_a_copy_saved_with_the_other_byte_order_or_with_colours_of_a_terminal_is_the_same() -> None:
    reference = parse_post_mortem(sixteen(DUMP), "llmk-dump.txt").records
    coloured = DUMP.replace("decode_max", "decode\x1b[1;31m_max\x1b[0m").replace("[llmk]", "[ll\x1b[32mmk]")
    for data in (b"\xfe\xff" + DUMP.encode("utf-16-be"), sixteen(coloured)):
        assert parse_post_mortem(data, "llmk-dump.txt").records == reference


def test_a_log_with_the_tail_of_an_older_dump_is_a_log() -> None:
    log = "[llmk][log] last 1 events (ring cap=128)\n  #0 tsc=1 code=0 arena=-1 ptr=0x0 size=0 msg=log init\n"
    found = parse_post_mortem(sixteen(log + DUMP), "llmk-log.txt")
    assert (found.kind, len(found.events)) == ("log", 1)


@pytest.mark.parametrize("head", ["", "  dim=", "Context: ", "#0 tsc=", "llmk-dump format=1 "])
@pytest.mark.parametrize("unit", ["x", "0x", "9", " ", "\r", "\n", "a=( "])
def test_a_line_of_a_megabyte_is_read_at_once(head: str, unit: str) -> None:
    """Not measured: in a reader that looks at every octet from every other one this takes hours."""
    endless = head + unit * (1_000_000 // len(unit)) + "\n"
    whole = parse_post_mortem((DUMP + endless).encode(), "llmk-dump.txt")
    assert len(whole.events) == 3
    with contextlib.suppress(DumpError):  # some are no such file at all
        parse_post_mortem(endless.encode(), "llmk-dump.txt")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"\x00" * 100, b"\n \n"])
def test_an_empty_file_is_refused_with_what_was_expected(data: bytes) -> None:
    with pytest.raises(DumpError, match=r"empty; expected an llmk-dump\.txt"):
        parse_post_mortem(data, "x")


def test_another_file_is_refused_without_showing_its_bytes_raw() -> None:
    with pytest.raises(DumpError, match="a text, but not a post-mortem file: it begins with 'A title'") as caught:
        parse_post_mortem(b"\x1b]0;owned\x07A title\x1b[1m\n\nand more", "x")
    assert "\x1b" not in str(caught.value)
    assert r"\n" not in str(caught.value)


@given(st.binary(max_size=400))
def test_no_bytes_can_break_the_reader(noise: bytes) -> None:
    for data in (noise, sixteen(DUMP) + noise, sixteen(DUMP)[:900] + noise + sixteen(DUMP)[900:]):
        try:
            found = parse_post_mortem(data, "llmk-dump.txt")
        except DumpError:
            continue
        shown = found.verdict + found.reason + "".join(found.problems)
        assert "\x1b" not in shown


@pytest.mark.parametrize("digits", ["9" * 30, "9" * 5000, "-5", "", "\u0663", "1_0"])
def test_numbers_of_any_size_and_what_is_none_are_read_without_an_end(digits: str) -> None:
    """The largest number of its field for a larger one; a field whose value is no number stays unknown."""
    for pattern in (r"(?<==)\d+", r"\d+"):
        found = parse_post_mortem(sixteen(re.sub(pattern, digits, DUMP)), "llmk-dump.txt")
        assert found.problems
        assert not found.verdict.startswith("Nothing went wrong")


@pytest.mark.parametrize("number", [9999, 10**6, 2**32, 2**64, 10**30])
def test_a_live_kernel_that_prints_numbers_beyond_every_field_is_read(number: int) -> None:
    reader = KernelText()
    for key in ("dim", "layers", "heads", "kv", "vocab", "seq", "kv_pos", "top_k", "norepeat", "max_tokens", "prefill"):
        reader.line(f"  {key}={number} seq_len={number}")
    reader.line(f"prefill_max=1 overruns(p={number} d={number})")
    reader.line(f"  [KV] base=0x{number:x} size={number} MiB used={number} GiB flags={number}")
    reader.line(f"#0 tsc={number} code={number} arena=-1 ptr={number} size={number} msg=x")
    assert reader.line("  layers=5")


def test_a_file_cut_between_two_lines_does_not_say_that_nothing_went_wrong() -> None:
    lines = DUMP.splitlines(keepends=True)
    for keep in range(1, len(lines) - 4):
        found = parse_post_mortem(sixteen("".join(lines[:keep])), "llmk-dump.txt")
        assert not found.complete
        assert "Nothing went wrong" not in found.verdict


def test_of_a_number_at_the_torn_end_of_a_file_digits_may_be_missing() -> None:
    found = parse_post_mortem(sixteen(DUMP.partition("75\nSampling")[0]), "llmk-dump.txt")
    assert last_of(found.records, KvCache) is None
    torn = parse_post_mortem(sixteen(DUMP.partition("00 msg=budget cycles exceeded\n  #2")[0]), "llmk-dump.txt")
    assert "took 12,157,080 cycles, more than its budget" in torn.verdict


def test_an_error_that_this_console_does_not_know_is_told_by_its_reason() -> None:
    text = DUMP.replace("last_err=4 reason=budget cycles exceeded", "last_err=77 reason=the moon was full")
    text = text.replace("code=5", "code=0").replace("code=4", "code=0").replace("d=2", "d=0")
    assert parse_post_mortem(sixteen(text), "d").verdict.startswith("An error was noticed: the moon was full")
    logged = text.replace("last_err=77 reason=the moon was full", "last_err=0 reason=").replace(
        "#0 tsc=44537592840 code=0", "#0 tsc=1 code=1"
    )
    assert "an error was logged: an allocation" in parse_post_mortem(sixteen(logged), "d").verdict


def test_units_of_other_builds_and_unknown_regions() -> None:
    text = DUMP.replace("size=32 MiB used=0 MiB", "size=32MB used=12 KB").replace("[WEIGHTS]", "[TENSORS]")
    found = parse_post_mortem(sixteen(text), "llmk-dump.txt")
    zones = {zone.arena: zone for zone in found.records if isinstance(zone, Zone)}
    assert (zones[Arena.SCRATCH].size, zones[Arena.SCRATCH].used) == (32 << 20, 12 << 10)
    assert found.problems == ("1 line with a value or a name that could not be read",)


@pytest.mark.parametrize("prefix", ["    ", "> ", "[12:00:01.250] "])
def test_lines_behind_a_quotation_mark_or_a_terminals_time_are_read(prefix: str) -> None:
    found = parse_post_mortem(sixteen("".join(prefix + line for line in DUMP.splitlines(keepends=True))), "d")
    assert len(found.events) == 3
    zones = {zone.arena: zone for zone in found.records if isinstance(zone, Zone)}
    assert zones[Arena.SCRATCH].size == 32 << 20
    serial = parse_post_mortem(f"{prefix}You: hi\n{prefix}[llmk][sentinel] last_err=0 reason=\n".encode(), "s")
    assert serial.kind == "serial log"


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
def test_real_files() -> None:
    dump = read_post_mortem(REAL / "head-llmk-dump.txt")
    assert (dump.kind, dump.complete, len(dump.events)) == ("dump", True, 3)
    log = read_post_mortem(REAL / "head-llmk-log.txt")
    assert (log.kind, log.complete, len(log.events)) == ("log", True, 3)
    serial = read_post_mortem(REAL / "head-serial.raw")
    kv = last_of(serial.records, KvCache)
    assert serial.kind == "serial log"
    assert isinstance(kv, KvCache)
    assert (kv.rows, kv.capacity) == (0, 512)
    assert "266 of 512 context rows used when last told, cleared afterwards" in serial.verdict
    assert serial.verdict.startswith(
        "4 error lines, the first is line 266: 'ERROR: render failed'; no trip, no overrun."
    )
