"""What the sampling parameters were before each change, whoever made it: for undo and redo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.state import State

if TYPE_CHECKING:
    from llmbm_protocol.schema import SamplingState

MOST = 200  # changes that are remembered

Change = tuple[tuple[str, int, int], ...]  # of each parameter its value before and after: a preset sets several at once
Step = tuple[tuple[str, int], ...]  # parameters and the values to set


class SamplingHistory:
    """Follows the values in force. Steps of its own are not new changes."""

    def __init__(self) -> None:
        self._record: SamplingState | None = None  # that was looked at last
        self._values: dict[str, int] = {}
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._expected: set[tuple[str, int]] = set()

    def note(self, state: State) -> None:
        """The values in force now; those that differ from before are changes."""
        record = state.sampling
        if record is None or record is self._record:
            return
        self._record = record
        change = []
        for name, attribute in FIELDS.items():
            value: int = getattr(record, attribute)
            before = self._values.get(name)
            self._values[name] = value
            if before is None or before == value:
                continue
            if (name, value) in self._expected:
                self._expected.discard((name, value))  # of the step that was asked for
                continue
            change.append((name, before, value))
        if change:
            self._done.append(tuple(change))
            del self._done[:-MOST]
            self._undone.clear()

    def begin(self, step: Step) -> None:
        """Several values are about to be set together: they are one change."""
        change = tuple(
            (name, self._values[name], value) for name, value in step if self._values.get(name, value) != value
        )
        if change:
            self._done.append(change)
            self._undone.clear()
            self._expect(step)

    def undo(self) -> Step:
        """What to set to take the last change back; empty when there is none."""
        if not self._done:
            return ()
        change = self._done.pop()
        self._undone.append(change)
        return self._expect(tuple((name, before) for name, before, _after in change))

    def redo(self) -> Step:
        """What to set to make the last undone change again; empty when there is none."""
        if not self._undone:
            return ()
        change = self._undone.pop()
        self._done.append(change)
        return self._expect(tuple((name, after) for name, _before, after in change))

    def _expect(self, step: Step) -> Step:
        self._expected = {one for one in step if self._values.get(one[0]) != one[1]}
        return step
