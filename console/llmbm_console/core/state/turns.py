"""Turns out of tokens: pure functions that extend an answer by what one frame says."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.sanitise import decode_text
from llmbm_console.core.state.series import Series
from llmbm_console.core.state.state import (
    MAX_CHOICES,
    MAX_SLIDES,
    SamplingChange,
    Seam,
    Slide,
    TokenInfo,
    TranscriptItem,
    Turn,
)
from llmbm_console.core.state.token_buffer import TokenBuffer
from llmbm_protocol.words import StopReason

if TYPE_CHECKING:
    from llmbm_protocol.schema import Choice, Finished, SamplingState, Sentinel, Token


#: Why an answer ended, for people.
ENDS = {
    StopReason.EOS: "end of story",
    StopReason.MAX_TOKENS: "max_tokens",
    StopReason.STOPPED: "stopped",
    StopReason.PATTERN: "stop pattern",
    StopReason.CONTEXT: "context full",
    StopReason.TRIP: "sentinel trip",
}
MAX_TOKENS = 1 << 20  # of one answer that are kept, more than any context has
MAX_CHANGES = 16  # of the sampling values in one answer that are kept


def with_token(turn: Turn, token: Token, at: float) -> Turn:
    """The turn with one more token, or one more part of its last one.

    A token that is there already (sent again after a loss) changes nothing; one that is ahead counts the missing ones.
    Bytes of a character that is split over tokens appear with the token that completes it.
    """
    expected = _next_index(turn)
    if turn.next_part and token.index == expected - 1:
        return _with_part(turn, token)
    if token.index < expected or token.part:
        return turn
    text, pending = decode_text(turn.pending, token.text)
    start = len(turn.text)
    info = TokenInfo(token.index, token.token, start, start + len(text), token.cycles, token.time, at)
    return replace(
        turn,
        text=turn.text + text,
        tokens=_series(turn.tokens).appended(info, MAX_TOKENS),
        slowest=max(turn.slowest, token.cycles),
        lost_tokens=turn.lost_tokens + token.index - expected,
        pending=pending,
        next_part=1 if token.more else 0,
    )


def _next_index(turn: Turn) -> int:
    return turn.tokens[-1].index + 1 if turn.tokens else turn.before


def _series(tokens: Sequence[TokenInfo]) -> Series[TokenInfo]:
    return tokens if isinstance(tokens, Series) else Series(tokens, TokenBuffer())


def _packed(turn: Turn) -> Turn:
    """The turn, whose tokens are all there now."""
    if isinstance(turn.tokens, Series) and isinstance(turn.tokens.buffer, TokenBuffer):
        turn.tokens.buffer.pack()
    return turn


def _with_part(turn: Turn, token: Token) -> Turn:
    if token.part != turn.next_part:
        return turn
    text, pending = decode_text(turn.pending, token.text)
    whole = turn.text + text
    return replace(
        turn,
        text=whole,
        tokens=_series(turn.tokens).with_last(replace(turn.tokens[-1], end=len(whole))),
        pending=pending,
        next_part=token.part + 1 if token.more else 0,
    )


def with_slide(turn: Turn, seam: Seam, time_ms: int) -> Turn:
    """The turn with what was done about a full context, at the kernel's time."""
    slide = Slide(time_ms, _next_index(turn), seam)
    return replace(turn, slides=(*turn.slides, slide)[-MAX_SLIDES:])


def parts_of(turn: Turn) -> tuple[list[tuple[int, int, Seam]], int]:
    """Where the parts of an answer begin and end in its text that have a seam behind them, with that seam, in order;
    and where the last part begins, which has none."""
    closed, start = list[tuple[int, int, Seam]](), 0
    for slide in sorted(turn.slides, key=lambda one: one[:2]):
        first = bisect_left(turn.tokens, slide[:2], key=lambda token: (token.time_ms, token.index))
        end = turn.tokens[first].start if first < len(turn.tokens) else len(turn.text)
        closed.append((start, end, slide.seam))
        start = end
    return closed, start


def with_choice(turn: Turn, choice: Choice, sampling: SamplingState | None) -> Turn:
    """The turn with how one of its tokens was chosen; unchanged when it has no such token, or has it already
    (a line may come twice)."""
    for back, token in enumerate(reversed(turn.tokens), 1):
        if token.index == choice.index:
            if token.choice is not None:
                return turn
            place, known = len(turn.tokens) - back, turn.choices + 1
            fresh = replace(token, choice=choice, sampling=sampling)
            if back == 1 and known <= MAX_CHOICES:  # nearly always
                return replace(turn, tokens=_series(turn.tokens).with_last(fresh), choices=known)
            tokens = [*turn.tokens[:place], fresh, *turn.tokens[place + 1 :]]
            if known > MAX_CHOICES:  # half of them at once: each time all of the tokens are copied
                first = max(0, place - MAX_CHOICES // 2)
                tokens[:first] = [_without_choice(token) for token in tokens[:first]]
                known = sum(token.choice is not None for token in tokens)
            return replace(turn, tokens=_series(tokens), choices=known)
        if token.index < choice.index:
            break
    return turn


def _without_choice(token: TokenInfo) -> TokenInfo:
    return replace(token, choice=None, sampling=None) if token.choice is not None else token


def without_choices(turn: Turn) -> Turn:
    """The turn, and nothing of how its tokens were chosen."""
    tokens = turn.tokens
    if isinstance(tokens, Series) and isinstance(tokens.buffer, TokenBuffer) and tokens:
        tokens = tokens.with_buffer(tokens.buffer.without_choices(), _without_choice(tokens[-1]))
    else:
        tokens = tuple(map(_without_choice, tokens))
    return replace(turn, tokens=tokens, choices=0)


def _without_pending(turn: Turn) -> Turn:
    """An answer that ends inside a character shows U+FFFD for it."""
    if not turn.pending:
        return turn
    text = turn.text + decode_text(turn.pending, b"", final=True)[0]
    tokens = _series(turn.tokens)
    if tokens:
        tokens = tokens.with_last(replace(tokens[-1], end=len(text)))
    return replace(turn, text=text, tokens=tokens, pending=b"", next_part=0)


def ended(turn: Turn, record: Finished) -> Turn:
    """The turn with its end; tokens that never came are counted."""
    turn = _packed(_without_pending(turn))
    missing = max(0, record.tokens - turn.before - len(turn.tokens))
    return replace(turn, finished=record, lost_tokens=max(turn.lost_tokens, missing))


def why_ended(done: Finished) -> str:
    """Why an answer ended, for people; the kernel's own word where it is a newer one."""
    return ENDS.get(done.reason, str(done.reason))


def rate(tokens: int, microseconds: int) -> float | None:
    """Tokens per second, None where there was nothing to measure."""
    return tokens * 1_000_000 / microseconds if microseconds > 0 and tokens > 0 else None


def decode_rate(done: Finished) -> float | None:
    """Tokens per second of an answer; its first token is of the prompt's last pass, not of decoding."""
    return rate(done.tokens - 1, done.decode_us)


def budget_of(index: int, sentinel: Sentinel | None) -> int:
    """Cycles that the pass may take which leads to a token, 0 where that is not known: to the first one of an answer
    leads the last pass of its prompt."""
    if sentinel is None:
        return 0
    return sentinel.decode_budget if index else sentinel.prefill_budget


def with_sampling(turn: Turn, record: SamplingState, made: int = 0) -> Turn:
    """The turn with the sampling values that are in force now. Those that it began with are what was told before its
    first token; what a saved state goes on with is compared with what was in force there. `made`: tokens that there are
    as the kernel counts them, of which those that were asked for again may not be here yet."""
    if not turn.tokens and not (turn.resumed and turn.settings is not None):
        return replace(turn, settings=record)
    known = turn.changes[-1].settings if turn.changes else turn.settings
    if known is None or all(told(known, field) == told(record, field) for field in FIELDS.values()):
        return turn
    place = max(turn.before + len(turn.tokens) + turn.lost_tokens, turn.resumed, made) + 1
    change = SamplingChange(place, record)
    kept = turn.changes
    if len(kept) == MAX_CHANGES or (kept and kept[-1].token == place):
        kept = kept[:-1]
    return replace(turn, changes=(*kept, change))


def resumed(turn: Turn, items: Iterable[TranscriptItem], tokens: int) -> Turn:
    """A turn that goes on from a saved state with so many tokens: it began as the newest one did of which that is."""
    alike = (
        item for item in items if isinstance(item, Turn) and (item.number, item.prompt) == (turn.number, turn.prompt)
    )
    origin = max(alike, key=lambda item: item.started_at, default=None)
    if origin is None:
        return replace(turn, settings=None, resumed=tokens)
    changes = tuple(change for change in origin.changes if change.token <= tokens)
    return replace(turn, settings=origin.settings, model=origin.model, changes=changes, resumed=tokens)


def cut_off(turn: Turn, why: str) -> Turn:
    """A turn that will get no end any more."""
    return _packed(replace(_without_pending(turn), cut=why))
