"""A kernel to ask over its wire: the simulator in machine mode, which tells the ids of what it generates."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from link_client import Host, Simulator

from llmbm_protocol.schema import EXPIRY_MS, Finished, KvCache, Stream, Token

PIECE = 56


@dataclass
class Reply:
    """A turn as the wire tells it."""

    refused: str = ""
    tokens: list[int] = field(default_factory=list)
    text: bytes = b""
    finished: Finished | None = None


class WireKernel:
    """One simulator in machine mode."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self.simulator = Simulator(program, folder, *options)
        self.host: Host = self.simulator.session()
        self._asked = time.monotonic()

    def _awake(self) -> None:
        """A new hello after a silence: what is computed beside the kernel can take longer than a session lasts."""
        if time.monotonic() - self._asked > EXPIRY_MS / 1000 / 3:
            assert self.host.hello().machine
        self._asked = time.monotonic()

    def set(self, **values: object) -> None:
        """Parameters by their names; each must be accepted."""
        self._awake()
        for name, value in values.items():
            answer = self.host.ask("set", parameter=name, value=str(value))
            assert answer.ok, answer

    def run(self, command: str) -> str:
        """A command that must be accepted."""
        self._awake()
        return self.host.run(command)

    def cache(self) -> KvCache:
        """The record about the KV cache."""
        self._awake()
        since = len(self.host.records)
        assert self.host.ask("stat", stream=Stream.KV).ok
        return self.host.of(KvCache, since)[-1]

    def say(self, text: str, stop_after: int | None = None) -> Reply:
        """One turn; it is asked to stop after so many pings, if it has not ended by then."""
        self._awake()
        self._forget()
        raw = text.encode()
        pieces = [raw[at : at + PIECE] for at in range(0, len(raw), PIECE)] or [b""]
        for index, piece in enumerate(pieces[:-1]):
            assert self.host.ask("text", text=piece, offset=index * PIECE).ok
        response = self.host.ask("gen", text=pieces[-1], offset=(len(pieces) - 1) * PIECE)
        if not response.ok:
            return Reply(refused=response.message or "")
        assert response.generation is not None
        if stop_after is not None:
            for _ in range(stop_after):
                assert self.host.ask("ping").ok
            assert self.host.ask("stop").ok
        finished = self.host.finished(response.generation)
        parts = sorted(self.host.of(Token), key=lambda token: (token.index, token.part))
        assert all(token.generation == response.generation for token in parts)
        tokens = [part.token for part in parts if part.part == 0]
        assert [part.index for part in parts if part.part == 0] == list(range(finished.tokens))
        return Reply(tokens=tokens, text=b"".join(part.text for part in parts), finished=finished)

    def _forget(self) -> None:
        """Records of turns before, which every wait would search again; ids begin anew before they run out."""
        del self.host.records[:], self.host.sequences[:], self.host.arrivals[:]
        self.host.raw = b""
        if self.host.next_id > 60_000:
            self.host.next_id = 1

    def end(self) -> None:
        """Ends it; it must end well."""
        self.simulator.end()
