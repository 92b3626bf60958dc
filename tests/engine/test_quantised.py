"""int8: quantising and the products with the bits of runq.c at every level, to the ends of every range."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import numpy.typing as npt
import pytest
from engine_harness import MOST, REFERENCE, EngineError, Floats, Harness
from llama2_files import Quantised, Shape, model_file, quantise, random_model, random_weights

GROUPS = [16, 32, 64, 128]
SMALL = Shape(version=2, group=16, dim=48, heads=4, kv_heads=2, hidden=80, vocab=77, shared=False)


def panels(matrix: Quantised, group: int) -> bytes:
    """A matrix of whole panels as the engine keeps it: for each group 16 scales, then [group / 4][16][4] weights."""
    rows, columns = matrix.quants.shape
    quants = matrix.quants.reshape(rows // 16, 16, columns // group, group // 4, 4).transpose(0, 2, 3, 1, 4)
    scales = matrix.scales.reshape(rows // 16, 16, columns // group).transpose(0, 2, 1)
    return b"".join(
        scales[panel, g].tobytes() + quants[panel, g].tobytes()
        for panel in range(rows // 16)
        for g in range(columns // group)
    )


def multiply(harness: Harness, level: int, matrix: Quantised, x: Quantised, count: int = 0) -> Floats:
    """The matrix times a vector, or with `count` times that many vectors in one call."""
    rows, columns = matrix.quants.shape
    group = columns // x.scales.shape[-1]
    payload = panels(matrix, group)
    for t in range(max(count, 1)):
        one = x[t] if count else x
        sums = one.quants.reshape(-1, group).sum(axis=1, dtype=np.int32)
        payload += one.quants.tobytes() + one.scales.tobytes() + sums.tobytes()
    return harness.values("multiply", level, group, columns, rows // 16, count, payload=payload)


def product(matrix: Quantised, x: Quantised) -> Floats:
    """runq.c's matmul."""
    total, group = np.zeros(len(matrix.quants), np.float32), len(x.quants) // len(x.scales)
    for g, scale in enumerate(x.scales):
        part = slice(g * group, (g + 1) * group)
        sums = matrix.quants[:, part].astype(np.int64) @ x.quants[part].astype(np.int64)
        total = total + sums.astype(np.float32) * matrix.scales[:, g] * scale
    return total


def quantised_by(harness: Harness, level: int, group: int, values: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    reply = harness.call("quantise", level, group, payload=values.tobytes())
    count, groups = len(values), len(values) // group
    quants = np.frombuffer(reply, np.int8, count)
    sums = np.frombuffer(reply, np.int32, groups, count + 4 * groups)
    assert np.array_equal(sums, quants.reshape(groups, group).sum(axis=1))
    return quants, np.frombuffer(reply, np.float32, groups, count)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(("rows", "groups"), [(16, 1), (32, 3), (48, 2), (80, 5)])
def test_products_are_those_of_runq_at_every_level(harness: Harness, group: int, rows: int, groups: int) -> None:
    random = np.random.default_rng(rows + groups)
    matrix = quantise(random.standard_normal((rows, group * groups)).astype(np.float32), group)
    x = quantise(random.standard_normal(group * groups).astype(np.float32), group)
    for level in harness.levels():
        assert multiply(harness, level, matrix, x).tobytes() == product(matrix, x).tobytes()


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(("rows", "groups"), [(16, 1), (48, 2), (80, 5), (112, 1)])
def test_products_of_several_vectors_are_those_of_each(harness: Harness, group: int, rows: int, groups: int) -> None:
    random = np.random.default_rng(rows + groups)
    matrix = quantise(random.standard_normal((rows, group * groups)).astype(np.float32), group)
    x = quantise(random.standard_normal((MOST, group * groups)).astype(np.float32), group)
    single = [multiply(harness, REFERENCE, matrix, x[t]).tobytes() for t in range(MOST)]
    for level in harness.levels():
        for count in range(1, MOST + 1):
            assert multiply(harness, level, matrix, x, count).tobytes() == b"".join(single[:count])


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(
    ("weight", "value"), [(127, 127), (127, -127), (-127, 127), (-127, -127), (-127, 0), (0, -127)]
)
def test_the_largest_sums_do_not_wrap(harness: Harness, group: int, weight: int, value: int) -> None:
    matrix = Quantised(np.full((32, group), weight, np.int8), np.full((32, 1), 1, np.float32))
    x = Quantised(np.full(group, value, np.int8), np.ones(1, np.float32))
    many = Quantised(np.tile(x.quants, (MOST, 1)), np.tile(x.scales, (MOST, 1)))
    for level in harness.levels():
        assert multiply(harness, level, matrix, x).tolist() == [weight * value * group] * 32
        assert multiply(harness, level, matrix, many, MOST).tolist() == [weight * value * group] * (32 * MOST)


def test_every_pair_of_int8_numbers_is_multiplied_exactly(harness: Harness) -> None:
    weights = np.zeros((256, 16), np.int8)
    weights[:255] = np.arange(-127, 128, dtype=np.int8)[:, None]
    weights[:, 1::2] = 0  # so that a wrong sign is not cancelled by the neighbour
    matrix = Quantised(weights, np.ones((256, 1), np.float32))
    for value in range(-127, 128):
        x = Quantised(np.full(16, value, np.int8), np.ones(1, np.float32))
        want = weights.astype(np.float32).sum(axis=1) * np.float32(value)
        for level in harness.levels():
            assert np.array_equal(multiply(harness, level, matrix, x), want)


@pytest.mark.parametrize("group", GROUPS)
def test_quantising_is_that_of_runq_at_every_level(harness: Harness, group: int) -> None:
    random = np.random.default_rng(group)
    values = (random.standard_normal(128 * 200) * np.exp(random.uniform(-60, 60, 128 * 200))).astype(np.float32)
    want = quantise(values, group)
    for level in harness.levels():
        quants, scales = quantised_by(harness, level, group, values)
        assert quants.tobytes() == want.quants.tobytes()
        assert scales.tobytes() == want.scales.tobytes()


def test_halves_are_rounded_away_from_zero(harness: Harness) -> None:
    below = np.nextafter(np.float32(0.5), np.float32(0))
    values = np.array([127, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, below, -below, 126.5, -126.5, 0, -0.0, 1, -127, 63.5])
    want = [127, 1, -1, 2, -2, 3, -3, 0, 0, 127, -127, 0, 0, 1, -127, 64]
    for level in harness.levels():
        quants, scales = quantised_by(harness, level, 16, values.astype(np.float32))
        assert quants.tolist() == want
        assert scales.tolist() == [1.0]


def test_zeros_and_subnormal_scales_become_zero(harness: Harness) -> None:
    least = np.finfo(np.float32).tiny
    values = np.zeros((4, 16), np.float32)
    values[1, 3] = 1e-45
    values[2, :] = np.float32(126) * least
    values[3, :] = np.float32(127) * least
    for level in harness.levels():
        quants, scales = quantised_by(harness, level, 16, values.ravel())
        assert quants.tolist() == [0] * 48 + [127] * 16
        assert scales.tolist() == [0, 0, 0, least]


def test_what_is_no_number_is_quantised_alike_at_every_level(harness: Harness) -> None:
    random = np.random.default_rng(4)
    values = random.integers(0, 2**32, 16 * 20_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    assert np.isnan(values).any()
    want = quantised_by(harness, REFERENCE, 16, values)
    for level in harness.levels():
        quants, scales = quantised_by(harness, level, 16, values)
        assert quants.tobytes() == want[0].tobytes()
        assert scales.tobytes() == want[1].tobytes()
    assert want[0].min() == -127


def test_numbers_under_sanitisers(sanitised: Harness) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1e-45, 3e38, -3e38, 0, 1] * 16, np.float32)
    for level in sanitised.levels():
        for group in GROUPS:
            quantised_by(sanitised, level, group, values)
        sanitised.load(random_model(SMALL), level)
        for position in range(SMALL.seq):
            assert np.isfinite(sanitised.forward(position, position)).all()


def test_memory_for_int8_weights_is_a_quarter_and_scales(harness: Harness) -> None:
    shape = Shape(version=2, group=64, dim=512, hidden=1024, heads=8, kv_heads=8, vocab=4000, layers=4, seq=16)
    reply = harness.call("parse", shape.file_bytes, payload=shape.header()).split()
    parameters, file_bytes, weights = (int(word) for word in reply[:3])
    assert file_bytes == shape.file_bytes
    norms, rotary = 4 * (2 * 4 + 1) * 512, 4 * 16 * 64
    assert weights == 128 + (parameters - norms // 4) * 68 // 64 + norms + rotary


@pytest.mark.parametrize(
    ("tensor", "layer", "index", "wanted"),
    [
        ("embedding", 0, 77 * 48 - 1, "the embedding has"),
        ("wq", 1, 0, "wq of layer 1 has"),
        ("wv", 0, 24 * 48 - 1, "wv of layer 0 has"),
        ("w2", 1, 7, "w2 of layer 1 has"),
        ("classifier", 0, 16, "the classifier has"),
    ],
)
def test_a_weight_of_minus_128_is_refused(harness: Harness, tensor: str, layer: int, index: int, wanted: str) -> None:
    data = bytearray(random_model(SMALL))
    offset = SMALL.offset(tensor, index, layer)
    data[offset] = 0x80
    text = f"model: {wanted} the int8 weight -128, expected -127..127, at byte {offset} of the file"
    with pytest.raises(EngineError, match=text):
        harness.load(bytes(data))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e-30])
@pytest.mark.parametrize(
    ("tensor", "layer", "index", "wanted"),
    [
        ("embedding", 0, 77 * 3 - 1, "the embedding has"),
        ("wk", 1, 5, "wk of layer 1 has"),
        ("wo", 0, 48 * 3 - 1, "wo of layer 0 has"),
        ("w3", 1, 80 * 3 - 1, "w3 of layer 1 has"),
        ("classifier", 0, 0, "the classifier has"),
    ],
)
def test_a_scale_that_cannot_be_is_refused(
    harness: Harness, tensor: str, layer: int, index: int, wanted: str, bad: float
) -> None:
    data = bytearray(random_model(SMALL))
    offset = SMALL.offset(tensor + "/scales", index, layer)
    struct.pack_into("<f", data, offset, bad)
    text = f"model: {wanted} a scale that is not a finite number of at least 0, at byte {offset} of the file"
    with pytest.raises(EngineError, match=text):
        harness.load(bytes(data))


def test_int8_loads_in_chunks_and_stops_when_progress_says_so(harness: Harness) -> None:
    shape = Shape(version=2, group=64, dim=1024, hidden=2048, layers=1, heads=8, kv_heads=4, vocab=3000, seq=8)
    data = random_model(shape)
    seen = harness.load(data)
    assert 1 << 19 < seen["largest_read"] <= 1 << 20
    assert seen["last_progress"] == seen["file_bytes"] == len(data)
    with pytest.raises(EngineError, match="loading was stopped at byte"):
        harness.load(data, stop_after=9)


def test_int8_logits_are_close_to_those_of_the_weights_before(harness: Harness) -> None:
    """What quantising costs: the same weights as a file of version 1 and of version 2."""
    exact = Shape(version=1, dim=128, hidden=256, heads=4, kv_heads=2, vocab=200, seq=16)
    rounded = Shape(version=2, group=32, dim=128, hidden=256, heads=4, kv_heads=2, vocab=200, seq=16)
    weights = random_weights(exact, 8)
    logits = []
    for shape in (exact, rounded):
        harness.load(model_file(shape, weights))
        logits.append(np.array([harness.forward(5 * position, position) for position in range(16)]))
    assert 1e-4 < np.abs(logits[0] - logits[1]).max() / np.abs(logits[0]).max() < 0.05


def logits(harness: Harness, shape: Shape) -> bytes:
    return b"".join(harness.forward(position % shape.vocab, position).tobytes() for position in range(shape.seq))


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(("dim", "hidden", "group"), [(64, 192, 64), (96, 256, 32), (48, 80, 16)])
def test_quantised_while_loading_is_as_quantised_before(
    harness: Harness, version: int, dim: int, hidden: int, group: int
) -> None:
    before = Shape(version=2, group=group, dim=dim, hidden=hidden, heads=4, kv_heads=2, vocab=77, shared=False)
    after = dataclasses.replace(before, version=version, group=0)
    weights = random_weights(after, 6)
    harness.load(model_file(before, weights))
    want = logits(harness, before)
    for level in harness.levels():
        seen = harness.load(model_file(after, weights), level, q8=True)
        assert seen["group"] == group
        assert seen["last_progress"] == seen["file_bytes"] == after.file_bytes
        assert logits(harness, after) == want


def test_a_shape_without_common_groups_is_not_quantised(harness: Harness) -> None:
    shape = Shape(dim=64, hidden=172)
    with pytest.raises(EngineError, match="dim 64 and hidden_dim 172 are not both divisible by 16") as caught:
        harness.load(random_model(shape), q8=True)
    assert caught.value.code == 5


def test_quantising_an_int8_file_changes_nothing(harness: Harness) -> None:
    assert harness.load(random_model(SMALL), q8=True)["group"] == SMALL.group
