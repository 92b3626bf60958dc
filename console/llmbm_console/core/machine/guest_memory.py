"""A paused machine's memory, read page by page as it is looked at, beside what the same pages held at the pause before.

How QEMU's human monitor answers `xp` and `info mtree -f` is nowhere specified; what is read here was seen in QEMU 7.2
and is checked line by line.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

PAGE = 4096  # bytes read at a time
MOST_PAGES = 2048  # kept of one pause: 8 MiB
WHOLE = 1 << 64  # the end of all addresses

_WORDS = re.compile(r"^([0-9a-f]+): ((?:0x[0-9a-f]{16} ?)+)\s*$")
_RANGE = re.compile(r"^\s*([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom|romd)\)")

Range = tuple[int, int]  # first octet, and the one behind the last


class GuestMemoryError(ValueError):
    """Memory that cannot be read; the message says what and why."""


def parse_words(text: str, address: int, length: int) -> bytes:
    """The octets in an answer to `xp /COUNTxg ADDRESS`. Raises GuestMemoryError when it is not all of them."""
    found = bytearray()
    for line in text.splitlines():
        match = _WORDS.match(line)
        if match is None or int(match[1], 16) != address + len(found):
            said = line.strip()
            raise GuestMemoryError(f"{address:#x}: QEMU answered {said!r:.80}; expected the memory from there on")
        for word in match[2].split():
            found += int(word, 16).to_bytes(8, "little")
    if len(found) < length:
        raise GuestMemoryError(f"{address:#x}: QEMU gave {len(found)} of {length} octets")
    return bytes(found[:length])


def parse_ranges(tree: str) -> tuple[Range, ...]:
    """What is memory, and no device, in an answer to `info mtree -f`: reading a device's registers may change it."""
    view, ranges = False, []
    for line in tree.splitlines():
        if line.startswith("FlatView"):
            view = False
        elif line.startswith(' AS "memory"'):
            view = True
        elif view and (match := _RANGE.match(line)) is not None:
            ranges.append((int(match[1], 16), int(match[2], 16) + 1))
    return tuple(sorted(ranges))


def within(ranges: Iterable[Range], address: int) -> Range | None:
    """The range that holds an address; ranges that touch are one."""
    joined: list[Range] = []
    for first, end in ranges:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    place = bisect_right(joined, (address, 1 << 64)) - 1
    return joined[place] if place >= 0 and joined[place][0] <= address < joined[place][1] else None


class Pages:
    """What was read at this pause and at the one before it. Addresses of pages are multiples of PAGE."""

    def __init__(self) -> None:
        self._now: dict[int, bytes] = {}
        self._before: dict[int, bytes] = {}
        self._changes: dict[int, array[int]] = {}  # of pages read at both: which of their octets differ
        self._failed: dict[int, str] = {}

    def begin(self) -> None:
        """Another pause: what was read so far is what was before. A page that nobody looked at during one pause is
        compared with the pause before that one."""
        self._before |= self._now
        while len(self._before) > MOST_PAGES:
            del self._before[next(iter(self._before))]
        self._now, self._changes, self._failed = {}, {}, {}

    def forget(self) -> None:
        """Another kernel runs: nothing of before can be compared with."""
        self._now, self._before, self._changes, self._failed = {}, {}, {}, {}

    def put(self, page: int, data: bytes) -> None:
        """A page was read."""
        if len(self._now) >= MOST_PAGES:
            oldest = next(iter(self._now))
            del self._now[oldest]
            self._changes.pop(oldest, None)
        self._now[page] = data
        before = self._before.get(page)
        if before is not None:
            pairs = zip(data, before, strict=True) if data != before else ()
            self._changes[page] = array("H", (at for at, (one, other) in enumerate(pairs) if one != other))

    def fail(self, page: int, reason: str) -> None:
        """A page cannot be read; it is not asked for again during this pause."""
        self._failed[page] = reason

    def known(self, page: int) -> bool:
        """Whether nothing needs to be asked."""
        return page in self._now or page in self._failed

    def failure(self, address: int) -> str:
        """Why an address cannot be read; "" when it was not tried or can be."""
        return self._failed.get(address - address % PAGE, "")

    def octets(self, address: int, count: int) -> list[int | None]:
        """`count` octets from an address on; None where they are not known."""
        return self._taken(self._now, address, count)

    def before(self, address: int, count: int) -> list[int | None]:
        """The same as they were."""
        return self._taken(self._before, address, count)

    @staticmethod
    def _taken(pages: dict[int, bytes], address: int, count: int) -> list[int | None]:
        found: list[int | None] = []
        while len(found) < count:
            at = address + len(found)
            page, offset = at - at % PAGE, at % PAGE
            room = min(count - len(found), PAGE - offset)
            data = pages.get(page)
            found += [None] * room if data is None else list(data[offset : offset + room].ljust(room, b"\0"))
        return found

    def compared(self, first: int = 0, end: int = WHOLE) -> int:
        """How many octets from `first` to `end` were read at this pause and at one before."""
        return sum(max(0, min(end, page + PAGE) - max(first, page)) for page in self._changes)

    def changed(self, first: int = 0, end: int = WHOLE) -> int:
        """How many of those that were compared differ."""
        return sum(
            bisect_left(found, min(PAGE, max(0, end - page))) - bisect_left(found, min(PAGE, max(0, first - page)))
            for page, found in self._changes.items()
        )

    def next_change(self, address: int) -> int | None:
        """The first changed octet behind an address, else the first one of all; None when nothing changed."""
        first: int | None = None
        for page, found in sorted((page, found) for page, found in self._changes.items() if found):
            place = bisect_right(found, address - page)
            if place < len(found):
                return page + found[place]
            first = page + found[0] if first is None else first
        return first
