"""A session of hours in minutes: the console without a terminal, and answers of the simulator again and again, at a
clock that goes as fast as they can be taken in."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from logs import resident
from long_session import Part, moved, parts_of, record_one

from llmbm_console.core.recording.capture import Capture
from llmbm_console.core.recording.recorder import Recorder
from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.state.events import (
    CommandDone,
    ConsoleText,
    Event,
    LinkChanged,
    LinkPhase,
    PromptSent,
    RecordReceived,
)
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.codec import from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import Output, Record, Response, Token

ROWS = 10
AT_ONCE = 500  # events between two turns of the interface
TURN = 0.02  # s that it has then


class FastSession(FileSession):
    """The verbs are a file's; everything else is as with a line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "long session")
        self._recorder = Recorder("long session")
        self._recorder.clock = 0.0

    @property
    def recorder(self) -> Recorder:
        """As of a live session."""
        return self._recorder

    @property
    def read_only(self) -> bool:
        """Shown as a line."""
        return False

    def take(self, event: Event, octets: bytes) -> None:
        """One more event, and the octets that told it."""
        if octets:
            self._recorder.note("i", event.at, octets)
        self._recorder.event(event)
        self._emit(event)


def as_received(record: Record) -> tuple[Record, bytes]:
    """What the link makes of it, and its octets."""
    line = to_frame(record, 0)
    (frame,) = FrameDecoder().feed(line)
    assert isinstance(frame, Frame)
    made = from_frame(frame)
    assert not isinstance(made, tuple)
    return made, line  # type: ignore[return-value]


def events(capture: Capture, seconds: float, rate: float) -> Iterator[tuple[Event, bytes]]:
    """What happens in so many seconds at so many tokens a second."""
    before, answers = parts_of(capture)
    generations = sum(isinstance(part, PromptSent) for part in answers)
    logged = sum(isinstance(part, LogRecord) for part in answers)
    at = 0.0
    yield LinkChanged(at, LinkPhase.MACHINE), b""
    for turn in count(-1):
        for part in before if turn < 0 else answers:
            if isinstance(part, Token):
                at += 1 / rate
            yield from event_of(part, at, max(0, turn), generations, logged)
            if at > seconds:
                return


def event_of(part: Part, at: float, turn: int, generations: int, logged: int) -> Iterator[tuple[Event, bytes]]:
    """One of the recorded session's parts, in its later turn."""
    if isinstance(part, PromptSent):
        yield replace(part, at=at, generation=part.generation + turn * generations), b""
    elif isinstance(part, CommandDone):
        yield replace(part, at=at), b""
    elif isinstance(part, bytes):
        yield ConsoleText(at, part.decode("utf-8", "replace")), bytes(bytearray(part))
    elif not isinstance(part, Output | Response):
        record, line = as_received(moved(part, turn * generations, turn * logged, at))
        yield RecordReceived(at, record), line


async def fast_session(seconds: float, rate: float) -> None:
    """Prints the rows."""
    with tempfile.TemporaryDirectory(prefix="llmbm-bench-") as folder:
        capture = record_one(Path(folder))
        session = FastSession(capture.path)
        app = ConsoleApp("long session", lambda: session, clock=lambda: session.state.now, wall=0.0)
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause(1.0)
            first, tokens, row = resident(os.getpid()), 0, 0
            print(f"{first:.1f} MiB before, with the interface", flush=True)
            for number, (event, octets) in enumerate(events(capture, seconds, rate)):
                session.take(event, octets)
                tokens += isinstance(event, RecordReceived) and isinstance(event.record, Token)
                if number % AT_ONCE == 0:
                    await asyncio.sleep(TURN)
                if event.at >= (row + 1) * seconds / ROWS:
                    row += 1
                    begin, end = app.timeline.span
                    print(
                        f"{event.at / 3600:6.2f} h  {tokens:>11,} tokens  +{resident(os.getpid()) - first:6.1f} MiB   "
                        f"{(end - begin) / 60:5.1f} min to look back, {len(session.state.items):,} of "
                        f"{session.state.dropped_items + len(session.state.items):,} entries of the transcript",
                        flush=True,
                    )
