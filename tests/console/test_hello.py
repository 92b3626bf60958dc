"""Attaching to a line on which something goes on already: nothing may be knocked off, run or left lying about."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from live_kernel import SLOWLY, Kernel, collect
from waiting import until

from llmbm_console.chaos.endpoints import connect
from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.link import hello as link_hello
from llmbm_console.core.link.hello import Ear, say_hello
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import LinkChanged, LinkPhase, RecordReceived
from llmbm_protocol.frame import END
from llmbm_protocol.schema import Finished, StopReason

Sessions = Callable[..., LiveSession]


class Person:
    """Somebody at the line before the console comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.text = b""

    async def see(self, mark: bytes) -> None:
        """Until it is on the screen."""
        while mark not in self.text:
            data = await asyncio.wait_for(self.reader.read(4096), 20)
            assert data, self.text
            self.text += data

    async def leave(self) -> None:
        """The line becomes free."""
        self.writer.close()
        await self.writer.wait_closed()


async def person_at(kernel: Kernel) -> Person:
    """A person who sees the prompt."""
    person = Person(*await connect(f"unix:{kernel.socket}"))
    person.writer.write(b"\r")
    await person.see(b"llmk> ")
    return person


async def test_an_answer_that_runs_goes_on_when_the_console_attaches(kernel: Kernel, sessions: Sessions) -> None:
    await kernel.start(*SLOWLY)
    person = await person_at(kernel)
    person.writer.write(b"/max_tokens 40\rOnce upon a time\r")
    await person.see(b"max_tokens = 40")
    await person.see(b"time\r\n")
    await person.leave()
    session = sessions(kernel.socket)
    events = collect(session)
    await session.open()
    await session.wait_ready(60)
    await session.wait_idle(60)
    assert session._link is not None
    await session._link.request("last")

    def ends() -> list[Finished]:
        return [e.record for e in events if isinstance(e, RecordReceived) and isinstance(e.record, Finished)]

    await until(ends)
    assert {(end.generation, end.reason) for end in ends()} == {(1, StopReason.MAX_TOKENS)}


async def test_a_half_typed_line_is_there_again_when_the_console_leaves(kernel: Kernel, sessions: Sessions) -> None:
    await kernel.start()
    person = await person_at(kernel)
    person.writer.write(b"/nonsense")
    await person.see(b"/nonsense")
    await person.leave()
    session = sessions(kernel.socket)
    await session.open()
    await session.wait_ready(20)
    assert session.state.perf is None or session.state.perf.generation == 0, "it was not run"
    await session.close()
    person = Person(*await connect(f"unix:{kernel.socket}"))
    person.writer.write(b"\r")
    await person.see(b'unknown command "/nonsense"')
    await person.leave()


class EarlierKernel:
    """A prompt that knows no frames: echo, backspace, and Enter by the octets of `enters`."""

    def __init__(self, path: Path, echoes: bool, enters: bytes) -> None:
        self.path, self.echoes, self.enters = path, echoes, enters
        self.line, self.run = b"", list[bytes]()
        self.server: asyncio.Server | None = None

    async def __aenter__(self) -> EarlierKernel:
        self.server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            for octet in data:
                self._take(octet, writer)
        writer.close()

    def _take(self, octet: int, writer: asyncio.StreamWriter) -> None:
        byte = bytes((octet,))
        if byte in self.enters:
            if self.line:
                self.run.append(self.line)
            self.line = b""
            writer.write(b"\r\nYou (prompt): ")
        elif byte == b"\b":
            self.line = self.line[:-1]
        elif octet >= 0x20:
            self.line += byte
            if self.echoes:
                writer.write(byte)


@pytest.mark.parametrize(("echoes", "enters"), [(True, b"\r"), (True, b"\r\n"), (False, b"\r"), (False, b"\r\n")])
async def test_an_earlier_kernel_is_left_with_an_empty_prompt(
    tmp_path: Path, sessions: Sessions, echoes: bool, enters: bytes
) -> None:
    async with EarlierKernel(tmp_path / "line", echoes, enters) as kernel:
        session = sessions(kernel.path)
        await session.open()
        await until(lambda: session.state.link.phase is LinkPhase.PLAIN, 60)
        await until(lambda: not kernel.line)
        assert kernel.run == []
        assert (await session.submit("Once upon a time")).ok
        await until(lambda: kernel.run == [b"Once upon a time"])
        assert ("came back as text" in session.state.link.detail) is echoes


@pytest.mark.parametrize("old", [b"@h 0000 p=1 sid=1 n=old*", b"@h 0000 p=1 si"])
async def test_another_programs_hello_that_comes_back_is_not_taken_for_an_echo_of_ours(old: bytes) -> None:
    """QEMU hands a client that waited in vain, and has left, to the kernel when the line becomes free."""
    ear, sent = Ear(), bytearray()

    async def write(data: bytes) -> None:
        if not sent:
            ear.take(b"\r\nllmk> " + old, 0.0)
        sent.extend(data)
        if sent.endswith(END):
            ear.nonce = ""  # answered
        ear.tell()

    assert await say_hello(ear, write, knock=False, timeout=1.0)
    assert not ear.echoes


async def test_a_kernel_that_started_behind_the_last_hello_is_told_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would come from it: it waits at its prompt."""
    monkeypatch.setattr(link_hello, "TRIES", (0.1,))
    ear, hellos = Ear(), 0

    async def write(data: bytes) -> None:
        nonlocal hellos
        if data.endswith(END):
            hellos += 1
            if hellos == 1:
                ear.beacons += 1
            else:
                ear.nonce = ""  # answered
        ear.tell()

    assert await link_hello.establish(ear, write)
    assert hellos == 2


async def test_where_a_kernel_had_answered_hellos_that_are_lost_make_no_plain_terminal(
    kernel: Kernel, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_hello, "TRIES", (0.1,))
    monkeypatch.setattr(link_hello, "KNOWN_TRIES", (0.1,) * 1000)
    await kernel.start()
    async with Chaos(kernel.folder / "front", kernel.socket) as chaos:
        session = sessions(kernel.folder / "front")
        events = collect(session)
        await session.open()
        await session.wait_ready(30)
        chaos.up.drop_line = 1.0
        seen = chaos.damaged
        chaos.cut()
        await until(lambda: chaos.damaged > seen + 2)
        chaos.calm()
        await session.wait_ready(30)
    assert not [event for event in events if isinstance(event, LinkChanged) and event.phase is LinkPhase.PLAIN]


@pytest.mark.parametrize(("version", "older"), [(0, "the kernel"), (2, "this console")])
async def test_a_kernel_of_another_protocol_version_is_named_with_who_is_older(
    tmp_path: Path, sessions: Sessions, version: int, older: str
) -> None:
    """It answers with m=0, the nonce and its version (SPEC.md, section 6), and is no boot that wants another hello."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = b""
        while data := await reader.read(4096):
            heard += data
            if found := re.search(rb" n=([^ *]+)\*", heard):
                heard = b""
                nonce = found[1].decode()
                body = f"H 0000 p={version} r=0 sch=1 boot=1 m=0 n={nonce} wi=15 wb=15 mx=240 br=0 v=other".encode()
                writer.write(b"@" + body + b"*%08x\r\n" % zlib.crc32(body))
        writer.close()

    server = await asyncio.start_unix_server(answer, tmp_path / "line")
    session = sessions(tmp_path / "line")
    await session.open()
    await until(lambda: session.state.link.phase is LinkPhase.PLAIN)
    assert f"protocol {version}, we 1: {older} is older" in session.state.link.detail
    await session.close()
    server.close()
