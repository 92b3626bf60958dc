"""What is in front of a GGUF file's keys and tensors, what a file says as a whole, and files that are damaged."""

from __future__ import annotations

import dataclasses
import random

import gguf_files as gf
import pytest
from engine_harness import EngineError, Harness
from gguf_files import Q8_0, gguf_of
from gguf_head import FORMAT, NAMES, SHAPE, VERSION, good, parse, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from llama2_files import random_weights


def test_what_a_file_says_is_what_is_read(harness: Harness) -> None:
    data = good(Q8_0).encode()
    seen = parse(harness, data)
    told = (SHAPE.dim, SHAPE.hidden, SHAPE.layers, SHAPE.heads, SHAPE.kv_heads, SHAPE.vocab, SHAPE.seq)
    assert tuple(seen[name] for name in NAMES[3:10]) == told
    assert (seen["bytes"], seen["group"], seen["shared"], seen["base"]) == (len(data), 32, 0, 10000)
    assert seen["epsilon"] == pytest.approx(1e-5)
    assert (seen["matrices"], seen["quantised"]) == (7 * SHAPE.layers + 2, 7 * SHAPE.layers + 2)
    assert seen["largest_read"] <= 65536


def test_what_may_be_left_out(harness: Harness) -> None:
    file = good()
    file.tensors = [tensor for tensor in file.tensors if tensor.name != b"output.weight"]
    for name in ("general.name", "llama.rope.dimension_count", "tokenizer.ggml.bos_token_id"):
        file = file.without_key(name)
    assert parse(harness, file.encode())["shared"] == 1


def test_without_head_count_kv_there_are_as_many_as_heads(harness: Harness) -> None:
    shape = dataclasses.replace(SHAPE, kv_heads=8)
    file = gguf_of(shape, random_weights(shape, 1), gf.some_pieces(shape.vocab))
    assert parse(harness, file.without_key("llama.attention.head_count_kv").encode())["kv_heads"] == 8


@pytest.mark.parametrize("kind", [gf.UINT8, gf.INT8, gf.UINT16, gf.INT16, gf.INT32, gf.UINT64, gf.INT64])
def test_a_whole_number_may_be_of_any_integer_type(harness: Harness, kind: int) -> None:
    assert parse(harness, good().with_key("llama.block_count", kind, 2).encode())["layers"] == 2
    if kind in (gf.INT8, gf.INT16, gf.INT32, gf.INT64):
        error = refusal(harness, good().with_key("llama.block_count", kind, -2))
        assert str(error) == "gguf: llama.block_count is -2, expected 1..256"


@pytest.mark.parametrize(("said", "used"), [(1, 1), (8192, 8192), (8193, 8192), (2**32 - 1, 8192)])
def test_the_context_has_an_upper_limit(harness: Harness, said: int, used: int) -> None:
    assert parse(harness, good().with_key("llama.context_length", gf.UINT32, said).encode())["seq"] == used


@pytest.mark.parametrize("alignment", [8, 32, 512, 4096])
def test_alignments_that_are_powers_of_two(harness: Harness, alignment: int) -> None:
    file = good()
    file.alignment = alignment
    parse(harness, file.encode())


def test_version_2_is_the_same_format(harness: Harness) -> None:
    file = good()
    file.version = 2
    parse(harness, file.encode())


def test_keys_that_change_nothing_are_passed_over(harness: Harness) -> None:
    file = good()
    for kind in (gf.UINT8, gf.INT16, gf.FLOAT64, gf.BOOL):
        file = file.with_key(f"tokenizer.ggml.other{kind}", kind, 1)
    file = file.with_key("tokenizer.chat_template", gf.STRING, b"x" * (1 << 20))
    file = file.with_key("general.tags", gf.ARRAY, (gf.STRING, [b"y" * 100_000] * 3))
    file = file.with_key("general.numbers", gf.ARRAY, (gf.UINT16, list(range(1000))))
    file = file.with_key("k" * 256, gf.UINT8, 0)
    assert parse(harness, file.encode())["dim"] == SHAPE.dim


# ---- header --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 1, 4, 255])
def test_other_versions_are_named(harness: Harness, version: int) -> None:
    file = good()
    file.version = version
    error = refusal(harness, file)
    assert (error.code, str(error)) == (VERSION, f"gguf: version {version}, expected 2 or 3")


def test_a_big_endian_file_is_named(harness: Harness) -> None:
    file = good()
    file.version = 3 << 24
    assert str(refusal(harness, file)) == "gguf: the file is big-endian, expected little-endian"


@pytest.mark.parametrize("count", [0, 4097, 2**31, 2**64 - 1])
def test_counts_have_limits(harness: Harness, count: int) -> None:
    file = good()
    file.n_tensors = count
    assert str(refusal(harness, file)) == f"gguf: the file has {count} tensors, expected 1..4096"
    file.n_tensors, file.n_keys = None, count
    assert str(refusal(harness, file)) == f"gguf: the file has {count} keys, expected 1..4096"


def test_a_file_that_is_cut_anywhere_is_refused(sanitised: Harness) -> None:
    data = good().encode()
    head = len(data) - sum(len(tensor.data) for tensor in good().tensors)
    for size in [*range(4, 1500), *range(1500, head, 37), len(data) // 2, len(data) - 1]:
        error = refusal(sanitised, data[:size])
        assert error.code == FORMAT
        assert "it is cut off" in str(error)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 6))
@settings(max_examples=300, deadline=None)
def test_damaged_files_never_crash(sanitised: Harness, seed: int, count: int) -> None:
    data = bytearray(good(Q8_0).encode())
    numbers = random.Random(seed)
    for _ in range(count):
        at = numbers.randrange(3200)
        size = numbers.choice([1, 4, 8])
        value = numbers.choice([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, numbers.getrandbits(64)])
        data[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
    refused = None
    try:
        parse(sanitised, bytes(data))
    except EngineError as error:
        refused = error
    if refused is not None:
        assert refused.code in (FORMAT, VERSION)
        assert str(refused).startswith("gguf: ")
        assert str(refused).isprintable()
