"""A part of a recording that holds nothing else: what was shown in it, and of what was before only what it needs.

Before the part stand the newest record of each kind that is a state (hello, model, arenas, sentinel and so on), the
states of the line and of the machine, and the texts of those tokens that the part itself names. No prompt, answer,
output, log entry or text of before is in it, and nothing of what came after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llmbm_console.core.link.decode import LineDecoder
from llmbm_console.core.link.streams import IN_FRAME, JOINS, SKIP_EVENTS
from llmbm_console.core.recording.capture import Entry
from llmbm_console.core.state.events import (
    ClockEstimated,
    Event,
    Gap,
    LineStatistics,
    LinkChanged,
    LinkPhase,
    MachineChanged,
    MachineStatus,
    PromptSent,
    TurnJoined,
)
from llmbm_protocol.frame import Frame, FrameDecoder, Noise, Piece, encode
from llmbm_protocol.likeliest import read
from llmbm_protocol.schema import Choice, Counters, Credit, Finished, Hello, Record, Response, Sample, Token, Word, Zone
from llmbm_protocol.schema import Event as LogRecord

STATES = (LinkChanged, MachineChanged, LineStatistics, ClockEstimated)  # events of which the newest one still holds
OVER = (
    MachineStatus.RESETTING,
    MachineStatus.LOADING,
    MachineStatus.STOPPED,
    MachineStatus.CRASHED,
    MachineStatus.ABSENT,
)  # no answer goes on behind these


class _Part:
    """A piece of the octets with its line end, and what it told."""

    def __init__(self, piece: Piece, decoder: LineDecoder) -> None:
        self.frame = piece if isinstance(piece, Frame) else None
        # The decoder gives the first octet of a line end, and swallows the second.
        self.raw = piece.raw + b"\n" if piece.raw.endswith(b"\r") and self.frame is not None else piece.raw
        self.heard = list(decoder.feed(piece.raw))
        self.records = [one[0] for one in self.heard if not isinstance(one, str) and isinstance(one[0], Record)]


class _Line:
    """Octets received, cut where a frame ends: what is held back comes with the octets that complete it."""

    def __init__(self) -> None:
        self._phase: LinkPhase | None = None
        self._joins = False  # what the line that is being opened brings joins what the one before brought
        self._gap: Entry | None = None  # of which the next octets are
        self._begin()

    def _begin(self, *, in_frame: bool = False) -> None:
        self._frames, self._decoder, self._in_frame = FrameDecoder(), LineDecoder(), in_frame
        self._decoder.begin(in_frame=in_frame)

    def feed(self, data: bytes) -> list[_Part]:
        """The parts that are complete now."""
        pieces = self._frames.feed(data)
        self._gap = None
        self._in_frame &= all(isinstance(piece, Noise) and b"\n" not in piece.raw for piece in pieces)
        return [_Part(piece, self._decoder) for piece in pieces]

    def other(self, entry: Entry) -> None:
        """An entry without octets. Nothing of the connection before joins to another one, but where that is said."""
        event = entry.data
        if isinstance(event, LinkChanged):
            if event.phase is LinkPhase.WAITING and self._phase is LinkPhase.OPENING:
                if not self._joins:
                    self._begin()
                self._joins = False
            self._phase = event.phase
        elif isinstance(event, Gap):
            self._gap = entry
        elif entry.kind == "x" and event == JOINS:
            self._joins = True
        elif entry.kind == "x" and event == IN_FRAME:
            self._begin(in_frame=True)

    def before(self, first: float) -> list[Entry]:
        """What has to be known of the line where the next octets are the first ones."""
        found = [self._gap] if self._gap is not None else []
        return [*found, Entry(first, "x", IN_FRAME)] if self._in_frame else found


class _Before:
    """What is still true of all that came before a clip."""

    def __init__(self) -> None:
        self._forget_boot()
        self._boot = 0
        self._goes_back = False  # an earlier state was loaded, and its kernel has not said hello yet
        self._events: dict[type[Event], Entry] = {}

    def _forget_boot(self) -> None:
        self._frames: dict[object, tuple[float, Frame]] = {}
        self._words: dict[int, Frame] = {}
        self.logged = 0  # number of the next log entry
        self.running = 0  # generation whose end was not seen, 0 for none
        self.tokens = 0  # of it that were begun

    def event(self, entry: Entry) -> None:
        """An event of before."""
        event = entry.data
        if isinstance(event, STATES):
            self._events[type(event)] = Entry(entry.at, "e", event)
        if isinstance(event, MachineChanged) and event.status in OVER:
            self.running = 0
            if event.status is MachineStatus.LOADING:
                self.logged, self._goes_back = 0, True

    def gave_up(self, what: str) -> None:
        """What the link did by itself before: entries of the log that it did not wait for are behind it."""
        name, *numbers = what.split()
        if name == SKIP_EVENTS and len(numbers) == 2 and all(map(str.isdigit, numbers)):
            self.logged = max(self.logged, sum(map(int, numbers)))

    def take(self, parts: Iterable[_Part], at: float) -> None:
        """Octets of before."""
        for part in parts:
            for record in part.records:
                if part.frame is not None:
                    self._record(record, part.frame, at)

    def _record(self, record: Record, frame: Frame, at: float) -> None:
        if isinstance(record, Hello):
            if record.boot != self._boot and not self._goes_back:
                self._forget_boot()
            self._boot, self._goes_back = record.boot, False
            self._frames[Hello] = self._frames.get(Hello, (at, frame))[0], frame  # before what it explains
        elif isinstance(record, Sample):
            self._frames[record.stream, record.arena if isinstance(record, Zone) else None] = at, frame
        elif isinstance(record, Credit | Counters):
            self._frames[type(record)] = at, frame
        elif isinstance(record, Word):
            self._words[record.token] = frame
        elif isinstance(record, LogRecord):
            self.logged = max(self.logged, record.number + 1)
        elif isinstance(record, Response):
            if record.generation and record.ok and record.busy and record.generation != self.running:
                self.running, self.tokens = record.generation, 0
        elif isinstance(record, Token):
            known = self.tokens if record.generation == self.running else 0
            self.running, self.tokens = record.generation, max(known, record.index + 1)
        elif isinstance(record, Finished) and record.generation == self.running:
            self.running = 0

    def entries(self, first: float, words: set[int], sequence: int) -> list[Entry]:
        """What a clip begins with. `words`: tokens whose texts it needs; `sequence`: number of its first frame."""
        frames = sorted(self._frames.values(), key=lambda one: one[0])
        frames += [(first, self._words[token]) for token in sorted(words & self._words.keys())]
        found = list(self._events.values())
        for back, (at, frame) in zip(range(len(frames), 0, -1), frames, strict=True):
            octets = encode(frame.kind, (sequence - back) & 0xFFFF, frame.fields)
            found.append(Entry(at, "i", octets))
        found.sort(key=lambda entry: entry.at)
        if self.logged:
            found.append(Entry(first, "x", f"{SKIP_EVENTS} 0 {self.logged}"))
        return found


class _Clip:
    """The part itself."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.words: set[int] = set()
        self.sequence: int | None = None  # of the first frame

    def octets(self, parts: Sequence[_Part], at: float) -> None:
        """Octets received."""
        self.entries.append(Entry(at, "i", b"".join(part.raw for part in parts)))
        for part in parts:
            if self.sequence is None and part.frame is not None:
                self.sequence = part.frame.sequence
            for record in part.records:
                self._note(record)

    def _note(self, record: Record) -> None:
        if isinstance(record, Token):
            self.words.add(record.token)
        elif isinstance(record, Choice):
            self.words |= {record.otherwise or 0, *(one.token for one in read(record.likeliest))}


def clip(entries: Iterable[Entry], first: float, last: float) -> list[Entry]:
    """The entries of a recording that shows what was from `first` to `last`, in seconds from its beginning, and tells
    nothing of the rest. `entries` are all there are, in the order in which they came."""
    everything = list(entries)
    inside = [entry for entry in everything if first <= entry.at <= last]
    begun = {entry.data.generation for entry in inside if isinstance(entry.data, PromptSent)}
    line, before, part = _Line(), _Before(), None
    pieces: list[_Part] = []  # of the newest octets, as long as they may still be of before
    heard_at, taken = 0.0, 0
    for entry in everything:
        data: Any = entry.data
        if entry.kind == "m":
            continue
        if entry.at > last:
            break
        if part is None and entry.at >= first:
            behind: list[_Part] = []
            if entry.after is not None:  # it came in the midst of octets: those behind it are of the clip
                taken = entry.after
                pieces, behind = _cut(pieces, taken)
            before.take(pieces, heard_at)
            part = _Clip()
            if behind:
                part.entries.append(Entry(entry.at, "e", data))
                part.octets(behind, entry.at)
                line.other(entry)
                continue
            part.entries += line.before(first)
        if entry.kind != "i":
            line.other(entry)
        if part is None:
            if entry.kind == "i":
                before.take(pieces, heard_at)
                pieces, heard_at = line.feed(data), entry.at
            elif entry.kind == "e":
                before.event(entry)
            elif entry.kind == "x":
                before.gave_up(data)
        elif entry.kind == "i":
            taken = 0
            part.octets(line.feed(data), entry.at)
        else:
            after = max(0, entry.after - taken) if entry.after is not None else None
            part.entries.append(Entry(entry.at, entry.kind, data, after))
    if part is None:
        before.take(pieces, heard_at)
        part = _Clip()
    head = before.entries(first, part.words, part.sequence or 0)
    if before.running and before.running not in begun:
        head.append(Entry(first, "e", TurnJoined(first, before.running, before.tokens)))
    found = head + part.entries
    for mark in inside:
        if mark.kind == "m":  # perhaps set while looking back: it was written later than its moment
            place = next((place for place, entry in enumerate(found) if entry.at > mark.at), len(found))
            found.insert(place, mark)
    return found


def _cut(parts: list[_Part], count: int) -> tuple[list[_Part], list[_Part]]:
    """Parts up to so many of the frames and texts they told, and those behind."""
    told = 0
    for place, part in enumerate(parts):
        if told >= count:
            return parts[:place], parts[place:]
        told += len(part.heard)
    return parts, []
