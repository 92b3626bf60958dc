"""A text file of any length by its lines: an index of where they begin, and of those that pass a filter.

Both are made by a thread, a piece after the other, and can be used while they grow. Nothing of the file itself is kept:
for a million lines the index takes half a megabyte, a filter four bytes for each line that passes.
"""

from __future__ import annotations

import mmap
import re
import threading
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.file_kind import has_controls
from llmbm_console.core.sanitise import clean

STRIDE = 16  # lines from one entry of the index to the next
PIECE = 1 << 18  # octets that are looked through before others get their turn
MOST_SHOWN = 1 << 12  # octets of one line; there may be lines of gigabytes
SNIFFED = 1 << 16  # octets by which a file is told from one that is no text
_WORD = re.compile(r'(!?)(?:"([^"]*)"?|(\S+))')


def is_text(path: Path) -> bool:
    """True for a file that has lines of text at its beginning: no NUL, and hardly a control character."""
    try:
        with path.open("rb") as file:
            begin = file.read(SNIFFED)
    except OSError:
        return False
    return bool(begin.strip()) and b"\0" not in begin and not has_controls(begin)


def text_filter(query: str) -> Callable[[bytes], bool]:
    """A test for lines in lower case: every word must be in it, none of those behind "!"; "..." may hold blanks."""
    terms = [
        (not negated, word.lower().encode())
        for negated, quoted, bare in _WORD.findall(query)
        if (word := quoted or bare)
    ]
    return lambda line: all((word in line) is wanted for wanted, word in terms)


class TextLog:
    """The lines of a file as it was when it was opened. Raises SessionError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: an empty file
            raise SessionError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
        self.size = len(self.data)
        self.count = 0  # lines found so far
        self.complete = False  # all are found
        self._begins = array("Q", [0])  # of every STRIDE-th line
        self._read = lru_cache(maxsize=64)(self._stride)

    def index(self, stop: threading.Event) -> None:
        """Finds all lines. For a thread; ends early when `stop` is set."""
        count, place = 0, 0
        while place < self.size and not stop.is_set():
            piece = self.data[place : place + PIECE]
            for match in re.finditer(b"\n", piece):
                count += 1
                if count % STRIDE == 0:
                    self._begins.append(place + match.end())
            place += len(piece)
            self.count = count
        if place >= self.size:
            self.count = count + (self.data[self.size - 1 :] != b"\n")
            self.complete = True

    def line(self, number: int) -> str:
        """A line that was found, counted from 0, without its end: clean text, cut to MOST_SHOWN octets."""
        lines = self._read(number // STRIDE)
        place = number % STRIDE
        return clean(lines[place].decode("utf-8", "replace").rstrip("\r")) if place < len(lines) else ""

    def _stride(self, number: int) -> tuple[bytes, ...]:
        """STRIDE lines."""
        place, lines = self._begins[number], list[bytes]()
        while len(lines) < STRIDE and place < self.size:
            end = self.data.find(b"\n", place)
            end = self.size if end < 0 else end
            lines.append(self.data[place : min(end, place + MOST_SHOWN)])
            place = end + 1
        return tuple(lines)


class Filtered:
    """The numbers of the lines that pass a filter, found so far."""

    def __init__(self, log: TextLog, query: str) -> None:
        self.numbers = array("I")
        self.complete = False
        self._log, self._passes = log, text_filter(query)

    def run(self, stop: threading.Event) -> None:
        """Looks at every line. For a thread; ends early when `stop` is set."""
        number = 0
        for lines in self._pieces():
            if stop.is_set():
                return
            found = [number + place for place, line in enumerate(lines) if self._passes(line)]
            self.numbers.extend(found)
            number += len(lines)
        self.complete = True

    def _pieces(self) -> Iterator[list[bytes]]:
        """All lines in lower case, many at once. Of one that is longer than a piece, its beginning."""
        data, size, place = self._log.data, self._log.size, 0
        while place < size:
            end = min(size, place + PIECE)
            if end < size:
                last = data.rfind(b"\n", place, end)
                if last < 0:
                    last = data.find(b"\n", end)
                    yield [data[place:end].lower()]
                    place = size if last < 0 else last + 1
                    continue
                end = last + 1
            lines = data[place:end].lower().split(b"\n")
            yield lines if lines[-1] else lines[:-1]
            place = end
