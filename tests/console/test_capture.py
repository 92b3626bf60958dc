"""Recordings: what is replayed is what happened, whatever happens to the file."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_kernel import PATIENCE, PROMPT, SLOWLY, Kernel, collect
from waiting import until

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.errors import SessionError
from llmbm_console.core.recording import recorder as recorder_module
from llmbm_console.core.recording.capture import (
    Capture,
    CaptureError,
    Entry,
    Header,
    is_capture,
    read_entry,
    write_capture,
)
from llmbm_console.core.recording.recorder import Recorder
from llmbm_console.core.sanitise import is_clean
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.replay import open_replay
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import ConsoleText, Event, LinkChanged, LinkPhase, Notice, RecordReceived
from llmbm_console.core.state.state import Turn
from llmbm_protocol.schema import Choice, Token, Word

Sessions = Callable[..., LiveSession]


def without_times(events: list[Event]) -> list[Event]:
    return [replace(event, at=0.0) for event in events]


async def replayed(path: Path) -> list[Event]:
    """All events of a recording but the last one, which tells its end."""
    session = open_replay(path)
    events: list[Event] = []
    session.listen(lambda _state, event: events.append(event))
    await session.open()
    await session.wait_ready(math.inf)
    await session.close()
    return events[:-1]


async def test_what_is_replayed_is_what_happened(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    """With lines lost, doubled and damaged, a kernel that is late, a cut, and a kernel that starts again."""
    await kernel.start()
    path = tmp_path / "all.llcap"
    async with Chaos(kernel.folder / "front", kernel.socket, seed=3) as chaos:
        session = sessions(kernel.folder / "front")
        events = collect(session)
        session.recorder.start(path)
        session.choices = 12
        await session.open()
        await session.wait_ready(30)
        chaos.down.drop_line, chaos.down.double_line, chaos.down.flip_bit = 0.1, 0.1, 0.001
        assert (await asyncio.wait_for(session.submit(PROMPT), PATIENCE)).ok
        assert (await asyncio.wait_for(session.submit("/zones"), PATIENCE)).ok
        assert (await asyncio.wait_for(session.set_parameter("temp", "0.5"), PATIENCE)).ok
        assert not (await asyncio.wait_for(session.set_parameter("temp", "99"), PATIENCE)).ok
        chaos.calm()
        assert kernel.process is not None
        kernel.process.send_signal(signal.SIGSTOP)
        await until(lambda: session.state.link.phase is LinkPhase.SLOW)
        kernel.process.send_signal(signal.SIGCONT)
        await until(lambda: session.state.link.phase is LinkPhase.MACHINE)
        chaos.cut()
        await until(lambda: session.state.link.phase is LinkPhase.OPENING)
        await session.wait_ready(30)
        await kernel.end()
        await kernel.start()
        await until(lambda: session.state.boots == 2)
        await session.wait_ready(30)
        assert (await asyncio.wait_for(session.submit(PROMPT), PATIENCE)).ok
        await session.close()
    again = await replayed(path)
    assert without_times(again) == without_times(events)
    tokens = [event for event in again if isinstance(event, RecordReceived) and isinstance(event.record, Token)]
    assert len(tokens) > 50
    told = {type(event.record) for event in again if isinstance(event, RecordReceived)}
    assert {Choice, Word} <= told


async def test_a_line_without_a_protocol_is_replayed_as_well(tmp_path: Path, sessions: Sessions) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x1b[2Jlogin: \xff\x9b31m")
        while data := await reader.read(100):
            writer.write(data)

    server = await asyncio.start_unix_server(serve, tmp_path / "line")
    session = sessions(tmp_path / "line")
    events = collect(session)
    session.recorder.start(tmp_path / "plain.llcap")
    await session.open()
    await until(lambda: session.state.link.phase is LinkPhase.PLAIN)
    await session.submit("hello")
    await until(lambda: any("hello" in event.text for event in events if isinstance(event, ConsoleText)))
    await session.close()
    server.close()
    again = await replayed(tmp_path / "plain.llcap")

    def said(of: list[Event]) -> str:
        return "".join(event.text for event in of if isinstance(event, ConsoleText))

    assert said(again) == said(events)
    others = [event for event in again if not isinstance(event, ConsoleText)]
    assert without_times(others) == without_times([event for event in events if not isinstance(event, ConsoleText)])


async def test_a_recording_that_is_begun_late_holds_what_was_before(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    events = collect(session)
    await session.open()
    await session.wait_ready(20)
    assert (await session.submit(PROMPT)).ok
    session.recorder.start(tmp_path / "late.llcap")
    assert session.recorder.writing
    assert (await session.submit("/version")).ok
    session.recorder.mark(session.state.now, "here")
    session.recorder.stop()
    assert not session.recorder.writing
    seen = without_times(await replayed(tmp_path / "late.llcap"))
    assert seen == without_times(events)[: len(seen)]
    replay = open_replay(tmp_path / "late.llcap")
    await replay.open()
    await replay.wait_ready(math.inf)
    assert [text for _at, text in replay.playback.marks] == ["here"]
    assert [item.number for item in replay.state.items if isinstance(item, Turn)] == [1]
    for attempt in (replay.submit("x"), replay.set_parameter("temp", "1"), replay.stop()):
        with pytest.raises(SessionError, match="is a recording"):
            await attempt


async def test_a_console_that_is_killed_leaves_all_it_recorded(simulator: str, tmp_path: Path) -> None:
    path = tmp_path / "killed.llcap"
    words = ["-m", "llmbm_console.cli", "exec", "--sim", "--record", str(path), "--", *["Once"] * 2000]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=subprocess.DEVNULL)
    await until(lambda: path.exists() and path.stat().st_size > 20_000, 60)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    capture = Capture(path)
    kinds = [entry.kind for entry in capture.entries()]
    assert {"i", "o", "e"} <= set(kinds)
    assert len(capture.problems) <= 1, capture.problems  # the last line may end in the middle
    assert any(isinstance(event, RecordReceived) and isinstance(event.record, Token) for event in await replayed(path))


async def test_a_full_disk_ends_the_recording_and_not_the_session(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    session.recorder.start(tmp_path / "full.llcap")
    assert session.recorder._file is not None
    session.recorder._file.close()
    session.recorder._file = await asyncio.to_thread(open, "/dev/full", "w", encoding="utf-8")
    await session.open()
    await session.wait_ready(20)
    assert not session.recorder.writing
    assert "No space left" in session.recorder.failure
    assert (await session.submit("/version")).ok


async def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "there.llcap"
    path.write_text("mine")
    with pytest.raises(SessionError, match="there is such a file already"):
        Recorder("x").start(path)
    with pytest.raises(SessionError, match="there is such a file already"):
        await Recorder("x").save_clip(path, 0, 1)
    with pytest.raises(SessionError, match="cannot be written: No such file"):
        Recorder("x").start(tmp_path / "no" / "folder.llcap")
    assert path.read_text() == "mine"
    recording = tmp_path / "recording.llcap"
    recording.write_text('{"llcap":1}\n')
    with pytest.raises(SessionError, match="nothing to record"):
        make_session(Target("file", str(recording), record=tmp_path / "new.llcap"))


def test_memory_keeps_the_beginning_and_the_newest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recorder_module, "ENTRY_BYTES", 0)
    monkeypatch.setattr(recorder_module, "HEAD_BYTES", 1000)
    monkeypatch.setattr(recorder_module, "TAIL_BYTES", 2000)
    recorder = Recorder("x")
    for number in range(1000):
        recorder.note("i", recorder.clock + number, b"%099d\n" % number)
    recorder.start(tmp_path / "kept.llcap")
    recorder.stop()
    kept = [int(entry.data) for entry in Capture(tmp_path / "kept.llcap").entries() if isinstance(entry.data, bytes)]
    assert kept == [*range(10), *range(980, 1000)]


octets = st.tuples(st.sampled_from("io"), st.floats(0, 1e6), st.binary(min_size=1, max_size=300))


@given(st.lists(octets, max_size=20))
def test_octets_come_back_as_they_were(pieces: list[tuple[str, float, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.llcap"
        entries = [Entry(at, kind, data) for kind, at, data in sorted(pieces, key=lambda piece: piece[1])]  # type: ignore[arg-type]
        write_capture(path, Header(llcap=1), entries)
        capture = Capture(path)
        found = [(entry.kind, entry.data) for entry in capture.entries()]
        assert found == [(entry.kind, entry.data) for entry in entries]
        assert not capture.problems
        assert is_capture(path)


@given(st.one_of(st.text(max_size=200), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists)))
def test_any_line_is_read_or_refused_with_a_reason(value: object) -> None:
    line = value if isinstance(value, str) else json.dumps(value)
    try:
        entry = read_entry(line, 0.0)
    except ValueError:
        return
    assert entry.kind in "ioxem"


HOSTILE = [
    ('[0.1,"e",{"type":"Notice","severity":"info","text":"\\u001b]0;owned\\u0007 [/x]"}]', None),
    ('[0.2,"i","\\u001b[2Jshown\\n"]', None),
    ("[0.3]", "expected [seconds, kind, data]"),
    ('[NaN,"i","x"]', "expected seconds"),
    ('[1e999,"i","x"]', "expected seconds"),
    ('[-1,"i","x"]', "expected seconds"),
    ('[true,"i","x"]', "expected seconds"),
    ('[0.4,"z","x"]', "'z' is no kind of entry"),
    ('[0.4,"i",{"b64":"!"}]', "base64"),
    ('[0.4,"i",7]', "octets are text"),
    ('[0.4,"e",{"type":"Event"}]', "known type"),
    ('[0.4,"e",{"type":[]}]', "known type"),
    ('[0.4,"e",{"type":"Gap","seconds":1e300,"reason":""}]', "out of range"),
    ('[0.4,"e",{"type":"Gap","seconds":"x","reason":""}]', "1 validation error"),
    ('[0.4,"e",{"type":"MachineChanged","status":"burning"}]', "1 validation error"),
    ('[0.4,"i","x",1]', "fourth value"),
    ('[0.4,"e",{"type":"Gap","seconds":1,"reason":""},-1]', "fourth value"),
    ('[0.4,"e",{"type":"Gap","seconds":1,"reason":""},true]', "fourth value"),
    ('[0.4,"e",{"type":"Gap","seconds":1,"reason":"behind all"},99]', None),
    ("[" * 100_000, "not JSON"),
    ("not JSON at all", "not JSON"),
    ('[0.5,"x","tokens now"]', None),
    ('[0.6,"i","to', "ends in the middle"),
]


async def test_a_damaged_or_hostile_recording_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "hostile.llcap"
    path.write_text('{"llcap":1,"target":"x"}\n' + "\n".join(line for line, _reason in HOSTILE))
    events = await replayed(path)
    told = [event.text for event in events if isinstance(event, Notice)]
    for number, (_line, reason) in enumerate(HOSTILE, 2):
        if reason is not None:
            assert any(f"line {number}: " in text and reason in text for text in told), (number, reason, told)
    assert any("does not know: 'tokens now'" in text for text in told)
    assert "shown\n" in [event.text for event in events if isinstance(event, ConsoleText)]
    for event in events:
        text = getattr(event, "text", "")
        assert is_clean(text), text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_copy_in_another_encoding_is_the_same_recording(tmp_path: Path, encoding: str) -> None:
    lines = ['{"llcap":1,"target":"x","clock":5.0}', '[0.5,"i","hello"]', '[0.75,"m","a mark"]']
    first = tmp_path / "first.llcap"
    first.write_text("\n".join(lines) + "\n")
    copy = tmp_path / "copy.llcap"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    copy.write_bytes((mark + "\r\n".join(lines) + "\r\n").encode(encoding))
    assert is_capture(copy)
    assert list(Capture(copy).entries()) == list(Capture(first).entries())


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"", "no recording"),
        (b"{}\n", "no recording"),
        (b'{"llcap":"1"}\n', "no recording"),
        (b'{"llcap":2}\n', "version 2; this console reads version 1"),
        (b'{"llcap":1,"clock":-1}\n', "no recording"),
        (b"\xff\xfe\x00", "no recording"),
        (b'{"llcap":1' * 10, "no recording"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, first: bytes, reason: str) -> None:
    path = tmp_path / "bad.llcap"
    path.write_bytes(first)
    with pytest.raises(CaptureError, match=reason):
        Capture(path)


async def test_a_hand_made_recording_needs_no_more_than_octets(tmp_path: Path) -> None:
    path = tmp_path / "hand.llcap"
    path.write_text(
        '{"llcap":1}\n[0,"i","hello\\n"]\n[0.5,"i","more"]\n[9,"e",{"type":"LinkChanged","phase":"plain"}]\n'
    )
    events = await replayed(path)
    assert [event.text for event in events if isinstance(event, ConsoleText)] == ["hello\n", "more"]
    assert [event.phase for event in events if isinstance(event, LinkChanged)] == [LinkPhase.PLAIN]


async def test_a_kernel_in_the_middle_of_an_answer_is_recorded_to_the_end(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    await kernel.start(*SLOWLY)
    session = sessions(kernel.socket)
    await session.open()
    await session.wait_ready(20)
    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn and session.state.turn.tokens)
    assert session.state.turn is not None
    first = session.state.turn.tokens[-1].at  # something else may have come since
    await session.recorder.save_clip(tmp_path / "clip.llcap", first - 0.01, first)
    outcome = await asyncio.wait_for(running, 60)
    assert outcome.ok
    replay = open_replay(tmp_path / "clip.llcap")
    assert replay.playback.view == pytest.approx((first - 0.01, first), abs=0.001)
    await replay.open()
    await replay.wait_ready(math.inf)
    assert replay.state.turn is not None
    assert replay.state.turn.tokens
