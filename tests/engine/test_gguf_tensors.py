"""The list of tensors in a GGUF file: their limits, and how each wrong one is named."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable

import gguf_files as gf
import pytest
from engine_harness import Harness
from gguf_files import F32, Q4_0, Q6_K, Q8_0, Gguf, Tensor, gguf_of
from gguf_head import SHAPE, good, parse, refusal
from llama2_files import Shape, random_weights

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
