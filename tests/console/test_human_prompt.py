"""The kernel's prompt to people: text of the line where they have it, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from live_kernel import collect, records
from odd_kernel import OddKernel
from waiting import until

from llmbm_console.core.link import hello as link_hello
from llmbm_console.core.link.decode import PROMPTS, LineDecoder
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import ConsoleText, LinkPhase
from llmbm_console.core.state.state import Text
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import Credit, Hello, Leave


def text_of(decoder: LineDecoder, data: bytes) -> str:
    return "".join(piece for piece in decoder.feed(data) if isinstance(piece, str))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_and_the_rest_of_one_are_void_when_a_frame_follows(prompt: str) -> None:
    frame = to_frame(Credit(consumed=9, window=15), 0)
    for begin in range(len(prompt)):
        decoder = LineDecoder()
        assert text_of(decoder, prompt[begin:].encode()) == ""
        assert decoder.holds_prompt
        assert text_of(decoder, frame + b"text\r\n") == "text\n"
        assert decoder.flush() == ""


def test_what_a_person_typed_and_what_is_no_prompt_stay_text() -> None:
    frame = to_frame(Credit(consumed=9, window=15), 0)
    beacon = Hello(
        protocol=1, revision=0, schema_id=1, boot=1, machine=False, nonce="", window_idle=15, window_busy=15,
        max_line=240, baud=0, version="",
    )  # fmt: skip
    for text, follows in ((b"llmk> The cat", frame), (b"llm", frame), (b"llmk> ", to_frame(beacon, 0))):
        decoder = LineDecoder()
        assert text_of(decoder, text + follows) == ""
        assert decoder.flush() == text.decode()


@pytest.mark.parametrize("begins", [b"llmk> ", b"mk> ", b"\r\nrescue> "])
async def test_a_line_that_begins_with_a_prompt_has_no_text_when_the_kernel_answers(
    sessions: Callable[..., LiveSession], tmp_path: Path, begins: bytes
) -> None:
    """As that of a machine whose saved state was loaded, and which had begun to ask: the hello waits for a second of
    quiet, in which any other text without a line end is shown."""
    async with OddKernel(tmp_path / "odd", {}, {}, begins) as kernel:
        session = sessions(kernel.path)
        await session.open()
        await until(lambda: session.state.link.phase is LinkPhase.MACHINE)
        assert not session.state.items
        await session.close()


async def test_a_prompt_is_shown_on_a_line_that_stays_with_people(
    sessions: Callable[..., LiveSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_hello, "TRIES", (0.1, 0.1))

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"mk> ")
        while await reader.read(4096):
            pass
        writer.close()

    async with await asyncio.start_unix_server(listens, tmp_path / "line"):
        session = sessions(tmp_path / "line")
        await session.open()
        await until(lambda: session.state.items)
        assert session.state.link.phase is LinkPhase.PLAIN
        (item,) = session.state.items
        assert isinstance(item, Text)
        assert item.text == "mk> "
        await session.close()


async def test_a_line_that_the_kernel_gave_back_and_that_is_taken_again_shows_no_prompt(live: LiveSession) -> None:
    events = collect(live)
    booted = live.state.items
    assert not [item for item in booted if isinstance(item, Text) and "llmk>" in item.text]
    assert live._link is not None
    await live._link.sending.raw(b"\x03\x03")
    await until(lambda: records(events, Leave) and records(events, Hello))
    await live.wait_ready(20)
    assert "".join(event.text for event in events if isinstance(event, ConsoleText)).strip() == ""
    assert len(live.state.items) == len(booted)
