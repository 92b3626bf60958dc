"""How many rows of the context are in use: as the kernel told last, with what was heard since."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from llmbm_protocol.words import Stream

if TYPE_CHECKING:
    from llmbm_console.core.state.state import State, Turn
    from llmbm_protocol.schema import KvCache


def before_this_turn(state: State) -> bool:
    """Whether the rows are those of before the turn that runs: its tokens stream, and no sample of it is here yet."""
    turn, kv = state.turn, state.kv
    if turn is None or not turn.tokens or kv is None:
        return False
    return turn.number > kv.generation and bool(kv.generation or not kv.rows)  # an older kernel numbers no turns


def kv_now(state: State) -> KvCache | None:
    """The cache with a row more for each token since its last sample, which comes twice a second while an answer runs:
    whether the kernel is heard or not, so many it had at least. Of an answer without a sample yet the rows of the
    prompt are not among them."""
    kv, turn, sampled_at = state.kv, state.turn, state.stamps.get(Stream.KV)
    if kv is None or turn is None or sampled_at is None:
        return kv
    fresh = sum(1 for _token in takewhile(lambda token: token.at > sampled_at, reversed(turn.tokens)))
    return _with_rows(kv, min(kv.capacity, kv.rows + fresh))


def kv_at_end(state: State, turn: Turn) -> KvCache | None:
    """The cache when the running turn has ended, as `turn`: its end tells the rows. One that gets no end leaves those
    of its tokens, if a sample of it is here."""
    kv, end = state.kv, turn.finished
    if kv is not None and end is not None:
        return _with_rows(kv, end.kv_rows) if end.time >= kv.time else kv  # it may be told long after
    return kv if before_this_turn(state) else kv_now(state)


def _with_rows(kv: KvCache, rows: int) -> KvCache:
    return kv if rows == kv.rows else kv.model_copy(update={"rows": rows})
