"""`llmbm-console explain`: a raw log or a recording, line by line: what each means, and why a line was rejected."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from llmbm_console.core.errors import SessionError
from llmbm_console.core.file_kind import SNIFFED, UTF16_MARKS, named_kind, utf16_of
from llmbm_console.core.link.streams import FLUSH_TEXT
from llmbm_console.core.postmortem.line_names import LineNames
from llmbm_console.core.recording.capture import Capture, is_capture
from llmbm_console.core.sanitise import EscapeFilter, clean
from llmbm_console.faces.records import record_json
from llmbm_protocol.codec import UnknownFrame, from_frame
from llmbm_protocol.frame import Frame, FrameDecoder, Noise, Piece, Rejected
from llmbm_protocol.schema import ENQUIRY_OCTETS

CHUNK = 1 << 16
LONGEST_TEXT = 1 << 16  # octets of a line of text that waits for its end
ROW = 16  # octets of a row of hexadecimal figures


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of the stream. `way` is "received" or "sent", "" where a file does not tell; `at` in seconds, from a
    recording only. What was sent is counted without enquiries."""

    offset: int
    way: str
    at: float | None
    raw: bytes
    what: str  # "text", "rejected", or the kind of frame as a letter
    name: str  # of the record, the reason of a rejection, or what a line of text is (core/postmortem/line_names.py)
    fields: dict[str, Any]
    detail: str = ""
    lost: int = 0  # frames missing before this one, by its number
    stored: bytes = b""  # its octets as they stand in the file, where that is in UTF-16

    @property
    def octets(self) -> bytes:
        """Its octets in the file."""
        return self.stored or self.raw


@dataclass
class Stream:
    """One direction."""

    way: str
    decoder: FrameDecoder = field(default_factory=FrameDecoder)
    offset: int = 0
    sequence: int | None = None
    at: float | None = None
    names: LineNames = field(default_factory=LineNames)
    held: list[tuple[int, float | None, bytes]] = field(default_factory=list)  # a line of text without its end

    def feed(self, data: bytes) -> Iterator[Line]:
        """More octets."""
        held = self.decoder.pending + data
        yield from self._lines(self.decoder.feed(data), held)

    def quiet(self) -> Iterator[Line]:
        """A line without its end, as a prompt is, was shown as it was."""
        yield from self._held_text()

    def end(self) -> Iterator[Line]:
        """The end of the stream."""
        held = self.decoder.pending
        yield from self._lines(self.decoder.flush(), held)
        yield from self._held_text()

    def _lines(self, pieces: list[Piece], held: bytes) -> Iterator[Line]:
        """`held` are the octets from `offset` on; an LF behind a frame's CR belongs to no piece."""
        at = 0
        for piece in pieces:
            if not held.startswith(piece.raw, at):
                at += 1
            if isinstance(piece, Noise):
                yield from self._texts(piece.raw, self.offset + at)
            else:
                yield from self._held_text()
                yield self._line(piece, self.offset + at)
            at += len(piece.raw)
        self.offset += max(at, len(held) - len(self.decoder.pending))

    def _texts(self, raw: bytes, offset: int) -> Iterator[Line]:
        """Text by its lines; the last one waits for its end, which may come with the next octets."""
        for line in re.findall(rb"[^\n]*\n|[^\n]+", raw):
            self.held.append((offset, self.at, line))
            offset += len(line)
            if line.endswith(b"\n") or sum(len(part) for _, _, part in self.held) > LONGEST_TEXT:
                yield from self._held_text()

    def _held_text(self) -> Iterator[Line]:
        if self.held:
            offset, at, _raw = self.held[0]
            raw = b"".join(part for _, _, part in self.held)
            self.held.clear()
            yield Line(offset, self.way, at, raw, "text", self.names.name(shown(raw)), {})

    def _line(self, piece: Frame | Rejected, offset: int) -> Line:
        if isinstance(piece, Rejected):
            return Line(offset, self.way, self.at, piece.raw, "rejected", str(piece.reason), {}, piece.detail)
        lost = (piece.sequence - self.sequence) & 0xFFFF if self.sequence is not None else 0
        self.sequence = (piece.sequence + 1) & 0xFFFF
        record = from_frame(piece)
        if lost >= 0x8000 or piece.kind in "hH":  # a repetition, or the beginning of a session
            lost = 0
        if isinstance(record, Rejected):
            return Line(offset, self.way, self.at, piece.raw, "rejected", str(record.reason), {}, record.detail, lost)
        if isinstance(record, UnknownFrame):
            return Line(offset, self.way, self.at, piece.raw, piece.kind, "unknown", dict(record.fields), "", lost)
        fields = {key: value for key, value in record_json(record).items() if value is not None}
        return Line(offset, self.way, self.at, piece.raw, piece.kind, type(record).__name__, fields, "", lost)


def lines_of_log(file: BinaryIO) -> Iterator[Line]:
    """The lines of a raw log, or of a copy of one in UTF-16."""
    head = file.read(SNIFFED)
    if codec := utf16_of(head):
        yield from _lines_of_utf16(head, file, codec)
        return
    stream = Stream("")
    for data in _pieces(head, file):
        yield from stream.feed(data)
    yield from stream.end()


def _pieces(head: bytes, file: BinaryIO) -> Iterator[bytes]:
    for place in range(0, len(head), CHUNK):
        yield head[place : place + CHUNK]
    while data := file.read(CHUNK):
        yield data


def _lines_of_utf16(head: bytes, file: BinaryIO, codec: str) -> Iterator[Line]:
    """The same text in UTF-8 is what is read; a line keeps its place and its octets in the file."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    stream, known, place = Stream(""), 0, 0  # octets of the UTF-8 and of the file that were given
    waiting = b""  # of the UTF-8, from `known` on

    def placed(lines: Iterator[Line]) -> Iterator[Line]:
        nonlocal known, place, waiting
        for line in lines:
            passed = waiting[: line.offset - known].decode().encode(codec)
            stored = line.raw.decode("utf-8", "replace").encode(codec)
            place += len(passed)
            yield replace(line, offset=place, stored=stored)
            waiting = waiting[line.offset - known + len(line.raw) :]
            known, place = line.offset + len(line.raw), place + len(stored)

    if head[:2] in UTF16_MARKS:
        head, place = head[2:], 2
    for data in _pieces(head, file):
        text = decoder.decode(data).encode()
        waiting += text
        yield from placed(stream.feed(text))
    yield from placed(stream.end())


def lines_of_capture(capture: Capture) -> Iterator[Line]:
    """The lines of a recording, both directions as they came: none has an earlier time than the one before it."""
    latest = 0.0
    for line in _lines_of_capture(capture):
        # A line of text has the time of its beginning, and what went the other way may have come before its end.
        latest = max(latest, line.at or 0.0)
        yield replace(line, at=latest)


def _lines_of_capture(capture: Capture) -> Iterator[Line]:
    ways = {"i": Stream("received"), "o": Stream("sent")}
    for entry in capture.entries():
        stream = ways.get(entry.kind)
        if stream is not None and isinstance(entry.data, bytes):
            stream.at = entry.at
            # An enquiry belongs to no line, and may stand in the midst of one.
            yield from stream.feed(entry.data.translate(None, ENQUIRY_OCTETS) if entry.kind == "o" else entry.data)
        elif entry.kind == "x" and entry.data == FLUSH_TEXT:
            yield from ways["i"].quiet()
    for stream in ways.values():
        yield from stream.end()


def shown(raw: bytes) -> str:
    """A line of text without its end: escape sequences are left out, every other control is to be seen."""
    text = "".join(EscapeFilter().feed(raw.decode("utf-8", "replace").rstrip("\r\n")))
    return clean(text).replace("\n", "\u240a").replace("\t", "  ")


def visible(data: bytes) -> str:
    """Octets as text that cannot harm a terminal, everything else as \\xNN."""
    return "".join(chr(octet) if 0x20 <= octet < 0x7F else f"\\x{octet:02x}" for octet in data)


def hexadecimal(data: bytes) -> str:
    """Rows of figures with their text beside them."""
    rows = []
    for at in range(0, len(data), ROW):
        row = data[at : at + ROW]
        text = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in row)
        rows.append(f"    {at:04x}  {row.hex(' '):<{3 * ROW - 1}}  {text}")
    return "\n".join(rows)


def described(line: Line) -> str:
    """One line for people."""
    when = f"{line.at:10.3f} " if line.at is not None else f"{line.offset:08x} "
    way = {"received": "< ", "sent": "> "}.get(line.way, "")
    lost = f"  [{line.lost} lost before]" if line.lost else ""
    if line.what == "text":
        return f"{when}{way}{line.name:<9} {shown(line.raw)}".rstrip()
    if line.what == "rejected":
        return f"{when}{way}REJECTED  {line.name}: {clean(line.detail)}{lost}\n    {visible(line.raw.rstrip())}"
    fields = " ".join(f"{key}={_short(value)}" for key, value in line.fields.items())
    return f"{when}{way}{line.what} {line.name:<9} {fields}{lost}"


def _short(value: object) -> str:
    if isinstance(value, str):
        text = clean(value)
        return repr(text) if not text or any(letter in text for letter in " \n\t") else text
    return str(value)


def document(line: Line) -> dict[str, Any]:
    """One line for programs."""
    found: dict[str, Any] = {"offset": line.offset, "octets": len(line.octets), "what": line.what}
    found |= {key: value for key, value in (("way", line.way), ("at", line.at)) if value not in ("", None)}
    if line.what == "text":
        found |= {"name": line.name, "text": line.raw.decode("utf-8", "replace")}
    elif line.what == "rejected":
        found |= {"reason": line.name, "detail": line.detail, "raw": visible(line.raw)}
    else:
        found |= {"record": line.name, "fields": line.fields}
    if line.lost:
        found["lost"] = line.lost
    return found


@dataclass
class Totals:
    """What there was."""

    texts: int = 0
    frames: int = 0
    lost: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, line: Line) -> None:
        """One more."""
        self.lost += line.lost
        if line.what == "rejected":
            self.rejected[line.name] += 1
        elif line.what == "text":
            self.texts += 1
        else:
            self.frames += 1

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {name}" for name, count in self.rejected.most_common())
        return (
            f"{self.texts} lines of text, {self.frames} frames, {self.rejected.total()} rejected"
            + (f" ({reasons})" if reasons else "")
            + f", {self.lost} missing by their numbers"
        )


def explain(name: str, *, as_json: bool, with_hex: bool, only_rejected: bool) -> int:
    """Prints every line of a file, or of standard input for "-". Raises SessionError when it cannot be read."""
    totals = Totals()
    for line in _lines(name):
        totals.add(line)
        if only_rejected and line.what != "rejected":
            continue
        if as_json:
            print(json.dumps(document(line), default=str))
            continue
        print(described(line))
        if with_hex:
            print(hexadecimal(line.octets))
    if not as_json:
        print(f"# {totals}")
    return 0


def _lines(name: str) -> Iterator[Line]:
    if name == "-":
        yield from lines_of_log(sys.stdin.buffer)
        return
    path = Path(name)
    if is_capture(path):
        yield from lines_of_capture(Capture(path))
        return
    try:
        with path.open("rb") as file:
            if path.is_file():  # a pipe is read once
                if kind := named_kind(file.read(SNIFFED), path.stat().st_size, name):
                    raise SessionError(f"{name}: {kind}")
                file.seek(0)
            yield from lines_of_log(file)
    except OSError as error:
        raise SessionError(f"{name}: {error.strerror or error}") from error
