"""The default model made so that its answers are long: its context is larger and it never ends a story.

Otherwise an answer ends after about 175 tokens: at a thousand tokens a second five prompts a second are typed, which is
measured too. What it tells behind the context that it was trained with makes no sense, but the tokens are as
long as before.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from llmbm_console.core.paths import default_model, find_tokenizer

CONTEXT = 1024
_HEADER = struct.Struct("<7i")  # dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len
_FLOAT = 4
_ENDS = (1, 2)  # BOS, before another story, and EOS


def long_answers(folder: Path) -> None:
    """Writes the model and its tokenizer into a folder. Format: llama2.c, version 0, with a classifier of its own
    behind the tables of positions, which nobody reads. In the classifier the tokens that end a story weigh nothing."""
    model = default_model()
    raw = model.read_bytes()
    dim, hidden, layers, heads, kv_heads, vocab, seq = _HEADER.unpack_from(raw)
    tables = seq * (dim // heads) * _FLOAT
    embedding = bytearray(raw[_HEADER.size : _HEADER.size + vocab * dim * _FLOAT])
    for token in _ENDS:
        embedding[token * dim * _FLOAT : (token + 1) * dim * _FLOAT] = bytes(dim * _FLOAT)
    (folder / model.name).write_bytes(
        _HEADER.pack(dim, hidden, layers, heads, kv_heads, -vocab, CONTEXT)
        + raw[_HEADER.size : -tables]
        + bytes(CONTEXT * tables // seq)
        + embedding
    )
    shutil.copy(find_tokenizer(model), folder)
