"""A session over a recording: its octets through the decoder and the streams of the live link, its events as they
were.

All of it is played at once, a slice at a time, into the state and to the listeners; at which pace a person sees it is
the matter of who shows it (every event has its recorded time).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from llmbm_console.core.link.asking import SESSION
from llmbm_console.core.link.decode import Heard, LineDecoder
from llmbm_console.core.link.streams import FLUSH_TEXT, IN_FRAME, JOINS, RECOVERED, Streams
from llmbm_console.core.postmortem.plain_kernel import PlainKernel
from llmbm_console.core.recording.capture import Capture, CaptureError, Entry, Header, is_capture
from llmbm_console.core.recording.raw_log import RawLog
from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.session.session import Playback
from llmbm_console.core.state.events import (
    ConsoleText,
    Event,
    Gap,
    LinkChanged,
    LinkPhase,
    MachineChanged,
    MachineStatus,
    Notice,
    RecordReceived,
    TurnJoined,
)
from llmbm_protocol.codec import UnknownFrame
from llmbm_protocol.schema import Hello, Record

SLICE = 0.001  # s of reading between two looks at what else there is to do
BUSY = 0.00006  # s that a turn of the event loop takes when there is something else to do
MOST_TURNS = 100  # of the event loop for others at once
PATIENCE = 2.0  # s that a gap is waited for, where the recording does not tell when the link gave it up
QUIET = 0.1  # s after which a line without its end is shown, where the recording holds nothing but octets


class Replay:
    """Entries to events. Knows nothing of files or time."""

    def __init__(self) -> None:
        self._decoder = LineDecoder()
        self._streams = Streams()
        self._plain = PlainKernel()
        self._boot = 0
        self._goes_back = False  # an earlier state was loaded, and its kernel has not said hello yet
        self._phase: LinkPhase | None = None  # as recorded; None while only octets were
        self._gap = False  # a gap was told: what comes next came in it, while nobody was connected
        self._recovering = False
        self._joins = False  # what the line that is being opened brings joins what the one before brought
        self._heard_at = 0.0
        self._waiting_since: float | None = None
        self._octets: Iterator[Heard | str] = iter(())  # what the last ones held and was not taken yet
        self._taken = 0
        self.marks: list[tuple[float, str]] = []

    def take(self, entry: Entry, clock: float) -> Iterator[Event]:
        """What an entry meant; `clock` is the time of the recording's beginning."""
        at, data = clock + entry.at, entry.data
        yield from self._heard(entry.after)
        if self._phase is None and self._decoder.holds_text and at - self._heard_at > QUIET:
            yield from self._told(ConsoleText(self._heard_at + QUIET, self._decoder.flush()))
        if isinstance(data, Event):
            if isinstance(data, LinkChanged):
                if data.phase is LinkPhase.WAITING and self._phase is LinkPhase.OPENING:
                    if not self._joins:
                        self._decoder.begin()  # another connection
                    self._joins = False
                self._phase = data.phase
            elif isinstance(data, MachineChanged) and data.status is MachineStatus.LOADING:
                self._streams.restart()
                self._decoder.begin()
                self._goes_back = True
            elif isinstance(data, TurnJoined):
                self._streams.tokens.join(data.generation, data.tokens)
            elif isinstance(data, Gap):
                self._gap = True
            yield from self._told(data)
        elif isinstance(data, bytes):
            if entry.kind == "i":
                # Taken as far as the next entry says: an event may have come in the midst of them.
                self._heard_at, self._taken, self._octets = at, 0, self._decoder.feed(data)
                self._recovering, self._gap = self._gap, False
        elif data == FLUSH_TEXT and entry.kind == "x":
            yield from self._told(ConsoleText(at, self._decoder.flush()))
        elif data == IN_FRAME and entry.kind == "x":
            self._decoder.begin(in_frame=True)
        elif data == JOINS and entry.kind == "x":
            self._joins = True
        elif entry.kind == "x":
            yield from self._give_up(at, data)
        else:
            self.marks.append((at, data))
        if self._phase is None:
            yield from self._lose_patience(at)

    def finish(self, at: float) -> Iterator[Event]:
        """The end. In a recording of nothing but octets, what is held back is all there will be."""
        yield from self._heard(None)
        if self._phase is None:
            if text := self._decoder.flush():
                yield from self._told(ConsoleText(at, text))
            for record in self._streams.settle():
                yield RecordReceived(at, record)

    def _heard(self, until: int | None) -> Iterator[Event]:
        """What the last octets held, up to so many frames and texts."""
        while until is None or self._taken < until:
            heard = next(self._octets, None)
            if heard is None:
                return
            self._taken += 1
            if isinstance(heard, str):
                yield from self._told(ConsoleText(self._heard_at, heard))
            else:
                for record in self._records(heard[0]):
                    yield RecordReceived(self._heard_at, record)

    def _lose_patience(self, at: float) -> Iterator[Event]:
        if not self._streams.waiting:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = at
        elif at - self._waiting_since > PATIENCE:
            self._waiting_since = None
            for record in self._streams.settle():
                yield RecordReceived(at, record)

    def _records(self, record: Record | UnknownFrame) -> Iterator[Record]:
        if isinstance(record, UnknownFrame):
            return
        if isinstance(record, Hello):
            if record.boot != self._boot and not self._goes_back:
                self._streams.restart()
            self._boot, self._goes_back = record.boot, False
            yield record
        elif self._phase is None or self._phase in SESSION or (self._recovering and isinstance(record, RECOVERED)):
            yield from self._streams.take(record)

    def _give_up(self, at: float, what: str) -> Iterator[Event]:
        try:
            released = self._streams.give_up(what)
        except ValueError as error:
            yield Notice(at, "warn", f"the recording holds what this console does not know: {error}")
            return
        for record in released:
            yield RecordReceived(at, record)

    def _told(self, event: Event) -> Iterator[Event]:
        """An event, and the records that a kernel without the protocol tells by it."""
        yield event
        for record in self._plain.told(event):
            yield RecordReceived(event.at, record)


class Recording(Protocol):
    """What can be replayed."""

    path: Path
    header: Header
    problems: list[str]

    def entries(self) -> Iterator[Entry]:
        """In the order of their times. Raises OSError."""


class ReplaySession(FileSession):
    """See core/session/session.py: Session."""

    kind = "a recording"

    def __init__(self, capture: Recording, playback: Playback) -> None:
        super().__init__(capture.path, capture.header.target or capture.path.name)
        self._capture = capture
        self._replay = Replay()
        self._reading: asyncio.Task[None] | None = None
        self._playback = playback
        playback.wall = capture.header.wall - capture.header.clock
        playback.begin = capture.header.clock
        if capture.header.view is not None:
            first, last = capture.header.view
            playback.view = (capture.header.clock + first, capture.header.clock + last)

    @property
    def playback(self) -> Playback:
        """The recording's times."""
        return self._playback

    async def open(self) -> None:
        """Begins to read."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        header, entries = self._capture.header, self._capture.entries()
        playback = self._playback
        at = header.clock
        try:
            until = time.monotonic() + SLICE
            for entry in entries:
                at = header.clock + entry.at
                for event in self._replay.take(entry, header.clock):
                    self._emit(event)
                if time.monotonic() > until:
                    playback.marks = tuple(self._replay.marks)
                    await _others_first()
                    until = time.monotonic() + SLICE
            playback.marks = tuple(self._replay.marks)
            for event in self._replay.finish(at):
                self._emit(event)
        except OSError as error:
            self._emit(Notice(at, "error", f"{self.path}: {error.strerror or error}"))
        for problem in self._capture.problems:
            self._emit(Notice(at, "warn", f"{self.path.name}: {problem}"))
        length, seek = length_of(header, at - header.clock), playback.seek
        self._emit(Notice(at, "info", f"{self.path.name}: the recording ends here, after {length:.1f} s"))
        if seek > length:  # known only now: to read a long one first would have taken as long as to open it
            playback.behind_end = f"--seek {seek:g} is behind its end: the recording is {length:.1f} s long"
            self._emit(Notice(at, "error", f"{playback.behind_end} ({self.path})"))
        playback.complete = True

    async def wait_ready(self, timeout: float, opening: float = 0.0) -> None:
        """Until all was read. Raises CaptureError when nothing of it is to be shown."""
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=None if timeout == math.inf else timeout)
        if self._playback.behind_end:
            raise CaptureError(f"{self.path}: {self._playback.behind_end}")

    async def close(self) -> None:
        """Ends the reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])


async def _others_first() -> None:
    """Lets the event loop turn while there is something else to do: between a key and its picture are dozens of turns,
    and none of them should wait for a slice of reading."""
    for _ in range(MOST_TURNS):
        begun = time.monotonic()
        await asyncio.sleep(0)
        if time.monotonic() - begun < BUSY:
            return


def length_of(header: Header, last: float) -> float:
    """Seconds that a recording shows, whose last entry is `last` seconds behind its beginning."""
    return header.view[1] - header.view[0] if header.view is not None else last


def open_replay(path: Path, speed: float = 1.0, seek: float = 0.0) -> ReplaySession:
    """A session over a recording or a raw log. Raises CaptureError at once when it is none."""
    recording: Recording = Capture(path) if is_capture(path) else RawLog(path)
    return ReplaySession(recording, Playback(speed=speed, seek=seek))
