"""The answers of a session, and which two of them are put side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from llmbm_console.core.state.state import State, Turn

Side = Literal["a", "b"]
#: What tells an answer from every other one: its number begins anew with each boot.
Key = tuple[int, float]


def answers(state: State) -> list[Turn]:
    """Every answer that is kept, oldest first, the running one included."""
    return [item for item in (*state.items, state.turn) if isinstance(item, Turn)]


def runs(turn: Turn) -> bool:
    """Whether more of an answer may come."""
    return turn.finished is None and not turn.cut and not turn.told


def key_of(turn: Turn) -> Key:
    """The same for an answer that has grown since."""
    return turn.number, turn.started_at


def called(turn: Turn, turns: Sequence[Turn]) -> str:
    """What people call an answer among all of them: by its number, and which of those with it where a kernel that
    restarted, or went on from a saved state, gave it again."""
    alike = [key_of(other) for other in turns if other.number == turn.number]
    if len(alike) < 2 or key_of(turn) not in alike:
        return f"turn {turn.number}"
    return f"turn {turn.number} ({_ordinal(alike.index(key_of(turn)) + 1)})"


def _ordinal(place: int) -> str:
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def before(turn: Turn, turns: Sequence[Turn]) -> list[Turn]:
    """Those that were given before an answer, newest first."""
    place = _place(turns, key_of(turn))
    return list(reversed(turns[:place])) if place is not None else []


def _place(turns: Sequence[Turn], key: Key | None) -> int | None:
    return next((place for place, turn in enumerate(turns) if key_of(turn) == key), None)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which two answers are compared. What was not chosen follows the session: B is the newest answer, and A the newest
    earlier one to the same prompt, else the one before."""

    a: Key | None = None
    b: Key | None = None

    def of(self, turns: Sequence[Turn]) -> tuple[Turn, Turn] | None:
        """The two; None where there are fewer. An answer that was chosen and is not there (another moment is shown, or
        it was let go) is as one that was not chosen."""
        if len(turns) < 2:
            return None
        a, b = _place(turns, self.a), _place(turns, self.b)
        if b is None:
            b = len(turns) - 1 if a != len(turns) - 1 else len(turns) - 2
        if a is None or a == b:
            a = _partner(turns, b)
        return turns[a], turns[b]

    def stepped(self, turns: Sequence[Turn], side: Side, direction: int) -> Pairing:
        """With the next later (1) or earlier (-1) answer on one side, past the one on the other side, and behind the
        last one the first. The other side stays what it is; both are chosen then."""
        pair = self.of(turns)
        if pair is None:
            return self
        a, b = (_place(turns, key_of(turn)) or 0 for turn in pair)
        here, other = (a, b) if side == "a" else (b, a)
        here = (here + direction) % len(turns)
        if here == other:
            here = (here + direction) % len(turns)
        chosen = key_of(turns[here])
        both = Pairing(key_of(pair[0]), key_of(pair[1]))
        return replace(both, a=chosen) if side == "a" else replace(both, b=chosen)

    def swapped(self, turns: Sequence[Turn]) -> Pairing:
        """With the two in each other's place."""
        pair = self.of(turns)
        return Pairing(key_of(pair[1]), key_of(pair[0])) if pair is not None else self


def _partner(turns: Sequence[Turn], place: int) -> int:
    """The answer to put beside one: the newest earlier to the same prompt, else the one before; the first answer is
    put beside the next one."""
    prompt = turns[place].prompt
    earlier = (at for at in range(place - 1, -1, -1) if prompt and turns[at].prompt == prompt)
    return next(earlier, place - 1 if place else 1)
