"""What was, for looking back: states of the session in the order of their times, and the moments worth going to.

States are immutable and share what did not change, so a recorded moment costs little more than what changed in it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from llmbm_console.core.state import Seam, State, Turn

LENGTH = 20 * 60.0  # seconds that are kept
FINE = 60.0  # the newest seconds, kept in small steps
FINE_STEP = 0.25
COARSE_STEP = 1.0
WHOLE_STEP = 1 / 30  # of a recording, at first
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
        self._counted: tuple[tuple[int, int, int], list[int]] | None = None  # the picture of activity, and of what
        self._times: list[float] = []
        self._states: list[State] = []
        self._thinned = 0  # so many, from the oldest on, are already a second apart
        self._set: list[Mark] = []

    def __len__(self) -> int:
        return len(self._times)

    def note(self, state: State) -> None:
        """A new state; within a step of the last one it takes its place, so that the newest is always there."""
        at = state.now
        if self._times and at < self._times[-1]:
            return  # a moment of another clock has no place in this order
        if len(self._times) > 1 and at - self._times[-2] < self._step:
            self._times[-1], self._states[-1] = at, state
            return
        self._times.append(at)
        self._states.append(state)
        self._thin(at)

    def _thin(self, now: float) -> None:
        """Moves the border between fine and coarse on, and forgets what is too old."""
        if self._whole:
            if len(self._times) > WHOLE_MOST:
                del self._times[1:-1:2], self._states[1:-1:2]
                self._step *= 2
            return
        while self._thinned + 1 < len(self._times) and self._times[self._thinned + 1] < now - FINE:
            before = self._times[self._thinned - 1] if self._thinned else None
            if before is not None and self._times[self._thinned] - before < COARSE_STEP:
                del self._times[self._thinned], self._states[self._thinned]
            else:
                self._thinned += 1
        old = bisect_right(self._times, now - LENGTH)
        if old > 16:  # in lumps: each removal moves the whole list
            del self._times[:old], self._states[:old]
            self._thinned = max(0, self._thinned - old)
            self._set = [mark for mark in self._set if mark.at >= now - LENGTH]

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
        self._set.append(Mark(at, text))

    def marks(self) -> list[Mark]:
        """All moments worth going to, in order: marks set, turns begun, seams, and lines of the log that warn."""
        if not self._states:
            return []
        first, newest = self._times[0], self._states[-1]
        turns = (*newest.items, newest.turn)
        found = [Mark(item.started_at, f"turn {item.number}") for item in turns if isinstance(item, Turn)]
        found += [Mark(item.at, item.text) for item in newest.items if isinstance(item, Seam)]
        found += [Mark(entry.at, entry.text) for entry in newest.log if entry.severity != "info"]
        return sorted((mark for mark in (*found, *self._set) if mark.at >= first), key=lambda mark: mark.at)

    def mark_beside(self, moment: float, direction: int) -> Mark | None:
        """The next (1) or previous (-1) mark seen from a moment; None when there is none."""
        marks = self.marks()
        if direction > 0:
            return next((mark for mark in marks if mark.at > moment + 0.05), None)
        return next((mark for mark in reversed(marks) if mark.at < moment - 0.05), None)

    # ---- the picture of it

    def activity(self, columns: int) -> list[int]:
        """Decode passes in each of `columns` equal parts of the recorded span: how busy the kernel was. Good to a
        second of its end."""
        key = (columns, int(self.span[0]), int(self.span[1]))
        if self._counted is None or self._counted[0] != key:
            self._counted = (key, self._count(columns))
        return self._counted[1]

    def _count(self, columns: int) -> list[int]:
        counts = [0] * max(1, columns)
        first, last = self.span
        if last <= first:
            return counts
        newest = self._states[-1]
        for item in (*newest.items, newest.turn):
            if isinstance(item, Turn):
                for token in item.tokens:
                    if token.at >= first:
                        counts[min(len(counts) - 1, int((token.at - first) / (last - first) * len(counts)))] += 1
        return counts
