"""The forward pass: right within rounding, and the same bits at every level."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from engine_harness import REFERENCE, SSE2, EngineError, Floats, Harness
from llama2_files import Shape, model_file, random_model, random_weights
from llama2_model import ExactModel, SlowModel

SHAPES = {
    "grouped heads": Shape(dim=64, hidden=96, layers=3, heads=8, kv_heads=2, vocab=64),
    "one key/value head": Shape(dim=48, hidden=64, heads=6, kv_heads=1),
    "as many key/value heads": Shape(heads=4, kv_heads=4),
    "hidden of 172": Shape(dim=64, hidden=172, layers=5, heads=8, kv_heads=4, vocab=512, seq=40),
    "odd hidden": Shape(hidden=33),
    "hidden of one": Shape(hidden=1),
    "separate classifier": Shape(shared=False, vocab=77),
    "vocabulary of three": Shape(vocab=3),
    "vocabulary beside a panel": Shape(vocab=65),
    "one position": Shape(seq=1),
    "seventeen positions": Shape(seq=17),
    "smallest dim": Shape(dim=16, heads=1, kv_heads=1, hidden=7),
    "dim beside a panel": Shape(dim=24, heads=2, kv_heads=1),
    "heads of two": Shape(dim=24, heads=12, kv_heads=3),
    "heads of 22": Shape(dim=88, heads=4, kv_heads=2),
    "heads of 66": Shape(dim=264, heads=4, kv_heads=2, layers=1),
    "many layers": Shape(dim=16, hidden=8, heads=2, kv_heads=1, layers=40, seq=5),
    "long context": Shape(dim=16, hidden=8, heads=2, kv_heads=1, layers=1, seq=200),
    "dim of 18": Shape(dim=18, heads=3, kv_heads=1, hidden=5),
    "dim of 42, heads of 14": Shape(dim=42, heads=3, kv_heads=3, hidden=31, shared=False),
    "dim of 50, one head": Shape(dim=50, heads=1, kv_heads=1, hidden=17, vocab=33),
    "version 1": Shape(version=1),
    "version 1, odd": Shape(version=1, dim=70, heads=5, kv_heads=5, hidden=51, vocab=79, shared=False, seq=32),
    "version 1, grouped heads": Shape(version=1, dim=64, heads=8, kv_heads=2, hidden=40, layers=3, seq=33),
    "groups of 16": Shape(version=2, group=16, dim=48, heads=4, kv_heads=2, hidden=80, vocab=77),
    "groups of 16, one": Shape(version=2, group=16, dim=16, heads=1, kv_heads=1, hidden=16, vocab=3, seq=32),
    "groups of 16, heads of 22": Shape(version=2, group=16, dim=176, heads=8, kv_heads=4, hidden=48, layers=1),
    "groups of 32": Shape(version=2, group=32, dim=96, heads=6, kv_heads=3, hidden=160, vocab=65, shared=False),
    "groups of 64": Shape(version=2, group=64, dim=64, heads=8, kv_heads=2, hidden=192, vocab=300, layers=3),
    "groups of 64, separate": Shape(version=2, group=64, dim=128, heads=2, kv_heads=1, hidden=64, shared=False),
    "groups of 128": Shape(version=2, group=128, dim=256, heads=4, kv_heads=1, hidden=384, vocab=50, layers=1),
    "32000 tokens": Shape(dim=32, layers=1, vocab=32000, seq=3),
    "32000 tokens, int8": Shape(version=2, group=32, dim=64, hidden=32, layers=1, vocab=32000, seq=3, shared=False),
    "2048 positions": Shape(dim=16, hidden=8, heads=2, kv_heads=1, layers=1, vocab=32, seq=2048),
    "2048 positions, int8": Shape(
        version=2, group=16, dim=32, hidden=16, heads=4, kv_heads=2, layers=1, vocab=32, seq=2048
    ),
}
# Of the largest logit, for one layer. The engine rounds to float32; with int8 weights a difference of one rounding can
# also move an activation to the next of its 127 steps, and then all that follows.
TOLERANCE, TOLERANCE_INT8 = 2e-5, 1e-2


def tokens(shape: Shape, count: int) -> list[int]:
    return [int(token) for token in np.random.default_rng(7).integers(0, shape.vocab, count)]


def run(harness: Harness, level: int, ids: list[int]) -> Floats:
    harness.call("level", level)
    return np.array([harness.forward(token, position) for position, token in enumerate(ids)])


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_logits_agree_with_a_slow_model(harness: Harness, shape: Shape) -> None:
    weights = random_weights(shape, 3)
    harness.load(model_file(shape, weights))
    slow, ids = SlowModel(shape, weights), tokens(shape, shape.seq)
    got = run(harness, max(harness.levels()), ids)
    want = np.array([slow.forward(token) for token in ids])
    tolerance = TOLERANCE if shape.version < 2 else TOLERANCE_INT8
    assert np.abs(got - want).max() < tolerance * np.abs(want).max() * np.sqrt(shape.layers)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_level_gives_the_same_bits(harness: Harness, shape: Shape) -> None:
    harness.load(random_model(shape, 5))
    ids = tokens(shape, shape.seq)
    results = [run(harness, level, ids).tobytes() for level in harness.levels()]
    assert len(results) >= 2
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize(
    "name",
    [
        "grouped heads",
        "odd hidden",
        "separate classifier",
        "heads of 22",
        "dim beside a panel",
        "dim of 42, heads of 14",
        "version 1, odd",
        "groups of 16",
        "groups of 16, one",
        "groups of 16, heads of 22",
        "groups of 32",
        "groups of 64",
        "groups of 64, separate",
        "groups of 128",
    ],
)
def test_the_bits_are_those_of_llama2s_order_of_arithmetic(harness: Harness, name: str) -> None:
    shape = SHAPES[name]
    weights = random_weights(shape, 11)
    harness.load(model_file(shape, weights))
    exact, ids = ExactModel(shape, weights, harness.exponential), tokens(shape, shape.seq)
    for position, token in enumerate(ids):
        assert harness.forward(token, position).tobytes() == exact.forward(token, position).tobytes()


def test_every_level_gives_the_same_bits_on_the_own_model(harness: Harness, own_model: Path) -> None:
    harness.load(own_model)
    ids = harness.greedy(300)
    results = [run(harness, level, ids).tobytes() for level in harness.levels()]
    assert all(result == results[0] for result in results)


def test_levels_may_change_between_tokens(harness: Harness) -> None:
    shape = SHAPES["grouped heads"]
    harness.load(random_model(shape))
    ids = tokens(shape, shape.seq)
    want = run(harness, REFERENCE, ids)
    for position, (token, level) in enumerate(zip(ids, itertools.cycle(harness.levels()), strict=False)):
        harness.call("level", level)
        assert harness.forward(token, position).tobytes() == want[position].tobytes()


def test_prefill_without_logits_fills_the_same_cache(harness: Harness) -> None:
    shape = Shape()
    harness.load(random_model(shape))
    ids = tokens(shape, 20)
    want = run(harness, SSE2, ids)[-1]
    for position, token in enumerate(ids[:-1]):
        assert harness.call("forward", token, position, 0) == b""
    assert harness.forward(ids[-1], 19).tobytes() == want.tobytes()


def test_a_row_of_the_cache_can_be_written_again(harness: Harness) -> None:
    shape = Shape()
    harness.load(random_model(shape))
    first = run(harness, SSE2, [1, 2, 3, 4])
    run(harness, SSE2, [9, 8, 7])
    assert run(harness, SSE2, [1, 2, 3, 4]).tobytes() == first.tobytes()


def test_activations_can_be_wiped_between_tokens(harness: Harness) -> None:
    shape = Shape()
    harness.load(random_model(shape))
    want = run(harness, SSE2, [1, 2, 3])
    run(harness, SSE2, [1, 2])
    harness.call("wipe")
    assert harness.forward(3, 2).tobytes() == want[-1].tobytes()


@pytest.mark.parametrize(("token", "position"), [(50, 0), (2**32 - 1, 0), (0, 24), (0, 2**32 - 1)])
def test_what_the_model_does_not_have_is_refused(harness: Harness, token: int, position: int) -> None:
    harness.load(random_model(Shape()))
    with pytest.raises(EngineError):
        harness.forward(token, position)


def test_an_abort_comes_at_the_poll_that_asked_for_it(harness: Harness) -> None:
    shape = Shape(dim=256, hidden=700, layers=2, vocab=900, seq=8, heads=4, kv_heads=2)
    harness.load(random_model(shape))
    want = harness.forward(1, 0)
    polls = int(harness.call("polls"))
    products = shape.layers * (256 * 256 * 3 + 704 * 2 * 256 + 256 * 700) + 900 * 256
    assert polls >= products // 65536 // 2 + shape.layers
    for stop in range(1, polls + 1):
        harness.call("allow", stop)
        with pytest.raises(EngineError, match="aborted"):
            harness.forward(1, 0)
        assert int(harness.call("polls")) == stop
    harness.call("allow", 0)
    assert harness.forward(1, 0).tobytes() == want.tobytes()


def test_long_products_are_polled_inside(harness: Harness) -> None:
    shape = Shape(dim=512, hidden=2048, layers=1, heads=8, kv_heads=8, vocab=16, seq=2)
    harness.load(random_model(shape))
    harness.forward(1, 0)
    assert int(harness.call("polls")) >= (512 * 512 * 4 + 3 * 512 * 2048) // 65536


def test_a_long_context_is_polled_inside_the_attention(harness: Harness) -> None:
    shape = Shape(dim=256, hidden=8, layers=1, heads=1, kv_heads=1, vocab=16, seq=3000)
    harness.load(random_model(shape))
    harness.forward(1, 0)
    short = int(harness.call("polls"))
    harness.forward(1, 2999)
    assert int(harness.call("polls")) >= short + 2 * 3000 * 256 // 65536 - 2


def test_forward_under_sanitisers(sanitised: Harness) -> None:
    for shape in (SHAPES["odd hidden"], SHAPES["heads of 22"], SHAPES["separate classifier"], SHAPES["one position"]):
        sanitised.load(random_model(shape, 9), sanitised.levels()[-1])
        for level in sanitised.levels():
            run(sanitised, level, tokens(shape, shape.seq))
