"""Model and tokenizer files for tests: the stored ones, and scripted ones that say what they are told."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_MODEL = ROOT / "kernel_c" / "models" / "stories700K.bin"
PUBLISHED_MODEL = ROOT.parent / "shared" / "models" / "stories260K.bin"

HEADER = ("dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len")
FIRST_SCRIPTED = 259  # ids 0..2 are special, 3..258 are the byte tokens
EOS = 2


def put_model(folder: Path, model: Path = DEFAULT_MODEL, name: str | None = None) -> str:
    """Copies a stored model and its tokenizer into a folder; returns the model's name there."""
    target = folder / (name or model.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model.read_bytes())
    tokenizer = model.with_name(model.stem + ".tok.bin")
    target.with_name(target.stem + ".tok.bin").write_bytes(tokenizer.read_bytes())
    return str(target.relative_to(folder))


def header_of(path: Path) -> dict[str, int]:
    """The seven fields of a model file."""
    return dict(zip(HEADER, struct.unpack("<7i", path.read_bytes()[:28]), strict=True))


def tokenizer_file(tokens: Sequence[bytes]) -> bytes:
    """llama2.c's format: the longest length, then score, length and bytes of each token."""
    body = b"".join(struct.pack("<fi", -float(i), len(token)) + token for i, token in enumerate(tokens))
    return struct.pack("<i", max(map(len, tokens))) + body


def special_tokens() -> list[bytes]:
    """The first 259 tokens of every vocabulary with byte fallback."""
    return [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(f"<0x{byte:02X}>".encode() for byte in range(256))]


@dataclass(frozen=True)
class Script:
    """A model that answers any prompt with the same pieces, one token each; then it ends, or begins again."""

    pieces: Sequence[bytes]
    loop: bool = False
    seq_len: int = 64

    def write(self, folder: Path, name: str = "script.bin") -> None:
        """Writes model and tokenizer.

        The residual stream is one-hot and the layer adds nothing to it: dimension 0 stands for every prompt token,
        dimension k for piece k-1, and row i of the classifier looks at the dimension of the piece before i.
        """
        dim, hidden = 64, 16
        count = len(self.pieces)
        assert count < dim, "one dimension for each piece"
        vocab = FIRST_SCRIPTED + count
        embedding = [[0.0] * dim for _ in range(vocab)]
        classifier = [[0.0] * dim for _ in range(vocab)]
        for token in range(FIRST_SCRIPTED):
            embedding[token][0] = 1.0
        for piece in range(count):
            embedding[FIRST_SCRIPTED + piece][piece + 1] = 1.0
            classifier[FIRST_SCRIPTED + piece][piece] = 1.0
        classifier[FIRST_SCRIPTED if self.loop else EOS][count] = 1.0
        norm, zeros = [1.0] * dim, [0.0] * (4 * dim * dim + 3 * dim * hidden)
        rope = [0.0] * (self.seq_len * 16)  # head size 16: two tables of 8 columns
        floats = (
            [x for row in embedding for x in row] + norm + zeros[: 4 * dim * dim] + norm + zeros[: 3 * dim * hidden]
        )
        floats += norm + rope + [x for row in classifier for x in row]
        data = struct.pack("<7i", dim, hidden, 1, 4, 4, -vocab, self.seq_len) + struct.pack(f"<{len(floats)}f", *floats)
        (folder / name).write_bytes(data)
        tokens = [*special_tokens(), *self.pieces]
        (folder / name.replace(".bin", ".tok.bin")).write_bytes(tokenizer_file(tokens))
