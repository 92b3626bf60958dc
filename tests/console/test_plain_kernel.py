"""A kernel that speaks no protocol: its text fills the same panels, and the line stays a terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from llmbm_console.core.postmortem.plain_kernel import PlainKernel
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.state.state import Text
from llmbm_console.core.transport.address import transport_for
from llmbm_protocol.schema import Arena, Zone

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "upstream" / "head-serial.raw"
#: Lines of the kind that the earlier kernel prints, with what it puts around them.
BOOT = (
    "\x1b[2J\x1b[01;01HBdsDxe: starting Boot0002\r\n"
    "[llmk] Zone B: base=0x4BF6D000 size=768 MiB\r\r\n"
    "  [WEIGHTS] base=0x4BF6D000 size=1 MiB used=0 MiB flags=0x1\r\r\n"
    "  [KV] base=0x4C06EF00 size=2 MiB used=1 MiB flags=0x0\r\r\n"
    "You (prompt): "
)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_lines_are_put_together_from_pieces_of_any_size(size: int) -> None:
    reader = PlainKernel()
    for at in range(0, len(BOOT), size):
        assert reader.feed(BOOT[at : at + size]) == []  # it might still speak the protocol
    zones = [record for record in reader.speak() if isinstance(record, Zone)]
    assert [(zone.arena, zone.size) for zone in zones] == [(Arena.WEIGHTS, 1 << 20), (Arena.KV, 2 << 20)]
    assert reader.feed("") == []
    more = reader.feed("  [SCRATCH] base=0x4C10EF00 size=32 MiB used=4 MiB flags=0x0\r\n")
    assert [record.used for record in more if isinstance(record, Zone)] == [4 << 20]


@given(st.lists(st.text(max_size=300), max_size=30))
def test_no_text_breaks_it_or_makes_it_grow(pieces: list[str]) -> None:
    reader = PlainKernel()
    reader.speak()
    for piece in pieces:
        reader.feed(piece)
    assert len(reader._rest) <= 4096


class OldKernel:
    """Says its boot text in pieces, and answers lines as a kernel does that knows no hello."""

    def __init__(self, path: Path, text: bytes) -> None:
        self.path, self.text = path, text
        self.heard = b""
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        self.server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(self.text), 113):
            writer.write(self.text[at : at + 113])
            await writer.drain()
        while data := await reader.read(4096):
            self.heard += data
            if data.endswith(b"/zones\r"):  # what a person typed; the hello before it means nothing to this kernel
                writer.write(b"  [ACTS] base=0x4E10EF00 size=20 MiB used=5 MiB flags=0x0\r\r\n")
        writer.close()

    async def end(self) -> None:
        if self.server is not None:
            self.server.close()


TEXTS = {"a few lines": BOOT.encode()} | ({"the sample": SAMPLE.read_bytes()} if SAMPLE.exists() else {})


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_the_panels_live_on_what_an_old_kernel_prints(tmp_path: Path, text: bytes) -> None:
    kernel = OldKernel(tmp_path / "line", text)
    await kernel.start()
    session = LiveSession("old", transport=transport_for(f"unix:{kernel.path}", 115200))
    try:
        await session.open()
        await until(lambda: session.state.link.phase is LinkPhase.PLAIN, 60)
        await until(lambda: {Arena.WEIGHTS, Arena.KV} <= set(session.state.arenas))
        assert any(isinstance(item, Text) and "WEIGHTS" in item.text for item in session.state.items)
        outcome = await session.submit("/zones")
        assert outcome.ok
        await until(lambda: session.state.arenas.get(Arena.ACTS) and session.state.arenas[Arena.ACTS].used == 5 << 20)
        assert kernel.heard.endswith(b"/zones\r")
    finally:
        await session.close()
        await kernel.end()
