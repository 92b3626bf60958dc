"""The two answers that the compare view shows, and what was found of them: both of its panes draw from one look."""

from __future__ import annotations

from typing import NamedTuple

from llmbm_console.core.answers.compare import (
    Context,
    Difference,
    Found,
    Verdict,
    compare,
    context,
    differences,
    verdict,
)
from llmbm_console.core.answers.pairs import Key, Pairing, answers, key_of
from llmbm_console.core.state.state import State, Turn


class Look(NamedTuple):
    """Everything that is told of two answers."""

    turns: list[Turn]
    found: Found
    changed: list[Difference]
    before: Context
    verdict: Verdict

    @property
    def keys(self) -> tuple[Key, Key]:
        """Which two they are."""
        return key_of(self.found.a), key_of(self.found.b)


class AnswerPair:
    """What was chosen, and the look at it."""

    def __init__(self) -> None:
        self.pairing = Pairing()
        self._seen: tuple[object, object, Pairing] | None = None
        self._look: Look | None = None

    def look(self, state: State) -> Look | None:
        """The two answers of a state; None where there are fewer. Worked out once as long as nothing changed."""
        seen = self._seen
        if seen is None or seen[0] is not state.items or seen[1] is not state.turn or seen[2] != self.pairing:
            self._seen, self._look = (state.items, state.turn, self.pairing), self._made(state)
        return self._look

    def _made(self, state: State) -> Look | None:
        turns = answers(state)
        pair = self.pairing.of(turns)
        if pair is None:
            return None
        found = compare(*pair)
        changed, before = differences(*pair), context(state, *pair)
        return Look(turns, found, changed, before, verdict(found, changed, before))
