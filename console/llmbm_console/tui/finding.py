"""Where a text stands in rows, also where it goes over the end of one that was wrapped."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from llmbm_console.tui.widgets.lines import Line


class Part(NamedTuple):
    """What of a place lies in one row."""

    row: int
    start: int  # columns
    end: int


Place = tuple[Part, ...]  # each in a row below the one before; none where only a blank was found that was lost


def counts(rows: Sequence[Line], sought: str) -> tuple[list[int], list[int]]:
    """The rows in which a place of `sought` (in lower case) begins, and how many there are up to the end of each. Most
    are only counted: one letter is found ten times in a row."""
    if " " not in sought:  # it is never wrapped
        found = [_folded(item).count(sought) if sought else 0 for item in rows]
    else:
        found = [0] * len(rows)
        for first, last in _bounds(rows):
            paragraph = _Paragraph(rows, first, last)
            for at in paragraph.find(sought):
                if place := paragraph.place(at, at + len(sought)):
                    found[place[0].row] += 1
    return [row for row, count in enumerate(found) if count], list(accumulate(filter(None, found)))


def places_of(rows: Sequence[Line], row: int, sought: str) -> list[Place]:
    """The places that lie in a row, or in part."""
    first = last = row
    if " " in sought:
        while first and rows[first - 1].soft:
            first -= 1
        while rows[last].soft and last + 1 < len(rows):
            last += 1
    paragraph = _Paragraph(rows, first, last)
    begin, end = paragraph.span(row)
    found = (paragraph.place(at, at + len(sought)) for at in paragraph.find(sought, begin, end))
    return [place for place in found if any(part.row == row for part in place)]


def _folded(item: Line) -> str:
    """A row's text in lower case; as it is where that would have another length, so that columns can be told."""
    text = item.text[item.gutter :]
    folded = text.casefold()
    return folded if len(folded) == len(text) else text


def _bounds(rows: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """The first and the last row of each paragraph."""
    first = 0
    for row, item in enumerate(rows):
        if not item.soft or row + 1 == len(rows):
            yield first, row
            first = row + 1


class _Paragraph:
    """Rows that are one text. One that was wrapped has lost a blank at its end."""

    def __init__(self, rows: Sequence[Line], first: int, last: int) -> None:
        self._rows, self._first = rows, first
        texts = [_folded(item) for item in rows[first : last + 1]]
        self._whole = " ".join(texts)
        self._begins = list(accumulate((len(text) + 1 for text in texts), initial=0))

    def span(self, row: int) -> tuple[int, int]:
        """Where a row begins in the text, and where it ends."""
        at = row - self._first
        return self._begins[at], self._begins[at + 1] - 1

    def find(self, sought: str, begin: int = 0, end: float = math.inf) -> Iterator[int]:
        """Where each place begins, each behind the one before; of those only what reaches into a part of the text."""
        at = self._whole.find(sought) if sought else -1
        while 0 <= at < end:
            if at + len(sought) > begin:
                yield at
            at = self._whole.find(sought, at + len(sought))

    def place(self, at: int, end: int) -> Place:
        """What lies in which rows; nothing of a blank that was lost."""
        parts = []
        index = bisect_right(self._begins, at) - 1
        while index < len(self._begins) - 1 and self._begins[index] < end:
            begin, stop = self.span(self._first + index)
            if max(at, begin) < min(end, stop):
                shift = self._rows[self._first + index].gutter - begin
                parts.append(Part(self._first + index, max(at, begin) + shift, min(end, stop) + shift))
            index += 1
        return tuple(parts)
