"""About how many octets of memory the parts of a state take: what the bounds of a session are counted in. Measured, for
CPython 3.11 on 64 bits (tests/console/test_bounds.py compares them with what is really taken)."""

from __future__ import annotations

from operator import attrgetter, is_not
from sys import getsizeof

from llmbm_console.core.state.state import Command, State, Text, TranscriptItem, Turn
from llmbm_console.core.state.token_buffer import TokenBuffer

ITEM_ROOM = 300  # of an item without its texts
TURN_ROOM = 1800  # of a turn without texts and tokens: its end's record, and the buffer of the tokens
TOKEN_ROOM = 300  # of a token that is an object
CHOICE_ROOM = 1400  # of how a token was chosen
LOG_ROOM = 900  # of a line of the event list, with its record
STATE_ROOM = 1200  # of a state that differs from another in nothing but the time
VALUE_ROOM = 700  # of each value that is another one
PASS_ROOM = 9  # of each of the last decode passes

_values = attrgetter(*(name for name in State.__slots__ if name not in ("now", "items_room", "dropped_room")))


def room_of(item: TranscriptItem) -> int:
    """Of an item; how its tokens were chosen has a bound of its own."""
    if isinstance(item, Turn):
        buffer = getattr(item.tokens, "buffer", None)
        tokens = buffer.octets if isinstance(buffer, TokenBuffer) else TOKEN_ROOM * len(item.tokens)
        slides = sum(ITEM_ROOM + getsizeof(slide.seam.text) for slide in item.slides)
        return TURN_ROOM + getsizeof(item.prompt) + getsizeof(item.text) + tokens + slides
    if isinstance(item, Command):
        return ITEM_ROOM + getsizeof(item.line) + getsizeof(item.output) + getsizeof(item.error)
    return ITEM_ROOM + getsizeof(item.text)


def own_room(before: State, state: State) -> int:
    """Of what a state has and the one before has not. Items and lines of the log are not counted, nor the tokens of the
    running turn: later states have them too."""
    room = STATE_ROOM + VALUE_ROOM * sum(map(is_not, _values(state), _values(before)))
    if state.turn is not None and state.turn is not before.turn:
        room += getsizeof(state.turn.text)
    if state.decode_cycles is not before.decode_cycles:
        room += PASS_ROOM * len(state.decode_cycles)
    last = state.items[-1] if state.items else None
    if isinstance(last, Text) and (not before.items or last is not before.items[-1]):
        room += getsizeof(last.text)  # it may still grow, each time as a whole
    return room


def ends_room(state: State) -> int:
    """Of a state's whole transcript and log, which no other one has."""
    items = sum(map(room_of, state.items)) + LOG_ROOM * len(state.log)
    return items + (room_of(state.turn) if state.turn is not None else 0)


def dropped_room(state: State) -> int:
    """Of all that left a state's transcript and log so far: who has an earlier state has it still."""
    return state.dropped_room + LOG_ROOM * state.dropped_log
