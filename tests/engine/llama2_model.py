"""llama2.c's model file and forward pass again, slowly and independently: numpy, float64, plain matrix products."""

from __future__ import annotations

import struct
from collections.abc import Callable
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


Float32 = npt.NDArray[np.float32]


class ExactModel:
    """llama2.c in float32 with its own order of operations: every product rounded, every sum in the order of the index.

    `exponential` is the one function that is not arithmetic; the engine's own is given, so that all bits must agree.
    """

    def __init__(self, shape: Shape, weights: dict[str, Float32], exponential: Callable[[Float32], Float32]) -> None:
        self.shape, self.weights, self.exponential = shape, weights, exponential
        self.keys = np.zeros((shape.layers, shape.seq, shape.kv_heads, shape.head), np.float32)
        self.values = np.zeros_like(self.keys)

    @staticmethod
    def product(matrix: Float32, x: Float32) -> Float32:
        total = np.zeros(len(matrix), np.float32)
        for k, value in enumerate(x):
            total = total + matrix[:, k] * value
        return total

    @staticmethod
    def norm(x: Float32, weight: Float32) -> Float32:
        total = np.float32(0)
        for value in x:
            total = np.float32(total + value * value)
        mean = np.float32(total / np.float32(len(x)) + np.float32(1e-5))
        return np.asarray(weight * ((np.float32(1) / np.sqrt(mean)) * x), np.float32)

    def softmax(self, x: Float32) -> Float32:
        powers = self.exponential(x - x.max())
        total = np.float32(0)
        for value in powers:
            total = np.float32(total + value)
        return powers / total

    def rotate(self, heads: Float32, position: int) -> Float32:
        head = self.shape.head
        exponents = np.arange(0, head, 2, dtype=np.float32) / np.float32(head)
        frequencies = np.float32(1) / np.power(10000.0, exponents.astype(np.float64)).astype(np.float32)
        angles = (np.float32(position) * frequencies).astype(np.float64)
        cosines, sines = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        turned = np.empty_like(heads)
        turned[:, 0::2] = heads[:, 0::2] * cosines - heads[:, 1::2] * sines
        turned[:, 1::2] = heads[:, 0::2] * sines + heads[:, 1::2] * cosines
        return turned

    def attend(self, layer: int, x: Float32, position: int) -> Float32:
        shape, w = self.shape, self.weights
        queries = self.rotate(self.product(w["wq"][layer], x).reshape(-1, shape.head), position)
        keys, values = self.keys[layer], self.values[layer]
        keys[position] = self.rotate(self.product(w["wk"][layer], x).reshape(-1, shape.head), position)
        values[position] = self.product(w["wv"][layer], x).reshape(-1, shape.head)
        results = []
        for head in range(shape.heads):
            kv = head // (shape.heads // shape.kv_heads)
            scores = self.product(keys[: position + 1, kv], queries[head]) / np.sqrt(np.float32(shape.head))
            results.append(self.product(values[: position + 1, kv].T, self.softmax(scores)))
        return self.product(w["wo"][layer], np.concatenate(results))

    def forward(self, token: int, position: int) -> Float32:
        """The logits, to the bit."""
        w, one = self.weights, np.float32(1)
        x = w["embedding"][token].copy()
        for layer in range(self.shape.layers):
            x = x + self.attend(layer, self.norm(x, w["rms_att"][layer]), position)
            normed = self.norm(x, w["rms_ffn"][layer])
            gate = self.product(w["w1"][layer], normed)
            gate = gate * (one / (one + self.exponential(-gate))) * self.product(w["w3"][layer], normed)
            x = x + self.product(w["w2"][layer], gate)
        return self.product(w["embedding" if self.shape.shared else "classifier"], self.norm(x, w["rms_final"]))
