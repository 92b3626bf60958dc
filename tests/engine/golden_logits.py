"""The logits that every way of computing them must have: by model, numbers and position, as hashes of their bits.

The tokens are BOS and the greedy text that follows it, so the prompt "Once upon a time" leads into the same rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

#: The rows that are hashed: the first two, the end of the prompt, and three in further panels of keys (16 rows each).
POSITIONS = (0, 1, 4, 20, 64, 150)
PROMPT = "Once upon a time"
PROMPT_POSITION = 4
VOCAB = 1024  # of the included model

#: int8 is in groups of 32, made while loading or by llama2.c's rule in a file of version 2.
GOLDEN: dict[tuple[str, str], dict[int, str]] = {
    ("stories700K", "fp32"): {
        0: "f545c6b1707ecedd",
        1: "125977117e383732",
        4: "6a9de6f06235fc68",
        20: "412704523161444b",
        64: "1816d44c15082781",
        150: "dfdb5c6c22fbf4b9",
    },
    ("stories700K", "int8"): {
        0: "deafd3149eebfc9c",
        1: "14a06652d51b02fa",
        4: "632d91295142747b",
        20: "eef42c3d94c19ce8",
        64: "29e7b4a2eb524f62",
        150: "da14efc3d93776de",
    },
    ("stories700K", "Q8_0"): {
        0: "675d158c52ec7a3a",
        1: "63adb2ca00f1119a",
        4: "599090b0e7afbae4",
        20: "949721cab7ad1fcc",
        64: "329caa81a092d02c",
        150: "9b0458f447b7b5bc",
    },
    ("stories700K", "Q4_0"): {
        0: "161de9f2b7c40781",
        1: "e6e2e1952cfdae0f",
        4: "793b645815ae9c4f",
        20: "d00b9fce4c6bb779",
        64: "4dbb4b517c57efc4",
        150: "f368826a8ae1c639",
    },
    ("stories260K", "fp32"): {
        0: "07be599505043240",
        1: "4c468d0861f0ca8a",
        4: "b42f6d2c2a8c531c",
        20: "a93e767c1a249d4f",
        64: "f2b744b493a8e30f",
        150: "19d80b38332079c9",
    },
}


def hash_of(logits: bytes) -> str:
    """Of the float32 logits of the whole vocabulary."""
    return hashlib.sha256(logits).hexdigest()[:16]


def kernel_hash(zones: str, vocab: int, read: Callable[[int, int], bytes]) -> str:
    """Of the logits in a running kernel's memory: its /zones, and what reads so many bytes at an address.

    They are the last numbers of the arena of the activations, filled up to whole panels of 16. With temperature,
    n-gram ban and repetition penalty off nothing is written into them after the pass.
    """
    found = re.search(r"\[ACTS\] base=(0x[0-9a-f]+) size=(\d+) ", zones)
    assert found, zones
    return hash_of(read(int(found[1], 16) + int(found[2]) - -(-vocab // 16) * 64, 4 * vocab))
