"""llama2.c's model file and forward pass again, slowly and independently: numpy, float64, plain matrix products."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """The header of a v0 file; `shared` is the sign of its vocab_size."""

    dim: int = 32
    hidden: int = 44
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    vocab: int = 50
    seq: int = 24
    shared: bool = True

    @property
    def head(self) -> int:
        return self.dim // self.heads

    def header(self) -> bytes:
        vocab = self.vocab if self.shared else -self.vocab
        return struct.pack("<7i", self.dim, self.hidden, self.layers, self.heads, self.kv_heads, vocab, self.seq)

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Shapes in the order of the file, the two dead rotary tables included."""
        kv, layers = self.head * self.kv_heads, self.layers
        shapes: dict[str, tuple[int, ...]] = {
            "embedding": (self.vocab, self.dim),
            "rms_att": (layers, self.dim),
            "wq": (layers, self.dim, self.dim),
            "wk": (layers, kv, self.dim),
            "wv": (layers, kv, self.dim),
            "wo": (layers, self.dim, self.dim),
            "rms_ffn": (layers, self.dim),
            "w1": (layers, self.hidden, self.dim),
            "w2": (layers, self.dim, self.hidden),
            "w3": (layers, self.hidden, self.dim),
            "rms_final": (self.dim,),
            "dead_cos": (self.seq, self.head // 2),
            "dead_sin": (self.seq, self.head // 2),
        }
        if not self.shared:
            shapes["classifier"] = (self.vocab, self.dim)
        return shapes

    def offset(self, name: str, index: int = 0) -> int:
        """Where float `index` of a tensor lies in the file."""
        at = 28
        for tensor, shape in self.tensors().items():
            if tensor == name:
                return at + 4 * index
            at += 4 * int(np.prod(shape))
        raise KeyError(name)


def random_weights(shape: Shape, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Weights whose activations stay of order one; the dead tables are junk on purpose."""
    random = np.random.default_rng(seed)
    weights = {}
    for name, size in shape.tensors().items():
        scale = 1.0 if name in ("embedding", "dead_cos", "dead_sin") else 1.5 / np.sqrt(size[-1])
        values = random.standard_normal(size) * scale
        weights[name] = (1 + 0.2 * values if name.startswith("rms") else values).astype(np.float32)
    return weights


def model_file(shape: Shape, weights: dict[str, npt.NDArray[np.float32]]) -> bytes:
    return shape.header() + b"".join(weights[name].tobytes() for name in shape.tensors())


def random_model(shape: Shape, seed: int = 1) -> bytes:
    return model_file(shape, random_weights(shape, seed))


class SlowModel:
    """Keeps all keys and values and recomputes nothing cleverly."""

    def __init__(self, shape: Shape, weights: dict[str, npt.NDArray[np.float32]]) -> None:
        self.shape = shape
        self.weights = {name: value.astype(np.float64) for name, value in weights.items()}
        self.keys: list[list[Array]] = [[] for _ in range(shape.layers)]
        self.values: list[list[Array]] = [[] for _ in range(shape.layers)]

    @staticmethod
    def norm(x: Array, weight: Array) -> Array:
        return np.asarray(weight * x / np.sqrt(np.mean(x * x) + 1e-5))

    def rotate(self, heads: Array, position: int) -> Array:
        """Pairs (2i, 2i + 1) of each head by position / 10000^(2i / head size)."""
        angles = position * 10000.0 ** (-np.arange(0, self.shape.head, 2) / self.shape.head)
        turned = np.empty_like(heads)
        turned[:, 0::2] = heads[:, 0::2] * np.cos(angles) - heads[:, 1::2] * np.sin(angles)
        turned[:, 1::2] = heads[:, 0::2] * np.sin(angles) + heads[:, 1::2] * np.cos(angles)
        return turned

    def attend(self, layer: int, x: Array, position: int) -> Array:
        shape, w = self.shape, self.weights
        queries = self.rotate((w["wq"][layer] @ x).reshape(shape.heads, shape.head), position)
        self.keys[layer].append(self.rotate((w["wk"][layer] @ x).reshape(shape.kv_heads, shape.head), position))
        self.values[layer].append((w["wv"][layer] @ x).reshape(shape.kv_heads, shape.head))
        keys, values = np.array(self.keys[layer]), np.array(self.values[layer])
        results = []
        for head in range(shape.heads):
            kv = head // (shape.heads // shape.kv_heads)
            scores = keys[:, kv] @ queries[head] / np.sqrt(shape.head)
            share = np.exp(scores - scores.max())
            results.append(share / share.sum() @ values[:, kv])
        return np.asarray(w["wo"][layer] @ np.concatenate(results))

    def forward(self, token: int) -> Array:
        """The next position's logits."""
        w = self.weights
        x = w["embedding"][token].copy()
        position = len(self.keys[0])
        for layer in range(self.shape.layers):
            x = x + self.attend(layer, self.norm(x, w["rms_att"][layer]), position)
            normed = self.norm(x, w["rms_ffn"][layer])
            gate = w["w1"][layer] @ normed
            x = x + w["w2"][layer] @ (gate / (1 + np.exp(-gate)) * (w["w3"][layer] @ normed))
        classifier = w["embedding" if self.shape.shared else "classifier"]
        return np.asarray(classifier @ self.norm(x, w["rms_final"]))
