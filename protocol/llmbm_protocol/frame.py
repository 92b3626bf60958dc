"""Frames of LLP/1: encoding one, and finding them in a stream of bytes that may hold anything (protocol/SPEC.md,
"Lines").

Nothing is guessed: a frame is accepted only in its one spelling and with a right CRC-32. Everything else comes out
again, in order, as noise (console text) or as a rejected line with the reason.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from llmbm_protocol.schema import MAX_FIELDS, MAX_LINE

#: "@q 0001 ": bytes that do not begin so are no frame but console text.
HEAD_BYTES = 8
#: ETB ends a line as LF does, and is Enter to no prompt that knows no frames.
END = b"\x17"

# Possessive quantifiers: no input makes the expressions backtrack.
_VALUE = rb"(?:[!-$&-)+-<>?A-~]++|%[0-9a-f]{2})*+"
_BODY = rb"([A-Za-z]) ([0-9a-f]{4})((?: [a-z][a-z0-9]{0,7}+=" + _VALUE + rb")*+)"
_FRAME = re.compile(rb"@(" + _BODY + rb")\*([0-9a-f]{8})[\r\n\x17]")
_BODY_ONLY = re.compile(_BODY)
_CHECKSUM = re.compile(rb"\*([0-9a-f]{8})[\r\n\x17]\Z")
_BEGIN = re.compile(rb"@(?=[A-Za-z]|\Z)")  # any other "@" is noise
_NEXT = re.compile(rb"[@\r\n\x17]")
_HEAD = re.compile(rb"@(?:[A-Za-z](?: (?:[0-9a-f]{1,4}+)?+)?+)?+")
_KEY = re.compile(r"[a-z][a-z0-9]{0,7}")
_TEXT_VALUE = re.compile(_VALUE.decode("ascii"))


class RejectReason(StrEnum):
    """Why something that looked like a frame is none."""

    CHECKSUM = "checksum"  # no CRC at the end, or a wrong one
    TOO_LONG = "too_long"  # 240 octets without line end
    CUT = "cut"  # another "@" before the line end
    GRAMMAR = "grammar"  # a right CRC over something else than a frame
    RECORD = "record"  # a frame, but its fields are not those of its record


@dataclass(frozen=True, slots=True)
class Frame:
    """A valid frame. The values are as on the wire, still escaped: only the record says what they are."""

    kind: str
    sequence: int
    fields: dict[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Noise:
    """Console text: bytes that are no part of any frame."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """A damaged or malformed frame, whole."""

    raw: bytes
    reason: RejectReason
    detail: str


Piece = Frame | Noise | Rejected


class FrameError(ValueError):
    """A frame cannot be written: the message names the field and what is wrong with it."""


def encode(kind: str, sequence: int, fields: Mapping[str, str]) -> bytes:
    """One frame with its line end (CR LF from the kernel, LF from the host). The values are already in wire form.

    Raises FrameError for what the grammar does not allow and for a line of more than 240 octets.
    """
    if not (len(kind) == 1 and kind.isascii() and kind.isalpha()) or not 0 <= sequence <= 0xFFFF:
        raise FrameError(f"frame kind {kind!r} sequence {sequence}: expected one letter, and 0 to 65535")
    if len(fields) > MAX_FIELDS:
        raise FrameError(f"frame {kind}: {len(fields)} fields, at most {MAX_FIELDS} are allowed")
    parts = [f"{kind} {sequence:04x}"]
    for key, value in fields.items():
        if not _KEY.fullmatch(key) or not _TEXT_VALUE.fullmatch(value):
            raise FrameError(f"frame {kind}: field {key}={value!r} is not in wire form")
        parts.append(f"{key}={value}")
    body = " ".join(parts).encode("ascii")
    line = b"@%b*%08x%b" % (body, zlib.crc32(body), b"\r\n" if kind.isupper() else b"\n")
    if len(line) > MAX_LINE:
        raise FrameError(f"frame {kind}: {len(line)} octets, at most {MAX_LINE} are allowed")
    return line


def _fields(text: bytes) -> dict[str, str] | None:
    """The fields of a body that matched the grammar; None when a key comes twice."""
    pairs = text.decode("ascii").split(" ")
    fields: dict[str, str] = {}
    for pair in pairs[1:]:
        key, _, value = pair.partition("=")
        fields[key] = value
    return fields if len(fields) == len(pairs) - 1 else None


def _rejected_line(raw: bytes) -> Rejected:
    """Why a whole line is no frame. The order of the checks is that of the kernel's receiver."""
    end = _CHECKSUM.search(raw)
    if end is None:
        return Rejected(raw, RejectReason.CHECKSUM, "the line does not end with a checksum")
    body = raw[1 : end.start()]
    computed = zlib.crc32(body)
    if int(end[1], 16) != computed:
        return Rejected(raw, RejectReason.CHECKSUM, f"checksum {end[1].decode()}, computed {computed:08x}")
    match = _BODY_ONLY.match(body)
    if match is None or match.end() != len(body):
        column = 1 + (match.end() if match else 0)
        return Rejected(raw, RejectReason.GRAMMAR, f"column {column} is not what the grammar allows there")
    if body.count(b"=") > MAX_FIELDS:
        return Rejected(raw, RejectReason.GRAMMAR, f"more than {MAX_FIELDS} fields")
    return Rejected(raw, RejectReason.GRAMMAR, "a key comes twice")


class FrameDecoder:
    """Finds frames in a stream. Holds back at most one unfinished line, so its memory is bounded whatever comes."""

    def __init__(self) -> None:
        self._pending = b""
        self._after_return = False

    @property
    def pending(self) -> bytes:
        """What is held back because a frame may be coming."""
        return self._pending

    def flush(self) -> list[Piece]:
        """Gives up waiting: what is held back comes out as noise. For the end of a stream."""
        held, self._pending, self._after_return = self._pending, b"", False
        return [Noise(held)] if held else []

    def feed(self, data: bytes) -> list[Piece]:
        """Takes more bytes, gives what is complete now. How the stream is cut into calls does not matter, but
        for where noise is cut."""
        if not data:
            return []
        buffer = self._pending + data
        self._pending = b""
        at = 1 if self._after_return and buffer[:1] == b"\n" else 0
        self._after_return = False
        pieces: list[Piece] = []
        noise_from = at
        while True:
            begin = _BEGIN.search(buffer, at)
            if begin is None:
                start = len(buffer)
                break
            start = begin.start()
            match = _FRAME.match(buffer, start)
            piece: Piece | None = self._accept(match) if match else None
            if piece is not None and match is not None:
                end = match.end()
            else:
                piece, end = self._slow(buffer, start)
                if end < 0:
                    break
            if piece is None:
                at = end
                continue
            if start > noise_from:
                pieces.append(Noise(buffer[noise_from:start]))
            pieces.append(piece)
            at = noise_from = self._after_line(buffer, end)
        if start > noise_from:
            pieces.append(Noise(buffer[noise_from:start]))
        self._pending = buffer[start:]
        return pieces

    def _after_line(self, buffer: bytes, end: int) -> int:
        """Where the stream goes on after a frame or rejected line: behind the LF of a CR LF."""
        if buffer[end - 1] != 0x0D:
            return end
        if end == len(buffer):
            self._after_return = True
            return end
        return end + 1 if buffer[end] == 0x0A else end

    @staticmethod
    def _accept(match: re.Match[bytes]) -> Frame | None:
        """The frame of a line that matched the grammar, None when anything else is wrong with it."""
        body, kind, sequence, text, checksum = match.groups()
        if int(checksum, 16) != zlib.crc32(body) or match.end() - match.start() > MAX_LINE:
            return None
        fields = _fields(text)
        if fields is None or len(fields) > MAX_FIELDS:
            return None
        return Frame(kind.decode("ascii"), int(sequence, 16), fields, match[0])

    @staticmethod
    def _slow(buffer: bytes, start: int) -> tuple[Rejected | None, int]:
        """What begins at this "@" and is no valid frame: the rejected line and its end, or None and where to
        look on (it is noise up to there), or -1 when more bytes are needed."""
        head = _HEAD.match(buffer, start, start + HEAD_BYTES - 1)
        good = head.end() if head else start + 1
        if good < start + HEAD_BYTES - 1:
            return None, (-1 if good == len(buffer) else good)
        if good == len(buffer):
            return None, -1
        if buffer[good] not in b" *":
            return None, good
        end = _NEXT.search(buffer, start + HEAD_BYTES, start + MAX_LINE)
        if end is None:
            if len(buffer) - start < MAX_LINE:
                return None, -1
            raw = buffer[start : start + MAX_LINE]
            return Rejected(raw, RejectReason.TOO_LONG, f"{MAX_LINE} octets without a line end"), start + MAX_LINE
        if end[0] == b"@":
            raw = buffer[start : end.start()]
            return Rejected(raw, RejectReason.CUT, 'another "@" before the line end'), end.start()
        return _rejected_line(buffer[start : end.end()]), end.end()
