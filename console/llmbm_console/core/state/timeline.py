"""What was, for looking back: states of the session in the order of their times, and the moments worth going to.

States are immutable and share what did not change, so a recorded moment costs little more than what changed in it. What
they hold and the state of now does not is counted, and has a bound however fast a session is: of the oldest ones only
the ends of their transcript and log stay, at moments further apart; where that is not enough, the oldest go.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from operator import attrgetter
from typing import Any, TypeVar

from llmbm_console.core.state.room import dropped_room, ends_room, own_room
from llmbm_console.core.state.series import Series
from llmbm_console.core.state.state import Seam, State, Turn, changed, newest_turn
from llmbm_console.core.state.turns import without_choices

T = TypeVar("T")

LENGTH = 20 * 60.0  # seconds that are kept
FINE = 60.0  # the newest seconds, kept in small steps
FINE_STEP = 0.25
COARSE_STEP = 1.0
ONE_READ = 0.1  # longer than what one read held is ever worked on
WHOLE_STEP = 1 / 30  # of a recording, at first
MOST_MARKS = 20_000
MOST_ROOM = 64 << 20  # octets of what only these states have
LEAST_OLD = 16  # states that are worth thinning
ENDS_STEP = 10.0  # s between states of which only the ends are kept; twice that where there is no room for them
END_ITEMS, END_LOG = 40, 100  # of transcript and log that they keep: more than a screen shows
WHOLE_MOST = 20_000  # states of a recording; with more, every second one goes and the step is doubled
WHOLE_MARKS = 100_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth going to: a turn's beginning, a warning, a seam, or one that the person set."""

    at: float  # host's monotonic seconds
    text: str
    own: bool = False  # the person set it
    turn: bool = False  # a turn begins there


class _Answer:
    """The newest text of an answer. States of while it was written have its beginning: each with a text of its own
    would be memory that grows with the square of its length."""

    __slots__ = ("text",)

    def __init__(self) -> None:
        self.text = ""


class Timeline:
    """Remembers states: every quarter of a second of the last minute, every second of the last twenty minutes, as far
    back as MOST_ROOM allows. With `whole`, all of a recording, in steps as small as its length allows."""

    def __init__(self, whole: bool = False) -> None:
        self._whole = whole
        self._step = WHOLE_STEP if whole else FINE_STEP
        self._times: list[float] = []
        self._states: list[State] = []  # all but the newest without the text of the running answer
        self._answers: list[_Answer | None] = []  # that each state's running one is
        self._lengths: list[int] = []  # of its text then
        self._answer: _Answer | None = None  # the one that runs
        self._passes: list[int] = []  # decode passes up to each state
        self._rooms: list[int] = []  # octets that each state has for itself; 0 for the newest, which is still replaced
        self._room = 0  # of all of them
        self._thinned = 0  # so many, from the oldest on, are already a second apart
        self._ends = 0  # so many, from the oldest on, have only the ends of their transcript and log
        self._ends_step = ENDS_STEP
        self.forgot = False  # moments before the first one were let go
        self._marks: list[Mark] = []  # in their order
        self._newest = State()  # the last one that was noted

    def __len__(self) -> int:
        return len(self._times)

    def begin(self, state: State) -> None:
        """Forgets everything: a clip begins with this state."""
        self._times, self._states, self._passes, self._marks = [state.now], [state], [0], []
        self._answer = None
        self._answers, self._lengths = [self._follow(State(), state)], [_length(state)]
        self._rooms, self._room = [0], 0
        self._thinned, self._ends, self._newest = 0, 0, state

    def note(self, state: State) -> None:
        """A new state; within a step of the last one it takes its place, so that the newest is always there."""
        at = state.now
        if self._times and at < self._times[-1]:
            if at < self._times[-1] - ONE_READ:
                return  # a moment of another clock has no place in this order
            at = self._times[-1]  # frames have the time of their read, and an event in their midst has its own
        before, self._newest = self._newest, state
        passes = (self._passes[-1] if self._passes else 0) + _passes_since(before, state)
        for mark in _marks_since(before, state):
            self._keep(mark)
        answer = self._follow(before, state)
        if len(self._times) > 1 and at - self._times[-2] < self._step:
            self._times[-1], self._states[-1], self._passes[-1] = at, state, passes
            self._answers[-1], self._lengths[-1] = answer, _length(state)
            return
        if self._states:
            self._states[-1] = _without_text(self._states[-1])
            self._count(len(self._states) - 1)
        self._times.append(at)
        self._states.append(state)
        self._passes.append(passes)
        self._answers.append(answer)
        self._lengths.append(_length(state))
        self._rooms.append(0)
        self._thin(at)
        self._fit()

    def _follow(self, before: State, state: State) -> _Answer | None:
        """The answer that runs, and its text so far; one that ended has the text of its item from then on."""
        turn, answer = state.turn, self._answer
        if turn is None:
            last = newest_turn(state) if answer is not None else None
            if answer is not None and last is not None and last.text.startswith(answer.text):
                answer.text = last.text
            self._answer = None
        elif answer is None or _turn_of(before) != _turn_of(state) or not turn.text.startswith(answer.text):
            self._answer = _Answer()
        if turn is not None and self._answer is not None:
            self._answer.text = turn.text
        return self._answer

    def _count(self, place: int) -> None:
        """Counts what the state at a place has for itself."""
        if place > 0:
            room = own_room(self._states[place - 1], self._states[place])
            if place < self._ends:
                room += ends_room(self._states[place])
            self._room += room - self._rooms[place]
            self._rooms[place] = room

    @property
    def room(self) -> int:
        """About the octets of memory that only these states take: their own, and what left the state of now."""
        if not self._states:
            return 0
        return self._room + self._shared_room

    @property
    def _shared_room(self) -> int:
        """Of transcript and log that the state of now has no more."""
        first = min(self._ends, len(self._states) - 1)
        return dropped_room(self._states[-1]) - dropped_room(self._states[first])

    def _fit(self) -> None:
        """Keeps the bound. A recording's transcript is there as a whole: only the states with it are thinned."""
        if self._whole:
            if self._room > MOST_ROOM:
                self._thin_whole()
            return
        while self.room > MOST_ROOM and len(self._states) > 2:
            if self._shared_room > MOST_ROOM // 2 and self._ends < len(self._states) - 1:
                self._keep_ends(max(1, (len(self._states) - self._ends) // LEAST_OLD))
            elif self._room > MOST_ROOM // 2 and self._ends > LEAST_OLD:
                count, self._ends = self._ends, 0
                self._ends_step *= 2
                self._keep_ends(count)
            elif self._room > MOST_ROOM // 2 and self._thinned > LEAST_OLD:
                self._forget(slice(1, self._thinned, 2))
                self._thinned -= self._thinned // 2
                self._ends -= self._ends // 2
            else:
                self._forget_first(max(1, len(self._states) // LEAST_OLD))

    def _keep_ends(self, count: int) -> None:
        """Of so many more states only the ends stay, and only of those that are a step apart."""
        first, end = self._ends, min(self._ends + count, len(self._states) - 1)
        before, kept = self._times[first - 1] if first else -inf, []
        for place in range(first, end):
            if self._times[place] - before >= self._ends_step:
                before = self._times[place]
                kept.append(place)
        gone = end - first - len(kept)
        self._thinned = max(first + len(kept), self._thinned - gone)
        self._room -= sum(self._rooms[first:end])
        for column in self._columns:
            column[first:end] = [column[place] for place in kept]
        self._ends = first + len(kept)
        for place in range(first, self._ends):
            self._states[place] = _with_ends(self._states[place])
            self._rooms[place] = 0
            self._count(place)
        if self._ends < len(self._states) - 1:
            self._count(self._ends)

    def _thin_whole(self) -> None:
        self._forget(slice(1, -1, 2))
        self._step *= 2

    def _forget_first(self, count: int) -> None:
        self.forgot = True
        self._forget(slice(count))
        self._thinned, self._ends = max(0, self._thinned - count), max(0, self._ends - count)
        if not self._ends:
            self._ends_step = ENDS_STEP
        del self._marks[: bisect_left(self._marks, self._times[0], key=_moment)]

    def _thin(self, now: float) -> None:
        """Moves the border between fine and coarse on, and forgets what is too old."""
        if self._whole:
            if len(self._times) > WHOLE_MOST:
                self._thin_whole()
            return
        while self._thinned + 1 < len(self._times) and self._times[self._thinned + 1] < now - FINE:
            before = self._times[self._thinned - 1] if self._thinned else None
            if before is not None and self._times[self._thinned] - before < COARSE_STEP:
                self._forget(slice(self._thinned, self._thinned + 1))
            else:
                self._thinned += 1
        old = bisect_right(self._times, now - LENGTH)
        if old > 16:  # in lumps: each removal moves the whole list
            self._forget_first(old)

    def _forget(self, places: slice) -> None:
        first, end, step = places.indices(len(self._times))
        gone = range(first, end, step)
        self._room -= sum(self._rooms[places])
        for column in self._columns:
            del column[places]
        if step == 1:
            followers: Iterable[int] = (first,)
        else:
            followers = (place - number for number, place in enumerate(gone))
        for place in followers:  # each has more for itself, beside the one that is before it now
            if place < len(self._states) - 1:
                self._count(place)

    @property
    def _columns(self) -> tuple[list[Any], ...]:
        return self._times, self._states, self._passes, self._answers, self._lengths, self._rooms

    @property
    def span(self) -> tuple[float, float]:
        """The first and last recorded moment; (0, 0) while there is none."""
        return (self._times[0], self._times[-1]) if self._times else (0.0, 0.0)

    def at(self, moment: float) -> State | None:
        """The state as it was at a moment: the last one not later, else the first. None while there is none."""
        if not self._times:
            return None
        place = max(0, bisect_right(self._times, moment) - 1)
        state, answer = self._states[place], self._answers[place]
        if state.turn is None or answer is None or place == len(self._states) - 1:
            return state
        return changed(state, turn=replace(state.turn, text=answer.text[: self._lengths[place]]))

    # ---- marks

    def mark(self, at: float, text: str) -> None:
        """Sets a mark of the person."""
        self._keep(Mark(at, text, own=True))

    def _keep(self, mark: Mark) -> None:
        insort(self._marks, mark, key=_moment)
        most = WHOLE_MARKS if self._whole else MOST_MARKS
        if len(self._marks) > most:
            del self._marks[: most // 10]

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

    def clip_begin(self, moment: float) -> Mark | None:
        """Where a clip that ends at a moment begins: the last mark before it that the person set, else the last turn (a
        warning in the midst of its answer is no beginning), else the last one there is; None when there is none."""
        before = self.marks()
        before = before[: bisect_left(before, moment - 0.05, key=_moment)][::-1]
        kinds = ((mark for mark in before if mark.own), (mark for mark in before if mark.turn), before)
        return next((mark for kind in kinds for mark in kind), None)

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


def _length(state: State) -> int:
    return len(state.turn.text) if state.turn is not None else 0


def _without_text(state: State) -> State:
    return changed(state, turn=replace(state.turn, text="")) if state.turn is not None else state


def _with_ends(state: State) -> State:
    """How tokens were chosen takes more than all the rest, and is let go with it."""
    items, log = len(state.items) - END_ITEMS, len(state.log) - END_LOG
    kept = (
        without_choices(item) if isinstance(item, Turn) and item.choices else item for item in state.items[-END_ITEMS:]
    )
    return changed(
        state,
        turn=without_choices(state.turn) if state.turn is not None and state.turn.choices else state.turn,
        items=Series(kept),
        log=Series(state.log[max(0, log) :]),
        dropped_items=state.dropped_items + max(0, items),
        dropped_log=state.dropped_log + max(0, log),
    )


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
        yield Mark(turn.started_at, f"turn {turn.number}", turn=True)
    if state.items is not before.items:
        new = len(state.items) + state.dropped_items - len(before.items) - before.dropped_items
        for item in _last(state.items, new):
            if isinstance(item, Seam):
                yield Mark(item.at, item.text)
            elif isinstance(item, Turn) and (item.number, item.started_at) != known:
                yield Mark(item.started_at, f"turn {item.number}", turn=True)
    if state.log is not before.log:
        new = len(state.log) + state.dropped_log - len(before.log) - before.dropped_log
        yield from (Mark(entry.at, entry.text) for entry in _last(state.log, new) if entry.to_look_at)


def _turn_of(state: State) -> tuple[int, float] | None:
    return (state.turn.number, state.turn.started_at) if state.turn is not None else None


def _last(elements: Sequence[T], count: int) -> Sequence[T]:
    """So many of the last ones, as far as they are still there."""
    return elements[max(0, len(elements) - count) :] if count > 0 else ()
