"""GGUF files of random models, in float32 and Q8_0, for the engines that read them.

Source: the GGUF specification, version 3 (ggml, docs/gguf.md), and block_q8_0 of ggml-common.h: 32 numbers are a
half-precision scale and 32 int8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from shapes import Float32, Shape, special_tokens

ALIGNMENT = 32
F32, Q8_0 = 0, 8  # ggml_type
UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5  # gguf_metadata_value_type
Q8_BLOCK = np.dtype([("scale", "<f2"), ("quants", "i1", (32,))])
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # llama_token_type

Value = int | float | bool | str | list[str] | list[float] | list[int]


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _string(value)
    kind = STRING if isinstance(value[0], str) else FLOAT32 if isinstance(value[0], float) else INT32
    head = struct.pack("<IIQ", ARRAY, kind, len(value))
    if kind == STRING:
        return head + b"".join(_string(str(item)) for item in value)
    return head + struct.pack(f"<{len(value)}{'f' if kind == FLOAT32 else 'i'}", *value)


def _metadata(shape: Shape) -> dict[str, Value]:
    specials = len(special_tokens())
    words = [f"w{number}" for number in range(shape.vocab - specials)]
    return {
        "general.architecture": "llama",
        "general.name": "random",
        "llama.context_length": shape.seq,
        "llama.embedding_length": shape.dim,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.hidden,
        "llama.rope.dimension_count": shape.head,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": shape.vocab,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words],
        "tokenizer.ggml.scores": [-float(number) for number in range(shape.vocab)],
        "tokenizer.ggml.token_type": [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(words)],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": True,
    }


def _named(shape: Shape, weights: dict[str, Float32]) -> Iterator[tuple[str, Float32]]:
    """The tensors by GGUF's names; the classifier is the embedding. The rotary pairs lie as llama2.c has them."""
    yield "token_embd.weight", weights["embedding"]
    yield "output_norm.weight", weights["rms_final"]
    names = {
        "attn_norm": "rms_att", "attn_q": "wq", "attn_k": "wk", "attn_v": "wv", "attn_output": "wo",
        "ffn_norm": "rms_ffn", "ffn_gate": "w1", "ffn_down": "w2", "ffn_up": "w3",
    }  # fmt: skip
    for layer in range(shape.layers):
        for name, source in names.items():
            yield f"blk.{layer}.{name}.weight", weights[source][layer]


def _q8_0(values: Float32) -> bytes:
    blocks = values.reshape(-1, 32)
    scales = np.abs(blocks).max(axis=1) / np.float32(127)
    stored = np.empty(len(blocks), Q8_BLOCK)
    stored["scale"] = scales
    stored["quants"] = np.rint(blocks / scales[:, None])
    return stored.tobytes()


def _pad(file: BinaryIO) -> None:
    file.write(b"\0" * (-file.tell() % ALIGNMENT))


def write_gguf(shape: Shape, weights: dict[str, Float32], path: Path, int8: bool) -> int:
    """Writes the file; returns the bytes of its tensors. Q8_0 wants rows of whole blocks of 32."""
    tensors = []
    for name, values in _named(shape, weights):
        kind = Q8_0 if int8 and values.ndim == 2 else F32
        tensors.append((name, values, kind, values.size // 32 * 34 if kind == Q8_0 else values.size * 4))
    metadata = _metadata(shape)
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, value in metadata.items():
            file.write(_string(key) + _value(value))
        offset = 0
        for name, values, kind, size in tensors:
            dimensions = values.shape[::-1]  # the fastest first
            head = struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
            file.write(_string(name) + head + struct.pack("<IQ", kind, offset))
            offset += size + -size % ALIGNMENT
        _pad(file)
        for _name, values, kind, _size in tensors:
            file.write(_q8_0(values) if kind == Q8_0 else values.astype("<f4").tobytes())
            _pad(file)
    return sum(size for *_, size in tensors)
