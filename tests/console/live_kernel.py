"""A kernel of its own for a test, and what a session said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from waiting import until

from llmbm_console.core.events import Event, RecordReceived
from llmbm_console.core.live import LiveSession
from llmbm_console.core.paths import default_model, find_tokenizer

PROMPT = "Once upon a time"
SLOWLY = ("--poll-gap-us", "20000")
"""Options of a simulator whose answers take seconds, where they take 40 ms without."""


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


def collect(session: LiveSession) -> list[Event]:
    events: list[Event] = []
    session.listen(lambda state, event: events.append(event))
    return events


def records(events: list[Event], kind: type) -> list[object]:
    return [e.record for e in events if isinstance(e, RecordReceived) and isinstance(e.record, kind)]
