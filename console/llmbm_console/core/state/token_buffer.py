"""The tokens of an answer in a dozen octets each: as objects a session of an hour would take hundreds of megabytes, and
the collector of garbage would look at all of them again and again."""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, overload

from llmbm_console.core.state.state import TokenInfo

if TYPE_CHECKING:
    from llmbm_protocol.schema import Choice, SamplingState

_FIELDS = ("index", "token", "start", "end", "cycles", "time_ms", "at")  # the first ones of TokenInfo
_ROW = struct.Struct("<IIIIQQd")
TOKEN_ROOM = _ROW.size  # octets of a token that is not packed
BLOCK = 128  # tokens that are packed together
BLOCK_ROOM = 64  # octets that Python needs for a block, and its places in the lists
_plain_fields = attrgetter(*_FIELDS)


def _packed(rows: bytes) -> bytes:
    """Octets of equal significance side by side: most of them are alike from token to token. What does not get smaller
    stays as it is, so the length tells which it was."""
    packed = zlib.compress(b"".join(rows[place::TOKEN_ROOM] for place in range(TOKEN_ROOM)), 1)
    return packed if len(packed) < len(rows) else rows


@lru_cache(maxsize=16)  # tokens are looked at one after the other
def _unpacked(block: bytes, count: int) -> bytes:
    """The rows of `count` tokens."""
    if len(block) == count * TOKEN_ROOM:
        return block
    columns, rows = zlib.decompress(block), bytearray(count * TOKEN_ROOM)
    for place in range(TOKEN_ROOM):
        rows[place::TOKEN_ROOM] = columns[place * count : (place + 1) * count]
    return bytes(rows)


class TokenBuffer:
    """A buffer of a Series. How a token was chosen is kept beside, where it is known."""

    __slots__ = ("_blocks", "_chosen", "_firsts", "_packed_octets", "_rows", "_start")

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._firsts: list[int] = []  # place of each block's first token
        self._packed_octets = 0  # of all blocks
        self._start = 0  # tokens in blocks
        self._rows = bytearray()  # of those behind them
        self._chosen: dict[int, tuple[Choice | None, SamplingState | None]] = {}

    def append(self, token: TokenInfo, /) -> None:
        """One more."""
        if token.choice is not None or token.sampling is not None:
            self._chosen[len(self)] = (token.choice, token.sampling)
        self._rows += _ROW.pack(*_plain_fields(token))
        if len(self._rows) == BLOCK * TOKEN_ROOM:
            self.pack()

    def pack(self) -> None:
        """No more will follow soon: all are kept in little room. Changes nothing that can be seen."""
        if self._rows:
            self._add_block(_packed(bytes(self._rows)), len(self._rows) // TOKEN_ROOM)
            self._rows = bytearray()

    def _add_block(self, block: bytes, count: int) -> None:
        self._blocks.append(block)
        self._firsts.append(self._start)
        self._packed_octets += len(block) + BLOCK_ROOM
        self._start += count

    @property
    def octets(self) -> int:
        """About the memory that all take, without how they were chosen."""
        return self._packed_octets + len(self._rows)

    def __len__(self) -> int:
        return self._start + len(self._rows) // TOKEN_ROOM

    def _block(self, number: int) -> tuple[int, int]:
        """Place of a block's first token, and of the first one behind it."""
        after = self._firsts[number + 1] if number + 1 < len(self._firsts) else self._start
        return self._firsts[number], after

    @overload
    def __getitem__(self, place: int, /) -> TokenInfo: ...
    @overload
    def __getitem__(self, places: slice, /) -> TokenBuffer: ...
    def __getitem__(self, place: int | slice, /) -> TokenInfo | TokenBuffer:
        if isinstance(place, slice):
            first, end, step = place.indices(len(self))
            assert step == 1
            return self._part(first, end)
        if not 0 <= place < len(self):
            raise IndexError(f"token {place} of {len(self)}")
        if place >= self._start:
            row = _ROW.unpack_from(self._rows, (place - self._start) * TOKEN_ROOM)
        else:
            number = bisect_right(self._firsts, place) - 1
            first, after = self._block(number)
            row = _ROW.unpack_from(_unpacked(self._blocks[number], after - first), (place - first) * TOKEN_ROOM)
        return TokenInfo(*row, *self._chosen.get(place, ()))

    def _part(self, first: int, end: int) -> TokenBuffer:
        part = TokenBuffer()
        for number in range(max(0, bisect_right(self._firsts, first) - 1), len(self._blocks)):
            low, after = self._block(number)
            if low >= end:
                break
            block = self._blocks[number]
            if low < first or after > end:
                here, there = max(low, first), min(after, end)
                block = _unpacked(block, after - low)[(here - low) * TOKEN_ROOM : (there - low) * TOKEN_ROOM]
                low, after = here, there
            if after > low:
                part._add_block(block, after - low)
        if end > self._start:
            part._rows = self._rows[max(0, first - self._start) * TOKEN_ROOM : (end - self._start) * TOKEN_ROOM]
        part._chosen = {at - first: chosen for at, chosen in self._chosen.items() if first <= at < end}
        return part

    def without_choices(self) -> TokenBuffer:
        """The same tokens, and nothing of how they were chosen."""
        same = self[:]
        same._chosen = {}
        return same

    def __iter__(self) -> Iterator[TokenInfo]:
        return (self[place] for place in range(len(self)))
