"""What is in front of a GGUF file's tensors: its limits, and how each wrong part is named."""

from __future__ import annotations

import dataclasses
import random
import struct
from collections.abc import Callable

import gguf_files as gf
import pytest
from engine_harness import EngineError, Harness
from gguf_files import F16, F32, Q4_0, Q6_K, Q8_0, Gguf, Tensor, gguf_of
from hypothesis import given, settings
from hypothesis import strategies as st
from llama2_files import Shape, random_weights

FORMAT, VERSION = 10, 9
SHAPE = Shape(dim=64, hidden=96, layers=2, heads=8, kv_heads=4, vocab=20, seq=24, shared=False)
NAMES = [
    "parameters", "bytes", "group", "dim", "hidden", "layers", "heads", "kv_heads", "vocab", "seq", "shared", "epsilon",
    "base", "matrices", "quantised", "weights", "largest_read",
]  # fmt: skip


def good(kind: int = F16) -> Gguf:
    return gguf_of(SHAPE, random_weights(SHAPE, 1), gf.some_pieces(SHAPE.vocab), kind)


def parse(harness: Harness, data: bytes, file_bytes: int | None = None) -> dict[str, float]:
    reply = harness.call("gguf", len(data) if file_bytes is None else file_bytes, payload=data)
    return dict(zip(NAMES, map(float, reply.split()), strict=True))


def refusal(harness: Harness, file: Gguf | bytes, file_bytes: int | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        parse(harness, file.encode() if isinstance(file, Gguf) else file, file_bytes)
    return caught.value


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


# ---- keys ----------------------------------------------------------------------------------------------------------

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


# ---- tensors ---------------------------------------------------------------------------------------------------------

ALL = sorted(gf.tensor_names(SHAPE))


@pytest.mark.parametrize("name", [name for name in ALL if name != "output.weight"])
def test_a_tensor_that_is_missing_is_named(harness: Harness, name: str) -> None:
    file = good()
    file.tensors = [tensor for tensor in file.tensors if tensor.name.decode() != name]
    assert str(refusal(harness, file)) == f"gguf: tensor {name} is missing"


@pytest.mark.parametrize("name", ALL)
def test_a_tensor_of_another_shape_is_named(harness: Harness, name: str) -> None:
    own = good().tensor(name)
    shapes = [(own.dims[0] + 2, *own.dims[1:]), (*own.dims, 1), (2**40, *own.dims[1:]), (2**64 - 1,)]
    shapes += [(own.dims[0], 2**63), own.dims[:1]] if len(own.dims) == 2 else []
    for dims in shapes:
        file = good().with_tensor(dataclasses.replace(own, dims=dims))
        if dims == (*own.dims, 1) and len(dims) == 3:
            want = f"gguf: tensor {name} has 3 dimensions, expected 1 or 2"
        else:
            want = f"gguf: tensor {name} is {list(dims)}, expected {list(own.dims)}"
        assert str(refusal(harness, file)) == want


@pytest.mark.parametrize("count", [0, 3, 4, 2**32 - 1])
def test_a_tensor_has_one_or_two_dimensions(harness: Harness, count: int) -> None:
    data = good().encode()
    at = data.index(b"blk.1.ffn_up.weight") + len(b"blk.1.ffn_up.weight")
    wrong = data[:at] + struct.pack("<I", count) + data[at + 4 :]
    assert str(refusal(harness, wrong)) == f"gguf: tensor blk.1.ffn_up.weight has {count} dimensions, expected 1 or 2"


@pytest.mark.parametrize(
    ("kind", "name"), [(3, "Q4_1"), (12, "Q4_K"), (15, "Q8_K"), (28, "F64"), (4, "?"), (39, "?"), (2**32 - 1, "?")]
)
def test_a_tensor_of_a_type_that_is_not_supported_is_named(harness: Harness, kind: int, name: str) -> None:
    file = good()
    file = file.with_tensor(dataclasses.replace(file.tensor("output.weight"), kind=kind))
    want = (
        f"gguf: tensor output.weight has numbers of type {kind} ({name}), expected F32, F16, BF16, Q8_0, Q4_0 or Q6_K"
    )
    assert str(refusal(harness, file)) == want


def test_norms_are_plain_numbers(harness: Harness) -> None:
    file = good()
    file = file.with_tensor(dataclasses.replace(file.tensor("blk.0.attn_norm.weight"), kind=Q8_0))
    want = "gguf: tensor blk.0.attn_norm.weight has numbers of type Q8_0, expected F32, F16 or BF16"
    assert str(refusal(harness, file)) == want


@pytest.mark.parametrize(("kind", "name", "multiple"), [(Q8_0, "Q8_0", 32), (Q4_0, "Q4_0", 32), (Q6_K, "Q6_K", 256)])
def test_rows_hold_whole_blocks(harness: Harness, kind: int, name: str, multiple: int) -> None:
    shape = Shape(dim=80, hidden=32, heads=2, kv_heads=2, vocab=20)
    file = gguf_of(shape, random_weights(shape, 1), gf.some_pieces(20))
    file = file.with_tensor(dataclasses.replace(file.tensor("token_embd.weight"), kind=kind))
    want = f"gguf: tensor token_embd.weight has rows of 80 weights, {name} needs a multiple of {multiple}"
    assert str(refusal(harness, file)) == want


@pytest.mark.parametrize(
    "name",
    [
        b"rope_freqs.weight", b"blk.2.attn_q.weight", b"blk.01.attn_q.weight", b"blk.4294967296.attn_q.weight",
        b"blk.0.attn_q.bias", b"blk..attn_q.weight", b"blk.0.attn_q.weight\0", b"", b"output", b"blk.0.output.weight",
    ],
)  # fmt: skip
def test_a_tensor_of_no_llama_is_named(harness: Harness, name: bytes) -> None:
    file = good()
    file.tensors.append(Tensor(name, (64,), F32, bytes(256)))
    shown = name.decode().replace("\0", "?")
    assert str(refusal(harness, file)) == f"gguf: tensor {shown} is unknown in a llama of 2 layers"


@pytest.mark.parametrize("name", ["token_embd.weight", "blk.1.ffn_down.weight"])
def test_a_tensor_that_is_there_twice_is_named(harness: Harness, name: str) -> None:
    file = good()
    file.tensors.append(file.tensor(name))
    assert str(refusal(harness, file)) == f"gguf: tensor {name} is there twice"


def changed(offset: Callable[[int], int]) -> Gguf:
    """The file with another offset for one tensor."""
    file = good()
    file.encode()
    base = min(file.starts.values())
    own = file.tensor("blk.1.attn_q.weight")
    return file.with_tensor(dataclasses.replace(own, offset=offset(file.starts[own.name] - base)))


@pytest.mark.parametrize("step", [1, 16, 31])
def test_an_offset_is_a_multiple_of_the_alignment(harness: Harness, step: int) -> None:
    error = str(refusal(harness, changed(lambda offset: offset + step)))
    assert error.startswith("gguf: tensor blk.1.attn_q.weight has the offset ")
    assert error.endswith("expected a multiple of general.alignment 32")


@pytest.mark.parametrize("step", [-32, -2048])
def test_tensors_do_not_overlap(harness: Harness, step: int) -> None:
    error = str(refusal(harness, changed(lambda offset: offset + step)))
    assert "gguf: tensor blk.1.attn_q.weight begins at offset " in error
    assert ", inside blk.1.attn_norm.weight, which ends at " in error or ", inside blk.0.ffn_up" in error


@pytest.mark.parametrize("offset", [2**64 - 32, 2**63, 2**40])
def test_tensors_lie_within_the_file(harness: Harness, offset: int) -> None:
    error = str(refusal(harness, changed(lambda _: offset)))
    assert error.startswith(f"gguf: tensor blk.1.attn_q.weight has 8192 bytes at offset {offset}, but the file has ")
    assert error.endswith("for tensors: it is cut off, copy it again")


def test_the_largest_shape_does_not_overflow(harness: Harness) -> None:
    """16384 wide, 256 layers: 3.4 TB that are not there are what is missed, and nothing wraps."""
    largest = Shape(16384, 65536, 256, 256, 256, 262144, 8192, shared=False)
    tensors, offset = [], 0
    sizes = {role: largest.tensors()[name][1:] for role, name in gf.ROLES.items()}
    sizes |= {role: largest.tensors()[name] for role, name in gf.OTHERS.items()}
    for name in gf.tensor_names(largest):
        dims = sizes[name.split(".")[-2]][::-1]
        tensors.append(Tensor(name.encode(), dims, F32, b"", offset))
        count = dims[0] * (dims[1] if len(dims) == 2 else 1)
        offset += 4 * count
    words = [b"%d" % i for i in range(262144)]
    keys = [key for key in gf.model_keys(largest) if key[0] != b"llama.rope.dimension_count"]
    keys += gf.tokenizer_keys([(0.0, word) for word in words])
    data = Gguf(keys, tensors).encode()
    seen = parse(harness, data, len(data) + offset)
    assert seen["parameters"] == offset // 4
    assert "it is cut off, copy it again" in str(refusal(harness, data, len(data) + offset - 1))


# ---- anything --------------------------------------------------------------------------------------------------------


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
