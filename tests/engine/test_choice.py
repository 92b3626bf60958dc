"""What the sampler tells of a choice: against a model in double precision, and what the console makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from engine_harness import Harness
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sampler import INF, MILLION, Settings, banned_tokens, choose, payload

from llmbm_console.core.answers.distribution import Distribution, Rules
from llmbm_protocol.likeliest import MOST_LIKELIEST, STEPS_PER_UNIT, Likely

TOKEN = np.dtype([("id", "u4"), ("logit", "f4"), ("share", "f4"), ("hot", "f4"), ("weakened", "?")], align=True)
TOLD = np.dtype(
    [
        ("id", "u4"), ("generation", "u4"), ("index", "u4"), ("most", "u4"), ("temperature", "u4"), ("banned", "u4"),
        ("raw_best", "u4"), ("rank", "u4"), ("share", "f4"), ("weakened", "?"), ("cut", "?"), ("kept", "u4", 3),
        ("count", "u4"), ("likeliest", TOKEN, MOST_LIKELIEST), ("below", "u4", MOST_LIKELIEST),
    ],
    align=True,
)  # fmt: skip


@dataclass
class Told:
    """A choice as the kernel tells it, and the same in double precision."""

    kernel: np.void
    logits: np.ndarray  # after ban and penalty
    shares: np.ndarray  # before the cuts
    order: list[int]  # ids by rank
    kept: list[int]  # after min_p, top_k, top_p

    def distribution(self) -> Distribution:
        """What a host would make of it."""
        count = int(self.kernel["count"])
        tokens = tuple(
            Likely(int(one["id"]), int(below), bool(one["weakened"]))
            for one, below in zip(self.kernel["likeliest"][:count], self.kernel["below"], strict=False)
        )
        rest = [
            1 - float(np.sum(self.kernel["likeliest"][name][:count], dtype=np.float32)) for name in ("share", "hot")
        ]
        temperature = int(self.kernel["temperature"]) or MILLION
        told = tuple(round(max(0.0, one) * MILLION) / MILLION for one in rest)
        return Distribution(tokens, ((MILLION / temperature, told[0]), (0.5, told[1])), len(self.logits) - count)


def tell(harness: Harness, logits: list[float] | np.ndarray, s: Settings, most: int = MOST_LIKELIEST) -> Told:
    arguments = (s.temperature, s.min_p, s.top_p, s.top_k, s.ngram, s.penalty, most)
    reply = harness.call("told", len(logits), *arguments, payload=payload(logits, s.turn))
    ruled = np.array(logits, np.float32).astype(np.float64)
    for token in banned_tokens(s.ngram, s.turn):
        ruled[token] = -INF
    for token in set(s.turn[-64:]):
        ruled[token] = (
            ruled[token] / (s.penalty / MILLION) if ruled[token] > 0 else ruled[token] * (s.penalty / MILLION)
        )
    order = sorted(range(len(ruled)), key=lambda token: (-ruled[token], token))
    shares = shares_of(ruled, (s.temperature or MILLION) / MILLION)
    return Told(np.frombuffer(reply, TOLD)[0], ruled, shares, order, cuts(shares, order, s))


def shares_of(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp((logits - np.max(logits)) / temperature)
    return weights / weights.sum()


def cuts(shares: np.ndarray, order: list[int], s: Settings, nudge: float = 0.0) -> list[int]:
    ranked = shares[order]
    min_p = int(np.sum((ranked > 0) & (ranked >= ranked[0] * s.min_p / MILLION * (1 + nudge))))
    top_k = min(min_p, s.top_k) if s.top_k else min_p
    enough = np.flatnonzero(np.cumsum(ranked[:top_k]) > s.top_p / MILLION + nudge)
    return [min_p, top_k, int(enough[0]) + 1 if s.top_p < MILLION and len(enough) else top_k]


def is_clear(told: Told, s: Settings) -> bool:
    """No token lies so near to a border that single precision may see it on the other side."""
    return told.kept == cuts(told.shares, told.order, s, 1e-4) == cuts(told.shares, told.order, s, -1e-4)


CASES = [
    Settings(),
    Settings(temperature=850_000, min_p=50_000, top_p=950_000, top_k=80),
    Settings(temperature=1_400_000, min_p=20_000, top_p=900_000, top_k=7),
    Settings(temperature=300_000, top_p=990_000),
    Settings(temperature=2 * MILLION, top_k=5),
    Settings(temperature=1_100_000, min_p=100_000, ngram=2, penalty=1_300_000, turn=[3, 9, 3, 5, 9, 3]),
    Settings(temperature=0, penalty=1_500_000, turn=[1, 2, 3, 4]),
]


@pytest.mark.parametrize("vocab", [5, 20, 1000, 32000])
@pytest.mark.parametrize("s", CASES, ids=str)
def test_ranks_and_cuts_are_exact_and_shares_are_near(harness: Harness, s: Settings, vocab: int) -> None:
    random = np.random.default_rng(vocab)
    turn = [token % vocab for token in s.turn]
    s = Settings(**{**vars(s), "turn": turn})
    for _ in range(20):
        told = tell(harness, random.normal(0, 3, vocab).astype(np.float32), s)
        kernel, count = told.kernel, int(told.kernel["count"])
        assert count == min(MOST_LIKELIEST, vocab - len(banned_tokens(s.ngram, turn)))
        assert kernel["likeliest"]["id"][:count].tolist() == told.order[:count]
        assert kernel["rank"] == told.order.index(int(kernel["id"])) + 1
        assert kernel["share"] == pytest.approx(told.shares[kernel["id"]], rel=1e-4, abs=1e-9)
        assert kernel["likeliest"]["share"][:count] == pytest.approx(
            told.shares[told.order[:count]], rel=1e-4, abs=1e-9
        )
        hot = shares_of(told.logits, 2.0)[told.order[:count]]
        assert kernel["likeliest"]["hot"][:count] == pytest.approx(hot, rel=1e-4, abs=1e-9)
        below = (told.logits[told.order[0]] - told.logits[told.order[:count]]) * STEPS_PER_UNIT
        assert np.all(np.abs(kernel["below"][:count] - np.minimum(below, 65535)) <= 0.5 + 1e-2)
        assert kernel["cut"] == (s.temperature > 0)
        if s.temperature > 0 and is_clear(told, s):
            assert kernel["kept"].tolist() == told.kept
        assert kernel["banned"] == len(banned_tokens(s.ngram, turn))


def test_what_ban_and_penalty_did_is_told(harness: Harness) -> None:
    turn = [5, 1, 5]
    told = tell(harness, [0.0, 9.0, 2.0, 1.5, 1.0, 3.0], Settings(ngram=2, penalty=2 * MILLION, turn=turn)).kernel
    assert told["banned"] == 1
    assert told["raw_best"] == 1
    assert told["likeliest"]["id"][:5].tolist() == [2, 3, 5, 4, 0]
    assert told["likeliest"]["weakened"][:5].tolist() == [False, False, True, False, False]


def test_equals_are_ranked_by_their_id(harness: Harness) -> None:
    told = tell(harness, [1.0] * 40, Settings(top_k=3), most=4).kernel
    assert told["likeliest"]["id"][:4].tolist() == [0, 1, 2, 3]
    assert told["rank"] == told["id"] + 1
    assert told["kept"].tolist() == [40, 3, 3]


@pytest.mark.parametrize(
    "logits",
    [[INF, 1.0, 2.0], [3.4e38, -3.4e38, 0.0], [float("nan"), 1.0, 0.5], [-INF, -INF, 4.0], [1000.0, 0.0, 999.99]],
    ids=str,
)
@pytest.mark.parametrize("temperature", [0, 10_000, MILLION, 2 * MILLION])
def test_whatever_the_logits_are_the_numbers_are_numbers(
    sanitised: Harness, logits: list[float], temperature: int
) -> None:
    with np.errstate(invalid="ignore"):
        told = tell(sanitised, logits, Settings(temperature=temperature)).kernel
    count = int(told["count"])
    assert 1 <= count <= 3
    assert 0 <= told["share"] <= 1
    assert np.all((told["likeliest"]["share"][:count] >= 0) & (told["likeliest"]["hot"][:count] <= 1))
    assert told["below"][0] == 0
    assert told["below"][:count].tolist() == sorted(told["below"][:count])


@given(seed=st.integers(0, 2**32), temperature=st.sampled_from([0, 500_000, MILLION]))
@settings(max_examples=50, deadline=None)
def test_telling_changes_no_choice(harness: Harness, seed: int, temperature: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, 300).astype(np.float32)
    turn = [5, 6, 7, 5, 6]
    for s in (
        Settings(temperature=temperature, ngram=3, penalty=1_200_000, turn=turn),
        Settings(temperature=temperature, min_p=50_000, top_p=900_000, top_k=40, turn=turn),
    ):
        harness.call("seed", 1 + seed)
        silent = choose(harness, logits, s)
        harness.call("seed", 1 + seed)
        assert int(tell(harness, logits, s).kernel["id"]) == silent


@given(
    seed=st.integers(0, 2**32),
    vocab=st.sampled_from([8, 25, 300, 4000]),
    told_at=st.integers(1, 20).map(lambda tenths: tenths * 100_000),
    temperature=st.floats(0.05, 2.0),
    min_p=st.floats(0, 1),
    top_k=st.integers(0, 30),
    top_p=st.floats(0.01, 1),
)
@settings(max_examples=300, deadline=None)
def test_what_other_rules_would_leave_is_within_what_the_console_says(
    harness: Harness, seed: int, vocab: int, told_at: int, temperature: float, min_p: float, top_k: int, top_p: float
) -> None:
    """From what one record tells, for any rules: the true share of the rest is between the bounds, and so is the true
    number of kept tokens."""
    logits = np.random.default_rng(seed).normal(0, 3, vocab).astype(np.float32)
    told = tell(harness, logits, Settings(temperature=told_at))
    distribution = told.distribution()
    shares = shares_of(told.logits, temperature)
    listed = len(distribution.tokens)
    others = shares[told.order[listed:]].sum() / shares[told.order[0]]
    bounds = distribution.rest_weight(temperature)
    assert bounds.low * (1 - 1e-9) <= others <= bounds.high * (1 + 1e-9) + 1e-12
    wanted = Settings(temperature=0, min_p=round(min_p * MILLION), top_k=top_k, top_p=round(top_p * MILLION))
    kept = cuts(shares, told.order, wanted)[2]
    near = 2 / (STEPS_PER_UNIT * temperature)
    if not kept == cuts(shares, told.order, wanted, near)[2] == cuts(shares, told.order, wanted, -near)[2]:
        return  # a token lies on the border, within what rounding to steps takes away
    cut = distribution.cut(Rules(temperature, wanted.min_p / MILLION, top_k, wanted.top_p / MILLION))
    assert cut.least <= kept
    assert cut.open or kept <= cut.most
    if not cut.open and cut.least == cut.most:
        ranked = shares[told.order[:kept]] / shares[told.order[:kept]].sum()
        assert cut.entropy == pytest.approx(-np.sum(ranked * np.log2(np.maximum(ranked, 1e-300))), abs=2e-2)


def test_at_the_temperature_in_force_the_rest_is_known_exactly(harness: Harness) -> None:
    told = tell(harness, np.random.default_rng(4).normal(0, 3, 4000).astype(np.float32), Settings(temperature=850_000))
    bounds = told.distribution().rest_weight(0.85)
    assert bounds.high / bounds.low == pytest.approx(1, abs=1e-3)
    assert math.isfinite(told.distribution().rest_weight(0.01).high)
