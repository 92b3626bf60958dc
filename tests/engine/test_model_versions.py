"""The headers of llama2.c's versions 1 and 2, and how wrong ones are refused."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
from engine_harness import EngineError, Harness
from hypothesis import given, settings
from hypothesis import strategies as st
from llama2_files import Shape, model_file, random_model, random_weights

FORMAT = 10
SHAPE = Shape(version=1, dim=64, hidden=192, layers=5, heads=8, kv_heads=4, vocab=512, seq=512)
INT8 = dataclasses.replace(SHAPE, version=2, group=64)
VERSIONED = pytest.mark.parametrize("shape", [SHAPE, INT8], ids=["version 1", "version 2"])
SHARED_AT, GROUP_AT = 36, 37


def parse(harness: Harness, header: bytes, file_bytes: int) -> list[int]:
    return [int(word) for word in harness.call("parse", file_bytes, payload=header).split()]


def refusal(harness: Harness, header: bytes, file_bytes: int) -> EngineError:
    with pytest.raises(EngineError) as caught:
        parse(harness, header, file_bytes)
    return caught.value


def patched(shape: Shape, offset: int, layout: str, value: int) -> bytes:
    header = bytearray(shape.header())
    struct.pack_into(layout, header, offset, value)
    return bytes(header)


@VERSIONED
@pytest.mark.parametrize("shared", [True, False])
def test_the_size_of_the_file_is_that_of_its_tensors(harness: Harness, shape: Shape, shared: bool) -> None:
    shape = dataclasses.replace(shape, shared=shared)
    parameters, file_bytes, *need = parse(harness, shape.header(), shape.file_bytes)
    assert file_bytes == shape.file_bytes
    assert parameters == sum(int(np.prod(size)) for size in shape.tensors().values())
    assert all(size % 64 == 0 for size in need)


@VERSIONED
@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        (0, 0, "dim is 0, expected 16..16384 and even"),
        (0, 16386, "dim is 16386, expected 16..16384 and even"),
        (0, 65, "dim is 65, expected 16..16384 and even"),
        (1, 0, "hidden_dim is 0, expected 1..65536"),
        (1, -1, "hidden_dim is -1, expected 1..65536"),
        (2, 257, "n_layers is 257, expected 1..256"),
        (3, 0, "n_heads is 0, expected 1..256"),
        (3, 7, "n_heads is 7, expected a divisor of dim 64"),
        (3, 64, "the head size is 1 (dim 64 / n_heads 64), expected an even number"),
        (4, 3, "n_kv_heads is 3, expected a divisor of n_heads 8"),
        (5, 2, "vocab_size is 2, expected 3..262144"),
        (5, -512, "vocab_size is -512, expected 3..262144"),
        (5, -(2**31), "vocab_size is -2147483648, expected 3..262144"),
        (6, 0, "seq_len is 0, expected 1..65536"),
        (6, 65537, "seq_len is 65537, expected 1..65536"),
    ],
)
def test_a_wrong_field_is_named(harness: Harness, shape: Shape, field: int, value: int, wanted: str) -> None:
    error = refusal(harness, patched(shape, 8 + 4 * field, "<i", value), shape.file_bytes)
    assert error.code == FORMAT
    assert str(error) == f"model: {wanted}"


@VERSIONED
@pytest.mark.parametrize("value", [2, 255])
def test_the_classifiers_flag_is_zero_or_one(harness: Harness, shape: Shape, value: int) -> None:
    error = refusal(harness, patched(shape, SHARED_AT, "<B", value), shape.file_bytes)
    assert str(error) == f"model: shared_classifier is {value}, expected 0 or 1"


@VERSIONED
def test_the_other_classifier_is_suggested(harness: Harness, shape: Shape) -> None:
    separate = dataclasses.replace(shape, shared=False)
    assert "shared_classifier is 1, but the size of the file fits 0 (separate classifier)" in str(
        refusal(harness, shape.header(), separate.file_bytes)
    )
    assert "shared_classifier is 0, but the size of the file fits 1 (shared classifier)" in str(
        refusal(harness, separate.header(), shape.file_bytes)
    )


@pytest.mark.parametrize("group", [0, 1, 8, 15, 48, 127, 256, -64, 2**31 - 1])
def test_a_wrong_group_is_named(harness: Harness, group: int) -> None:
    error = refusal(harness, patched(INT8, GROUP_AT, "<i", group), INT8.file_bytes)
    assert str(error) == f"model: group_size is {group}, expected 16, 32, 64 or 128"


def test_a_group_divides_both_widths(harness: Harness) -> None:
    """The exporter looks at dim alone; its groups of 64 lie across the rows of a hidden_dim of 172."""
    error = refusal(harness, patched(INT8, GROUP_AT, "<i", 128), INT8.file_bytes)
    assert str(error) == "model: group_size is 128, expected a divisor of dim 64"
    error = refusal(harness, dataclasses.replace(INT8, hidden=172).header(), INT8.file_bytes)
    assert str(error) == "model: group_size is 64, expected a divisor of hidden_dim 172"


@VERSIONED
@pytest.mark.parametrize("change", [-4, -1, 1, 64])
def test_another_size_is_refused(harness: Harness, shape: Shape, change: int) -> None:
    error = str(refusal(harness, shape.header(), shape.file_bytes + change))
    size = shape.file_bytes
    assert error.startswith(f"model: the file has {size + change} bytes, its header needs {size}: {abs(change)} ")


@VERSIONED
@pytest.mark.parametrize("size", [0, 27, 28, 41, 255])
def test_a_cut_header_is_refused(harness: Harness, shape: Shape, size: int) -> None:
    needed = 28 if size < 28 else 256
    error = refusal(harness, shape.header()[:size], size)
    assert str(error) == f"model: the file has {size} bytes, the header alone needs {needed}"


@VERSIONED
def test_the_largest_header_does_not_overflow(harness: Harness, shape: Shape) -> None:
    largest = Shape(16384, 65536, 256, 256, 256, 262144, 65536, False, shape.version, 16 if shape.version == 2 else 0)
    assert parse(harness, largest.header(), largest.file_bytes)[1] == largest.file_bytes
    assert f"its header needs {largest.file_bytes}" in str(refusal(harness, largest.header(), 10**6))


def test_the_same_weights_give_the_same_bits_from_versions_0_and_1(harness: Harness) -> None:
    shape = Shape(dim=48, hidden=33, heads=6, kv_heads=3, vocab=70, shared=False)
    weights = random_weights(shape, 12)
    harness.load(model_file(shape, weights))
    want = [harness.forward(position, position).tobytes() for position in range(shape.seq)]
    harness.load(model_file(dataclasses.replace(shape, version=1), weights))
    assert [harness.forward(position, position).tobytes() for position in range(shape.seq)] == want


@VERSIONED
def test_norms_that_are_no_numbers_are_found(harness: Harness, shape: Shape) -> None:
    for tensor, index, wanted in [("rms_att", 64 * 3, "rms_att of layer 3"), ("rms_final", 63, "rms_final")]:
        data = bytearray(random_model(shape))
        offset = shape.offset(tensor, index)
        struct.pack_into("<f", data, offset, np.nan)
        text = f"model: {wanted} has a weight that is not a finite number, at byte {offset} of the file"
        with pytest.raises(EngineError, match=text):
            harness.load(bytes(data))


@VERSIONED
def test_truncated_files_are_refused_whole(sanitised: Harness, shape: Shape) -> None:
    data = random_model(shape)
    for size in [*range(0, 300, 7), len(data) // 2, len(data) - 1]:
        with pytest.raises(EngineError, match="the file has"):
            sanitised.load(data[:size])


@given(rest=st.binary(min_size=248, max_size=248), version=st.integers(0, 3), file_bytes=st.integers(0, 2**64 - 1))
@settings(max_examples=200, deadline=None)
def test_random_headers_never_crash(sanitised: Harness, rest: bytes, version: int, file_bytes: int) -> None:
    refusal(sanitised, b"24ka" + struct.pack("<I", version) + rest, file_bytes)


@given(
    shape=st.builds(
        Shape,
        dim=st.sampled_from([16, 30, 64, 288, 16384]),
        hidden=st.sampled_from([16, 33, 128, 65536, 65537]),
        layers=st.integers(0, 257),
        heads=st.sampled_from([1, 2, 3, 8, 256]),
        kv_heads=st.sampled_from([1, 2, 4, 256]),
        vocab=st.integers(0, 262145),
        seq=st.integers(0, 65537),
        shared=st.booleans(),
        version=st.just(2),
        group=st.sampled_from([16, 32, 64, 128]),
    )
)
@settings(max_examples=200, deadline=None)
def test_what_can_be_is_accepted_and_nothing_else(sanitised: Harness, shape: Shape) -> None:
    divides = all(
        large % small == 0
        for large, small in [
            (shape.dim, 2 * shape.heads),
            (shape.heads, shape.kv_heads),
            (shape.dim, shape.group),
            (shape.hidden, shape.group),
        ]
    )
    within = shape.hidden <= 65536 and 3 <= shape.vocab <= 262144
    if divides and within and 1 <= shape.layers <= 256 and 1 <= shape.seq <= 65536:
        assert parse(sanitised, shape.header(), shape.file_bytes)[1] == shape.file_bytes
    else:
        assert "header needs" not in str(refusal(sanitised, shape.header(), 256))
