"""Another program at the same line, by a pseudo-terminal: it sees text and no frames, and what it types is done."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from live_kernel import PROMPT, SLOWLY, Kernel
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.state import Command, Turn

Sessions = Callable[..., LiveSession]


class Program:
    """What tio does: opens the name, reads, types."""

    def __init__(self, name: Path) -> None:
        self.descriptor = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.seen = ""

    def type(self, text: bytes) -> None:
        os.write(self.descriptor, text)

    async def until(self, text: str) -> None:
        def look() -> bool:
            with contextlib.suppress(BlockingIOError):
                self.seen += os.read(self.descriptor, 65_536).decode("utf-8", "replace")
            return text in self.seen

        await until(look, what=f"{text!r} in {self.seen[-500:]!r}")

    def close(self) -> None:
        os.close(self.descriptor)


async def shared(kernel: Kernel, sessions: Sessions, name: Path, *options: str) -> tuple[LiveSession, Program]:
    await kernel.start(*options)
    session = sessions(kernel.socket)
    session.share_at(name)
    await session.open()
    await session.wait_ready(20)
    return session, Program(name)


async def test_both_sides_type_and_both_see_it(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    session, program = await shared(kernel, sessions, tmp_path / "tty")
    program.type(b"Once upon a tine\x7f\x7fme\r")
    await program.until("> ")
    await program.until("[")
    await program.until(" tokens, ")
    turn = next(item for item in session.state.items if isinstance(item, Turn))
    assert turn.prompt == PROMPT
    assert turn.text.replace("\n", "\r\n") in program.seen
    assert program.seen.count("Once upon a ti") == 1, "its own line stands there once"
    assert (await session.submit("/version")).ok
    await program.until("> /version")
    await program.until("llmk-0.1.0\r\n")
    program.type(b"/zones of nothing\r")
    await program.until("# refused: ")
    assert "@K " not in program.seen
    assert "@T " not in program.seen
    assert "\n" not in program.seen.replace("\r\n", "")
    program.close()


async def test_an_enter_of_two_octets_is_one(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    """As pyserial's miniterm sends it."""
    session, program = await shared(kernel, sessions, tmp_path / "tty")
    program.type(b"/version\r\n")
    await program.until("schema=")
    program.type(b"/ctx\n\r\n")
    await program.until("/ctx\r\n\r\n> ")
    assert "/version\r\n\r\n" not in program.seen
    await until(
        lambda: [item.line for item in session.state.items if isinstance(item, Command)] == ["/version", "/ctx"]
    )
    program.close()


async def test_a_stop_and_hostile_keys(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    session, program = await shared(kernel, sessions, tmp_path / "tty", *SLOWLY)
    program.type(b"\x1b[A\x1b]0;x\x07\xff\x00half\x15Once\r")
    await until(lambda: session.state.turn and session.state.turn.tokens)
    program.type(b"\x03")
    await program.until(", stopped]")
    turn = next(item for item in session.state.items if isinstance(item, Turn))
    assert turn.prompt == "Once"
    assert "\x1b" not in program.seen
    program.close()


async def test_a_stop_overtakes_the_lines_that_wait_and_drops_them(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    session, program = await shared(kernel, sessions, tmp_path / "tty", *SLOWLY)
    program.type(b"Once\r")
    await until(lambda: session.state.turn and session.state.turn.tokens)
    program.type(b"Twice\r/version\r\x03")
    await program.until("# 2 lines that waited were dropped")
    await program.until(", stopped]")
    program.type(b"/zones\r")
    await program.until("weights")
    assert [turn.prompt for turn in session.state.items if isinstance(turn, Turn)] == ["Once"]
    assert [item.line for item in session.state.items if isinstance(item, Command)] == ["/zones"]
    program.close()


async def test_lines_typed_faster_than_they_are_done_wait_and_not_without_end(
    kernel: Kernel, sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmbm_console.core.session.shared_line.MOST_LINES", 3)
    session, program = await shared(kernel, sessions, tmp_path / "tty", *SLOWLY)
    program.type(b"Once\r")
    await until(lambda: session.state.turn and session.state.turn.tokens)
    program.type(b"/version\r" * 3)
    program.type(b"/zones\r")
    await program.until("# 3 lines wait for their turn already: this one was not taken")
    await session.stop()

    def done() -> list[str]:
        return [item.line for item in session.state.items if isinstance(item, Command)]

    await until(lambda: len(done()) >= 3)
    assert (await session.submit("/ctx")).ok
    assert done() == ["/version"] * 3 + ["/ctx"]
    program.close()


async def test_nobody_there_is_no_harm_and_the_name_goes_with_the_session(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    name = tmp_path / "tty"
    session, program = await shared(kernel, sessions, name)
    program.close()
    for _ in range(60):  # more than is kept
        assert (await asyncio.wait_for(session.submit("/help"), 20)).ok
    late = Program(name)
    assert (await session.submit("/version")).ok
    await late.until("llmk-0.1.0")
    assert len(late.seen) < 100_000
    for _ in range(3):  # more than a pseudo-terminal holds, to a program that reads: nothing is lost
        outcome = await session.submit("/help")
        await late.until(outcome.output.replace("\n", "\r\n"))
        late.seen = ""
    late.close()
    await session.close()
    assert not name.is_symlink()


async def test_a_name_that_is_taken_and_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(SessionError, match="cannot be made: File exists"):
        make_session(Target("sim", share=tmp_path / "taken"))
    assert (tmp_path / "taken").read_text() == "mine"
    (tmp_path / "a.llcap").write_text('{"llcap":1}\n')
    with pytest.raises(SessionError, match="to share"):
        make_session(Target("file", str(tmp_path / "a.llcap"), share=tmp_path / "tty"))


async def test_a_watcher_shares_what_it_sees_and_sends_nothing(kernel: Kernel, tmp_path: Path) -> None:
    await kernel.start()
    target = Target("connect", f"unix:{kernel.socket}", read_only=True, share=tmp_path / "tty")
    session = make_session(target)
    await session.open()
    await session.wait_ready(20)
    program = Program(tmp_path / "tty")
    program.type(b"Once\r")
    await program.until("--read-only sends only what reads")
    program.close()
    await session.close()
