"""What was, for looking back: states of the session in the order of their times, and the moments worth going to.

States are immutable and share what did not change, so a recorded moment costs little more than what changed in it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any, TypeVar

from llmbm_console.core.state import Seam, State, Turn

T = TypeVar("T")

LENGTH = 20 * 60.0  # seconds that are kept
FINE = 60.0  # the newest seconds, kept in small steps
FINE_STEP = 0.25
COARSE_STEP = 1.0
WHOLE_STEP = 1 / 30  # of a recording, at first
MOST_MARKS = 100_000
WHOLE_MOST = 20_000  # states of a recording; with more, every second one goes and the step is doubled


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth going to: a turn's beginning, a warning, a seam, or one that the person set."""

    at: float  # host's monotonic seconds
    text: str


class Timeline:
    """Remembers states: every quarter of a second of the last minute, every second of the last twenty minutes. With
    `whole`, all of a recording, in steps as small as its length allows."""

    def __init__(self, whole: bool = False) -> None:
        self._whole = whole
        self._step = WHOLE_STEP if whole else FINE_STEP
        self._times: list[float] = []
        self._states: list[State] = []
        self._passes: list[int] = []  # decode passes up to each state
        self._thinned = 0  # so many, from the oldest on, are already a second apart
        self._marks: list[Mark] = []  # in their order
        self._newest = State()  # the last one that was noted

    def __len__(self) -> int:
        return len(self._times)

    def begin(self, state: State) -> None:
        """Forgets everything: a clip begins with this state."""
        self._times, self._states, self._passes, self._marks = [state.now], [state], [0], []
        self._thinned, self._newest = 0, state

    def note(self, state: State) -> None:
        """A new state; within a step of the last one it takes its place, so that the newest is always there."""
        at = state.now
        if self._times and at < self._times[-1]:
            return  # a moment of another clock has no place in this order
        before, self._newest = self._newest, state
        passes = (self._passes[-1] if self._passes else 0) + _passes_since(before, state)
        for mark in _marks_since(before, state):
            self._keep(mark)
        if len(self._times) > 1 and at - self._times[-2] < self._step:
            self._times[-1], self._states[-1], self._passes[-1] = at, state, passes
            return
        self._times.append(at)
        self._states.append(state)
        self._passes.append(passes)
        self._thin(at)

    def _thin(self, now: float) -> None:
        """Moves the border between fine and coarse on, and forgets what is too old."""
        if self._whole:
            if len(self._times) > WHOLE_MOST:
                self._forget(slice(1, -1, 2))
                self._step *= 2
            return
        while self._thinned + 1 < len(self._times) and self._times[self._thinned + 1] < now - FINE:
            before = self._times[self._thinned - 1] if self._thinned else None
            if before is not None and self._times[self._thinned] - before < COARSE_STEP:
                self._forget(slice(self._thinned, self._thinned + 1))
            else:
                self._thinned += 1
        old = bisect_right(self._times, now - LENGTH)
        if old > 16:  # in lumps: each removal moves the whole list
            self._forget(slice(old))
            self._thinned = max(0, self._thinned - old)
            del self._marks[: bisect_left(self._marks, now - LENGTH, key=_moment)]

    def _forget(self, places: slice) -> None:
        columns: tuple[list[Any], ...] = (self._times, self._states, self._passes)
        for column in columns:
            del column[places]

    @property
    def span(self) -> tuple[float, float]:
        """The first and last recorded moment; (0, 0) while there is none."""
        return (self._times[0], self._times[-1]) if self._times else (0.0, 0.0)

    def at(self, moment: float) -> State | None:
        """The state as it was at a moment: the last one not later, else the first. None while there is none."""
        if not self._times:
            return None
        return self._states[max(0, bisect_right(self._times, moment) - 1)]

    # ---- marks

    def mark(self, at: float, text: str) -> None:
        """Sets a mark."""
        self._keep(Mark(at, text))

    def _keep(self, mark: Mark) -> None:
        insort(self._marks, mark, key=_moment)
        if len(self._marks) > MOST_MARKS:
            del self._marks[: MOST_MARKS // 10]

    def marks(self) -> list[Mark]:
        """All moments worth going to, in order: marks set, turns begun, seams, and lines of the log that warn."""
        return self._marks[bisect_left(self._marks, self.span[0], key=_moment) :]

    def mark_beside(self, moment: float, direction: int) -> Mark | None:
        """The next (1) or previous (-1) mark seen from a moment; None when there is none."""
        marks = self.marks()
        if direction > 0:
            place = bisect_right(marks, moment + 0.05, key=_moment)
            return marks[place] if place < len(marks) else None
        place = bisect_left(marks, moment - 0.05, key=_moment)
        return marks[place - 1] if place else None

    # ---- the picture of it

    def activity(self, columns: int) -> list[int]:
        """Decode passes in each of `columns` equal parts of the recorded span: how busy the kernel was."""
        columns = max(1, columns)
        first, last = self.span
        if last <= first:
            return [0] * columns
        edges = [first + (last - first) * column / columns for column in range(1, columns)]
        counts = [self._passes[bisect_right(self._times, edge) - 1] for edge in edges]
        return [after - before for before, after in pairwise((self._passes[0], *counts, self._passes[-1]))]


_moment = attrgetter("at")


def _passes_since(before: State, state: State) -> int:
    """Tokens that a state has more than the one before."""
    turn, known = state.turn, before.turn
    if turn is None or turn is known:
        return 0
    same = known is not None and known.started_at == turn.started_at and known.number == turn.number
    return max(0, len(turn.tokens) - (len(known.tokens) if same and known is not None else 0))


def _marks_since(before: State, state: State) -> Iterator[Mark]:
    """What is worth going to in a state and was not there in the one before."""
    known = _turn_of(before)
    if (turn := state.turn) is not None and _turn_of(state) != known:
        yield Mark(turn.started_at, f"turn {turn.number}")
    if state.items is not before.items:
        new = len(state.items) + state.dropped_items - len(before.items) - before.dropped_items
        for item in _last(state.items, new):
            if isinstance(item, Seam):
                yield Mark(item.at, item.text)
            elif isinstance(item, Turn) and (item.number, item.started_at) != known:
                yield Mark(item.started_at, f"turn {item.number}")
    if state.log is not before.log:
        new = len(state.log) + state.dropped_log - len(before.log) - before.dropped_log
        yield from (Mark(entry.at, entry.text) for entry in _last(state.log, new) if entry.severity != "info")


def _turn_of(state: State) -> tuple[int, float] | None:
    return (state.turn.number, state.turn.started_at) if state.turn is not None else None


def _last(elements: Sequence[T], count: int) -> Sequence[T]:
    """So many of the last ones, as far as they are still there."""
    return elements[max(0, len(elements) - count) :] if count > 0 else ()
