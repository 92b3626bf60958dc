"""The sampler's stages, each against an independent model in Python, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from engine_harness import EngineError, Harness, ids_of
from hypothesis import given, settings
from hypothesis import strategies as st

MILLION = 1_000_000
INF = float("inf")
EOS = 2


class SlowRandom:
    """llama2.c's xorshift*."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def next(self) -> float:
        mask = 2**64 - 1
        self.state ^= self.state >> 12
        self.state ^= self.state << 25 & mask
        self.state ^= self.state >> 27
        upper = (self.state * 0x2545F4914F6CDD1D & mask) >> 32
        return (upper >> 8) / 16777216.0


@dataclass
class Settings:
    temperature: int = MILLION
    min_p: int = 0
    top_p: int = MILLION
    top_k: int = 0
    ngram: int = 0
    penalty: int = MILLION
    turn: list[int] = field(default_factory=list)


def banned_tokens(length: int, turn: list[int]) -> set[int]:
    if length == 0 or len(turn) < length:
        return set()
    tail = turn[len(turn) - length + 1 :]
    return {turn[i + length - 1] for i in range(len(turn) - length + 1) if turn[i : i + length - 1] == tail}


def payload(values: list[float] | np.ndarray, turn: list[int] | None = None) -> bytes:
    return np.array(values, np.float32).tobytes() + np.array(turn or [], np.uint32).tobytes()


def choose(harness: Harness, logits: list[float] | np.ndarray, s: Settings) -> int:
    reply = harness.call(
        "choose",
        len(logits),
        s.temperature,
        s.min_p,
        s.top_p,
        s.top_k,
        s.ngram,
        s.penalty,
        payload=payload(logits, s.turn),
    )
    return ids_of(reply)[0]


def top(
    harness: Harness, probabilities: list[float], min_p: int = 0, top_k: int = 0, top_p: int = MILLION
) -> list[int]:
    reply = harness.call("top", len(probabilities), min_p, top_k, top_p, payload=payload(probabilities))
    return ids_of(reply)[1::2]


TURNS = st.lists(st.integers(0, 6), max_size=100)


@pytest.mark.parametrize("seed", [1, 2, 1337, 2**63, 2**64 - 1])
def test_the_numbers_are_those_of_llama2(harness: Harness, seed: int) -> None:
    slow = SlowRandom(seed)
    assert harness.values("seed", seed).tolist() == [slow.next() for _ in range(16)]


def test_the_first_of_the_highest_is_taken_wherever_it_stands(harness: Harness) -> None:
    for count in range(1, 40):
        for first in range(count):
            logits = np.linspace(-1, -2, count)
            logits[[first, count - 1]] = 0.5
            assert choose(harness, logits, Settings(temperature=0)) == first


def test_seed_zero_still_gives_different_numbers(harness: Harness) -> None:
    assert len(set(harness.values("seed", 0).tolist())) == 16


@given(length=st.integers(0, 16), turn=TURNS)
@settings(max_examples=200, deadline=None)
def test_ngram_ban(harness: Harness, length: int, turn: list[int]) -> None:
    got = harness.values("ban", 7, length, payload=payload([1.0] * 7, turn))
    assert {i for i in range(7) if got[i] == -INF} == banned_tokens(length, turn)
    assert all(value in (1.0, -INF) for value in got)


def test_ngram_ban_by_example(harness: Harness) -> None:
    turn = [5, 6, 1, 2, 3, 4, 1, 2, 3]
    assert banned_tokens(4, turn) == {4}
    assert harness.values("ban", 7, 4, payload=payload([0.0] * 7, turn)).tolist() == [0, 0, 0, 0, -INF, 0, 0]


@given(
    penalty=st.integers(MILLION, 2 * MILLION),
    turn=TURNS,
    logits=st.lists(st.floats(-9, 9, width=32), min_size=7, max_size=7),
)
@settings(max_examples=200, deadline=None)
def test_a_token_is_penalised_once(harness: Harness, penalty: int, turn: list[int], logits: list[float]) -> None:
    got = harness.values("penalise", 7, penalty, payload=payload(logits, turn))
    factor = np.float32(penalty) / np.float32(MILLION)
    for token, logit in enumerate(np.array(logits, np.float32)):
        seen = token in turn[-64:]
        assert got[token] == (logit if not seen else logit / factor if logit > 0 else logit * factor)


def test_the_penalty_looks_at_the_last_64_tokens(harness: Harness) -> None:
    for others, penalised in ((63, 0.5), (64, 1.0)):
        turn = [5] + [1] * others
        assert harness.values("penalise", 7, 2 * MILLION, payload=payload([1.0] * 7, turn))[5] == penalised


def test_ids_outside_the_vocabulary_are_passed_over(sanitised: Harness) -> None:
    turn = [9, 2**32 - 1, 9, 2**32 - 1, 9]
    assert sanitised.values("ban", 4, 2, payload=payload([1.0] * 4, turn)).tolist() == [1.0] * 4
    assert sanitised.values("penalise", 4, 2 * MILLION, payload=payload([1.0] * 4, turn)).tolist() == [1.0] * 4


@given(
    logits=st.lists(st.one_of(st.floats(-30, 30, width=32), st.just(-INF)), min_size=1, max_size=40),
    temperature=st.integers(10_000, 2 * MILLION),
)
@settings(max_examples=200, deadline=None)
def test_softmax(harness: Harness, logits: list[float], temperature: int) -> None:
    if max(logits) == -INF:
        logits[0] = 0.0
    got = harness.values("softmax", len(logits), temperature, payload=payload(logits))
    scaled = np.array(logits) * MILLION / temperature
    want = np.exp(scaled - scaled.max())
    want /= want.sum()
    # A scaled logit of some thousands has an absolute rounding error, which becomes a relative one of the power.
    assert np.allclose(got, want, rtol=1e-5 + 4e-7 * abs(scaled[np.isfinite(scaled)]).max(), atol=1e-30)
    assert all(got[i] == 0 for i in range(len(logits)) if logits[i] == -INF)


PROBABILITIES = st.lists(st.integers(0, 20), min_size=1, max_size=60).filter(any)


@given(weights=PROBABILITIES, min_p=st.integers(0, MILLION), top_k=st.integers(0, 70), top_p=st.integers(0, MILLION))
@settings(max_examples=400, deadline=None)
def test_cuts_keep_the_likeliest_in_rank_order(
    harness: Harness, weights: list[int], min_p: int, top_k: int, top_p: int
) -> None:
    probabilities = (np.array(weights) / sum(weights)).astype(np.float32)
    least = probabilities.max() * (np.float32(min_p) / np.float32(MILLION))
    ranked = sorted(
        (i for i, p in enumerate(probabilities) if p > 0 and p >= least), key=lambda i: (-probabilities[i], i)
    )
    ranked = ranked[: top_k or None]
    want, mass = [], np.float32(0)
    for token in ranked:
        want.append(token)
        mass += probabilities[token]
        if top_p < MILLION and mass > np.float32(top_p) / np.float32(MILLION):
            break
    assert top(harness, probabilities.tolist(), min_p, top_k, top_p) == want


def test_each_cut_alone(harness: Harness) -> None:
    probabilities = [0.1, 0.4, 0.1, 0.25, 0.15]
    assert top(harness, probabilities) == [1, 3, 4, 0, 2]
    assert top(harness, probabilities, top_k=3) == [1, 3, 4]
    assert top(harness, probabilities, top_k=4) == [1, 3, 4, 0]
    assert top(harness, probabilities, top_p=500_000) == [1, 3]
    assert top(harness, probabilities, top_p=0) == [1]
    assert top(harness, [0.5, 0.25, 0.25], top_p=500_000) == [0, 1]  # more than top_p, not as much
    assert top(harness, probabilities, min_p=300_000) == [1, 3, 4]
    assert top(harness, probabilities, min_p=MILLION) == [1]


def test_the_highest_logit_and_the_lowest_id_win_without_temperature(harness: Harness) -> None:
    assert choose(harness, [1, 3, 2, 3], Settings(temperature=0)) == 1
    assert choose(harness, [float("nan"), -5, -4], Settings(temperature=0)) == 2
    assert choose(harness, [0, INF, 2], Settings(temperature=0)) == 1


def test_greedy_respects_the_first_two_stages(harness: Harness) -> None:
    assert choose(harness, [0, 5, 4], Settings(temperature=0, ngram=1, turn=[1])) == 2
    assert choose(harness, [0, 5, 4], Settings(temperature=0, penalty=2 * MILLION, turn=[1])) == 2


@pytest.mark.parametrize("temperature", [0, 850_000])
def test_when_everything_is_banned_the_text_ends(harness: Harness, temperature: int) -> None:
    assert choose(harness, [1, 2, 3, 4], Settings(temperature, ngram=1, turn=[0, 1, 2, 3])) == EOS
    assert choose(harness, [float("nan")] * 4, Settings(temperature)) == EOS


@given(
    logits=st.lists(st.floats(-4, 4, width=32), min_size=8, max_size=8),
    s=st.builds(
        Settings,
        temperature=st.integers(300_000, 2 * MILLION),
        min_p=st.sampled_from([0, 50_000, 400_000]),
        top_p=st.sampled_from([MILLION, 950_000, 500_000, 1]),
        top_k=st.sampled_from([0, 1, 3, 80]),
        ngram=st.sampled_from([0, 1, 2, 4]),
        penalty=st.sampled_from([MILLION, 1_150_000]),
        turn=st.lists(st.integers(0, 5), max_size=70),
    ),
)
@settings(max_examples=200, deadline=None)
def test_a_banned_token_or_one_beyond_top_k_is_never_drawn(harness: Harness, logits: list[float], s: Settings) -> None:
    allowed = [i for i in range(8) if i not in banned_tokens(s.ngram, s.turn)]
    penalised = {i: v for i, v in enumerate(logits) if i in allowed}
    if s.penalty != MILLION:
        factor = s.penalty / MILLION
        penalised = {
            i: v if i not in s.turn[-64:] else v / factor if v > 0 else v * factor for i, v in penalised.items()
        }
    bound = sorted(penalised.values(), reverse=True)[: s.top_k or None][-1]
    for _ in range(5):
        chosen = choose(harness, logits, s)
        assert chosen in allowed
        assert penalised[chosen] >= bound - 1e-5


@pytest.mark.parametrize("top_p", [MILLION, 900_000])
def test_draws_are_those_of_llama2(harness: Harness, top_p: int) -> None:
    """The same seed gives llama2.c's tokens: in the order of ids without top_p, in the order of rank with it."""
    logits = np.random.default_rng(4).normal(size=300).astype(np.float32)
    powers = np.exp(logits.astype(np.float64) / 0.8)
    shares = powers / powers.sum()
    order = list(range(300))
    if top_p < MILLION:
        order = sorted(order, key=lambda i: -shares[i])
        order = order[: int(np.searchsorted(np.cumsum(shares[order]), top_p / MILLION, side="right")) + 1]
    sums = np.cumsum(shares[order])
    harness.values("seed", 99)
    slow = SlowRandom(99)
    for _ in range(300):
        target = slow.next() * (sums[-1] if top_p < MILLION else 1.0)
        got = choose(harness, logits, Settings(temperature=800_000, top_p=top_p))
        at = order.index(got)
        # The target lies in the chosen token's share, up to the rounding of float sums.
        assert sums[at] - shares[got] - 1e-5 <= target <= sums[at] + 1e-5


def test_drawn_shares_follow_the_probabilities(harness: Harness) -> None:
    harness.values("seed", 7)
    logits = np.log([0.5, 0.3, 0.2])
    drawn = [choose(harness, logits, Settings()) for _ in range(4000)]
    assert np.allclose(np.bincount(drawn, minlength=3) / 4000, [0.5, 0.3, 0.2], atol=0.03)


def test_a_large_vocabulary_under_sanitisers(sanitised: Harness) -> None:
    logits = np.random.default_rng(5).normal(size=32003)
    for s in (Settings(), Settings(top_p=999_000), Settings(top_k=80, min_p=50_000), Settings(top_k=40000)):
        assert 0 <= choose(sanitised, logits, s) < 32003
    with pytest.raises(EngineError):
        sanitised.call("no such stage", 1)
