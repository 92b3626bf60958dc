"""Looking for octets in a paused machine's memory: which part in which order, chunk by chunk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

Read = Callable[[int, int], Awaitable[bytes]]  # address, octets

CHUNK = 1 << 20  # octets read at a time: nothing else is done while they are looked through


class Leg(NamedTuple):
    """A part of the way: places may begin from `first` on and before `end`. `word` is what there is to say of a place
    that is found here."""

    first: int
    end: int
    word: str = ""


def legs(
    within: tuple[int, int], around: tuple[int, int], start: int, length: int, direction: int, name: str
) -> list[Leg]:
    """The way through memory from `start` on, which is part of it: to the end of `within`, round to where it began,
    and then through what else there is `around` it; for `direction` -1 the other way about. A place of `length` octets
    lies wholly inside, also where it goes over a border of `within`, whose name is `name`."""
    lowest, highest = around[0], max(around[0], around[1] - length + 1)
    low = min(max(within[0], lowest), highest)
    high = min(max(within[1] - length + 1, low), highest)
    outside = f"outside of {name}"
    start = min(max(start if direction > 0 else start + 1, low), high)
    if direction > 0:
        way = [Leg(start, high), Leg(low, start, f"from the beginning of {name}")]
        way += [Leg(high, highest, outside), Leg(lowest, low, outside)]
    else:
        way = [Leg(low, start), Leg(start, high, f"from the end of {name}")]
        way += [Leg(lowest, low, outside), Leg(high, highest, outside)]
    return [leg for leg in way if leg.first < leg.end]


class Found(NamedTuple):
    """Where a place begins, and what there is to say of the way to it."""

    address: int
    word: str


class Search:
    """One way through memory. It can be left between two chunks and gone on with later."""

    def __init__(self, octets: bytes, way: Sequence[Leg], direction: int, chunk: int = CHUNK) -> None:
        self.octets, self.direction = octets, direction
        self.size = sum(leg.end - leg.first for leg in way)
        self.done = 0  # places looked at
        self.first = min((leg.first for leg in way), default=0)
        self.end = max((leg.end + len(octets) - 1 for leg in way), default=0)
        self._parts = self._cut(way, chunk)
        self._part = next(self._parts, None)

    def _cut(self, way: Sequence[Leg], chunk: int) -> Iterator[Leg]:
        for leg in way:
            for at in range(0, leg.end - leg.first, chunk):
                if self.direction > 0:
                    yield Leg(leg.first + at, min(leg.first + at + chunk, leg.end), leg.word)
                else:
                    yield Leg(max(leg.end - at - chunk, leg.first), leg.end - at, leg.word)

    @property
    def over(self) -> bool:
        """Whether all of the way was gone."""
        return self._part is None

    @property
    def place(self) -> int:
        """The address up to which it has come."""
        if self._part is None:
            return self.end if self.direction > 0 else self.first
        return self._part.first if self.direction > 0 else self._part.end

    async def step(self, read: Read) -> Found | None:
        """Looks through the next chunk. Each is read with so many octets of the next one that a place which goes over
        the border between two is whole. Raises what `read` raises; the chunk is then still to be looked through."""
        part = self._part
        if part is None:
            return None
        data = await read(part.first, part.end - part.first + len(self.octets) - 1)
        self._part = next(self._parts, None)
        self.done += part.end - part.first
        at = data.find(self.octets) if self.direction > 0 else data.rfind(self.octets)
        return Found(part.first + at, part.word) if at >= 0 else None
