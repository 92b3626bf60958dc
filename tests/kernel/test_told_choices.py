"""What the kernel tells of its choices, against the slow model of the same file: real logits, over the real wire."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_models import DEFAULT_MODEL, put_model
from numpy_model import Floats, Model
from slow_sampler import SlowSampler
from wire_kernel import WireKernel

from llmbm_console.core.answers.distribution import Rules, distribution_of
from llmbm_protocol.choice import Choice
from llmbm_protocol.likeliest import STEPS_PER_UNIT, read

PROMPT = "Once upon a time there was a dog."
LOGITS = 5e-4  # two forward passes in single precision differ by so much
RULES = {"temp": 0.85, "min_p": 0.05, "top_p": 0.95, "top_k": 80, "norepeat": 3, "repeat": 1.15}


def shares_of(logits: Floats, temperature: float) -> np.ndarray:
    weights = np.exp((logits.astype(np.float64) - np.max(logits)) / temperature)
    return weights / weights.sum()


@pytest.mark.parametrize("temp", [0.85, 0.0])
def test_probabilities_ranks_and_cuts_are_those_of_the_slow_model(program: Path, tmp_path: Path, temp: float) -> None:
    put_model(tmp_path)
    kernel = WireKernel(program, tmp_path)
    model = Model(DEFAULT_MODEL)
    kernel.set(**{**RULES, "temp": temp}, max_tokens=40, seed=3)
    assert kernel.host.ask("prob", count=20).value == "20"
    reply = kernel.say(PROMPT)
    choices = {choice.index: choice for choice in kernel.host.of(Choice)}
    kernel.end()
    assert len(reply.tokens) == 40
    before = -1
    for index, choice in choices.items():  # of a fast kernel the line has no room for each
        assert choice.dropped == index - before - 1
        before = index
    turn = model.tokenizer.encode(PROMPT, bos=True)
    cache: list[tuple[Floats, Floats]] = []
    fresh = turn.copy()
    looked_at = clear = 0
    for index, token in enumerate(reply.tokens):
        raw = model.logits(fresh, cache)
        ruled = SlowSampler(seed=0, **{**RULES, "temp": temp})._penalised(raw.astype(np.float64), turn)
        if index in choices:
            looked_at += 1
            clear += compare(choices[index], token, raw, ruled, temp)
        turn, fresh = [*turn, token], [token]
    assert looked_at == len(choices) > 20
    assert clear > looked_at / 2, "most of the time no token lies on a border"


def compare(choice: Choice, token: int, raw: Floats, ruled: np.ndarray, temp: float) -> bool:
    """One record. True when the order and the cuts were clear enough to be compared exactly."""
    shares = shares_of(ruled, temp or 1.0)
    order = sorted(range(len(ruled)), key=lambda one: (-ruled[one], one))
    listed = read(choice.likeliest)
    assert choice.probability / 1e6 == pytest.approx(shares[token], rel=2 * LOGITS, abs=2e-6)
    for one in listed:
        assert one.below / STEPS_PER_UNIT == pytest.approx(ruled[order[0]] - ruled[one.token], abs=LOGITS)
    outside = [one for one in range(len(ruled)) if one not in {here.token for here in listed}]
    assert choice.rest[0] / 1e6 == pytest.approx(shares[outside].sum(), abs=1e-3)
    assert choice.rest[1] / 1e6 == pytest.approx(shares_of(ruled, 2.0)[outside].sum(), abs=1e-3)
    assert choice.banned == int(np.sum(np.isinf(ruled)))
    likeliest = int(np.argmax(raw))
    if np.sort(raw)[-1] - np.sort(raw)[-2] > LOGITS:
        assert choice.otherwise == (likeliest if likeliest != order[0] else None)
    gaps = np.abs(np.diff(ruled[order[: len(listed) + 1]]))
    if np.min(gaps) < LOGITS:
        return False
    assert [one.token for one in listed] == order[: len(listed)]
    if token in order[: len(listed)]:
        assert choice.rank == order.index(token) + 1
    if temp == 0:
        assert choice.kept == ()
        return True
    distribution = distribution_of(choice, len(ruled))
    assert distribution is not None
    cut = distribution.cut(Rules(RULES["temp"], RULES["min_p"], int(RULES["top_k"]), RULES["top_p"]))
    if cut.least == cut.most and not cut.open:
        assert choice.kept[2] == cut.most
    ranked = shares[order]
    passed = [int(np.sum(ranked >= ranked[0] * RULES["min_p"] * nudge)) for nudge in (1 - LOGITS * 2, 1 + LOGITS * 2)]
    if passed[0] == passed[1]:
        assert choice.kept[0] == passed[0]
    return True
