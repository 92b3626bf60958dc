"""Models of the published shapes with random weights, for benches: speed does not depend on the values."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
for folder in ("tests/kernel", "tests/engine", "tests/link", "tests/qemu", "console", "protocol"):
    sys.path.append(str(ROOT / folder))

from llama2_files import Float32, Shape, quantise  # noqa: E402
from made_models import special_tokens, tokenizer_file  # noqa: E402

#: Source: the model table of llama2.c's README; the first is its smallest, with grouped key/value heads.
SHAPES = {
    "260K": Shape(dim=64, hidden=172, layers=5, heads=8, kv_heads=4, vocab=512, seq=512),
    "15M": Shape(dim=288, hidden=768, layers=6, heads=6, kv_heads=6, vocab=32000, seq=256),
    "110M": Shape(dim=768, hidden=2048, layers=12, heads=12, kv_heads=12, vocab=32000, seq=1024),
}


def random_tensors(shape: Shape) -> dict[str, Float32]:
    """Small random weights by name, in the order of the file."""
    random = np.random.default_rng(1)
    return {name: random.standard_normal(size, np.float32) * np.float32(0.05) for name, size in shape.tensors().items()}


def write_random_model(shape: Shape, path: Path) -> Path:
    """A llama2.c file of such weights, in the version of the shape."""
    with path.open("wb") as file:
        file.write(shape.header())
        for name, values in random_tensors(shape).items():
            if shape.version < 2 or name.startswith("rms"):
                file.write(values.tobytes())
                continue
            for layer in values if values.ndim == 3 else [values]:
                rounded = quantise(layer, shape.group)
                file.write(rounded.quants.tobytes() + rounded.scales.tobytes())
    return path


def write_tokenizer(shape: Shape, path: Path) -> Path:
    """A tokenizer of the shape's vocabulary: the bytes, then words of one made-up kind."""
    made = (f"w{number}".encode() for number in range(shape.vocab))
    tokens = special_tokens()
    path.write_bytes(tokenizer_file([*tokens, *(next(made) for _ in range(shape.vocab - len(tokens)))]))
    return path
