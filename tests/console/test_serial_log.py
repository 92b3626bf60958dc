"""Logs of a serial line on which a person used a kernel: what was said, by turns, and what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_kernel import Kernel

from llmbm_console import cli
from llmbm_console.core.postmortem.dump import DumpError, parse_post_mortem
from llmbm_console.core.postmortem.kernel_text import KernelText
from llmbm_console.core.postmortem.serial_log import SerialLog, read_serial
from llmbm_console.core.postmortem.verdict import last_of
from llmbm_console.core.sanitise import is_clean
from llmbm_console.core.session.post_mortem import PostMortemSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import CommandDone, ConsoleText, TurnRead
from llmbm_console.core.state.state import Command, State, Text, Turn
from llmbm_protocol.schema import KvCache, LogCode, Sentinel, SentinelState

REAL = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "upstream" / "head-serial.raw"

#: As an earlier kernel prints it, firmware and all; every line ends in CR CR LF.
BOOT = """\x1b[2J\x1b[01;01H\x1b[=3hBdsDxe: loading Boot0002 "UEFI QEMU HARDDISK"

[1/7] Opening file system...
OK: File system ready
[llmk] Zone B: base=0x4BF6D000 size=768 MiB
  [WEIGHTS] base=0x4BF6D000 size=1 MiB used=0 MiB flags=0x1
[llmk][sentinel] enabled=1 strict=0 max_cycles=0 last_err=0 reason=
  CHAT MODE ACTIVE
"""
TALK = """
You: /temp 0
  Temperature set to: 0.0
You: Once upon
AI:\x20
[llmk][budget] prefill_max=0 decode_max=0
 a time there was a bear
[llmk][budget] decode overrun step=3 pos=9 cycles=900000 max=800000 (auto-raise)
 and a hat[llmk][sentinel] budget exceeded (decode): cycles=900000 max=800000
.

The end.
[llmk][budget] final prefill_max=45001756 decode_max=46349954 overruns(p=0 d=2)

[stats] tokens=60 time_ms=1000 tok_s=60.000


You: Tom\\
... and\\
... ;;
AI:\x20
[llmk][budget] prefill_max=45001756 decode_max=46349954
 ran
[llmk][budget] final prefill_max=45001756 decode_max=46349954 overruns(p=0 d=0)

[stats] tokens=1 time_ms=0 tok_s=inf


You: /ctx

CTX
  model=stories15M.bin
  dim=64 layers=5 heads=8 kv=4 vocab=512
  seq_len=512 kv_pos=266

You: /render foo

ERROR: render failed

You: /clear

Clearing KV cache...
OK: KV cache cleared, context reset

You: """
TRIP = """
You: A dog
AI:\x20
[llmk][budget] prefill_max=1 decode_max=1000
 ran
[llmk][fail-safe] budget cycles exceeded

[llmk] decode stopped (fail-safe) at step=1 pos=9
CTX
  seq_len=512 kv_pos=9
[llmk][sentinel] enabled=1 strict=0 max_cycles=0 last_err=4 reason=budget cycles exceeded
[llmk][log] last 2 events (ring cap=128)
  #0 tsc=30 code=5 arena=-1 ptr=0x0 size=0 msg=budget cycles exceeded
  #1 tsc=20 code=4 arena=2 ptr=0xB98098 size=1000 msg=budget cycles exceeded
[test] fail-safe test complete (restored)

[llmk][budget] final prefill_max=36641173 decode_max=55160633 overruns(p=0 d=0)

[stats] tokens=1 time_ms=0 tok_s=inf


You: /log
  #0 tsc=30 code=5 arena=-1 ptr=0x0 size=0 msg=budget cycles exceeded
  #1 tsc=20 code=4 arena=2 ptr=0xB98098 size=1000 msg=budget cycles exceeded

You: """
RESET = "/reset\n\nResetting runtime state...\nOK\n\nYou: "


def octets(text: str) -> bytes:
    return text.replace("\n", "\r\r\n").encode()


def read(text: str) -> SerialLog:
    return read_serial(octets(text), KernelText())


async def opened(path: Path) -> State:
    session = make_session(Target("file", str(path)))
    assert isinstance(session, PostMortemSession)
    await session.open()
    await session.close()
    return session.state


def test_what_was_said_stands_by_turns_and_a_message_of_the_kernel_breaks_no_answer() -> None:
    first, second = (event for event in read(BOOT + TALK).events if isinstance(event, TurnRead))
    assert (first.number, first.prompt, first.whole) == (1, "Once upon", True)
    assert first.text == " a time there was a bear and a hat.\n\nThe end."
    assert first.told == "60 tok · 1.0 s · 60.0 tok/s"
    assert (second.prompt, second.text) == ("Tom\nand", " ran")
    assert second.told == "1 tok", "no time by a clock of whole seconds, and no rate without an end"


def test_commands_stand_with_what_they_printed_and_the_rest_as_lines_in_order() -> None:
    events = read(BOOT + TALK).events
    kinds = [type(event) for event in events]
    assert kinds == [ConsoleText, CommandDone, TurnRead, ConsoleText, TurnRead, CommandDone, CommandDone, CommandDone]
    boot, temp, _first, messages, _second, ctx, render, _clear = events
    assert isinstance(boot, ConsoleText)
    assert boot.text.startswith('BdsDxe: loading Boot0002 "UEFI QEMU HARDDISK"\n\n[1/7] Opening')
    assert temp == CommandDone(0.0, "/temp 0", True, "  Temperature set to: 0.0", "")
    assert isinstance(messages, ConsoleText)
    assert "decode overrun step=3" in messages.text
    assert "budget exceeded (decode)" in messages.text
    assert isinstance(ctx, CommandDone)
    assert "seq_len=512 kv_pos=266" in ctx.output
    assert render == CommandDone(0.0, "/render foo", False, "", "ERROR: render failed")


def test_error_lines_are_counted_and_the_first_is_named_by_its_line() -> None:
    text = BOOT + TALK + "/render 1\n\n[draw] ERROR: render failed. Output preview: x\n\nYou: "
    number = octets(text).split(b"\n").index(b"ERROR: render failed\r\r") + 1
    verdict = parse_post_mortem(octets(text), "a.raw").verdict
    assert verdict.startswith(
        f"2 error lines, the first is line {number}: 'ERROR: render failed'; no trip, no overrun."
    )
    assert "2 answers and 5 commands" in verdict
    assert "Nothing went wrong" not in verdict


def test_the_context_is_the_last_known_one_and_what_became_of_it() -> None:
    found = parse_post_mortem(octets(BOOT + TALK), "a.raw")
    assert "266 of 512 context rows used when last told, cleared afterwards" in found.verdict
    kv = last_of(found.records, KvCache)
    assert isinstance(kv, KvCache)
    assert (kv.rows, kv.capacity) == (0, 512)
    uncleared = parse_post_mortem(octets(BOOT + TALK.partition("You: /clear")[0] + "You: "), "a.raw").verdict
    assert "266 of 512 context rows used)" in uncleared
    for forgets in ("WARNING: context too long (500 + 60 tokens), clearing KV cache", "[1/7] Opening file system..."):
        records = parse_post_mortem(octets(BOOT + TALK.partition("You: /clear")[0] + f"\n{forgets}\n"), "a").records
        kv = last_of(records, KvCache)
        assert isinstance(kv, KvCache)
        assert kv.rows == 0, forgets


def test_a_trip_ends_an_answer_and_holds_until_it_is_reset() -> None:
    found = parse_post_mortem(octets(BOOT + TRIP), "a.raw")
    assert found.verdict.startswith("The sentinel tripped: a decode pass took 12,157,080 cycles, its budget was 1,000")
    assert "It was still tripped at the end of the log: no /reset came after it." in found.verdict
    assert found.serial is not None
    (turn,) = (event for event in found.serial.events if isinstance(event, TurnRead))
    assert (turn.text, turn.told, turn.whole) == (" ran", "sentinel trip · 1 tok", False)
    assert [entry.record.code for entry in found.events] == [LogCode.FAILSAFE, LogCode.BUDGET], "each once"
    again = parse_post_mortem(octets(BOOT + TRIP + RESET), "a.raw")
    sentinel = last_of(again.records, Sentinel)
    assert isinstance(sentinel, Sentinel)
    assert sentinel.state is SentinelState.ARMED
    assert again.verdict.startswith("The sentinel tripped: a decode pass took")
    assert again.verdict.endswith("It was armed again afterwards.")


def test_a_log_that_ends_or_begins_in_the_midst_of_an_answer_says_so() -> None:
    cut = read(TALK[: TALK.index("The end.")])
    turn = cut.events[-2]
    assert isinstance(turn, TurnRead)
    assert (turn.told, turn.whole) == ("the log ends here", False)
    late = read(TALK[TALK.index(" and a hat") :])
    assert isinstance(late.events[0], ConsoleText)
    assert late.events[0].text.startswith(" and a hat")
    assert late.turns == 1


def test_a_boot_that_never_came_to_a_prompt_is_a_log_and_no_torn_dump() -> None:
    found = parse_post_mortem(octets(BOOT), "a.raw")
    assert (found.kind, found.complete, found.problems) == ("serial log", True, ())
    assert found.verdict.startswith("A serial log in which nobody asked for anything: its text is all there is")


@pytest.mark.parametrize(
    ("text", "origin", "writer"),
    [
        ("BdsDxe: starting Boot0002\nllmk-0.1.0 on QEMU x86_64 (uefi), boot 1\nrescue> ", "llmk", "this kernel"),
        ("BdsDxe: starting Boot0002\n[1/7] Opening file system...\n", "earlier kernel", "an earlier kernel"),
        ("BdsDxe: starting Boot0002\nLinux version 6.1\n", "unknown", "an unknown kernel"),
    ],
)
def test_whose_log_it_is_is_told_where_it_is_known(text: str, origin: str, writer: str) -> None:
    found = parse_post_mortem(octets(text), "a.raw")
    assert (found.kind, found.origin, found.writer) == ("serial log", origin, writer)


@pytest.mark.parametrize("prefix", ["> ", "[12:00:01.250] ", "> [2026-01-01 12:00:01] "])
def test_times_and_marks_of_quotation_before_each_line_are_left_out(prefix: str) -> None:
    marked = "".join(prefix + line for line in (BOOT + TALK).splitlines(keepends=True))
    turns = [event for event in read(marked).events if isinstance(event, TurnRead)]
    assert turns == [event for event in read(BOOT + TALK).events if isinstance(event, TurnRead)]


@pytest.mark.parametrize("noise", [b"\x00\x00", b"\xff", b"\x1b[0m\x01"])
def test_noise_of_a_line_before_a_prompt_hides_no_turn(noise: bytes) -> None:
    found = parse_post_mortem(octets(TALK).replace(b"You: ", noise + b"You: "), "a.raw")
    assert found.serial is not None
    assert (found.serial.turns, found.serial.commands) == (2, 4)


def test_a_copy_in_utf16_is_the_same_log() -> None:
    text = (BOOT + TALK).replace("\n", "\r\n")
    copy = parse_post_mortem(b"\xff\xfe" + text.encode("utf-16-le"), "a")
    assert copy.serial is not None
    assert copy.serial.events == read(BOOT + TALK).events


@given(st.lists(st.sampled_from([*BOOT.splitlines(True), *TALK.splitlines(True), *TRIP.splitlines(True)])), st.data())
def test_no_order_of_lines_and_no_noise_breaks_the_reader(lines: list[str], data: st.DataObject) -> None:
    noise = data.draw(st.binary(max_size=40))
    place = data.draw(st.integers(0, len(lines)))
    raw = octets("".join(lines[:place])) + noise + octets("".join(lines[place:]))
    log = read_serial(raw, KernelText())
    for event in log.events:
        assert all(is_clean(value) for value in vars_of(event) if isinstance(value, str))
    assert all(is_clean(error.text) for error in log.errors)
    with contextlib.suppress(DumpError):  # the noise may make another file of it
        assert is_clean(parse_post_mortem(raw, "a").verdict)


def vars_of(event: object) -> list[object]:
    return [getattr(event, name) for name in type(event).__slots__]  # type: ignore[attr-defined]


async def test_our_kernel_in_human_mode_is_read_by_turns(kernel: Kernel, tmp_path: Path) -> None:
    """The real one: a person types at it, nobody says hello, and the octets of the line are all there is."""
    await kernel.start("--wait")  # for the line, so that nothing of the boot is lost
    reader, writer = await asyncio.open_unix_connection(kernel.socket)
    raw = b""

    async def until_prompt(prompt: bytes = b"llmk> ") -> None:
        nonlocal raw
        begin = len(raw)
        while not raw[begin:].endswith(prompt):
            data = await asyncio.wait_for(reader.read(4096), 60)
            assert data, raw
            raw += data

    await until_prompt()
    typed = (b"/max_tokens 8", b"Once uq\x7fpon a time", b"/test_failsafe decode 1000", b"Tom\\", b"and Sam", b"A dog")
    for line in (*typed, b"/reset", b"/clear"):
        writer.write(line + b"\r")
        await until_prompt(b"... " if line.endswith(b"\\") else b"llmk> ")
    writer.close()
    path = tmp_path / "human.raw"
    path.write_bytes(raw)
    state = await opened(path)
    first, second = (item for item in state.items if isinstance(item, Turn))
    assert first.prompt == "Once upon a time"
    assert "8 tokens, prefill 5 at " in first.told  # on a busy computer a budget may be broken before
    assert len(first.text) > 8
    assert "[" not in first.text
    assert second.prompt == "Tom\nand Sam"
    assert second.cut.startswith("sentinel tripped: ")
    commands = [item for item in state.items if isinstance(item, Command)]
    assert [command.line for command in commands] == [
        "/max_tokens 8", "/test_failsafe decode 1000", "A dog", "/reset", "/clear",
    ]  # fmt: skip
    assert commands[2].error.startswith("sentinel tripped: "), "a prompt that was not taken"
    assert isinstance(state.items[0], Text)
    assert "llmk-0." in state.items[0].text
    assert "@H" not in state.items[0].text
    assert state.verdict.startswith("The sentinel tripped: ")
    assert state.verdict.endswith("It was armed again afterwards.")
    assert state.kv is not None
    assert state.kv.rows == 0
    assert state.file_context.endswith("of 512 context rows used when last told, cleared afterwards")


async def test_the_transcript_of_a_log_is_what_a_person_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old.raw"
    path.write_bytes(octets(BOOT + TALK))
    state = await opened(path)
    assert [item.prompt for item in state.items if isinstance(item, Turn)] == ["Once upon", "Tom\nand"]
    errors = [line.text for line in state.log if line.severity == "error"]
    assert len(errors) == 1
    assert errors[0].endswith(": ERROR: render failed")
    assert not any("post_mortem" in line.text for line in state.log)
    assert any(line.text == "a serial log of an earlier kernel is shown" for line in state.log)
    assert await asyncio.to_thread(cli.main, ["dump", str(path)]) == 0
    assert "error     line " in capsys.readouterr().out
    assert await asyncio.to_thread(cli.main, ["dump", str(path), "--json"]) == 0
    serial = json.loads(capsys.readouterr().out)["serial"]
    assert [one["prompt"] for one in serial["said"] if one["event"] == "TurnRead"] == ["Once upon", "Tom\nand"]
    assert [error["text"] for error in serial["errors"]] == ["ERROR: render failed"]


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside this checkout")
async def test_the_real_log_shows_its_conversation() -> None:
    state = await opened(REAL)
    turns = [item for item in state.items if isinstance(item, Turn)]
    assert [turn.prompt for turn in turns[:3]] == ["Once upon a time", "Tom\nhad", "Tom\nand"]
    assert turns[0].text.startswith(", there was a little girlily")
    assert len(turns) == 8
    assert sum(line.severity == "error" for line in state.log) == 4
