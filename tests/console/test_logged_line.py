"""A line with a log at its other end: what came while nobody was connected is read from there, once and in order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from live_kernel import collect
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.replay import Replay
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import Gap, LinkPhase
from llmbm_console.core.state.state import State, Turn
from llmbm_console.core.state.store import reduce
from llmbm_console.core.transport import logged
from llmbm_console.core.transport.logged import LoggedTransport
from llmbm_console.core.transport.sockets import unix_transport
from llmbm_protocol.frame import Frame, FrameDecoder, Rejected

PROMPT = "Once upon a time"


class Chardev:
    """What QEMU does: one client at a time, everything into the log, connected or not."""

    def __init__(self, folder: Path) -> None:
        self.socket, self.log = folder / "line", folder / "line.log"
        self.said = b""
        self._client: asyncio.StreamWriter | None = None
        self._file = self.log.open("wb")
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.socket)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = writer
        with contextlib.suppress(asyncio.CancelledError):  # the test ends
            while await reader.read(100):
                pass
        self._client = None
        writer.close()

    async def say(self, data: bytes) -> None:
        if self._client is not None:
            self._client.write(data)
            await self._client.drain()
        self._file.write(data)
        self._file.flush()
        self.said += data

    async def unplug(self) -> None:
        if self._client is not None:
            self._client.close()
        await until(lambda: self._client is None)

    async def end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._file.close()


@pytest.fixture
async def chardev(tmp_path: Path) -> AsyncIterator[Chardev]:
    one = Chardev(tmp_path)
    await one.start()
    yield one
    await one.end()


async def heard(line: LoggedTransport, count: int) -> tuple[bytes, int]:
    """So many bytes, and how many of them came from the log."""
    data, missed = b"", 0
    while len(data) < count:
        data += await asyncio.wait_for(line.read(), 20)
        missed += line.missed
    return data, missed


@pytest.mark.parametrize("seed", range(8))
async def test_every_byte_is_read_once_and_in_order(chardev: Chardev, seed: int) -> None:
    """Gaps of any size, also before the first connection, and text that repeats itself."""
    dice = random.Random(seed)
    line = LoggedTransport(unix_transport(str(chardev.socket)), chardev.log)
    data = b""
    for _ in range(5):
        for _ in range(dice.randrange(4)):
            await chardev.say(
                dice.choice([b"llmk> ", b"\r\n", dice.randbytes(dice.randrange(1, 400))]).replace(b"\0", b"0")
            )
        await line.open()
        await until(lambda: chardev._client is not None)
        if dice.random() < 0.8:
            await chardev.say(b"llmk> " if dice.random() < 0.5 else dice.randbytes(200).replace(b"\0", b"0"))
        data += (await heard(line, len(chardev.said) - len(data)))[0] if len(chardev.said) > len(data) else b""
        assert data == chardev.said
        await line.close()
        await chardev.unplug()


async def test_what_a_closed_connection_had_not_given_yet_comes_from_the_log(chardev: Chardev) -> None:
    line = LoggedTransport(unix_transport(str(chardev.socket)), chardev.log)
    await line.open()
    await until(lambda: chardev._client is not None)
    await chardev.say(b"a" * 100)
    assert await heard(line, 100) == (b"a" * 100, 0)
    await chardev.say(b"not read")
    await line.close()
    await chardev.unplug()
    await chardev.say(b", and nobody there")
    await line.open()
    assert await heard(line, 26) == (b"not read, and nobody there", 26)
    await line.close()


async def test_a_byte_that_the_log_has_twice_shifts_nothing(chardev: Chardev) -> None:
    line = LoggedTransport(unix_transport(str(chardev.socket)), chardev.log)
    await line.open()
    await until(lambda: chardev._client is not None)
    for number in range(9):
        piece = b"line %d of some\r\n" % number
        await chardev.say(piece)
        assert await heard(line, len(piece)) == (piece, 0)
        if number % 3 == 0:
            chardev._file.write(b"\n" if number else b"of")
            chardev._file.flush()
    await line.close()
    await chardev.unplug()
    await chardev.say(b"nobody heard this")
    await line.open()
    assert await heard(line, 17) == (b"nobody heard this", 17)
    await line.close()


async def test_a_byte_that_the_log_has_twice_in_the_first_read_repeats_nothing(chardev: Chardev) -> None:
    """A busy computer reads much at once: a loaded state's first seconds came twice, and its frames out of order."""
    line = LoggedTransport(unix_transport(str(chardev.socket)), chardev.log)
    await chardev.say(b"nobody heard this\r\n")
    await line.open()
    await until(lambda: chardev._client is not None)
    for number in range(20):
        await chardev.say(b"line %d of some\r\n" % number)
        if number % 5 == 4:
            chardev._file.write(b"\n")
            chardev._file.flush()
    assert await heard(line, len(chardev.said)) == (chardev.said, 19)
    await line.close()


async def test_what_comes_when_a_line_was_just_found_quiet_comes_once(
    chardev: Chardev, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the console stood still for a moment then: the log had it before the line was looked at again."""
    line = LoggedTransport(unix_transport(str(chardev.socket)), chardev.log)
    await line.open()
    await until(lambda: chardev._client is not None)
    wait = line._next

    async def late(timeout: float | None) -> bytes | None:
        chunk = await wait(timeout)
        if chunk is None and not chardev.said:
            await chardev.say(b"%0299d\n" % 1)
        return chunk

    monkeypatch.setattr(line, "_next", late)
    assert await heard(line, 300) == (chardev.said, 0)
    await line.close()


async def test_log_and_gap_are_bounded(chardev: Chardev, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logged, "MOST_KEPT", 1000)
    monkeypatch.setattr(logged, "MOST_MISSED", 300)
    line = LoggedTransport(unix_transport(str(chardev.socket)), chardev.log)
    await line.open()
    await until(lambda: chardev._client is not None)
    for number in range(300):
        piece = b"%099d\n" % number
        await chardev.say(piece)
        assert await heard(line, 100) == (piece, 0)
    assert chardev.log.stat().st_blocks * 512 <= 16384, "it was emptied meanwhile"
    await line.close()
    await chardev.unplug()
    for number in range(10):
        await chardev.say(b"%099d\n" % number)
    await line.open()
    assert await heard(line, 300) == (b"".join(b"%099d\n" % number for number in range(7, 10)), 300)
    await line.close()


def told(state: State) -> list[tuple[str, str, list[int]]]:
    """Prompt, text and token ids of each answer."""
    turns = [item for item in state.items if isinstance(item, Turn)]
    return [(turn.prompt, turn.text, [token.token for token in turn.tokens]) for turn in turns]


@pytest.mark.qemu
async def test_a_gap_in_qemu_is_filled_shown_once_and_recorded(qemu: str) -> None:
    try:
        session = make_session(Target("qemu", accel="tcg"))
    except SessionError as error:
        pytest.skip(str(error))
    assert isinstance(session, LiveSession)
    events = collect(session)
    await session.open()
    await session.wait_ready(90)
    assert session._link is not None
    line = session._link.transport
    assert isinstance(line, LoggedTransport)
    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn and session.state.turn.tokens, 60)
    at = len(events)
    await line.close()  # as when the socket breaks: the guest goes on
    await until(lambda: session.state.link.phase is not LinkPhase.MACHINE)
    await running
    await session.wait_ready(60)
    assert (await asyncio.wait_for(session.submit("/version"), 60)).ok
    gaps = [event for event in events[at:] if isinstance(event, Gap)]
    assert len(gaps) == 1
    assert "taken from QEMU's log" in gaps[0].reason
    kept = (*session.recorder._head, *session.recorder._tail)
    octets = b"".join(entry.data for entry in kept if entry.kind == "i" and isinstance(entry.data, bytes))
    pieces = FrameDecoder().feed(octets)
    assert not [piece for piece in pieces if isinstance(piece, Rejected)], "no line was cut where the gap was"
    sequences = [piece.sequence for piece in pieces if isinstance(piece, Frame) and piece.kind.isupper()]
    jumps = [(a, b) for a, b in itertools.pairwise(sequences) if b not in (a + 1, 0)]
    assert not jumps, "every frame once and in order, from the first hello to the last"
    replay, played = Replay(), State()
    for entry in kept:
        for event in replay.take(entry, session.recorder.clock):
            played = reduce(played, event)
    assert told(played) == told(session.state), "a recording tells what was recovered, too"
    await session.close()
