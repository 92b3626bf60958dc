"""The conversation again, slowly: which tokens must be in the cache after every turn, and what the reader saw.

Written from the rules of the conversation and not from the kernel's code. It has no cache to keep in step: every
token comes from a forward pass over the whole context (numpy_model), and every token of the context knows the turn it
came with. The kernel's rows are then numbers that must agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy_model import BOS, EOS, Model
from slow_sampler import SlowSampler

#: Logits that differ by less are equal to the float arithmetic of two programs: either token may be chosen.
CLOSE = 2e-4
PROMPT_BYTES = 4096
MOST_TOKENS = 256  # of an answer, or as many as the context has rows


@dataclass(frozen=True)
class Place:
    """A token of the context, and the turn it came with; 0 when it belongs to none."""

    token: int
    turn: int


@dataclass
class Turn:
    """What a turn did. A refused one says why and changed nothing."""

    refused: str = ""
    prompt: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)  # of the answer, those of a matched stop pattern not counted
    text: bytes = b""
    reason: str = ""
    prefilled: int = 0
    rows: int = 0
    number: int = 0
    starts: list[int] = field(default_factory=list)
    notice_before: str = ""
    notice_after: str = ""
    close_call: bool = False  # two tokens were equally likely, as far as floats can tell


@dataclass(frozen=True)
class Stop:
    """Where a person or the sentinel stopped the kernel: tokens of the prompt that were computed, rows in the cache."""

    reason: str
    prefilled: int
    rows: int


class SlowKernel:
    """One kernel with one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.seq_len: int = model.seq_len
        self.overflow = "slide"
        self.max_tokens = 160
        self.patterns: set[bytes] = set()
        self.tripped = False
        self.sampler: SlowSampler | None = None  # None: the most likely token
        self.clear()

    # ---- commands ----------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forgets the conversation."""
        self.context: list[Place] = []
        self.rows = 0
        self.turns = 0

    def stop_at(self, pattern: bytes, on: bool) -> None:
        """A stop rule."""
        (self.patterns.add if on else self.patterns.discard)(pattern)

    # ---- the state as the kernel reports it --------------------------------------------------------------------------

    def ids(self) -> list[int]:
        """The context, cached or not."""
        return [place.token for place in self.context]

    def starts(self) -> list[int]:
        """Where each of the last twelve turns that are still in the context begins."""
        first: dict[int, int] = {}
        for row, place in enumerate(self.context):
            if place.turn:
                first.setdefault(place.turn, row)
        return list(first.values())[-12:]

    # ---- a turn ------------------------------------------------------------------------------------------------------

    def say(self, text: str, answered: list[int] | None = None, stop: Stop | None = None) -> Turn:
        """One turn. Between tokens that are equally likely the one in `answered`, the kernel's answer, is right.

        Where the kernel was stopped is its to tell; the rows that it then has must be ones that such a stop leaves.
        """
        bos = not self.context
        prompt = self.model.tokenizer.encode(text, bos)
        turn = Turn(prompt=prompt, refused=self._refusal(text, prompt, bos))
        if turn.refused:
            return turn
        if len(self.context) + len(prompt) > self.seq_len:
            turn.notice_before = self._make_room(len(prompt))
        self.turns += 1
        turn.number = self.turns
        self.context += [Place(token, self.turns) for token in prompt]
        turn.prefilled = len(self.context) - self.rows
        if stop is not None and stop.prefilled < turn.prefilled:
            turn.prefilled, turn.reason = stop.prefilled, stop.reason
            self.rows += stop.prefilled
        else:
            self.rows = len(self.context)
            self._answer(turn, answered or [], stop)
        self.tripped = turn.reason == "trip"
        turn.rows, turn.starts = self.rows, self.starts()
        return turn

    def _refusal(self, text: str, prompt: list[int], bos: bool) -> str:
        if self.tripped:
            return "sentinel tripped"
        if not text:
            return "the prompt is empty"
        if len(text.encode()) > PROMPT_BYTES:
            return f"the prompt has {len(text.encode())} bytes"
        if len(prompt) + (not bos) > self.seq_len:
            return f"the prompt has {len(prompt) + (not bos)} tokens with BOS"
        if self.overflow == "stop" and len(self.context) + len(prompt) > self.seq_len:
            return (
                f"the context is full: the conversation has {len(self.context)} tokens, {len(prompt)} more are to come"
            )
        return ""

    def _make_room(self, coming: int) -> str:
        """Keeps BOS and some of the newest tokens; with nothing coming the last one, which has no row yet, is kept."""
        before = len(self.context)
        if self.overflow == "clear":
            kept = 0 if coming else 1
        else:
            kept = min(self.seq_len // 2, self.seq_len - 1 - coming, before - 1)
        self.context = [Place(BOS, 0), *self.context[before - kept :]]
        self.rows = min(self.rows, 1)
        if self.overflow == "clear":
            return f"[the context was full: {before - len(self.context)} tokens were forgotten"
        return f"[the context was full: the newest {kept} of {before - 1} tokens were kept"

    def _next(self, wanted: int | None, said: list[int], turn: Turn) -> int:
        logits = self.model.logits(self.ids(), [])
        if self.sampler is None:
            best = int(np.argmax(logits))
            close = [best, *map(int, np.flatnonzero(logits > logits[best] - CLOSE))]
        else:
            close = self.sampler.choices(logits.astype(np.float64), turn.prompt + said)
        turn.close_call |= len(set(close)) > 1
        if wanted is None:  # the kernel's answer ended here
            return next((end for end in (EOS, BOS) if end in close), close[0])
        return wanted if wanted in close else close[0]

    def _stopped_rows(self, spans: int, slid: bool, stop: Stop) -> int:
        """The last token is cached, or not yet; after a slide the same goes for all tokens but BOS."""
        least = len(self.context) - (spans > 0)
        assert (1 if slid else least) <= stop.rows <= len(self.context), f"{stop}, {len(self.context)} tokens"
        return stop.rows

    def _answer(self, turn: Turn, answered: list[int], stop: Stop | None) -> None:
        spans: list[tuple[int, int, int]] = []  # token, and where its bytes lie in the answer
        text, notices, slid = b"", [], False
        wanted: Iterator[int] = iter(answered)
        while True:
            if stop is not None and len(spans) == len(answered):
                turn.reason = stop.reason
                self.rows = self._stopped_rows(len(spans), slid, stop)
                break
            token = self._next(next(wanted, None), [said for said, _, _ in spans], turn)
            if token in (BOS, EOS):
                turn.reason = "eos"
                break
            piece = self.model.tokenizer.decode(self.context[-1].token, token)
            spans.append((token, len(text), len(text) + len(piece)))
            text += piece
            self.context.append(Place(token, self.turns))
            found = self._find(text)
            if found is not None:
                turn.reason = "pattern"
                text = text[:found]
                self._forget_pattern(spans, found)
                break
            if len(spans) >= min(self.max_tokens, max(self.seq_len, MOST_TOKENS)):
                turn.reason = "max_tokens"
                break
            slid = len(self.context) > self.seq_len
            if slid:
                if self.overflow == "stop":
                    turn.reason = "context"
                    break
                notices.append(self._make_room(0))
            self.rows = len(self.context)
        turn.tokens, turn.text = [token for token, _, _ in spans], text
        times = f"; {len(notices)} times" if len(notices) > 1 else ""
        turn.notice_before += "]\n" if turn.notice_before else ""
        turn.notice_after = f"\n{notices[-1]}{times}]" if notices else ""
        if turn.reason == "context":
            turn.notice_after += (
                f"\n[the context is full: {self.rows} of {self.seq_len} rows; /clear, or /overflow slide]"
            )

    def _find(self, text: bytes) -> int | None:
        """Where the pattern begins that is complete first."""
        found = [
            (match.end(), match.start())
            for pattern in self.patterns
            if (match := re.search(re.escape(pattern), text)) is not None
        ]
        return min(found)[1] if found else None

    def _forget_pattern(self, spans: list[tuple[int, int, int]], found: int) -> None:
        """Tokens that lie in the pattern altogether were never said; what a slide took is gone already."""
        while spans and spans[-1][1] >= found and spans[-1][2] > found:
            spans.pop()
            if len(self.context) > 1:
                self.context.pop()
        self.rows = min(self.rows, len(self.context))
