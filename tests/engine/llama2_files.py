"""llama2.c's model files of versions 0, 1 and 2, made from random weights."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
MAGIC = 0x616B3432


@dataclass(frozen=True)
class Shape:
    """The header of a file. `group` is the group_size of version 2, and 0 in the others."""

    dim: int = 32
    hidden: int = 44
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    vocab: int = 50
    seq: int = 24
    shared: bool = True
    version: int = 0
    group: int = 0

    @property
    def head(self) -> int:
        return self.dim // self.heads

    def header(self) -> bytes:
        fields = [self.dim, self.hidden, self.layers, self.heads, self.kv_heads, self.vocab, self.seq]
        if self.version == 0:
            fields[5] = self.vocab if self.shared else -self.vocab
            return struct.pack("<7i", *fields)
        start = struct.pack("<Ii7iB", MAGIC, self.version, *fields, self.shared)
        return (start + (struct.pack("<i", self.group) if self.version == 2 else b"")).ljust(256, b"\0")

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shapes in the order of the file; in version 0 with the two dead rotary tables."""
        kv, layers = self.head * self.kv_heads, self.layers
        embedding: dict[str, tuple[int, ...]] = {"embedding": (self.vocab, self.dim)}
        rms_att: dict[str, tuple[int, ...]] = {"rms_att": (layers, self.dim)}
        rms_ffn: dict[str, tuple[int, ...]] = {"rms_ffn": (layers, self.dim)}
        rms_final: dict[str, tuple[int, ...]] = {"rms_final": (self.dim,)}
        dead: dict[str, tuple[int, ...]] = dict.fromkeys(("dead_cos", "dead_sin"), (self.seq, self.head // 2))
        attention: dict[str, tuple[int, ...]] = {
            "wq": (layers, self.dim, self.dim),
            "wk": (layers, kv, self.dim),
            "wv": (layers, kv, self.dim),
            "wo": (layers, self.dim, self.dim),
        }
        feed: dict[str, tuple[int, ...]] = {
            "w1": (layers, self.hidden, self.dim),
            "w2": (layers, self.dim, self.hidden),
            "w3": (layers, self.hidden, self.dim),
        }
        if self.version == 0:
            shapes = embedding | rms_att | attention | rms_ffn | feed | rms_final | dead
        else:
            shapes = rms_att | rms_ffn | rms_final | embedding | attention | feed
        return shapes if self.shared else shapes | {"classifier": (self.vocab, self.dim)}

    def pieces(self) -> list[tuple[str, int, int]]:
        """What the file has behind its header: tensor, layer or -1 for all of it, bytes.

        The int8 weights of a tensor and its scales are two pieces; the scales' name ends in "/scales".
        """
        found = []
        for name, shape in self.tensors().items():
            count = int(np.prod(np.array(shape, dtype=object)))
            if self.version != 2 or name.startswith("rms"):
                found.append((name, -1, 4 * count))
                continue
            layers = self.layers if len(shape) == 3 else 1
            for layer in range(layers):
                found.append((name, layer, count // layers))
                found.append((name + "/scales", layer, 4 * count // layers // self.group))
        return found

    @property
    def file_bytes(self) -> int:
        return len(self.header()) + sum(size for _, _, size in self.pieces())

    def offset(self, name: str, index: int = 0, layer: int = 0) -> int:
        """Where a number of a tensor lies in the file: of all of it, or of one layer's int8 weights or scales."""
        at = len(self.header())
        for tensor, piece_layer, size in self.pieces():
            if tensor == name and piece_layer in (-1, layer):
                quants = self.version == 2 and not name.startswith("rms") and not name.endswith("/scales")
                return at + (1 if quants else 4) * index
            at += size
        raise KeyError(name)


@dataclass(frozen=True)
class Quantised:
    """int8 numbers of any shape whose last dimension is in groups, each with a scale."""

    quants: npt.NDArray[np.int8]
    scales: Float32

    def __getitem__(self, index: int) -> Quantised:
        return Quantised(self.quants[index], self.scales[index])

    def values(self) -> Float32:
        """What the numbers stand for."""
        group = self.quants.shape[-1] // self.scales.shape[-1]
        return np.asarray(self.quants * np.repeat(self.scales, group, axis=-1), np.float32)


def quantise(values: Float32, group: int) -> Quantised:
    """runq.c: scale = largest magnitude / 127, quotients rounded to the nearest, halves away from zero."""
    groups = values.reshape(-1, group)
    scales = np.abs(groups).max(axis=1) / np.float32(127)
    quotients = np.divide(groups, scales[:, None], out=np.zeros_like(groups), where=scales[:, None] > 0)
    whole = np.trunc(quotients)
    whole += (quotients - whole >= 0.5).astype(np.float32) - (quotients - whole <= -0.5).astype(np.float32)
    return Quantised(whole.astype(np.int8).reshape(values.shape), scales.reshape(*values.shape[:-1], -1))


Weights = dict[str, Float32]
Stored = Mapping[str, Float32 | Quantised]


def random_weights(shape: Shape, seed: int) -> Weights:
    """Weights whose activations stay of order one; the dead tables are junk on purpose."""
    random = np.random.default_rng(seed)
    weights = {}
    for name, size in shape.tensors().items():
        scale = 1.0 if name in ("embedding", "dead_cos", "dead_sin") else 1.5 / np.sqrt(size[-1])
        values = random.standard_normal(size) * scale
        weights[name] = (1 + 0.2 * values if name.startswith("rms") else values).astype(np.float32)
    return weights


def stored(shape: Shape, weights: Stored) -> dict[str, Float32 | Quantised]:
    """The weights as the file keeps them; what is quantised already stays as it is."""
    own = {name: weights[name] for name in shape.tensors() if name in weights or not name.startswith("dead")}
    if shape.version != 2:
        return own
    return {
        name: value if name.startswith("rms") or isinstance(value, Quantised) else quantise(value, shape.group)
        for name, value in own.items()
    }


def model_file(shape: Shape, weights: Stored) -> bytes:
    kept, data = stored(shape, weights), [shape.header()]
    for name in shape.tensors():
        value = kept[name]
        if isinstance(value, Quantised):
            layers = [value] if value.quants.ndim == 2 else [value[layer] for layer in range(shape.layers)]
            data += [part.tobytes() for layer in layers for part in (layer.quants, layer.scales)]
        else:
            data.append(value.tobytes())
    return b"".join(data)


def random_model(shape: Shape, seed: int = 1) -> bytes:
    return model_file(shape, random_weights(shape, seed))


def read_legacy(data: bytes) -> tuple[Shape, Weights]:
    """Shape and weights of a file of version 0."""
    dim, hidden, layers, heads, kv_heads, vocab, seq = struct.unpack("<7i", data[:28])
    shape = Shape(dim, hidden, layers, heads, kv_heads, abs(vocab), seq, vocab > 0)
    weights = {
        name: np.frombuffer(data, "<f4", int(np.prod(size)), shape.offset(name)).reshape(size)
        for name, size in shape.tensors().items()
    }
    return shape, weights
