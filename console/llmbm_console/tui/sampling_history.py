"""What the sampling parameters were before each change, whoever made it: for undo and redo."""

from __future__ import annotations

from llmbm_console.core.state import State
from llmbm_console.tui.widgets.sampling import FIELDS

MOST = 200  # changes that are remembered

Change = tuple[str, int, int]  # parameter, value before, value after


class SamplingHistory:
    """Follows the values in force. Steps of its own are not new changes."""

    def __init__(self) -> None:
        self._values: dict[str, int] = {}
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._expected: tuple[str, int] | None = None

    def note(self, state: State) -> None:
        """The values in force now; those that differ from before are changes."""
        record = state.sampling
        if record is None:
            return
        for name, attribute in FIELDS.items():
            value: int = getattr(record, attribute)
            before = self._values.get(name)
            self._values[name] = value
            if before is None or before == value:
                continue
            if self._expected == (name, value):
                self._expected = None  # the step that was asked for
                continue
            self._done.append((name, before, value))
            del self._done[:-MOST]
            self._undone.clear()

    def undo(self) -> tuple[str, int] | None:
        """The parameter and the value to set to take the last change back; None when there is none."""
        if not self._done:
            return None
        change = self._done.pop()
        self._undone.append(change)
        self._expected = (change[0], change[1])
        return self._expected

    def redo(self) -> tuple[str, int] | None:
        """The parameter and the value to set to make the last undone change again; None when there is none."""
        if not self._undone:
            return None
        change = self._undone.pop()
        self._done.append(change)
        self._expected = (change[0], change[2])
        return self._expected
