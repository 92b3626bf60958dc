"""Small models with random weights that say what is hard: pieces of stop patterns, halves of characters, nothing.

Their context has few rows, so that a conversation of a few turns fills it several times.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from made_models import EOS, special_tokens

DIM, HIDDEN, LAYERS, HEADS, KV_HEADS = 32, 44, 2, 4, 2
WORDS = [b" ", b"a", b"e", b"t", b"h", b" t", b"he", b" the", b" a", b"at", b"x", b".", b" x."]
LINES = [
    b"\n",
    b"\n\n",
    b"You",
    b":",
    b"\nY",
    b"ou",
    b"ou:",
    b"\nYou:",
    b"u:\n",
    b"o\nYo",
    b"\nYou: x\n\nx",
    b"Y",
    b"o",
]
LETTERS = ["é", "€", "😀", "ß"]
HALVES = [b"\xe2\x82", b"\xac", b"\xf0\x9f", b"\x98\x80", b"\xc3", b"\xa9\xe2", b"\xff", b""]
PIECES = [*WORDS, *LINES, *(letter.encode() for letter in LETTERS), *HALVES]


def write_babbling_model(folder: Path, seq_len: int, seed: int) -> Path:
    """Writes NAME.bin and NAME.tok.bin; returns the model's path. A larger row of the classifier wins more often."""
    random = np.random.default_rng(seed)
    tokens = [*special_tokens(), *PIECES]
    vocab, kv = len(tokens), DIM // HEADS * KV_HEADS
    loud = np.full(vocab, 0.75)
    loud[EOS] = 1.1
    loud[len(special_tokens()) :] = 1.0
    for piece in LINES:
        loud[tokens.index(piece)] = 1.4

    def weights(*shape: int) -> bytes:
        return bytes((random.standard_normal(shape) * 1.5 / np.sqrt(shape[-1])).astype("<f4"))

    def norms(*shape: int) -> bytes:
        return bytes((1 + 0.2 * random.standard_normal(shape)).astype("<f4"))

    body = random.standard_normal((vocab, DIM)).astype("<f4").tobytes()
    body += norms(LAYERS, DIM) + weights(LAYERS, DIM, DIM) + weights(LAYERS, kv, DIM) + weights(LAYERS, kv, DIM)
    body += weights(LAYERS, DIM, DIM) + norms(LAYERS, DIM)
    body += weights(LAYERS, HIDDEN, DIM) + weights(LAYERS, DIM, HIDDEN) + weights(LAYERS, HIDDEN, DIM)
    body += norms(DIM) + np.zeros((seq_len, DIM // HEADS), "<f4").tobytes()
    body += (random.standard_normal((vocab, DIM)) * loud[:, None]).astype("<f4").tobytes()
    path = folder / f"babble{seq_len}.bin"
    path.write_bytes(struct.pack("<7i", DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, -vocab, seq_len) + body)
    scores = random.integers(-20, 0, vocab)  # with ties: the leftmost merge wins
    pieces = b"".join(struct.pack("<fi", float(s), len(t)) + t for s, t in zip(scores, tokens, strict=True))
    path.with_name(path.stem + ".tok.bin").write_bytes(struct.pack("<i", max(map(len, tokens))) + pieces)
    return path
