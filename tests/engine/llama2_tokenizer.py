"""llama2.c's tokenizer again, as literally as Python allows: every pair is looked at for every merge."""

from __future__ import annotations

import re
import struct


class SlowTokenizer:
    """`file` is a tokenizer.bin for `vocab` tokens."""

    def __init__(self, file: bytes, vocab: int) -> None:
        self.pieces: list[bytes] = []
        self.scores: list[float] = []
        at = 4
        for _ in range(vocab):
            score, length = struct.unpack_from("<fi", file, at)
            self.pieces.append(file[at + 8 : at + 8 + length])
            self.scores.append(score)
            at += 8 + length
        assert at == len(file)
        self.ids: dict[bytes, int] = {}
        for token, piece in enumerate(self.pieces):
            self.ids.setdefault(piece, token)

    @staticmethod
    def characters(text: bytes) -> list[bytes]:
        """A byte and the continuation bytes after it, four at most."""
        found: list[bytes] = []
        for value in text:
            byte = bytes([value])
            if found and value & 0xC0 == 0x80 and len(found[-1]) < 4:
                found[-1] += byte
            else:
                found.append(byte)
        return found

    def encode(self, text: bytes, bos: bool = True) -> list[int]:
        ids: list[int] = []
        if text:
            ids.append(self.ids[b" "])
        for character in self.characters(text):
            if character in self.ids:
                ids.append(self.ids[character])
            else:
                ids += [3 + byte for byte in character]
        while True:
            best_score, best_id, best_at = -1e10, -1, -1
            for i in range(len(ids) - 1):
                merged = self.ids.get(self.pieces[ids[i]] + self.pieces[ids[i + 1]], -1)
                if merged != -1 and self.scores[merged] > best_score:
                    best_score, best_id, best_at = self.scores[merged], merged, i
            if best_at == -1:
                return [1, *ids] if bos else ids
            ids[best_at : best_at + 2] = [best_id]

    def decode(self, ids: list[int], previous: int = 1) -> bytes:
        text = b""
        for token in ids:
            piece = self.pieces[token]
            if previous == 1 and piece.startswith(b" "):
                piece = piece[1:]
            match = re.fullmatch(rb"<0x([0-9A-F]{2})>", piece)
            text += bytes([int(match[1], 16)]) if match else piece
            previous = token
        return text


def tokenizer_file(pieces: list[tuple[float, bytes]], longest: int | None = None) -> bytes:
    """A tokenizer.bin of these scores and pieces."""
    limit = max(len(piece) for _, piece in pieces) if longest is None else longest
    return struct.pack("<i", limit) + b"".join(struct.pack("<fi", score, len(piece)) + piece for score, piece in pieces)


SPECIAL: list[tuple[float, bytes]] = [(0, b"<unk>"), (0, b"\n<s>\n"), (0, b"\n</s>\n")]
BYTES: list[tuple[float, bytes]] = [(0, b"<0x%02X>" % byte) for byte in range(256)]
