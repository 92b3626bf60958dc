"""What a model file may be, and how a wrong one is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from engine_harness import EngineError, Harness
from hypothesis import given, settings
from hypothesis import strategies as st
from llama2_files import Shape, random_model

FORMAT, STATE, VERSION = 10, 5, 9
GOOD = Shape(dim=64, hidden=172, layers=5, heads=8, kv_heads=4, vocab=512, seq=512)
FIELDS = ["dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len"]
GOOD_BYTES = 28 + 4 * sum(int(np.prod(shape)) for shape in GOOD.tensors().values())


def parse(harness: Harness, header: bytes, file_bytes: int) -> list[int]:
    return [int(word) for word in harness.call("parse", file_bytes, payload=header).split()]


def refusal(harness: Harness, header: bytes, file_bytes: int) -> EngineError:
    with pytest.raises(EngineError) as caught:
        parse(harness, header, file_bytes)
    return caught.value


def with_field(field: int, value: int) -> bytes:
    header = bytearray(GOOD.header())
    struct.pack_into("<i", header, 4 * field, value)
    return bytes(header)


def test_the_published_shape_is_accepted(harness: Harness) -> None:
    parameters, file_bytes, *need = parse(harness, GOOD.header(), GOOD_BYTES)
    assert file_bytes == GOOD_BYTES
    assert parameters == (GOOD_BYTES - 28) // 4 - GOOD.seq * GOOD.head
    assert all(size % 64 == 0 for size in need)


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        (0, 1 << 30, "dim is 1073741824, expected 16..16384 and even"),
        (0, 0, "dim is 0, expected 16..16384 and even"),
        (0, 8, "dim is 8, expected 16..16384 and even"),
        (0, 63, "dim is 63, expected 16..16384 and even"),
        (0, -64, "dim is -64, expected 16..16384 and even"),
        (0, 16392, "dim is 16392, expected 16..16384 and even"),
        (1, 0, "hidden_dim is 0, expected 1..65536"),
        (1, 65537, "hidden_dim is 65537, expected 1..65536"),
        (1, -1, "hidden_dim is -1, expected 1..65536"),
        (2, 0, "n_layers is 0, expected 1..256"),
        (2, 257, "n_layers is 257, expected 1..256"),
        (2, 2**31 - 1, "n_layers is 2147483647, expected 1..256"),
        (3, 0, "n_heads is 0, expected 1..256"),
        (3, -(2**31), "n_heads is -2147483648, expected 1..256"),
        (3, 257, "n_heads is 257, expected 1..256"),
        (3, 7, "n_heads is 7, expected a divisor of dim 64"),
        (3, 64, "the head size is 1 (dim 64 / n_heads 64), expected an even number"),
        (4, 0, "n_kv_heads is 0, expected 1..256"),
        (4, 3, "n_kv_heads is 3, expected a divisor of n_heads 8"),
        (4, 16, "n_kv_heads is 16, expected a divisor of n_heads 8"),
        (4, -4, "n_kv_heads is -4, expected 1..256"),
        (5, 0, "vocab_size is 0, expected 3..262144"),
        (5, 2, "vocab_size is 2, expected 3..262144"),
        (5, -2, "vocab_size is -2, expected 3..262144"),
        (5, 262145, "vocab_size is 262145, expected 3..262144"),
        (5, -262145, "vocab_size is -262145, expected 3..262144"),
        (5, -(2**31), "vocab_size is -2147483648, expected 3..262144"),
        (6, 0, "seq_len is 0, expected 1..65536"),
        (6, 65537, "seq_len is 65537, expected 1..65536"),
        (6, -512, "seq_len is -512, expected 1..65536"),
    ],
)
def test_a_wrong_field_is_named(harness: Harness, field: int, value: int, wanted: str) -> None:
    error = refusal(harness, with_field(field, value), GOOD_BYTES)
    assert error.code == FORMAT
    assert str(error).startswith(f"model: {wanted}")


@pytest.mark.parametrize("field", [0, 1, 2, 4, 5, 6])
def test_a_plausible_but_different_field_is_found_by_the_size(harness: Harness, field: int) -> None:
    other = {0: 128, 1: 173, 2: 6, 4: 2, 5: 513, 6: 511}[field]
    error = refusal(harness, with_field(field, other), GOOD_BYTES)
    assert f"the file has {GOOD_BYTES} bytes, its header needs " in str(error)


def test_the_largest_header_does_not_overflow(harness: Harness) -> None:
    header = struct.pack("<7i", 16384, 65536, 256, 256, 256, -262144, 65536)
    shape = Shape(16384, 65536, 256, 256, 256, 262144, 65536, shared=False)
    size = 28 + 4 * sum(int(np.prod(np.array(s, dtype=object))) for s in shape.tensors().values())
    assert parse(harness, header, size)[1] == size
    assert f"its header needs {size}" in str(refusal(harness, header, GOOD_BYTES))


def test_the_other_classifier_is_suggested(harness: Harness) -> None:
    separate = GOOD_BYTES + 4 * GOOD.vocab * GOOD.dim
    assert "vocab_size is 512, but the size of the file fits -512 (separate classifier)" in str(
        refusal(harness, GOOD.header(), separate)
    )
    assert "vocab_size is -512, but the size of the file fits 512 (shared classifier)" in str(
        refusal(harness, with_field(5, -512), GOOD_BYTES)
    )


@pytest.mark.parametrize("missing", [1, 4, 1000, GOOD_BYTES - 28])
def test_a_cut_file_says_what_it_has_and_needs(harness: Harness, missing: int) -> None:
    error = str(refusal(harness, GOOD.header(), GOOD_BYTES - missing))
    assert error.startswith(
        f"model: the file has {GOOD_BYTES - missing} bytes, its header needs {GOOD_BYTES}: {missing} are missing"
    )


def test_bytes_behind_the_model_are_refused(harness: Harness) -> None:
    assert "1 too many" in str(refusal(harness, GOOD.header(), GOOD_BYTES + 1))


@pytest.mark.parametrize("size", range(28))
def test_a_cut_header_is_refused(harness: Harness, size: int) -> None:
    assert (
        str(refusal(harness, GOOD.header()[:size], size))
        == f"model: the file has {size} bytes, the header alone needs 28"
    )


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"24ka\x03\0\0\0", "llama2.c format version 3, expected 0, 1 or 2"),
        (b"24ka\0\0\0\0", "llama2.c format version 0, expected 0, 1 or 2"),
    ],
)
def test_other_formats_are_named(harness: Harness, start: bytes, name: str) -> None:
    error = refusal(harness, start.ljust(256, b"\0"), 100_000)
    assert error.code == VERSION
    assert name in str(error)


@given(header=st.binary(min_size=28, max_size=28), file_bytes=st.integers(0, 2**64 - 1))
@settings(max_examples=300, deadline=None)
def test_random_headers_never_crash(sanitised: Harness, header: bytes, file_bytes: int) -> None:
    refusal(sanitised, header, file_bytes)


@given(
    values=st.tuples(
        st.sampled_from([16, 24, 64, 288, 16384, 15]),
        st.integers(0, 65537),
        st.integers(0, 257),
        st.sampled_from([1, 2, 3, 8, 256]),
        st.sampled_from([1, 2, 4, 256]),
        st.integers(-262145, 262145),
        st.integers(0, 65537),
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_accepted_has_the_size_it_should(sanitised: Harness, values: tuple[int, ...]) -> None:
    dim, hidden, layers, heads, kv, vocab, seq = values
    header = struct.pack("<7i", *values)
    try:
        parse(sanitised, header, 28)
    except EngineError as error:
        if "header needs" not in str(error):
            return
        size = int(str(error).split("header needs ")[1].split(":")[0])
    shape = Shape(dim, hidden, layers, heads, kv, abs(vocab), seq, vocab > 0)
    assert size == 28 + 4 * sum(int(np.prod(np.array(s, dtype=object))) for s in shape.tensors().values())
    assert parse(sanitised, header, size)[1] == size


def test_loading_reads_at_most_a_mebibyte_and_reports_the_end(harness: Harness) -> None:
    shape = Shape(dim=512, hidden=1100, layers=3, heads=8, kv_heads=4, vocab=1500, seq=32)
    seen = harness.load(random_model(shape))
    assert 1 << 19 < seen["largest_read"] <= 1 << 20
    assert seen["last_progress"] == seen["file_bytes"]


def test_loading_stops_when_progress_says_so(harness: Harness) -> None:
    with pytest.raises(EngineError, match="loading was stopped at byte") as caught:
        harness.load(random_model(Shape()), stop_after=3)
    assert caught.value.code == STATE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("tensor", "index", "wanted"),
    [
        ("embedding", 49 * 32 + 31, "the embedding has"),
        ("rms_att", 32, "rms_att of layer 1 has"),
        ("wq", 5, "wq of layer 0 has"),
        ("wk", 16 * 32, "wk of layer 1 has"),
        ("wv", 0, "wv of layer 0 has"),
        ("wo", 2 * 32 * 32 - 1, "wo of layer 1 has"),
        ("rms_ffn", 0, "rms_ffn of layer 0 has"),
        ("w1", 44 * 32, "w1 of layer 1 has"),
        ("w2", 3, "w2 of layer 0 has"),
        ("w3", 44 * 32 - 1, "w3 of layer 0 has"),
        ("rms_final", 31, "rms_final has"),
        ("classifier", 50 * 32 - 1, "the classifier has"),
    ],
)
def test_a_weight_that_is_not_finite_is_found(
    harness: Harness, tensor: str, index: int, wanted: str, bad: float
) -> None:
    shape = Shape(shared=False)
    data = bytearray(random_model(shape))
    offset = shape.offset(tensor, index)
    struct.pack_into("<f", data, offset, bad)
    with pytest.raises(
        EngineError, match=f"model: {wanted} a weight that is not a finite number, at byte {offset} of the file"
    ):
        harness.load(bytes(data))


def test_the_dead_rotary_tables_are_not_looked_at(harness: Harness) -> None:
    shape = Shape()
    data = bytearray(random_model(shape))
    harness.load(bytes(data))
    want = harness.forward(3, 0)
    struct.pack_into("<f", data, shape.offset("dead_cos", 1), np.nan)
    harness.load(bytes(data))
    assert harness.forward(3, 0).tobytes() == want.tobytes()


def test_truncated_files_are_refused_whole(sanitised: Harness) -> None:
    data = random_model(Shape())
    for size in [*range(40), 1000, len(data) // 2, len(data) - 1]:
        with pytest.raises(EngineError, match="the file has"):
            sanitised.load(data[:size])


def test_the_own_model_has_the_size_its_card_says(harness: Harness, own_model: Path) -> None:
    seen = harness.load(own_model)
    assert seen["parameters"] == 707_808
    assert seen["file_bytes"] == own_model.stat().st_size
