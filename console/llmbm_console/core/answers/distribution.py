"""What the model nearly said: the likeliest tokens behind one choice, and what other settings would leave of them.

The kernel tells how far each of the likeliest tokens lies below the first (record C, SPEC section 9), so their weights
exp(-below / T) are known for every temperature T. What all other tokens weigh together is known at two temperatures;
between and beyond them it lies within bounds:

- log R(q), q = 1/T, of a sum of exponentials R(q) = sum exp(-q d) is convex, so it is below its chords and above them
  when they are prolonged;
- its slope is at most minus the distance of the last listed token, since none of the others is nearer;
- by the inequality of power means, n tokens that weigh R at q weigh at least n (R/n)^(p/q) at p > q.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from llmbm_protocol.likeliest import HOTTEST, STEPS_PER_UNIT, Likely, read

if TYPE_CHECKING:
    from llmbm_protocol.choice import Choice
    from llmbm_protocol.schema import SamplingState

MILLION = 1_000_000
ROUNDING = 100 / MILLION  # how far the kernel's share of the rest may be off: it adds up in single precision
COLDEST = 1 / MILLION  # above 0 there is no smaller one
RULES = ("min_p", "top_k", "top_p")


class Rules(NamedTuple):
    """What cuts a distribution, as it is typed."""

    temperature: float
    min_p: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    @classmethod
    def of(cls, record: SamplingState) -> Rules:
        """Those in force."""
        return cls(record.temperature / MILLION, record.min_p / MILLION, record.top_k, record.top_p / MILLION)


class Bounds(NamedTuple):
    """Something known between two values."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """A guess: between them in proportion."""
        return math.sqrt(self.low * self.high) if self.low > 0 else self.high / 2


@dataclass(frozen=True, slots=True)
class Cut:
    """What rules leave of a distribution."""

    shares: tuple[float, ...]  # of each listed token among all, before min_p, top_k and top_p
    cut_by: tuple[str, ...]  # the rule that takes it out, "" for one that is kept
    least: int  # tokens that are kept at least
    most: int  # and at most, of those listed
    open: bool  # more may be kept than are listed
    entropy: float | None  # bits of what is drawn from; None when that is not all listed

    @property
    def count(self) -> str:
        """The number of kept tokens in words."""
        if self.open:
            return f"{self.least} or more"
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The likeliest tokens by rank, and what is known of the rest: (1/T, share of all) at each temperature told."""

    tokens: tuple[Likely, ...]
    rest: tuple[tuple[float, float], ...]
    others: int  # tokens that are not listed, at most

    def weights(self, temperature: float) -> list[float]:
        """Of each listed token against the first, whose weight is 1."""
        scale = STEPS_PER_UNIT * temperature
        return [math.exp(-one.below / scale) for one in self.tokens]

    def rest_weight(self, temperature: float) -> Bounds:
        """Of all other tokens together, in the same unit."""
        if self.others <= 0 or not self.rest:
            return Bounds(0.0, 0.0 if self.others <= 0 else math.inf)
        q, nearest = 1 / temperature, self.tokens[-1].below / STEPS_PER_UNIT
        known = sorted((at, *self._log_weight(at, share)) for at, share in self.rest)
        low, high = -math.inf, math.log(self.others) - nearest * q
        for at, lower, upper in known:
            if at <= q:
                high = min(high, upper - nearest * (q - at))
                low = max(low, lower * q / at + math.log(self.others) * (1 - q / at))
            else:
                low = max(low, lower + nearest * (at - q))
                high = min(high, upper * q / at + math.log(self.others) * (1 - q / at))
        first, last = known[0], known[-1]
        if first[0] < last[0]:
            if first[0] <= q <= last[0]:
                part = (q - first[0]) / (last[0] - first[0])
                high = min(high, first[2] * (1 - part) + last[2] * part)
            elif q > last[0] and last[1] > -math.inf:
                low = max(low, last[1] + (last[1] - first[2]) / (last[0] - first[0]) * (q - last[0]))
        return Bounds(math.exp(min(low, high)), math.exp(high))

    def _log_weight(self, q: float, share: float) -> tuple[float, float]:
        listed = math.fsum(self.weights(1 / q))
        low, high = max(0.0, share - ROUNDING), min(1 - ROUNDING / 2, share + ROUNDING)
        return (math.log(listed * low / (1 - low)) if low > 0 else -math.inf, math.log(listed * high / (1 - high)))

    def cut(self, rules: Rules) -> Cut:
        """What rules would leave. With temperature 0 the first token, and the shares are those at 1."""
        temperature = max(rules.temperature, COLDEST) if rules.temperature > 0 else 1.0
        weights, rest = self.weights(temperature), self.rest_weight(temperature)
        listed = math.fsum(weights)
        shares = tuple(weight / (listed + rest.middle) for weight in weights)
        if rules.temperature == 0:
            return Cut(shares, ("", *("temp" for _ in weights[1:])), 1, 1, False, 0.0)
        passed = sum(weight > 0 and weight >= rules.min_p for weight in weights)
        limit = min(passed, rules.top_k) if rules.top_k else passed
        sums = list(accumulate(weights))
        least, most, count = (
            _enough(sums, rules.top_p * (listed + weight), limit, rules.top_p)
            for weight in (rest.low, rest.high, rest.middle)
        )
        listed_all = most == len(weights) and self.others > 0
        closed = (rules.top_k and most >= rules.top_k) or (
            rules.top_p < 1 and sums[-1] > rules.top_p * (listed + rest.high)
        )
        cut_by = tuple(
            "" if index < count else "min_p" if index >= passed else "top_k" if index >= limit else "top_p"
            for index in range(len(weights))
        )
        is_open = listed_all and not closed
        return Cut(shares, cut_by, least, most, is_open, None if is_open else entropy(weights[:count]))


def _enough(sums: list[float], mass: float, limit: int, top_p: float) -> int:
    """How many of the first `limit` tokens it takes for their sum to exceed the mass."""
    if top_p >= 1:
        return limit
    return next((count for count, total in enumerate(sums[:limit], 1) if total > mass), limit)


def entropy(weights: list[float]) -> float:
    """Bits of a draw from these weights."""
    total = math.fsum(weights)
    return max(0.0, -math.fsum(weight / total * math.log2(weight / total) for weight in weights if weight > 0))


def distribution_of(choice: Choice, vocab: int = 0) -> Distribution | None:
    """What a record tells; None when its list is empty or not as a kernel writes it. `vocab`: tokens of the model, 0
    when that is not known."""
    tokens = read(choice.likeliest)
    if not tokens:
        return None
    temperatures = (choice.temperature or MILLION, HOTTEST)
    rest = tuple(
        (MILLION / temperature, min(1.0, share / MILLION))
        for temperature, share in zip(temperatures, choice.rest, strict=False)
    )
    return Distribution(tokens, rest, (vocab or 2**20) - len(tokens))
