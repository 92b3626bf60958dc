"""Recordings (`.llcap`): everything that happened on a line, to be replayed by the same code that showed it.

A file is UTF-8 text, one JSON value a line, appended to and never rewritten, so that what was written before a crash or
a power cut is whole and `tail -f` can follow it. The first line is an object, the header:

    {"llcap": 1, "target": "sim:stories700K", "wall": 1795476310.25, "clock": 5123.5, "view": [0, 60.5]}

`wall` is the time of the beginning in seconds since 1970, `clock` the same moment of the clock that events have; with
`view`, a replay shows only these seconds of it. Each further line is an array `[at, kind, data]`, `at` in seconds from
the beginning; one that is smaller than that of the line before counts as that:

    "i"  octets received, as text where they are UTF-8, else as {"b64": "..."}
    "o"  octets sent, in the same way
    "x"  the link gave up waiting for something ("tokens", "events FIRST COUNT") and went on behind it, or showed a
         line that has no end yet ("text"), or began behind a loaded state, in the midst of a frame ("frame"), or opened
         a line again whose octets go on where they ended ("joins")
    "e"  an event that the octets do not tell: {"type": "MachineChanged", ...}, the names of core/state/events.py. A
         fourth value says that it came in the midst of the octets before it: behind so many of their frames and texts
    "m"  a mark that a person set: its text
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from llmbm_console.core.errors import SessionError
from llmbm_console.core.file_kind import UTF16_MARKS
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state import events as ev

VERSION = 1
LONGEST = 1e9  # s
STEP = 6  # decimals of a time
LARGEST = 2**53  # of any figure of an event
LONGEST_LINE = 1 << 20  # characters; a line of ours holds what one read brought, 64 KiB at most

Kind = Literal["i", "o", "x", "e", "m"]

#: what the octets tell is not written a second time
TOLD_BY_OCTETS = (ev.RecordReceived, ev.ConsoleText)
EVENTS: dict[str, type[ev.Event]] = {
    kind.__name__: kind for kind in ev.Event.__subclasses__() if kind not in TOLD_BY_OCTETS
}


class CaptureError(SessionError):
    """A file is no recording, or one of a newer kind; the message says which and why."""


class Header(BaseModel):
    """The first line of a recording."""

    model_config = ConfigDict(extra="ignore", strict=True)

    llcap: int
    target: str = Field(default="", max_length=4096)
    wall: float = Field(default=0.0, ge=0, le=1e11)
    clock: float = Field(default=1000.0, ge=0, le=1e11)
    view: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line behind the header. `data` is bytes for octets ("i", "o"), text for "x" and "m", an Event for "e"."""

    at: float  # seconds from the beginning
    kind: Kind
    data: bytes | str | ev.Event
    after: int | None = None  # of an event: frames and texts of the octets before it that came first; None: all


# ---- writing


def _octets(data: bytes) -> object:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(data).decode()}


def entry_line(entry: Entry) -> str:
    """One further line, with its end."""
    data = entry.data
    value: object = data
    if isinstance(data, bytes):
        value = _octets(data)
    elif isinstance(data, ev.Event):
        value = {"type": type(data).__name__, **ev.fields_of(data)}
    after = [entry.after] if entry.after is not None else []
    line = [round(entry.at, STEP), entry.kind, value, *after]
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


# ---- reading


def _read_octets(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict) and isinstance(value.get("b64"), str):
        return base64.b64decode(value["b64"], validate=True)
    raise ValueError("octets are text, or base64 under the key b64")


def _checked(value: object) -> object:
    """A recording comes from anywhere: no text in it may reach the terminal as it is, no figure may be endless."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:
        raise ValueError("a figure is out of range")
    return value


@cache
def _adapter(name: str) -> TypeAdapter[ev.Event]:
    """Made when a recording is read: who only writes one should not wait for it."""
    return TypeAdapter(EVENTS[name])


def _read_event(value: object, at: float) -> ev.Event:
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(name, str) or name not in EVENTS:
        raise ValueError("an event has a known type")
    given = {key: _checked(item) for key, item in value.items() if key != "type"}
    return _adapter(name).validate_python({**given, "at": at})


def read_entry(line: str, clock: float, earliest: float = 0.0) -> Entry:
    """One line. `clock` is added to the times of events. Raises ValueError with the reason."""
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(value, list) or len(value) not in (3, 4):
        raise ValueError("expected [seconds, kind, data]")
    at, kind, data = value[:3]
    after = value[3] if len(value) == 4 else None
    if after is not None and (kind != "e" or isinstance(after, bool) or not isinstance(after, int) or after < 0):
        raise ValueError("expected a count of frames and texts as the fourth value of an event")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < LONGEST:
        raise ValueError("expected seconds from the beginning as the first value")
    at = max(float(at), earliest)
    try:
        if kind in ("i", "o"):
            return Entry(at, kind, _read_octets(data))
        if kind == "e":
            return Entry(at, "e", _read_event(data, clock + at), after)
    except (binascii.Error, ValidationError) as error:
        raise ValueError(str(error).splitlines()[0]) from None
    if kind in ("x", "m") and isinstance(data, str):
        return Entry(at, kind, clean(data))
    raise ValueError(f"{str(kind)[:20]!r} is no kind of entry with such data; expected i, o, x, e or m")


class Capture:
    """A recording that is being read. Lines that cannot be read are skipped and told in `problems`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        try:
            self._encoding = encoding_of(path)
            with self._open() as file:
                first = file.readline(LONGEST_LINE)
        except OSError as error:
            raise CaptureError(f"{path}: {error.strerror or error}") from error
        try:
            self.header = Header.model_validate_json(first)
        except ValueError as error:
            raise CaptureError(f"{path}: no recording: its first line is not a header with llcap and clock") from error
        if self.header.llcap != VERSION:
            raise CaptureError(
                f"{path}: a recording of version {self.header.llcap}; this console reads version {VERSION}: a newer "
                "llmbm-console is needed"
            )

    def _open(self) -> TextIO:
        errors = "surrogateescape" if self._encoding == "utf-8-sig" else "replace"
        return self.path.open(encoding=self._encoding, errors=errors, newline="\n")

    def entries(self) -> Iterator[Entry]:
        """All entries in their order."""
        latest = 0.0
        with self._open() as file:
            file.readline(LONGEST_LINE)
            number = 1
            while line := file.readline(LONGEST_LINE):
                number += 1
                try:
                    entry = read_entry(line, self.header.clock, latest)
                except ValueError as error:
                    self._complain(number, line, str(error))
                    continue
                latest = entry.at
                yield entry

    def _complain(self, number: int, line: str, reason: str) -> None:
        if not line.endswith("\n"):
            reason = "it ends in the middle: what was recorded ended there"
        if len(self.problems) < 20:
            self.problems.append(clean(f"line {number}: {reason}"))
        elif len(self.problems) == 20:
            self.problems.append("and more")


def encoding_of(path: Path) -> str:
    """UTF-8 as it was written, or UTF-16 of a tool that copied the text, each with its mark. Raises OSError."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in UTF16_MARKS else "utf-8-sig"


def is_capture(path: Path) -> bool:
    """True when a file begins as a recording does."""
    try:
        with path.open(encoding=encoding_of(path), errors="replace") as file:
            return file.read(64).lstrip().startswith('{"llcap"')
    except OSError:
        return False


def capture_lines(header: Header, entries: Iterable[Entry]) -> Iterator[str]:
    """A whole recording, line by line."""
    yield header.model_dump_json(exclude_none=True) + "\n"
    yield from map(entry_line, entries)


def write_capture(path: Path, header: Header, entries: Iterable[Entry]) -> None:
    """A whole recording. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(capture_lines(header, entries))
