"""What the sampling parameters were before each change, whoever made it: for undo and redo.

A change of the person's counts from the moment in which it is asked for: the kernel's answer, and the record that tells
the new value, come later and in either order, and one record may tell of several changes. So each value that was asked
for is followed until it was told; only a value that nobody here asked for is a change of somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.state.state import State

if TYPE_CHECKING:
    from llmbm_protocol.schema import SamplingState

MOST = 200  # changes that are remembered


@dataclass(eq=False, slots=True)
class Change:
    """Of each parameter its value before and after: a preset sets several at once."""

    values: dict[str, tuple[int, int]]
    undone: bool = False
    ended: list[Change] = field(default_factory=list)  # undone ones that cannot be made again since


@dataclass(eq=False, slots=True)
class Ask:
    """A value that the kernel is asked for, as a part of what makes a change, or takes it back."""

    name: str
    value: int
    change: Change
    again: bool  # an undo or a redo
    taken: bool | None = None  # the kernel's answer


Step = tuple[Ask, ...]  # asked together


class SamplingHistory:
    """Follows the values in force, and those that are asked for."""

    def __init__(self) -> None:
        self._record: SamplingState | None = None  # that was looked at last
        self._boot_at = 0.0
        self._told: dict[str, int] = {}
        self._changes: list[Change] = []  # in their order, undone ones too
        self._asked: dict[str, list[Ask]] = {name: [] for name in FIELDS}  # and not told yet

    def note(self, state: State) -> None:
        """The values in force now; those that nobody here asked for are a change."""
        record = state.sampling
        if state.boot_at != self._boot_at or (record is None and self._record is not None):
            self._forget_all(state.boot_at)
        if record is None or record is self._record:
            return
        self._record = record
        others: dict[str, tuple[int, int]] = {}
        for name, attribute in FIELDS.items():
            value: int = getattr(record, attribute)
            before, asked = self._told.get(name, value), self._asked[name]
            self._told[name] = value
            if value != before:
                told = next((at for at, ask in enumerate(asked) if ask.value == value), None)
                if told is None:
                    others[name] = (before, value)
                else:
                    del asked[: told + 1]  # one record for all of these
            if all(ask.taken for ask in asked):
                asked.clear()  # a record that comes after the answers tells what became of them
        if others:
            change = Change(others)
            self._add(change)
            change.ended = []  # it is done already: nothing of these comes back

    def change(self, values: Mapping[str, int]) -> Step:
        """The person wants these values, as one change; what to ask for, empty when it is so already."""
        moved = {
            name: (before, value)
            for name, value in values.items()
            if (before := self._wanted(name)) is not None and before != value
        }
        change = Change(moved)
        step = self._step(change, values, again=False)
        if moved:
            self._add(change)
        return self._follow(step)

    def undo(self) -> Step:
        """What to ask for to take the last change back; empty when there is none."""
        while (change := next((one for one in reversed(self._changes) if not one.undone), None)) is not None:
            change.undone = True
            step = self._step(change, {name: before for name, (before, _after) in change.values.items()}, again=True)
            if step:
                return self._follow(step)
        return ()

    def redo(self) -> Step:
        """What to ask for to make the last undone change again; empty when there is none."""
        while (change := next((one for one in self._changes if one.undone), None)) is not None:
            change.undone = False
            step = self._step(change, {name: after for name, (_before, after) in change.values.items()}, again=True)
            if step:
                return self._follow(step)
        return ()

    def answered(self, ask: Ask, taken: bool, step: Step) -> Step:
        """The kernel took the value, or did not: then its change was none, or was not taken back. Returns what to ask
        for instead: an undo that was asked for before it was known that the value to go back to would be refused."""
        ask.taken = taken
        if taken and not ask.again:
            ask.change.ended = []
        asked = self._asked[ask.name]
        if not taken:
            if ask in asked:
                asked.remove(ask)
            return self._refused(ask, step)
        if asked and asked[-1].value == self._told.get(ask.name) and all(one.taken for one in asked):
            asked.clear()  # there and back again before a record told of it
        return ()

    # ----

    def _forget_all(self, boot_at: float) -> None:
        """Another kernel, or an earlier state of this one: it never had these values."""
        self._boot_at, self._record, self._told, self._changes = boot_at, None, {}, []
        self._asked = {name: [] for name in FIELDS}

    def _wanted(self, name: str) -> int | None:
        """What a parameter is when everything that was asked for is done."""
        asked = self._asked[name]
        return asked[-1].value if asked else self._told.get(name)

    def _step(self, change: Change, values: Mapping[str, int], *, again: bool) -> Step:
        return tuple(Ask(name, value, change, again) for name, value in values.items() if self._wanted(name) != value)

    def _follow(self, step: Step) -> Step:
        for ask in step:
            self._asked[ask.name].append(ask)
        return step

    def _add(self, change: Change) -> None:
        change.ended = [one for one in self._changes if one.undone]
        self._changes = [*(one for one in self._changes if not one.undone), change][-MOST:]

    def _refused(self, ask: Ask, step: Step) -> Step:
        change = ask.change
        if ask.again:
            before, after = change.values.get(ask.name, (ask.value, ask.value))
            meant = before if change.undone else after
            if meant != ask.value:  # the change begins, or ends, elsewhere since
                return self._follow(self._step(change, {ask.name: meant}, again=True))
            if all(one.taken is False for one in step):
                change.undone = not change.undone
        elif ask.name in change.values:
            self._forget(change, ask.name)
        return ()

    def _forget(self, change: Change, name: str) -> None:
        """A parameter of a change was refused: those behind it begin where it began."""
        before, after = change.values.pop(name)
        at = self._changes.index(change) if change in self._changes else len(self._changes)
        later = self._changes[at + 1 :]
        for one in later:
            if name in one.values:
                start, end = one.values[name]
                one.values[name] = (before if start == after else start, end)
                break
        if change.values or at == len(self._changes):
            return
        del self._changes[at]
        if later:
            later[0].ended = change.ended + later[0].ended
        else:
            self._changes += change.ended
