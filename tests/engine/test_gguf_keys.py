"""The keys of a GGUF file, its vocabulary among them: their limits, and how each wrong one is named."""

from __future__ import annotations

import struct

import gguf_files as gf
import pytest
from engine_harness import Harness
from gguf_head import FORMAT, VERSION, good, parse, refusal

WRONG_INTEGERS = [
    ("general.alignment", 7, "8..4096"),
    ("general.alignment", 8192, "8..4096"),
    ("general.quantization_version", 1, "2"),
    ("split.count", 2, "0..1"),
    ("llama.context_length", 0, "1..4294967295"),
    ("llama.embedding_length", 15, "16..16384"),
    ("llama.embedding_length", 2**32 - 1, "16..16384"),
    ("llama.block_count", 0, "1..256"),
    ("llama.block_count", 257, "1..256"),
    ("llama.feed_forward_length", 0, "1..65536"),
    ("llama.feed_forward_length", 65537, "1..65536"),
    ("llama.attention.head_count", 0, "1..256"),
    ("llama.attention.head_count", 257, "1..256"),
    ("llama.attention.head_count_kv", 0, "1..256"),
    ("llama.attention.head_count_kv", 257, "1..256"),
    ("llama.rope.dimension_count", 0, "1..16384"),
    ("llama.expert_count", 8, "0"),
    ("llama.attention.sliding_window", 4096, "0"),
    ("llama.vocab_size", 2, "3..262144"),
    ("tokenizer.ggml.bos_token_id", 2, "1"),
    ("tokenizer.ggml.eos_token_id", 1, "2"),
    ("tokenizer.ggml.unknown_token_id", 3, "0"),
    # those that another number gives already
    ("general.alignment", 48, "a power of two"),
    ("llama.embedding_length", 65, "an even number"),
    ("llama.attention.head_count", 7, "a divisor of llama.embedding_length 64"),
    ("llama.attention.head_count_kv", 3, "a divisor of head_count 8"),
    ("llama.rope.dimension_count", 4, "8"),
    ("llama.attention.key_length", 16, "8"),
    ("llama.attention.value_length", 16, "8"),
    ("llama.vocab_size", 21, "20"),
]


@pytest.mark.parametrize(("key", "value", "expected"), WRONG_INTEGERS)
def test_a_whole_number_that_cannot_be_is_named(harness: Harness, key: str, value: int, expected: str) -> None:
    error = refusal(harness, good().with_key(key, gf.UINT32, value))
    assert (error.code, str(error)) == (FORMAT, f"gguf: {key} is {value}, expected {expected}")


def test_odd_heads_are_refused(harness: Harness) -> None:
    error = refusal(harness, good().with_key("llama.attention.head_count", gf.UINT32, 64))
    assert str(error).endswith("the head size is 1 (embedding_length 64 / head_count 64), expected an even number")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("llama.attention.layer_norm_rms_epsilon", 0.0, "0, expected 1e-12..0.1"),
        ("llama.attention.layer_norm_rms_epsilon", 0.5, "0.5, expected 1e-12..0.1"),
        ("llama.attention.layer_norm_rms_epsilon", -1e-5, "negative, expected 1e-12..0.1"),
        ("llama.attention.layer_norm_rms_epsilon", float("nan"), "too large or not a number, expected 1e-12..0.1"),
        ("llama.rope.freq_base", 0.0, "0, expected 1..1000000000"),
        ("llama.rope.freq_base", float("inf"), "too large or not a number, expected 1..1000000000"),
        ("llama.rope.scaling.factor", 8.0, "8, expected 1"),
        ("llama.rope.scale_linear", 0.25, "0.25, expected 1"),
    ],
)
def test_a_real_number_that_cannot_be_is_named(harness: Harness, key: str, value: float, said: str) -> None:
    assert str(refusal(harness, good().with_key(key, gf.FLOAT32, value))) == f"gguf: {key} is {said}"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("general.architecture", b"mamba", "llama"),
        ("general.architecture", b"", "llama"),
        ("tokenizer.ggml.model", b"gpt2", "llama"),
        ("llama.rope.scaling.type", b"yarn", "none"),
    ],
)
def test_a_word_that_is_another_is_named(harness: Harness, key: str, value: bytes, expected: str) -> None:
    error = refusal(harness, good().with_key(key, gf.STRING, value))
    assert (error.code, str(error)) == (VERSION, f'gguf: {key} is "{value.decode()}", expected "{expected}"')


@pytest.mark.parametrize(
    "key", ["tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_space_prefix", "llama.attention.causal"]
)
def test_what_the_engine_always_does_cannot_be_switched_off(harness: Harness, key: str) -> None:
    parse(harness, good().with_key(key, gf.BOOL, True).encode())
    assert str(refusal(harness, good().with_key(key, gf.BOOL, False))) == f"gguf: {key} is 0, expected 1 (true)"


@pytest.mark.parametrize(
    ("key", "kind", "value", "said"),
    [
        ("llama.block_count", gf.FLOAT32, 2.0, "float32, expected an integer"),
        ("llama.block_count", gf.STRING, b"2", "string, expected an integer"),
        ("llama.attention.head_count", gf.ARRAY, (gf.UINT32, [8, 8]), "array, expected an integer"),
        ("llama.attention.layer_norm_rms_epsilon", gf.FLOAT64, 1e-5, "float64, expected float32"),
        ("general.architecture", gf.UINT32, 1, "uint32, expected string"),
        ("tokenizer.ggml.add_bos_token", gf.UINT8, 1, "uint8, expected bool"),
        ("tokenizer.ggml.tokens", gf.STRING, b"a", "string, expected array"),
        ("tokenizer.ggml.tokens", gf.ARRAY, (gf.UINT8, [1, 2, 3]), "uint8, expected string"),
        ("tokenizer.ggml.scores", gf.ARRAY, (gf.FLOAT64, [1.0] * 20), "float64, expected float32"),
        ("tokenizer.ggml.token_type", gf.ARRAY, (gf.UINT8, [1] * 20), "uint8, expected int32"),
    ],
)
def test_a_value_of_another_type_is_named(harness: Harness, key: str, kind: int, value: object, said: str) -> None:
    assert str(refusal(harness, good().with_key(key, kind, value))) == f"gguf: {key} is of type {said}"


REQUIRED = [
    "general.architecture", "llama.context_length", "llama.embedding_length", "llama.block_count",
    "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon",
    "tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type",
]  # fmt: skip


@pytest.mark.parametrize("key", REQUIRED)
def test_a_key_that_is_missing_is_named(harness: Harness, key: str) -> None:
    assert str(refusal(harness, good().without_key(key))) == f"gguf: the key {key} is missing"


@pytest.mark.parametrize("key", ["llama.block_count", "general.name"])
def test_a_key_that_is_there_twice_is_named(harness: Harness, key: str) -> None:
    file = good()
    file.keys.append(next(entry for entry in file.keys if entry[0].decode() == key))
    assert str(refusal(harness, file)) == f"gguf: the key {key} is there twice"


def test_types_that_do_not_exist_are_named(harness: Harness) -> None:
    data = good().with_key("general.odd", gf.UINT8, 0).encode()
    at = data.index(b"general.odd") + len(b"general.odd")
    for kind in (13, 2**32 - 1):
        wrong = data[:at] + struct.pack("<I", kind) + data[at + 4 :]
        assert str(refusal(harness, wrong)) == f"gguf: general.odd is of type {kind}, expected 0..12"


def test_arrays_do_not_nest(harness: Harness) -> None:
    file = good().with_key("general.deep", gf.ARRAY, (gf.ARRAY, [(gf.UINT8, [1])]))
    assert str(refusal(harness, file)) == "gguf: general.deep is an array of type 9, expected 0..8 or 10..12"


@pytest.mark.parametrize("kind", [gf.UINT8, gf.UINT64, gf.STRING])
@pytest.mark.parametrize("count", [2**63, 2**64 - 1, 2**61 + 1, 10**6])
def test_an_array_longer_than_the_file_is_refused(harness: Harness, kind: int, count: int) -> None:
    data = good().with_key("general.long", gf.ARRAY, (kind, [b"a" if kind == gf.STRING else 1])).encode()
    at = data.index(b"general.long") + len(b"general.long") + 8
    error = refusal(harness, data[:at] + struct.pack("<Q", count) + data[at + 8 :])
    assert error.code == FORMAT


@pytest.mark.parametrize("length", [257, 2**32, 2**64 - 1])
def test_a_name_has_at_most_256_bytes(harness: Harness, length: int) -> None:
    data = good().encode()
    at = data.index(b"general.name") - 8
    error = str(refusal(harness, data[:at] + struct.pack("<Q", length) + data[at + 8 :]))
    assert error.startswith(f"gguf: the string at byte {at} ")
    assert error.endswith(f"{length} bytes, expected at most 256")


@pytest.mark.parametrize("length", [(1 << 20) + 1, 2**63, 2**64 - 1])
def test_a_string_has_at_most_a_mebibyte(harness: Harness, length: int) -> None:
    data = good().encode()
    at = data.index(b"general.name") + len(b"general.name") + 4
    wrong = data[:at] + struct.pack("<Q", length) + data[at + 8 :]
    want = f"gguf: the string at byte {at} (general.name) has {length} bytes, expected at most 1048576"
    assert str(refusal(harness, wrong)) == want


def test_what_is_not_printable_in_a_name_is_not_printed(harness: Harness) -> None:
    file = good().with_key("general.architecture", gf.STRING, b"\x1b[2J\xff\nllama")
    assert str(refusal(harness, file)) == 'gguf: general.architecture is "?[2J??llama", expected "llama"'


# ---- the vocabulary --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "kind"), [("scores", gf.FLOAT32), ("token_type", gf.INT32)])
def test_the_arrays_of_the_tokenizer_have_one_length(harness: Harness, key: str, kind: int) -> None:
    file = good().with_key(f"tokenizer.ggml.{key}", gf.ARRAY, (kind, [1] * 19))
    want = f"gguf: tokenizer.ggml.{key} has 19 elements, expected 20, as tokenizer.ggml.tokens has"
    assert str(refusal(harness, file)) == want


def test_a_vocabulary_has_three_tokens_at_least(harness: Harness) -> None:
    file = good().with_key("tokenizer.ggml.tokens", gf.ARRAY, (gf.STRING, [b"a", b"b"]))
    assert str(refusal(harness, file)) == "gguf: tokenizer.ggml.tokens has 2 elements, expected 3..262144"


def test_a_token_has_at_most_512_bytes(harness: Harness) -> None:
    file = good().with_key("tokenizer.ggml.tokens", gf.ARRAY, (gf.STRING, [b"a"] * 19 + [b"b" * 513]))
    assert "(tokenizer.ggml.tokens) has 513 bytes, expected at most 512" in str(refusal(harness, file))
