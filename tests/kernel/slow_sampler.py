"""The stages of sampling again, in Python and in double precision, with llama2.c's random numbers.

n-gram ban, repetition penalty (each token of the last 64 of the turn once), temperature, softmax, min_p, top_k, top_p,
draw. Two programs round differently, so a draw at the very border between two tokens may fall to either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from numpy_model import EOS

Values = NDArray[np.float64]
WINDOW = 64
MASK = 2**64 - 1
NUDGES = (0.0, 2e-5, -2e-5)


@dataclass
class SlowSampler:
    """Settings as they are typed, and the state of the random numbers."""

    seed: int
    temp: float = 0.0
    min_p: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    norepeat: int = 0
    repeat: float = 1.0

    def __post_init__(self) -> None:
        self.state = self.seed

    def random(self) -> float:
        """xorshift*: the upper 24 of its 64 bits."""
        self.state ^= self.state >> 12
        self.state ^= self.state << 25 & MASK
        self.state ^= self.state >> 27
        return ((self.state * 0x2545F4914F6CDD1D & MASK) >> 40) / 2**24

    def choices(self, logits: Values, turn: list[int]) -> list[int]:
        """The token to choose, the likeliest reading first; others only when it was a close call."""
        weighed = self._penalised(logits.astype(np.float64), turn)
        if np.max(weighed) == -np.inf:
            return [EOS]
        coin = self.random() if self.temp > 0 else 0.0
        found: list[int] = []
        noise = np.random.default_rng(0)
        for nudge in NUDGES:
            for scale in (0.0, 1e-4):
                shaken = weighed + scale * noise.standard_normal(len(weighed))
                token = int(np.argmax(shaken)) if self.temp == 0 else self._draw(shaken, coin, nudge)
                if token not in found:
                    found.append(token)
        return found

    def _penalised(self, logits: Values, turn: list[int]) -> Values:
        n = self.norepeat
        for start in range(len(turn) - n + 1 if n else 0):
            run = turn[start : start + n]
            if run[:-1] == turn[len(turn) - n + 1 :]:
                logits[run[-1]] = -np.inf
        for token in set(turn[-WINDOW:]):
            logits[token] = logits[token] / self.repeat if logits[token] > 0 else logits[token] * self.repeat
        return logits

    def _draw(self, logits: Values, coin: float, nudge: float) -> int:
        shares = np.exp(logits / self.temp - np.max(logits / self.temp))
        shares /= shares.sum()
        order = list(range(len(shares)))
        if (self.min_p, self.top_k, self.top_p) != (0, 0, 1):
            order = [i for i in order if shares[i] > 0 and shares[i] >= shares.max() * self.min_p * (1 + nudge)]
            order.sort(key=lambda i: (-shares[i], i))
            order = order[: self.top_k or None]
            if self.top_p < 1:
                enough = np.flatnonzero(np.cumsum(shares[order]) > self.top_p + nudge)
                order = order[: enough[0] + 1] if len(enough) else order
        sums = np.cumsum(shares[order])
        above = np.flatnonzero((coin + nudge) * sums[-1] < sums)
        return order[int(above[0]) if len(above) else -1]
