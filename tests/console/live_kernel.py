"""A kernel of its own for a test, a session behind a middleman, and what it said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from waiting import until

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.paths import default_model, find_tokenizer
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import Event, RecordReceived
from llmbm_console.core.state.state import Turn
from llmbm_protocol.schema import Counters

PROMPT = "Once upon a time"
SLOWLY = ("--poll-gap-us", "20000")
"""Options of a simulator whose answers take seconds, where they take 40 ms without."""
PATIENCE = 240.0
"""Seconds that what goes over a bad line may take on a busy computer: its repetitions wait for each other."""


class Kernel:
    """A simulator of its own, as a machine that nobody launched: only its line is known."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.socket = folder / "serial"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str, serial: str = "") -> None:
        files = self.folder / "volume"
        files.mkdir(exist_ok=True)
        model = default_model()
        for source in (model, find_tokenizer(model)):
            with contextlib.suppress(FileExistsError):
                os.link(source, files / source.name)
        self.socket.unlink(missing_ok=True)
        words = ["--files", str(files), "--serial", serial or f"unix:{self.socket}", *options]
        self.process = await asyncio.create_subprocess_exec(
            self.binary, *words, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        if not serial:
            await until(self.socket.exists)

    async def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            await self.process.wait()


class Line:
    """A session behind a middleman."""

    def __init__(self, chaos: Chaos, session: LiveSession, events: list[Event]) -> None:
        self.chaos, self.session, self.events = chaos, session, events

    @property
    def counters(self) -> Counters:
        """The kernel's own, so far."""
        found = self.session.state.link.counters
        assert found is not None
        return found

    async def whole_answer(self) -> Turn:
        """A prompt, and its answer without a gap."""
        outcome = await asyncio.wait_for(self.session.submit(PROMPT), PATIENCE)
        assert outcome.ok, outcome.error
        assert outcome.turn is not None
        assert outcome.turn.finished is not None
        assert (outcome.turn.lost_tokens, len(outcome.turn.tokens)) == (0, outcome.turn.finished.tokens)
        return outcome.turn

    async def seed(self, number: int) -> None:
        """A request that must be done."""
        outcome = await asyncio.wait_for(self.session.set_parameter("seed", str(number)), PATIENCE)
        assert (outcome.ok, outcome.output) == (True, str(number))


def collect(session: LiveSession) -> list[Event]:
    events: list[Event] = []
    session.listen(lambda state, event: events.append(event))
    return events


def records(events: list[Event], kind: type) -> list[object]:
    return [e.record for e in events if isinstance(e, RecordReceived) and isinstance(e.record, kind)]
