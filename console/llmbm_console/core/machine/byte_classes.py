"""What kinds of octets a stretch of memory holds, told by samples spread over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import log2
from typing import NamedTuple

SAMPLE = 4096  # octets at most


class Sample(NamedTuple):
    """Where one is taken: a part of memory with the address of its first octet, and its length."""

    address: int
    length: int


class Kind(NamedTuple):
    """Of one sample. `bits`: Shannon's entropy of its octets, 0 (all the same) to 8 (each value as often)."""

    bits: float
    zero: bool  # nothing but zeros
    text: bool  # printable ASCII, blanks, line ends, and zeros behind them


_TEXT = frozenset([*range(0x20, 0x7F), 0, 9, 10, 13])


def samples(first: int, end: int, cells: int) -> list[Sample]:
    """One sample from the middle of each of at most `cells` equal parts of memory."""
    size = end - first
    cells = max(0, min(cells, size))
    found = []
    for cell in range(cells):
        low, high = first + size * cell // cells, first + size * (cell + 1) // cells
        length = min(SAMPLE, high - low)
        found.append(Sample(low + (high - low - length) // 2, length))
    return found


def kind_of(data: bytes) -> Kind:
    """The kind of a sample of at least one octet."""
    counts = Counter(data)
    bits = log2(len(data)) - sum(count * log2(count) for count in counts.values()) / len(data)
    zero = set(counts) == {0}
    return Kind(max(0.0, bits), zero, not zero and counts.keys() <= _TEXT)


def kinds_of(data: Mapping[int, bytes]) -> dict[int, Kind]:
    """The kinds of several samples, by their number."""
    return {number: kind_of(part) for number, part in data.items()}
