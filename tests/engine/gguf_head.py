"""A small GGUF file that is right, and what the engine reads from one or says against it."""

from __future__ import annotations

import gguf_files as gf
import pytest
from engine_harness import EngineError, Harness
from gguf_files import F16, Gguf, gguf_of
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
