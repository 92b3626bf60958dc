"""Where a text stands in rows, also where it goes over the end of one that was wrapped."""

from __future__ import annotations

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


Place = tuple[Part, ...]  # at least one part, each in a row below the one before


def counts(rows: Sequence[Line], sought: str) -> tuple[list[int], list[int]]:
    """The rows in which a place of `sought` (in lower case) begins, and how many there are up to the end of each. Most
    are only counted: one letter is found ten times in a row."""
    if " " not in sought:  # it is never wrapped
        found = [_folded(item).count(sought) if sought else 0 for item in rows]
    else:
        found = [0] * len(rows)
        for first, last in _paragraphs(rows):
            for place in _places(rows, first, last, sought):
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
    return [place for place in _places(rows, first, last, sought) if any(part.row == row for part in place)]


def _folded(item: Line) -> str:
    """A row's text in lower case; as it is where that would have another length, so that columns can be told."""
    text = item.text[item.gutter :]
    folded = text.casefold()
    return folded if len(folded) == len(text) else text


def _paragraphs(rows: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """The first and the last row of each."""
    first = 0
    for row, item in enumerate(rows):
        if not item.soft or row + 1 == len(rows):
            yield first, row
            first = row + 1


def _places(rows: Sequence[Line], first: int, last: int, sought: str) -> Iterator[Place]:
    """The places in a paragraph, each behind the one before. A row that was wrapped has lost a blank at its end."""
    texts = [_folded(item) for item in rows[first : last + 1]]
    whole = " ".join(texts)
    begins = list(accumulate((len(text) + 1 for text in texts), initial=0))
    at = whole.find(sought) if sought else -1
    while at >= 0:
        end = at + len(sought)
        parts = []
        for row, (begin, text) in enumerate(zip(begins, texts, strict=False), first):
            start, stop = max(at, begin) - begin, min(end, begin + len(text)) - begin
            if start < stop:
                gutter = rows[row].gutter
                parts.append(Part(row, gutter + start, gutter + stop))
        if parts:
            yield tuple(parts)
        at = whole.find(sought, end)
