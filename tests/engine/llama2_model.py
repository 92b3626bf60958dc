"""llama2.c's forward pass again, slowly and independently: numpy, plain matrix products; run.c's and, for files of
version 2, runq.c's, which quantises the input of every product with weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from llama2_files import Float32, Quantised, Shape, Stored, quantise, stored

Array = npt.NDArray[np.float64]


class SlowModel:
    """float64. Keeps all keys and values and recomputes nothing cleverly."""

    def __init__(self, shape: Shape, weights: Stored, epsilon: float = 1e-5, base: float = 10000.0) -> None:
        self.shape, self.epsilon, self.base = shape, epsilon, base
        self.weights: dict[str, Array] = {
            name: (value.values() if isinstance(value, Quantised) else value).astype(np.float64)
            for name, value in stored(shape, weights).items()
        }
        self.position = 0
        self.keys = np.zeros((shape.layers, shape.seq, shape.kv_heads, shape.head))
        self.values = np.zeros_like(self.keys)

    def input(self, x: Array) -> Array:
        """What a product sees of its input."""
        if self.shape.version != 2:
            return x
        groups = x.reshape(-1, self.shape.group)
        scales = np.abs(groups).max(axis=1, keepdims=True) / 127 + 1e-300
        return np.asarray((np.sign(groups) * np.floor(np.abs(groups) / scales + 0.5) * scales).reshape(x.shape))

    def norm(self, x: Array, weight: Array) -> Array:
        return np.asarray(weight * x / np.sqrt(np.mean(x * x) + self.epsilon))

    def rotate(self, heads: Array, position: int) -> Array:
        """Pairs (2i, 2i + 1) of each head by position / base^(2i / head size)."""
        angles = position * self.base ** (-np.arange(0, self.shape.head, 2) / self.shape.head)
        turned = np.empty_like(heads)
        turned[:, 0::2] = heads[:, 0::2] * np.cos(angles) - heads[:, 1::2] * np.sin(angles)
        turned[:, 1::2] = heads[:, 0::2] * np.sin(angles) + heads[:, 1::2] * np.cos(angles)
        return turned

    def attend(self, layer: int, x: Array, position: int) -> Array:
        shape, w, x = self.shape, self.weights, self.input(x)
        queries = self.rotate((w["wq"][layer] @ x).reshape(shape.heads, shape.head), position)
        self.keys[layer, position] = self.rotate((w["wk"][layer] @ x).reshape(shape.kv_heads, shape.head), position)
        self.values[layer, position] = (w["wv"][layer] @ x).reshape(shape.kv_heads, shape.head)
        keys, values = self.keys[layer, : position + 1], self.values[layer, : position + 1]
        results = []
        for head in range(shape.heads):
            kv = head // (shape.heads // shape.kv_heads)
            scores = keys[:, kv] @ queries[head] / np.sqrt(shape.head)
            share = np.exp(scores - scores.max())
            results.append(share / share.sum() @ values[:, kv])
        return np.asarray(w["wo"][layer] @ self.input(np.concatenate(results)))

    def forward(self, token: int) -> Array:
        """The next position's logits."""
        w = self.weights
        x = w["embedding"][token].copy()
        position = self.position
        self.position += 1
        for layer in range(self.shape.layers):
            x = x + self.attend(layer, self.norm(x, w["rms_att"][layer]), position)
            normed = self.input(self.norm(x, w["rms_ffn"][layer]))
            gate = w["w1"][layer] @ normed
            x = x + w["w2"][layer] @ self.input(gate / (1 + np.exp(-gate)) * (w["w3"][layer] @ normed))
        classifier = w["embedding" if self.shape.shared else "classifier"]
        return np.asarray(classifier @ self.input(self.norm(x, w["rms_final"])))


class ExactModel:
    """float32 with llama2.c's own order of operations: every product rounded, every sum in the order of the index.

    `exponential` is the one function that is not arithmetic; the engine's own is given, so that all bits must agree.
    """

    def __init__(self, shape: Shape, weights: Stored, exponential: Callable[[Float32], Float32]) -> None:
        self.shape, self.weights, self.exponential = shape, stored(shape, weights), exponential
        self.keys = np.zeros((shape.layers, shape.seq, shape.kv_heads, shape.head), np.float32)
        self.values = np.zeros_like(self.keys)

    def product(self, matrix: Float32 | Quantised, x: Float32) -> Float32:
        if isinstance(matrix, Quantised):
            return self.product_int8(matrix, quantise(x, self.shape.group))
        total = np.zeros(len(matrix), np.float32)
        for k, value in enumerate(x):
            total = total + matrix[:, k] * value
        return total

    @staticmethod
    def product_int8(matrix: Quantised, x: Quantised) -> Float32:
        """An exact sum for each group, times the row's scale, times the input's."""
        total = np.zeros(len(matrix.quants), np.float32)
        group = x.quants.shape[-1] // len(x.scales)
        for g, scale in enumerate(x.scales):
            part = slice(g * group, (g + 1) * group)
            sums = matrix.quants[:, part].astype(np.int32) @ x.quants[part].astype(np.int32)
            total = total + sums.astype(np.float32) * matrix.scales[:, g] * scale
        return total

    @staticmethod
    def norm(x: Float32, weight: Float32 | Quantised) -> Float32:
        assert not isinstance(weight, Quantised)
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
        row = w["embedding"][token]
        x = row.values() if isinstance(row, Quantised) else row
        for layer in range(self.shape.layers):
            x = x + self.attend(layer, self.norm(x, w["rms_att"][layer]), position)
            normed = self.norm(x, w["rms_ffn"][layer])
            gate = self.product(w["w1"][layer], normed)
            gate = gate * (one / (one + self.exponential(-gate))) * self.product(w["w3"][layer], normed)
            x = x + self.product(w["w2"][layer], gate)
        return self.product(w["embedding" if self.shape.shared else "classifier"], self.norm(x, w["rms_final"]))
