"""What several steps of the store do to the state: bounded lists, ends of turns, seams."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from llmbm_console.core.state.context_rows import kv_at_end
from llmbm_console.core.state.events import Severity
from llmbm_console.core.state.room import CHOICE_ROOM, room_of
from llmbm_console.core.state.series import Series
from llmbm_console.core.state.state import (
    MAX_BEHIND,
    MAX_CHOICES,
    MAX_ITEMS,
    MAX_LOG,
    MAX_ROOM,
    LogLine,
    Seam,
    State,
    TranscriptItem,
    Turn,
    changed,
)
from llmbm_console.core.state.turns import cut_off, without_choices


def add_item(state: State, item: TranscriptItem) -> State:
    """Appends to the transcript, behind the running turn if there is one. The oldest items go when there are too many,
    or when they take too much room."""
    if state.turn is not None and len(state.behind) < MAX_BEHIND:
        return changed(state, behind=(*state.behind, item))
    if state.turn is not None:
        first, *rest = state.behind
        return changed(_added(state, first), behind=(*rest, item))
    return _added(state, item)


def _added(state: State, item: TranscriptItem) -> State:
    items = state.items
    room = state.items_room + (room_of(items[-1]) if items else 0)
    gone, surplus, lost = 0, len(items) + 1 - MAX_ITEMS, 0
    while gone < len(items) and (gone < surplus or room > MAX_ROOM):
        room -= room_of(items[gone])
        lost += room_of(items[gone]) + _choices_room(items[gone])
        gone += 1
    kept = Series.of(items).appended(item, len(items) + 1 - gone)
    return changed(
        state,
        items=kept,
        items_room=room,
        dropped_items=state.dropped_items + gone,
        dropped_room=state.dropped_room + lost,
    )


def _choices_room(item: TranscriptItem) -> int:
    return CHOICE_ROOM * item.choices if isinstance(item, Turn) else 0


def add_log(state: State, line: LogLine) -> State:
    """Appends to the event list; the oldest lines go when there are too many."""
    log = Series.of(state.log).appended(line, MAX_LOG)
    return changed(state, log=log, dropped_log=state.dropped_log + len(state.log) + 1 - len(log))


def end_turn(state: State, turn: Turn) -> State:
    """The running turn becomes an item, and what came meanwhile follows it."""
    behind = state.behind
    state = _added(changed(state, turn=None, behind=(), kv=kv_at_end(state, turn)), turn)
    for item in behind:
        state = _added(state, item)
    return _bounded(state) if turn.choices else state


def _bounded(state: State) -> State:
    """When there are too many choices, only those of the newest turns stay, half as many as there may be."""
    counts = [item.choices if isinstance(item, Turn) else 0 for item in state.items]
    if sum(counts) <= MAX_CHOICES:
        return state
    items, kept, lost = list(state.items), 0, 0
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        kept += counts[place]
        if counts[place] and kept > MAX_CHOICES // 2 and isinstance(item, Turn):
            items[place] = without_choices(item)
            lost += room_of(item) + _choices_room(item)
    return changed(state, items=Series(items), dropped_room=state.dropped_room + lost)


def cut_turn(state: State, why: str) -> State:
    """Ends a running turn that will get no end of its own."""
    return end_turn(state, cut_off(state.turn, why)) if state.turn is not None else state


def lose_saves(state: State) -> State:
    """The machine has ended, and its saved states with it; how many there were stays known."""
    return replace(state, saves=MappingProxyType({}), saves_lost=len(state.saves)) if state.saves else state


def add_seam(state: State, text: str, at: float, severity: Severity = "warn") -> State:
    """A mark in the transcript."""
    return add_item(state, Seam(text, at, severity))
