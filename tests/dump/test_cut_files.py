"""A file that was cut anywhere: it tells what is left of it, and states nothing that only the rest would have told."""

from __future__ import annotations

import re
import zlib

import pytest
from test_earlier_kernel import DUMP, REAL, sixteen
from test_own_files import SAMPLE, body

from llmbm_console.core.postmortem.dump import DumpError, parse_post_mortem
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.known_fields import knows, told
from llmbm_console.core.postmortem.summary import summary
from llmbm_console.core.postmortem.verdict import last_of
from llmbm_console.core.sanitise import is_clean
from llmbm_console.faces.dump import dump_json
from llmbm_protocol.schema import (
    Bench,
    Cpu,
    KvCache,
    Model,
    Record,
    SamplingState,
    Sentinel,
    SentinelError,
    SentinelPhase,
    SentinelState,
    TokenizerState,
    Version,
    Zone,
)

KINDS: tuple[type[Record], ...] = (
    Version, Cpu, Model, TokenizerState, SamplingState, KvCache, Sentinel, Bench,
)  # fmt: skip
#: Counts of what was found, which stand nowhere in a file.
COUNTS = re.compile(r"\b[0-9,]+ (?:log events?|more in the log|error lines?|answers?|commands?)|line [0-9,]+")


def read(data: bytes, name: str = "llmk-dump.txt") -> PostMortem | None:
    """None for a beginning that is too short to be known."""
    try:
        return parse_post_mortem(data, name)
    except DumpError:
        return None


def untold(cut: PostMortem, whole: PostMortem) -> list[str]:
    """What a cut file states otherwise than the whole one, which has all that the cut one may tell."""
    pairs: list[tuple[Record | None, Record | None]] = [
        (last_of(cut.records, kind), last_of(whole.records, kind)) for kind in KINDS
    ]
    zones = {zone.arena: zone for zone in whole.records if isinstance(zone, Zone)}
    pairs += [(zone, zones[zone.arena]) for zone in cut.records if isinstance(zone, Zone)]
    pairs += [(one.record, other.record) for one, other in zip(cut.events, whole.events, strict=False)]
    found = []
    for one, other in pairs:
        for name in type(one).model_fields if one is not None else ():
            value, wanted = told(one, name), told(other, name)
            literal = name == "message" and isinstance(value, str) and str(wanted).startswith(value)
            if value is not None and value != wanted and not literal:
                found.append(f"{type(one).__name__}.{name} is {value}, in the whole file {wanted}")
    return found


def unwritten(found: PostMortem, kept: str) -> list[str]:
    """Numbers in the sentence that do not stand in what is left of the file."""
    numbers = re.findall(r"(?<![\w.])[0-9][0-9,]*(?!\w|\.[0-9])", COUNTS.sub("", found.verdict))
    written = {int(word, 0) for word in re.findall(r"(?<![0-9A-Za-z])(?:0x[0-9A-Fa-f]+|[1-9][0-9]*|0)(?!\w)", kept)}
    return [number for number in numbers if int(number.strip(",").replace(",", "")) not in written]


def check(cut: PostMortem, whole: PostMortem, kept: str) -> None:
    assert untold(cut, whole) == [], kept[-80:]
    assert unwritten(cut, kept) == [], (cut.verdict, kept[-80:])
    assert not cut.complete, kept[-80:]
    assert "Nothing went wrong" not in cut.verdict
    said = "\n".join(summary(cut)).replace("Whether it tripped", "")
    assert is_clean(said.replace("\n", ""))
    dump_json(cut)
    if "tripped" in said:
        assert re.search("failsafe|code=5|msg=tripped", kept), kept[-80:]
    if "armed" in said:
        assert "state=armed" in kept or "enabled=1" in kept, kept[-80:]


@pytest.mark.parametrize("name", ["llmk-failsafe", "llmk-dump"])
def test_a_report_of_our_kernel_states_nothing_that_was_cut_off(name: str) -> None:
    text = body().replace("llmk-failsafe", name, 1)
    if name == "llmk-dump":
        text = text.replace(" cause=budget phase=decode", "", 1).replace("code=failsafe", "code=info")
        text = text.replace("state=tripped", "state=armed")
    whole = read(text.encode() + b"end crc32=%08x\n" % zlib.crc32(text.encode()))
    assert whole is not None
    assert whole.complete
    for cut in range(30, len(text)):
        found = read(text[:cut].encode())
        assert found is not None
        check(found, whole, text[:cut])


@pytest.mark.parametrize("noted", [False, True])
def test_a_dump_of_the_earlier_kernel_states_nothing_that_was_cut_off(noted: bool) -> None:
    text = DUMP.replace("code=5", "code=0") if noted else DUMP
    whole = read(sixteen(text))
    assert whole is not None
    assert whole.complete
    data, ends = sixteen(text), text.rindex("#2")
    for cut in range(2, len(data)):
        kept = data[2:cut].decode("utf-16-le", "ignore").replace("\r", "")
        found = read(data[:cut])
        if found is not None and len(kept) < ends + 60:
            check(found, whole, kept)


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
def test_the_real_files_state_nothing_that_was_cut_off() -> None:
    for name in ("head-llmk-dump.txt", "head-llmk-log.txt"):
        data = (REAL / name).read_bytes()
        whole = read(data, name)
        assert whole is not None
        for cut in range(2, data.rindex("msg=log init".encode("utf-16-le"))):
            if (found := read(data[:cut], name)) is not None:
                check(found, whole, data[2:cut].decode("utf-16-le", "ignore").replace("\r", ""))


def test_before_its_sentinel_line_a_dump_tells_budgets_and_no_state() -> None:
    found = read(sixteen(DUMP.partition("\n[llmk][sentinel]")[0]))
    assert found is not None
    sentinel = last_of(found.records, Sentinel)
    assert told(sentinel, "decode_budget") == 55160633
    assert [told(sentinel, name) for name in ("state", "error", "strict", "decode", "decode_pinned")] == [None] * 5
    document = dump_json(found)["sentinel"]
    assert (document["state"], document["error"], document["decode_overruns"]) == (None, None, 2)
    said = "\n".join(summary(found))
    assert "sentinel  its state is not in the file; budgets: prefill 36,641,173" in said


def test_without_its_log_an_error_may_be_a_trip() -> None:
    found = read(sixteen(DUMP.partition("  #0 tsc")[0]))
    assert found is not None
    assert told(last_of(found.records, Sentinel), "state") is None
    assert told(last_of(found.records, Sentinel), "error") is SentinelError.BUDGET
    assert "Whether it was a trip is not in the file." in found.verdict


@pytest.mark.parametrize("end", ["\r", "\r\r", "\n\n"])
def test_line_ends_that_a_tool_changed_hide_no_trip(end: str) -> None:
    text = DUMP.replace("\n", end) if end != "\r" else sixteen(DUMP)[2:].decode("utf-16-le").replace("\n", "")
    found = read(text.encode())
    assert found is not None
    assert (len(found.events), found.problems) == (3, ())
    assert "a decode pass took 12,157,080 cycles" in found.verdict


def test_the_header_of_a_failsafe_report_tells_the_cause_when_nothing_else_is_left() -> None:
    header = body().partition("\n")[0]
    for rest in ("", "\nContext:", "\nContext:\n  model=stories"):
        found = read((header + rest + ("" if rest else "\n")).encode())
        assert found is not None
        sentinel = last_of(found.records, Sentinel)
        assert told(sentinel, "state") is SentinelState.TRIPPED
        assert told(sentinel, "phase") is SentinelPhase.DECODE
        assert not knows(sentinel, "strict")
        assert found.verdict.startswith("The sentinel tripped: a decode pass took more cycles than its budget. ")


def test_a_line_that_was_cut_is_said_to_be_cut() -> None:
    found = read(body().partition("HTS] base")[0].encode())
    assert found is not None
    assert found.problems == (
        "there is no end line with a CRC-32: the file was cut while it was written, or since, in the middle of line 15",
    )


def test_the_zone_line_that_was_cut_tells_what_it_has() -> None:
    found = read(body().partition(" peak=1179648 (1.125 MiB) flags")[0].encode())
    assert found is not None
    zone = [record for record in found.records if isinstance(record, Zone)][-1]
    assert (told(zone, "size"), told(zone, "peak"), told(zone, "guard_ok")) == (1179648, None, None)


def test_a_log_entry_of_our_kernel_keeps_its_number() -> None:
    found = read(SAMPLE.read_bytes())
    assert found is not None
    assert [entry.record.number for entry in found.events] == [3, 2, 1, 0]


@pytest.mark.parametrize("tail", ["\n\n", "[12:00:01] \n[12:00:02] \n", "> \n> \n"])
def test_blank_lines_at_the_end_of_a_copy_are_no_older_file(tail: str) -> None:
    found = read((DUMP + tail).encode())
    assert found is not None
    assert (found.complete, found.problems) == (True, ())


def test_what_a_terminal_program_adds_is_no_older_file() -> None:
    found = read((DUMP + "$ exit\n\nScript done on 2026-11-27 07:00:00\n").encode())
    assert found is not None
    assert found.problems == ("not read: 2 lines after the log, which is no part of it",)


OURS = """llmk-0.1.0 on Linux x86_64
llmk> The cat
.
[sentinel tripped: decode pass over its budget; see llmk-failsafe.txt; type /reset to go on]
[1 token, prefill 3 at 11538.5 tok/s, decode - tok/s, 167 of 512 rows]
llmk> /log
[llmk][log] last 4 events (ring cap=128)
  #8 tsc=193313124957473 t=31 level=error code=failsafe arena=none first=0x0 second=0 msg=tripped
  #7 tsc=193313123439255 t=31 level=error code=budget arena=none first=0x4e98c second=1000 msg=over its budget
  #6 tsc=193313122346059 t=30 level=info code=info arena=none first=0x3e8 second=0 msg=drill: a pass is held to a budget
"""


def test_in_a_serial_log_of_our_kernel_the_entries_of_its_log_tell_the_numbers_of_a_trip() -> None:
    found = read(OURS.encode(), "serial.log")
    assert found is not None
    assert found.verdict.startswith(
        "The sentinel tripped in a drill (/test_failsafe): a pass took 321,932 cycles, its budget was 1,000"
    )
    assert [(entry.record.number, entry.record.time) for entry in found.events] == [(8, 31), (7, 31), (6, 30)]


def test_a_trip_that_is_told_in_the_last_line_is_told_however_much_of_it_is_left() -> None:
    begin = OURS.index("[sentinel tripped")
    for cut in range(begin, OURS.index("]\n[1 token")):
        found = read(OURS[:cut].encode(), "serial.log")
        assert found is not None
        tripped = "[sentinel tripped:" in OURS[:cut]
        assert found.verdict.startswith("The sentinel tripped") == tripped, OURS[begin:cut]
        assert ("no trip" in found.verdict) != tripped


def test_a_serial_log_that_tells_budgets_and_no_state_does_not_say_that_there_was_no_trip() -> None:
    found = read(b"You: /ctx\n  prefill_max=36641173 decode_max=55160633 overruns(p=0 d=0)\nYou: ", "serial.log")
    assert found is not None
    assert "no trip is told, no overrun" in found.verdict


SERIAL = """[1/7] Opening file system...
llmk-0.1.0 on posix
You: Once
AI:  upon a time
[stats] tokens=60 time_ms=1000 tok_s=60.000
You: /ctx
Context:
  model=stories15M.bin
  dim=64 layers=5 heads=8 kv=4 vocab=512 seq=512
  kv_pos=175
Budgets:
  prefill_max=36641173 decode_max=55160633 overruns(p=0 d=12)
You: Twice
AI:  upon
[llmk] decode stopped
[llmk][fail-safe] budget cycles exceeded
You: /reset
Resetting runtime state
You: /zones
  [SCRATCH] base=0x4C10EF00 size=32 MiB used=0 MiB flags=0x0
"""


def test_a_serial_log_states_nothing_that_was_cut_off() -> None:
    for cut in range(40, len(SERIAL)):
        found = read(SERIAL[:cut].encode(), "serial.log")
        assert found is not None
        kept = SERIAL[:cut]
        assert unwritten(found, kept) == [], (found.verdict, kept[-60:])
        tripped = found.verdict.startswith("The sentinel tripped")
        assert tripped == ("[llmk][fail-safe]" in kept)
        assert ("armed again" in found.verdict) == ("Resetting runtime state" in kept)
        for zone in (record for record in found.records if isinstance(record, Zone)):
            assert told(zone, "size") in (None, 32 << 20), kept[-60:]
        dump_json(found)
