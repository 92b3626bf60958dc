"""An other end of the line that answers hellos as a test wants it, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

from llmbm_protocol.frame import Frame, FrameDecoder, encode
from llmbm_protocol.shape import schema_id

HELLO = {
    "p": "1", "r": "0", "sch": f"{schema_id():x}", "boot": "1", "m": "1", "wi": "15", "wb": "15", "mx": "240",
    "br": "0",
    "v": "odd",
}  # fmt: skip


class OddKernel:
    """Answers hellos with `hello` over the right fields, requests with nothing, and tells `credit` all the time.
    `begins`: what it says first, to whoever connects."""

    def __init__(self, path: Path, hello: dict[str, str], credit: dict[str, str], begins: bytes = b"") -> None:
        self.path, self.hello, self.credit, self.begins = path, hello, credit, begins
        self.hellos = 0
        self.asked: list[dict[str, str]] = []  # the fields of each request
        self.sequence = 0
        self.server: asyncio.Server | None = None

    async def __aenter__(self) -> OddKernel:
        self.server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()

    def _frame(self, kind: str, fields: dict[str, str]) -> bytes:
        self.sequence = (self.sequence + 1) & 0xFFFF
        return encode(kind, self.sequence, fields)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.begins)
        beating = asyncio.create_task(self._beat(writer))
        decoder = FrameDecoder()
        while data := await reader.read(4096):
            for piece in decoder.feed(data):
                if isinstance(piece, Frame) and piece.kind == "h":
                    self.hellos += 1
                    writer.write(self._frame("H", {**HELLO, "n": piece.fields["n"], **self.hello}))
                elif isinstance(piece, Frame):
                    self.asked.append(piece.fields)
        beating.cancel()
        writer.close()

    async def _beat(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.hellos:
                writer.write(self._frame("K", {"c": "0", "w": "15", **self.credit}))
