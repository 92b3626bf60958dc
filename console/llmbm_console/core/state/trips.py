"""Trips of the sentinel as the log tells them: what caused the newest one, and what the user of this console did to
bring it about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING

from llmbm_console.core.state.state import Command, LogLine, State
from llmbm_protocol.words import Arena, LogCode, LogLevel, SentinelError, SentinelPhase

if TYPE_CHECKING:
    from llmbm_protocol.schema import Event

CAUSES = frozenset({LogCode.BUDGET, LogCode.ALLOC_FAIL, LogCode.OOB, LogCode.RO_WRITE, LogCode.GUARD})
#: Errors of these codes are logged by a trip only.
SURE = frozenset({LogCode.BUDGET, LogCode.OOB, LogCode.GUARD})
FAULTS = {
    "alloc": LogCode.ALLOC_FAIL, "oob": LogCode.OOB, "ro_write": LogCode.RO_WRITE, "guard": LogCode.GUARD,
}  # fmt: skip
#: What a trip means of which the log has no event.
MEANINGS = {
    SentinelError.ALLOC: "allocation refused", SentinelError.OOB: "row beyond the end of the KV cache",
    SentinelError.RO_WRITE: "weights differ from what was loaded",
    SentinelError.GUARD: "guard bytes behind an arena overwritten",
}  # fmt: skip
DRILL = "drill: "  # begins what the kernel logs of one
_HELD = re.compile(r"held to ([0-9]+) cycles")


def newest_trip(log: Sequence[LogLine]) -> LogLine | None:
    """The event that made the sentinel trip last; None when no trip is in the log.

    It comes right before the `failsafe` event of its trip; where one of the two is missing, the other stands for it.
    """
    failsafe: LogLine | None = None
    for entry in reversed(log):
        record = entry.record
        if record is None:
            continue
        if record.code is LogCode.FAILSAFE:
            if failsafe is not None:
                return failsafe
            failsafe = entry
        elif record.level is LogLevel.ERROR and record.code in (SURE if failsafe is None else CAUSES):
            return entry
    return failsafe


def meaning(error: SentinelError, trip: LogLine | None) -> str:
    """A fault that is no broken budget, in the words of the event of its trip, with the arena; empty for others."""
    record = trip.record if trip is not None else None
    if trip is None or record is None or record.code is not FAULTS.get(error) or not trip.text:
        return MEANINGS.get(error, "")
    arena = record.arena.upper()
    return trip.text if record.arena is Arena.NONE or arena in trip.text else f"{trip.text} in {arena}"


def was_drill(trip: Event | None, events: Iterable[Event]) -> bool:
    """Whether a drill led to a trip, by the kernel's own log, newest event first: it notes a drill when one is asked
    for, with the cycles that it holds a pass to or the fault that it makes."""
    older = dropwhile(lambda event: event is not trip, events)
    next(older, None)
    for event in older:
        if event.message.startswith(DRILL) and trip is not None:
            if trip.code is LogCode.BUDGET:
                return 0 < event.first == trip.second
            return FAULTS.get(event.message.rpartition(" ")[2]) is trip.code
        if event.code is LogCode.FAILSAFE:
            return False  # of another trip, and what was before it led to that
    return False


def done_by_user(state: State, entry: LogLine) -> Command | None:
    """The line of this console that led to a broken budget or a trip: the drill, or the budget that was set.

    None for a budget that the kernel learnt or that another one set, and for every other event.
    """
    record = entry.record
    if record is None or record.code not in CAUSES:
        return None
    if (drill := _drill(state, entry)) is not None:
        return drill
    if record.code is not LogCode.BUDGET:
        return None
    phase = SentinelPhase.PREFILL if entry.text.startswith(SentinelPhase.PREFILL) else SentinelPhase.DECODE
    for words, command in _lines(state, "budget"):
        if command.at <= entry.at and (budget := _budget(words[1:], phase)):
            return command if budget == str(record.second) else None
    return None


def _budget(words: list[str], phase: SentinelPhase) -> str:
    """What the words after /budget set for a phase, as they were typed; empty when nothing."""
    if words == ["auto"]:
        return words[0]
    if words and words[0] in (SentinelPhase.PREFILL, SentinelPhase.DECODE):
        return words[1] if words[0] == phase and len(words) > 1 else ""
    place = 0 if phase is SentinelPhase.PREFILL else 1
    return words[place] if len(words) > place else ""


def _lines(state: State, *names: str) -> Iterator[tuple[list[str], Command]]:
    """Lines of these commands that the kernel carried out, as words, newest first."""
    for item in reversed(state.items):
        if isinstance(item, Command) and item.ok:
            words = item.line.removeprefix("/").split()
            if words and words[0] in names:
                yield words, item


def _drill(state: State, entry: LogLine) -> Command | None:
    """The drill that an event belongs to: between the two lies no reset, which would have ended both."""
    record = entry.record
    assert record is not None
    later: Command | None = None  # a fault trips at once: its event is here before the line's end
    for words, command in _lines(state, "test_failsafe", "reset"):
        if words[0] == "reset":
            if command.at <= entry.at:
                break
            later = None
        elif len(words) > 1 and words[1] in FAULTS:
            if FAULTS[words[1]] is record.code:
                if command.at <= entry.at:
                    return command
                later = command
        elif record.code is LogCode.BUDGET and record.level is LogLevel.ERROR and command.at <= entry.at:
            held = _HELD.search(command.output)
            return command if held is not None and int(held[1]) == record.second else None
    return later
