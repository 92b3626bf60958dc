"""A raw log: the octets of a line as a terminal program or --raw-log wrote them, with nothing of their times. The times
are taken from the kernel's own clock, which its samples carry.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmbm_console.core.link.decode import LineDecoder
from llmbm_console.core.recording.capture import VERSION, Entry, Header
from llmbm_protocol.codec import UnknownFrame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import Record

SNIFFED = 1 << 20  # octets in which a first frame is looked for
LINE = 1 << 16  # octets of a line at most; a longer one comes in pieces
BEACONS = "hH"  # a hello, and its answer, which is also said at boot
STEP = 0.002  # s between two lines, where no clock tells


def records_of(data: bytes) -> Iterator[Record]:
    """All records from a kernel among some octets."""
    for heard in LineDecoder().feed(data):
        if not isinstance(heard, str) and not isinstance(heard[0], UnknownFrame):
            yield heard[0]


def holds_session(path: Path, most: int) -> bool:
    """True when a console and a kernel spoke in a file: a hello alone, at boot, is a beacon on the line of a person.
    True as well for one of more than `most` octets."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError:
        return False
    return len(data) > most or any(
        isinstance(piece, Frame) and piece.kind not in BEACONS for piece in FrameDecoder().feed(data)
    )


def is_raw_log(path: Path) -> bool:
    """True when a file holds a valid frame: a checksum of 32 bits is no accident."""
    try:
        with path.open("rb") as file:
            return any(isinstance(piece, Frame) for piece in FrameDecoder().feed(file.read(SNIFFED)))
    except OSError:
        return False


class RawLog:
    """A raw log as a recording: see core/recording/capture.py, Capture."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = Header(llcap=VERSION, target=path.name)
        self.problems: list[str] = []

    def entries(self) -> Iterator[Entry]:
        """A line each, at the time of the kernel's clock; a clock that began again goes on from where it was."""
        decoder, at, base, last = LineDecoder(), 0.0, 0.0, 0.0
        with self.path.open("rb") as file:
            while line := file.readline(LINE):
                at += STEP
                for heard in decoder.feed(line):
                    told = getattr(heard[0], "time", None) if not isinstance(heard, str) else None
                    if isinstance(told, int):
                        seconds = told / 1000
                        if seconds < last - 1:
                            base = at - seconds  # another boot
                        last = seconds
                        at = max(at, base + seconds)
                yield Entry(at, "i", line)
