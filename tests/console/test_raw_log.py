"""Raw logs of a line with the protocol on it: replayed and explained like a recording, for what they hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from live_kernel import PROMPT, Kernel

from llmbm_console import cli
from llmbm_console.core.postmortem.dump import parse_post_mortem, read_post_mortem
from llmbm_console.core.recording.raw_log import RawLog, holds_session, is_raw_log
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.post_mortem import PostMortemSession
from llmbm_console.core.session.replay import ReplaySession, open_replay
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.state import Command, State, Turn
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import Hello, KvCache, Model, Sentinel

Sessions = Callable[..., LiveSession]


async def logged(kernel: Kernel, sessions: Sessions, path: Path) -> State:
    """A session with two answers; its state at its end, which the log has all of."""
    await kernel.start()
    session = sessions(kernel.socket)
    session.log_to(None, path)
    await session.open()
    await session.wait_ready(20)
    assert (await session.submit(PROMPT)).ok
    assert (await session.submit("The dog")).ok
    assert (await session.submit("/zones")).ok
    await session.close()
    return session.state


async def replayed(path: Path) -> State:
    session = open_replay(path)
    await session.open()
    await session.wait_ready(math.inf)
    await session.close()
    return session.state


def texts(state: State) -> list[str]:
    return [item.text for item in state.items if isinstance(item, Turn)]


async def test_what_was_said_is_seen_again(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    path = tmp_path / "line.raw"
    live = await logged(kernel, sessions, path)
    assert is_raw_log(path)
    assert holds_session(path, 1 << 20)
    again = await replayed(path)
    assert texts(again) == texts(live)
    assert again.model == live.model
    assert again.zones == live.zones
    times = [entry.at for entry in RawLog(path).entries()]
    assert times == sorted(times)
    assert isinstance(make_session(Target("file", str(path))), ReplaySession)
    found = read_post_mortem(path)
    assert (found.kind, found.origin, found.complete) == ("serial log", "llmk", True)
    assert {Model, KvCache, Sentinel} <= {type(record) for record in found.records}
    assert "stories700K.bin" in found.verdict


async def test_a_log_from_the_middle_shows_what_it_has(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    path = tmp_path / "line.raw"
    live = await logged(kernel, sessions, path)
    data = path.read_bytes()
    for cut in (data.index(b"@T ") + 200, data.rindex(b"@T ") - 300):
        path.write_bytes(data[cut:])
        again = await replayed(path)
        assert again.turn is None
        assert texts(again)
        assert texts(live)[-1].endswith(texts(again)[-1][-10:])
    path.write_bytes(data[: data.rindex(b"@T ") - 20])
    again = await replayed(path)
    assert texts(live)[0] in texts(again)


async def test_a_log_without_a_session_claims_nothing(tmp_path: Path) -> None:
    hello = Hello(
        protocol=1, revision=0, schema_id=1, boot=7, machine=False, nonce="", window_idle=15, window_busy=15,
        max_line=240, baud=115_200, version="llmk-0.1.0",
    )  # fmt: skip
    path = tmp_path / "human.raw"
    path.write_bytes(b"Loaded a.bin\r\n" + to_frame(hello, 0) + b"llmk> /temp\r\ntemp = 0.85\r\nllmk> ")
    assert is_raw_log(path)
    found = read_post_mortem(path)
    assert found.verdict == "No error line, no trip is told. The log has 0 answers and 1 command."
    session = make_session(Target("file", str(path)))
    assert isinstance(session, PostMortemSession)
    await session.open()
    assert [item.line for item in session.state.items if isinstance(item, Command)] == ["/temp"]
    state = await replayed(path)
    assert any("temp = 0.85" in getattr(item, "text", "") for item in state.items)


def test_two_boots_go_on_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "boots.raw"
    frames = [
        to_frame(KvCache(time=at, rows=0, capacity=1, row_bytes=1), n)
        for n, at in enumerate((0, 5000, 9000, 100, 4000))
    ]
    path.write_bytes(b"".join(frames))
    told = [entry.at for entry in RawLog(path).entries()]
    assert told == sorted(told)
    assert told[2] == pytest.approx(9, abs=0.1)
    assert told[4] == pytest.approx(9 + 3.9, abs=0.1)


@pytest.mark.parametrize("data", [b"", b"nothing", b"@H 0000 p=1*00000000\r\n", bytes(range(256)) * 40])
def test_what_holds_no_frame_is_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(data)
    assert not is_raw_log(path)
    assert not is_raw_log(tmp_path / "missing")


async def test_hostile_octets_around_frames_are_shown_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = to_frame(KvCache(time=1, rows=3, capacity=9, row_bytes=1), 0)
    data = b"\x1b]0;x\x07\x9b2J" + frame + b"\xff\x00@K 0001 c=" + frame + b"x" * 70_000
    path = tmp_path / "bad.raw"
    path.write_bytes(data)
    state = await replayed(path)
    assert state.kv is not None
    assert state.kv.rows == 3
    assert cli.main(["dump", str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert parse_post_mortem(data, "x").kind == "serial log"
