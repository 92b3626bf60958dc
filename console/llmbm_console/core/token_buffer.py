"""The tokens of an answer in 40 octets each: as objects a session of an hour would take hundreds of megabytes, and the
collector of garbage would look at all of them again and again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, overload

from llmbm_console.core.state import TokenInfo

if TYPE_CHECKING:
    from llmbm_protocol.schema import Choice, SamplingState

_FIELDS = ("index", "token", "start", "end", "cycles", "time_ms", "at")  # the first ones of TokenInfo
_ROW = struct.Struct("<IIIIQQd")
TOKEN_ROOM = _ROW.size  # octets of a token
_plain_fields = attrgetter(*_FIELDS)


class TokenBuffer:
    """A buffer of a Series. How a token was chosen is kept beside, where it is known."""

    __slots__ = ("_chosen", "_rows")

    def __init__(self) -> None:
        self._rows = bytearray()
        self._chosen: dict[int, tuple[Choice | None, SamplingState | None]] = {}

    def append(self, token: TokenInfo, /) -> None:
        """One more."""
        if token.choice is not None or token.sampling is not None:
            self._chosen[len(self)] = (token.choice, token.sampling)
        self._rows += _ROW.pack(*_plain_fields(token))

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    @overload
    def __getitem__(self, place: int, /) -> TokenInfo: ...
    @overload
    def __getitem__(self, places: slice, /) -> TokenBuffer: ...
    def __getitem__(self, place: int | slice, /) -> TokenInfo | TokenBuffer:
        if isinstance(place, slice):
            first, end, step = place.indices(len(self))
            assert step == 1
            part = TokenBuffer()
            part._rows = self._rows[first * _ROW.size : end * _ROW.size]
            part._chosen = {at - first: chosen for at, chosen in self._chosen.items() if first <= at < end}
            return part
        return TokenInfo(*_ROW.unpack_from(self._rows, place * _ROW.size), *self._chosen.get(place, ()))

    def __iter__(self) -> Iterator[TokenInfo]:
        return (self[place] for place in range(len(self)))
