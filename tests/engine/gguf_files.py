"""GGUF files of the llama architecture, written from ggml's description of the format, and llama2.c models as such.

A file is built from parts that a test can change: keys with their types, tensors with their offsets, counts. The
numbers of a tensor are packed and unpacked here, so that what the engine makes of them can be compared.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from llama2_files import Float32, Quantised, Shape, Weights

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
LAYOUTS = dict(zip(range(13), "BbHhIif?..Qqd", strict=True))
F32, F16, Q4_0, Q8_0, Q6_K, BF16 = 0, 1, 2, 8, 14, 30
NAMES = {F32: "F32", F16: "F16", Q4_0: "Q4_0", Q8_0: "Q8_0", Q6_K: "Q6_K", BF16: "BF16"}
TEXT, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
SPACE = "\u2581".encode()


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def value_bytes(kind: int, value: object) -> bytes:
    """A value of one of the types; of an array (element type, elements)."""
    if kind == STRING:
        assert isinstance(value, bytes)
        return string(value)
    if kind == ARRAY:
        assert isinstance(value, tuple)
        element, items = value
        head = struct.pack("<IQ", element, len(items))
        if element in (ARRAY, STRING):
            return head + b"".join(value_bytes(element, item) for item in items)
        return head + struct.pack(f"<{len(items)}{LAYOUTS[element]}", *items)
    return struct.pack("<" + LAYOUTS[kind], value)


@dataclass
class Tensor:
    """Dimensions in the file's order (columns first), type, packed numbers; `offset` None: where it comes."""

    name: bytes
    dims: tuple[int, ...]
    kind: int
    data: bytes
    offset: int | None = None


@dataclass
class Gguf:
    """A file in parts. `keys` are (name, type, value) in order; counts of None are the true ones."""

    keys: list[tuple[bytes, int, object]]
    tensors: list[Tensor]
    version: int = 3
    alignment: int = 32
    magic: bytes = b"GGUF"
    n_tensors: int | None = None
    n_keys: int | None = None
    tail: bytes = b""
    starts: dict[bytes, int] = field(default_factory=dict)

    def key(self, name: str) -> object:
        return next(value for key, _, value in self.keys if key.decode() == name)

    def with_key(self, name: str, kind: int, value: object) -> Gguf:
        """The same file with this key replaced, or added at the end."""
        new = (name.encode(), kind, value)
        keys = [new if key == new[0] else (key, kind_, old) for key, kind_, old in self.keys]
        return Gguf(keys if new in keys else [*keys, new], self.tensors, self.version, self.alignment)

    def without_key(self, name: str) -> Gguf:
        return Gguf([key for key in self.keys if key[0].decode() != name], self.tensors, self.version, self.alignment)

    def with_tensor(self, tensor: Tensor) -> Gguf:
        """The same file with the tensor of this name replaced."""
        return Gguf([*self.keys], [tensor if tensor.name == old.name else old for old in self.tensors])

    def tensor(self, name: str) -> Tensor:
        return next(tensor for tensor in self.tensors if tensor.name.decode() == name)

    def encode(self) -> bytes:
        """The bytes; `starts` says afterwards where each tensor's data begins."""
        keys = self.keys
        if self.alignment != 32 and all(key[0] != b"general.alignment" for key in keys):
            keys = [(b"general.alignment", UINT32, self.alignment), *keys]
        counts = [self.n_tensors, self.n_keys]
        true = [len(self.tensors), len(keys)]
        head = self.magic + struct.pack(
            "<IQQ",
            self.version,
            *(known if given is None else given for given, known in zip(counts, true, strict=True)),
        )
        head += b"".join(
            string(name) + struct.pack("<I", kind) + value_bytes(kind, value) for name, kind, value in keys
        )
        data = b""
        for tensor in self.tensors:
            data = data.ljust(-(-len(data) // self.alignment) * self.alignment, b"\0")
            offset = len(data) if tensor.offset is None else tensor.offset
            self.starts[tensor.name] = offset
            head += (
                string(tensor.name)
                + struct.pack("<I", len(tensor.dims))
                + struct.pack(f"<{len(tensor.dims)}QIQ", *tensor.dims, tensor.kind, offset)
            )
            data += tensor.data
        start = -(-len(head) // self.alignment) * self.alignment
        self.starts = {name: offset + start for name, offset in self.starts.items()}
        return head.ljust(start, b"\0") + data + self.tail


# ---- numbers -------------------------------------------------------------------------------------------------------


def pack(kind: int, values: Float32) -> bytes:
    """The numbers of a tensor as a converter makes them."""
    if kind == F32:
        return values.astype("<f4").tobytes()
    if kind == F16:
        return values.astype("<f2").tobytes()
    if kind == BF16:  # rounded to the nearest, ties to even
        bits = values.astype("<f4").view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()
    if kind == Q8_0:
        return pack_q8_0(values)
    if kind == Q4_0:
        return pack_q4_0(values)
    return pack_q6_k(values)


def pack_q8_0(values: Float32) -> bytes:
    blocks = values.reshape(-1, 32)
    scales = np.abs(blocks).max(axis=1) / np.float32(127)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    scaled = blocks * inverse[:, None]
    return pack_int8((np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).astype(np.int8), scales)


def pack_int8(quants: npt.NDArray[np.int8], scales: Float32) -> bytes:
    """Blocks of Q8_0 from int8 numbers in rows of 32 and their scales, which lose bits on the way to half precision."""
    rows = [scale.tobytes() + row.tobytes() for scale, row in zip(scales.astype("<f2"), quants, strict=True)]
    return b"".join(rows)


def pack_q4_0(values: Float32) -> bytes:
    """The scale is that of the number of largest magnitude, which becomes -8; so it has a sign."""
    blocks = values.reshape(-1, 32)
    largest = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(axis=1)]
    scales = (largest / np.float32(-8)).astype("<f2")
    inverse = np.divide(1, largest / np.float32(-8), out=np.zeros_like(largest), where=largest != 0)
    quants = np.clip(np.floor(blocks * inverse[:, None] + np.float32(8.5)), 0, 15).astype(np.uint8)
    halves = quants[:, :16] | quants[:, 16:] << 4
    return b"".join(scale.tobytes() + row.tobytes() for scale, row in zip(scales, halves, strict=True))


def pack_q6_k(values: Float32) -> bytes:
    """Not as good as a converter's, but the format's: 16 scales of 16 weights each."""
    out = b""
    for block in values.reshape(-1, 16, 16):
        largest = np.abs(block).max(axis=1)
        scale = np.float16(largest.max() / 31 / 127)
        own = np.clip(np.round(largest / 31 / max(float(scale), 1e-30)), 0, 127).astype(np.int8)
        step = np.maximum(own.astype(np.float32) * np.float32(scale), np.float32(1e-30))
        quants = (np.clip(np.round(block / step[:, None]), -32, 31) + 32).astype(np.uint8).reshape(2, 4, 32)
        low = np.empty((2, 2, 32), np.uint8)
        low[:, 0] = quants[:, 0] & 15 | (quants[:, 2] & 15) << 4
        low[:, 1] = quants[:, 1] & 15 | (quants[:, 3] & 15) << 4
        high = quants[:, 0] >> 4 | (quants[:, 1] >> 4) << 2 | (quants[:, 2] >> 4) << 4 | (quants[:, 3] >> 4) << 6
        out += low.tobytes() + high.tobytes() + own.tobytes() + scale.tobytes()
    return out


def unpack(kind: int, data: bytes, shape: tuple[int, ...]) -> Float32:
    """What packed numbers stand for, in float32."""
    if kind == F32:
        return np.frombuffer(data, "<f4").reshape(shape)
    if kind == F16:
        return np.frombuffer(data, "<f2").astype(np.float32).reshape(shape)
    if kind == BF16:
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if kind == Q6_K:
        return unpack_q6_k(data).reshape(shape)
    return unpack_blocks(kind, data, shape).values()


def unpack_blocks(kind: int, data: bytes, shape: tuple[int, ...]) -> Quantised:
    """Blocks of 32 as int8 numbers with a scale each."""
    size = 34 if kind == Q8_0 else 18
    blocks = np.frombuffer(data, np.uint8).reshape(-1, size)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if kind == Q8_0:
        quants = blocks[:, 2:].copy().view(np.int8)
    else:
        quants = np.concatenate((blocks[:, 2:] & 15, blocks[:, 2:] >> 4), axis=1).astype(np.int8) - np.int8(8)
    return Quantised(quants.reshape(shape), scales.reshape(*shape[:-1], -1))


def unpack_q6_k(data: bytes) -> Float32:
    out = []
    for block in np.frombuffer(data, np.uint8).reshape(-1, 210):
        low, high = block[:128].reshape(2, 2, 32), block[128:192].reshape(2, 32)
        own, scale = block[192:208].view(np.int8), block[208:].view("<f2")[0].astype(np.float32)
        quants = np.empty((2, 4, 32), np.int32)
        for run in range(4):
            quants[:, run] = (low[:, run % 2] >> 4 * (run // 2) & 15) | (high >> 2 * run & 3) << 4
        steps = np.repeat(scale * own.astype(np.float32), 16)
        out.append(steps * (quants.reshape(-1) - 32).astype(np.float32))
    return np.concatenate(out).astype(np.float32)


# ---- llama2.c's models -----------------------------------------------------------------------------------------------

ROLES = {
    "attn_norm": "rms_att",
    "attn_q": "wq",
    "attn_k": "wk",
    "attn_v": "wv",
    "attn_output": "wo",
    "ffn_norm": "rms_ffn",
    "ffn_gate": "w1",
    "ffn_down": "w2",
    "ffn_up": "w3",
}
OTHERS = {"token_embd": "embedding", "output_norm": "rms_final", "output": "classifier"}


def source_of(name: str) -> tuple[str, int | None]:
    """llama2.c's name of a GGUF tensor and its layer."""
    parts = name.split(".")
    return (ROLES[parts[2]], int(parts[1])) if parts[0] == "blk" else (OTHERS[parts[0]], None)


def tensor_names(shape: Shape) -> list[str]:
    """In the order of a converter."""
    names = ["token_embd.weight"] + [f"blk.{i}.{role}.weight" for i in range(shape.layers) for role in ROLES]
    return [*names, "output_norm.weight", *([] if shape.shared else ["output.weight"])]


def tokens_of(tokenizer: bytes) -> list[tuple[float, bytes]]:
    """Scores and pieces of a tokenizer.bin."""
    found, at = [], 4
    while at < len(tokenizer):
        score, length = struct.unpack_from("<fi", tokenizer, at)
        found.append((score, tokenizer[at + 8 : at + 8 + length]))
        at += 8 + length
    return found


def tokenizer_keys(pieces: Sequence[tuple[float, bytes]]) -> list[tuple[bytes, int, object]]:
    """The keys of a tokenizer, made from llama2.c's scores and pieces."""
    special = [b"<unk>", b"<s>", b"</s>"]
    has_bytes = len(pieces) >= 259 and pieces[3][1] == b"<0x00>"
    kinds = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * (256 if has_bytes else 0)
    kinds += [TEXT] * (len(pieces) - len(kinds))
    texts = special + [
        piece if kind == BYTE else piece.replace(b" ", SPACE)
        for kind, (_, piece) in zip(kinds[3:], pieces[3:], strict=True)
    ]
    return [
        (b"tokenizer.ggml.model", STRING, b"llama"),
        (b"tokenizer.ggml.tokens", ARRAY, (STRING, texts)),
        (b"tokenizer.ggml.scores", ARRAY, (FLOAT32, [score for score, _ in pieces])),
        (b"tokenizer.ggml.token_type", ARRAY, (INT32, kinds)),
        (b"tokenizer.ggml.bos_token_id", UINT32, 1),
        (b"tokenizer.ggml.eos_token_id", UINT32, 2),
        (b"tokenizer.ggml.unknown_token_id", UINT32, 0),
    ]


def model_keys(shape: Shape) -> list[tuple[bytes, int, object]]:
    """The keys of a model, as converters write them."""
    return [
        (b"general.architecture", STRING, b"llama"),
        (b"general.name", STRING, b"stories"),
        (b"llama.context_length", UINT32, shape.seq),
        (b"llama.embedding_length", UINT32, shape.dim),
        (b"llama.block_count", UINT32, shape.layers),
        (b"llama.feed_forward_length", UINT32, shape.hidden),
        (b"llama.attention.head_count", UINT32, shape.heads),
        (b"llama.attention.head_count_kv", UINT32, shape.kv_heads),
        (b"llama.rope.dimension_count", UINT32, shape.head),
        (b"llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
    ]


def gguf_of(
    shape: Shape, weights: Weights, pieces: Sequence[tuple[float, bytes]], kind: int = F32, **others: int
) -> Gguf:
    """A llama2.c model whose matrices have one type, except those that `others` name (by llama2.c's names)."""
    tensors = []
    for name in tensor_names(shape):
        source, layer = source_of(name)
        values = weights[source] if layer is None else weights[source][layer]
        own = others.get(source, F32 if values.ndim == 1 else kind)
        tensors.append(Tensor(name.encode(), values.shape[::-1], own, pack(own, values)))
    return Gguf(model_keys(shape) + tokenizer_keys(pieces), tensors)


def weights_of(gguf: Gguf, shape: Shape) -> Weights:
    """What a file's tensors stand for, under llama2.c's names."""
    found: dict[str, list[Float32]] = {}
    for tensor in gguf.tensors:
        values = unpack(tensor.kind, tensor.data, tensor.dims[::-1])
        found.setdefault(source_of(tensor.name.decode())[0], []).append(values)
    layered = {name for name in shape.tensors() if name in ROLES.values()}
    return {name: np.stack(parts) if name in layered else parts[0] for name, parts in found.items()}


def kept_by_the_engine(gguf: Gguf, shape: Shape) -> dict[str, Float32 | Quantised]:
    """The same as int8 in groups of 32 with a scale each, where a file has it so."""
    floats = weights_of(gguf, shape)
    found: dict[str, list[Quantised]] = {}
    for tensor in gguf.tensors:
        if tensor.kind in (Q8_0, Q4_0):
            blocks = unpack_blocks(tensor.kind, tensor.data, tensor.dims[::-1])
            found.setdefault(source_of(tensor.name.decode())[0], []).append(blocks)
    whole: dict[str, Float32 | Quantised] = {}
    for name, values in floats.items():
        parts = found.get(name, [])
        if len(parts) != (values.shape[0] if name in ROLES.values() else 1):
            whole[name] = values
        elif name in ROLES.values():
            whole[name] = Quantised(np.stack([p.quants for p in parts]), np.stack([p.scales for p in parts]))
        else:
            whole[name] = parts[0]
    return whole


def some_pieces(count: int) -> list[tuple[float, bytes]]:
    """A vocabulary of any size from 3 on, with byte tokens where they fit."""
    pieces: list[tuple[float, bytes]] = [(0.0, b"<unk>"), (0.0, b"\n<s>\n"), (0.0, b"\n</s>\n")]
    if count >= 260:
        pieces += [(0.0, b"<0x%02X>" % byte) for byte in range(256)]
    pieces.append((0.0, b" "))
    return (pieces + [(-float(i), b"%c%d" % (97 + i % 26, i)) for i in range(count)])[:count]
