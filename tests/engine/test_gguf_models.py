"""Models in GGUF files: the bits of llama2.c's files with the same numbers, and the logits of a slow model."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import gguf_files as gf
import numpy as np
import pytest
from engine_harness import EngineError, Floats, Harness
from gguf_files import BF16, F16, F32, NAMES, Q4_0, Q6_K, Q8_0, Gguf, gguf_of, kept_by_the_engine, weights_of
from llama2_files import Shape, model_file, random_weights, read_legacy
from llama2_model import ExactModel, SlowModel

SHAPE = Shape(dim=64, hidden=96, layers=3, heads=8, kv_heads=2, vocab=77, seq=20)
SEPARATE = dataclasses.replace(SHAPE, shared=False)
LARGE = Shape(dim=256, hidden=512, layers=1, heads=4, kv_heads=2, vocab=70, seq=12, shared=False)
INT8 = {"version": 2, "group": 32}
KINDS = pytest.mark.parametrize("kind", [F32, F16, BF16, Q8_0, Q4_0], ids=NAMES.get)


def made(shape: Shape, kind: int, seed: int = 5, **others: int) -> Gguf:
    return gguf_of(shape, random_weights(shape, seed), gf.some_pieces(shape.vocab), kind, **others)


def tokens(shape: Shape) -> list[int]:
    return [int(token) for token in np.random.default_rng(7).integers(0, shape.vocab, shape.seq)]


def logits(harness: Harness, shape: Shape) -> Floats:
    return np.array([harness.forward(token, position) for position, token in enumerate(tokens(shape))])


def close(got: Floats, slow: SlowModel, tolerance: float) -> None:
    want = np.array([slow.forward(token) for token in tokens(slow.shape)])
    assert np.abs(got - want).max() < tolerance * np.abs(want).max() * np.sqrt(slow.shape.layers)


@pytest.mark.parametrize("shape", [SHAPE, SEPARATE], ids=["shared", "separate"])
@pytest.mark.parametrize("kind", [F32, F16, BF16], ids=NAMES.get)
def test_float_files_give_the_bits_of_a_llama2_file_with_the_same_numbers(
    harness: Harness, kind: int, shape: Shape
) -> None:
    file = made(shape, kind)
    for level in harness.levels():
        harness.load(file.encode(), level)
        got = logits(harness, shape)
        harness.load(model_file(dataclasses.replace(shape, version=1), weights_of(file, shape)), level)
        assert got.tobytes() == logits(harness, shape).tobytes()


@pytest.mark.parametrize("shape", [SHAPE, SEPARATE], ids=["shared", "separate"])
@pytest.mark.parametrize("kind", [Q8_0, Q4_0], ids=NAMES.get)
def test_blocks_give_the_bits_of_an_int8_file_with_the_same_numbers(harness: Harness, kind: int, shape: Shape) -> None:
    """Half-precision scales become float32 exactly, 4-bit numbers are int8 of -8..7."""
    file, int8 = made(shape, kind), dataclasses.replace(shape, **INT8)
    kept = kept_by_the_engine(file, shape)
    exact = ExactModel(int8, kept, harness.exponential)
    want = np.array([exact.forward(token, position) for position, token in enumerate(tokens(shape))])
    for level in harness.levels():
        seen = harness.load(file.encode(), level)
        assert (seen["group"], seen["parameters"]) == (32, sum(np.prod(t.dims, dtype=int) for t in file.tensors))
        assert logits(harness, shape).tobytes() == want.tobytes()
    if kind == Q8_0:  # llama2.c's files have no negative scales
        harness.load(model_file(int8, kept))
        assert logits(harness, shape).tobytes() == want.tobytes()


@KINDS
def test_logits_agree_with_a_slow_model_of_what_the_file_says(harness: Harness, kind: int) -> None:
    file, int8 = made(SHAPE, kind), kind in (Q8_0, Q4_0)
    harness.load(file.encode())
    shape = dataclasses.replace(SHAPE, **INT8) if int8 else SHAPE
    close(logits(harness, SHAPE), SlowModel(shape, kept_by_the_engine(file, SHAPE)), 1e-2 if int8 else 2e-5)


def test_blocks_of_six_bits_become_the_floats_they_stand_for(harness: Harness) -> None:
    file = made(LARGE, Q6_K)
    harness.load(file.encode())
    got = logits(harness, LARGE)
    harness.load(model_file(dataclasses.replace(LARGE, version=1), weights_of(file, LARGE)))
    assert got.tobytes() == logits(harness, LARGE).tobytes()


@pytest.mark.parametrize(
    "others",
    [
        {"classifier": F16},
        {"classifier": Q6_K, "embedding": Q6_K},
        {"embedding": F32, "w2": F16, "wv": BF16},
        {"rms_att": F16, "rms_final": F16, "w1": Q8_0},
    ],
    ids=lambda others: " ".join(f"{name}:{NAMES[kind]}" for name, kind in others.items()),
)
@pytest.mark.parametrize("kind", [Q8_0, Q4_0], ids=NAMES.get)
def test_in_a_file_of_blocks_other_matrices_become_int8_too(
    harness: Harness, kind: int, others: dict[str, int]
) -> None:
    file, int8 = made(LARGE, kind, **others), dataclasses.replace(LARGE, **INT8)
    assert harness.load(file.encode())["group"] == 32
    exact = ExactModel(int8, kept_by_the_engine(file, LARGE), harness.exponential)
    want = np.array([exact.forward(token, position) for position, token in enumerate(tokens(LARGE))])
    assert logits(harness, LARGE).tobytes() == want.tobytes()


def test_where_groups_of_32_do_not_fit_blocks_become_floats(harness: Harness) -> None:
    """stories260K has a hidden_dim of 172: a converter leaves w2 in half precision there."""
    shape = dataclasses.replace(SHAPE, hidden=44)
    file = made(shape, Q8_0, w2=F16)
    assert harness.load(file.encode())["group"] == 0
    got = logits(harness, shape)
    harness.load(model_file(dataclasses.replace(shape, version=1), weights_of(file, shape)))
    assert got.tobytes() == logits(harness, shape).tobytes()


@pytest.mark.parametrize("kind", [F32, F16], ids=NAMES.get)
def test_float_files_are_quantised_on_request_as_llama2_files_are(harness: Harness, kind: int) -> None:
    file = made(SHAPE, kind)
    assert harness.load(file.encode(), q8=True)["group"] == 32
    got = logits(harness, SHAPE)
    harness.load(model_file(dataclasses.replace(SHAPE, version=1), weights_of(file, SHAPE)), q8=True)
    assert got.tobytes() == logits(harness, SHAPE).tobytes()


def test_blocks_stay_as_they_are_when_int8_is_asked_for(harness: Harness) -> None:
    file = made(SHAPE, Q4_0).encode()
    harness.load(file)
    want = logits(harness, SHAPE).tobytes()
    harness.load(file, q8=True)
    assert logits(harness, SHAPE).tobytes() == want


@pytest.mark.parametrize(("epsilon", "base"), [(1e-6, 10000.0), (1e-5, 500000.0), (0.05, 7.5)])
def test_the_files_own_epsilon_and_rotary_base_are_used(harness: Harness, epsilon: float, base: float) -> None:
    file = made(SHAPE, F32).with_key("llama.attention.layer_norm_rms_epsilon", gf.FLOAT32, epsilon)
    file = file.with_key("llama.rope.freq_base", gf.FLOAT32, base)
    harness.load(file.encode())
    weights = weights_of(file, SHAPE)
    got = logits(harness, SHAPE)
    close(got, SlowModel(SHAPE, weights, epsilon, base), 2e-5)
    other = SlowModel(SHAPE, weights)
    assert np.abs(got - np.array([other.forward(token) for token in tokens(SHAPE)])).max() > 1e-4


def test_tensors_may_lie_in_any_order_and_with_gaps(harness: Harness) -> None:
    file = made(SHAPE, F16)
    harness.load(file.encode())
    want = logits(harness, SHAPE).tobytes()
    file.alignment = 4096
    file.tensors.reverse()
    file.tail = b"behind it all"
    seen = harness.load(file.encode())
    assert seen["last_progress"] == seen["file_bytes"] == len(file.encode())
    assert logits(harness, SHAPE).tobytes() == want


def test_a_large_file_is_read_in_chunks_of_a_mebibyte(harness: Harness) -> None:
    shape = Shape(dim=512, hidden=1100, layers=2, heads=8, kv_heads=4, vocab=1500, seq=32)
    seen = harness.load(made(shape, F16).encode())
    assert 1 << 18 < seen["largest_read"] <= 1 << 20
    assert seen["last_progress"] == seen["file_bytes"]


def test_loading_stops_when_progress_says_so(harness: Harness) -> None:
    with pytest.raises(EngineError, match="loading was stopped at byte"):
        harness.load(made(SHAPE, Q8_0).encode(), stop_after=3)


BAD = [
    (F32, "blk.1.attn_q.weight", 5, "<f", np.nan, "a weight that is not a finite number"),
    (F16, "blk.2.ffn_down.weight", 7, "<e", np.inf, "a weight that is not a finite number"),
    (BF16, "token_embd.weight", 0, "<H", 0xFF80, "a weight that is not a finite number"),
    (F32, "output_norm.weight", 63, "<f", -np.inf, "a weight that is not a finite number"),
    (Q8_0, "blk.0.attn_k.weight", 34, "<e", np.nan, "a scale that is not a finite number"),
    (Q4_0, "blk.0.ffn_up.weight", 36, "<e", np.inf, "a scale that is not a finite number"),
    (Q8_0, "blk.2.attn_output.weight", 36, "<b", -128, "the int8 weight -128, expected -127..127"),
]


@pytest.mark.parametrize(("kind", "name", "index", "layout", "value", "wanted"), BAD)
def test_numbers_that_cannot_be_are_found_with_tensor_and_place(
    harness: Harness, kind: int, name: str, index: int, layout: str, value: float, wanted: str
) -> None:
    file = made(SHAPE, kind)
    data = bytearray(file.encode())
    in_bytes = index if kind in (Q8_0, Q4_0) else index * struct.calcsize(layout)
    struct.pack_into(layout, data, file.starts[name.encode()] + in_bytes, value)
    block = in_bytes - in_bytes % {Q8_0: 34, Q4_0: 18}.get(kind, 1)
    place = file.starts[name.encode()] + block
    with pytest.raises(EngineError, match=f"gguf: tensor {name} has {wanted}, at byte {place} of the file"):
        harness.load(bytes(data))


@KINDS
def test_loading_under_sanitisers(sanitised: Harness, kind: int) -> None:
    for shape in (SHAPE, dataclasses.replace(SEPARATE, vocab=3), dataclasses.replace(SHAPE, hidden=32, kv_heads=8)):
        sanitised.load(made(shape, kind).encode())
        logits(sanitised, shape)


def test_half_precision_is_exact_for_every_number(harness: Harness) -> None:
    """All 63,488 finite halves as an embedding, looked at through a model whose layers add nothing."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    finite = halves[np.isfinite(halves)]
    shape = Shape(dim=64, hidden=1, layers=1, heads=1, kv_heads=1, vocab=len(finite) // 64, seq=1)
    weights = {name: np.zeros(size, np.float32) for name, size in shape.tensors().items()}
    weights["embedding"] = finite.reshape(-1, 64)
    weights["rms_final"] = np.ones(64, np.float32)
    file = gguf_of(shape, weights, gf.some_pieces(shape.vocab), F16)
    harness.load(file.encode())
    got = [harness.forward(token, 0).tobytes() for token in range(0, shape.vocab, 31)]
    harness.load(model_file(shape, weights))
    assert [harness.forward(token, 0).tobytes() for token in range(0, shape.vocab, 31)] == got


# ---- the stored models -------------------------------------------------------------------------------------------


def as_gguf(model: Path, kind: int, **others: int) -> bytes:
    shape, weights = read_legacy(model.read_bytes())
    return gguf_of(shape, weights, gf.tokens_of(model.with_suffix(".tok.bin").read_bytes()), kind, **others).encode()


@pytest.mark.parametrize("name", ["own_model", "published_model"])
def test_a_converted_model_tells_its_story_token_for_token(
    harness: Harness, request: pytest.FixtureRequest, name: str
) -> None:
    model: Path = request.getfixturevalue(name)
    harness.load(model)
    want = harness.greedy(200)
    assert len(want) == 200
    file = as_gguf(model, F32)
    for level in harness.levels():
        harness.load(file, level)
        assert harness.greedy(200) == want
    harness.call("words", 0, payload=file)
    assert harness.decode(want).startswith(b"Once upon a time, there was a little girl named Lily.")


def test_the_published_model_in_blocks_has_one_matrix_that_is_not(harness: Harness, published_model: Path) -> None:
    harness.load(as_gguf(published_model, Q8_0, w2=F16))
    harness.call("words", 0, payload=as_gguf(published_model, Q8_0, w2=F16))
    assert harness.decode(harness.greedy(60)).startswith(b"Once upon a time, there was a little girl named Lily.")
