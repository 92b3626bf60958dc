"""What a row of the hex lens is made of: how octets are read as values, and as how many a row they fit a width."""

from __future__ import annotations

import struct
from dataclasses import dataclass

UNREAD = "··"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How octets are read: `code` is struct's, little-endian; without one they are octets."""

    name: str
    octets: int
    cells: int  # of one value, its blank included
    code: str = ""

    def text(self, data: list[int | None]) -> str:
        """One value; dots where it was not read."""
        known = [octet for octet in data if octet is not None]
        if len(known) < len(data):
            return UNREAD
        if not self.code:
            return f"{known[0]:02x}"
        (value,) = struct.unpack("<" + self.code, bytes(known))
        return f"{value:.5g}" if self.code == "f" else str(value)


DECODINGS = (
    Decoding("octets", 1, 3),
    Decoding("int8", 1, 5, "b"),
    Decoding("int32", 4, 12, "i"),
    Decoding("float32", 4, 12, "f"),
    Decoding("uint64", 8, 21, "Q"),
)
OCTETS, FLOAT = DECODINGS[0], DECODINGS[3]


@dataclass(frozen=True, slots=True)
class Layout:
    """A row: its address, its octets as values, as text where there is room, and as other values beside that where
    there is yet more."""

    digits: int  # of the address
    octets: int
    values: Decoding
    text: bool = True
    beside: Decoding | None = None

    @property
    def cells(self) -> int:
        """Columns that it takes."""
        values = self._cells_of(self.values) + (2 + self._cells_of(self.beside) if self.beside is not None else 0)
        return self.digits + 1 + values + (self.octets if self.text else 0)

    def _cells_of(self, decoding: Decoding) -> int:
        return self.octets // decoding.octets * decoding.cells + self.octets // 8

    def octet_at(self, column: int) -> int | None:
        """Which octet of the row stands in a column as (part of) a value; None where none does."""
        column -= self.digits + 1
        group = self.values.cells * (8 // self.values.octets) + 1  # eight octets, and a blank more behind them
        at = column // group * 8 + column % group // self.values.cells * self.values.octets
        return at if 0 <= column < self._cells_of(self.values) and at < self.octets else None


def layout(width: int, digits: int, decoding: Decoding) -> Layout:
    """The row that tells most in `width` columns: octets, text and numbers beside each other, else the values of one
    decoding with as many octets as fit, for which the text gives way when it would halve them."""
    widest = Layout(digits, 16, OCTETS, beside=decoding if decoding.code else FLOAT)
    if widest.cells <= width:
        return widest
    for octets in (16, 8, 4, 2, 1):
        for text in (True, False) if octets <= 8 else (True,):
            row = Layout(digits, octets, decoding, text)
            if octets >= decoding.octets and row.cells <= width:
                return row
    return Layout(digits, decoding.octets, decoding, text=False)
