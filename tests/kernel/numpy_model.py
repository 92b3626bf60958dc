"""llama2.c's tokenizer and forward pass in numpy, written from its description: what the kernel is compared with.

A continuation begins with a fresh prefill of the whole sequence it is given; only its own tokens use a cache.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BOS, EOS = 1, 2


class Tokenizer:
    """Byte-pair encoding with byte fallback."""

    def __init__(self, path: Path, vocab: int) -> None:
        data, at = path.read_bytes(), 4
        self.tokens: list[bytes] = []
        self.scores: list[float] = []
        for _ in range(vocab):
            score, length = struct.unpack_from("<fi", data, at)
            self.scores.append(score)
            self.tokens.append(data[at + 8 : at + 8 + length])
            at += 8 + length
        self.ids = {token: i for i, token in reversed(list(enumerate(self.tokens)))}

    def encode(self, text: str, bos: bool) -> list[int]:
        """Ids of a text, with the space that llama2.c puts before it."""
        ids: list[int] = []
        for character in (" " + text) if text else "":
            raw = character.encode()
            ids += [self.ids[raw]] if raw in self.ids else [byte + 3 for byte in raw]
        while True:
            merges = [
                (self.scores[self.ids[pair]], -i, self.ids[pair])
                for i in range(len(ids) - 1)
                if (pair := self.tokens[ids[i]] + self.tokens[ids[i + 1]]) in self.ids
            ]
            if not merges:
                return ([BOS] if bos else []) + ids
            _, place, merged = max(merges)
            ids[-place : -place + 2] = [merged]

    def decode(self, previous: int, token: int) -> bytes:
        """Bytes of a token after another one."""
        piece = self.tokens[token]
        if previous == BOS and piece.startswith(b" "):
            piece = piece[1:]
        if len(piece) == 6 and piece.startswith(b"<0x") and piece.endswith(b">"):
            return bytes([int(piece[3:5], 16)])
        return piece


def rms_norm(x: Floats, weight: Floats) -> Floats:
    """x / root mean square, times the weight."""
    result: Floats = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(1e-5)) * weight
    return result


class Model:
    """A llama2.c v0 file."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        fields = struct.unpack("<7i", data[:28])
        self.dim, self.hidden, self.layers, self.heads, self.kv_heads, vocab, self.seq_len = fields
        self.vocab, self.head = abs(vocab), self.dim // self.heads
        flat, at = np.frombuffer(data, "<f4", offset=28), 0

        def take(*shape: int) -> Floats:
            nonlocal at
            count = int(np.prod(shape))
            at += count
            return flat[at - count : at].reshape(shape)

        kv = self.head * self.kv_heads
        n, d, h = self.layers, self.dim, self.hidden
        self.embedding = take(self.vocab, d)
        self.attention_norm, self.wq, self.wk, self.wv = take(n, d), take(n, d, d), take(n, kv, d), take(n, kv, d)
        self.wo, self.ffn_norm = take(n, d, d), take(n, d)
        self.w1, self.w2, self.w3 = take(n, h, d), take(n, d, h), take(n, h, d)
        self.final_norm = take(d)
        take(self.seq_len, self.head)
        self.classifier = self.embedding if vocab > 0 else take(self.vocab, d)
        self.tokenizer = Tokenizer(path.with_name(path.stem + ".tok.bin"), self.vocab)

    def rotate(self, x: Floats, positions: NDArray[np.int64]) -> Floats:
        """Rotary encoding on the pairs (2i, 2i+1)."""
        angle = positions[:, None, None] / 10000.0 ** (np.arange(0, self.head, 2) / self.head)
        even, odd = x[..., 0::2], x[..., 1::2]
        result = np.empty_like(x)
        result[..., 0::2] = even * np.cos(angle) - odd * np.sin(angle)
        result[..., 1::2] = even * np.sin(angle) + odd * np.cos(angle)
        return result

    def logits(self, ids: list[int], cache: list[tuple[Floats, Floats]]) -> Floats:
        """Logits after the last of these tokens, which follow those of the cache (keys and values of each layer)."""
        before, count = len(cache[0][0]) if cache else 0, len(ids)
        positions = np.arange(before, before + count)
        x: Floats = self.embedding[ids]
        mask = np.triu(np.full((count, before + count), -np.inf, np.float32), 1 + before)
        for layer in range(self.layers):
            y = rms_norm(x, self.attention_norm[layer])
            q = self.rotate((y @ self.wq[layer].T).reshape(count, self.heads, self.head), positions)
            k = self.rotate((y @ self.wk[layer].T).reshape(count, self.kv_heads, self.head), positions)
            v = (y @ self.wv[layer].T).reshape(count, self.kv_heads, self.head)
            if before:
                k, v = np.concatenate((cache[layer][0], k)), np.concatenate((cache[layer][1], v))
                cache[layer] = (k, v)
            else:
                cache.append((k, v))
            k, v = (np.repeat(t, self.heads // self.kv_heads, axis=1) for t in (k, v))
            scores = np.einsum("qhd,khd->hqk", q, k) / np.float32(np.sqrt(self.head)) + mask
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            weights /= weights.sum(axis=-1, keepdims=True)
            x = x + np.einsum("hqk,khd->qhd", weights, v).reshape(count, self.dim) @ self.wo[layer].T
            y = rms_norm(x, self.ffn_norm[layer])
            gate = y @ self.w1[layer].T
            x = x + (gate / (1 + np.exp(-gate)) * (y @ self.w3[layer].T)) @ self.w2[layer].T
        result: Floats = self.classifier @ rms_norm(x[-1], self.final_norm)
        return result

    def greedy(self, ids: list[int], count: int) -> tuple[list[int], str]:
        """The next tokens by argmax, until the story ends, and their text."""
        cache: list[tuple[Floats, Floats]] = []
        answer: list[int] = []
        text, fresh = b"", list(ids)
        while len(answer) < count:
            token = int(np.argmax(self.logits(fresh, cache)))
            if token in (BOS, EOS):
                break
            text += self.tokenizer.decode((ids + answer)[-1], token)
            answer.append(token)
            fresh = [token]
        return answer, text.decode("utf-8", "replace")
