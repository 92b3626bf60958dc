"""Field types of the line protocol: what a value may be, and so how many bytes it can take on the wire.

Each alias is an ordinary Python type with a `Wire` mark in its `Annotated` metadata. The mark is what the codec and the C
generator read; the pydantic constraint beside it is what validates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import GroupedMetadata, MaxLen
from pydantic import Field

WireKind = Literal["uint", "hex", "flag", "micro", "text", "plain", "enum", "uints"]


@dataclass(frozen=True)
class Wire:
    """How a value is written.

    uint   decimal, no leading zeros, at most `maximum`
    hex    lower-case hexadecimal, no leading zeros, at most `maximum`
    flag   0 or 1
    micro  a decimal with at most six digits after the point and no trailing zeros; the kernel holds millionths
    text   any bytes, escaped; at most `maximum` bytes before escaping (each may take three)
    plain  printable ASCII that needs no escape (space is "_"); at most `maximum` characters. A sender replaces what does not fit the set by "?"
    enum   a word of the enumeration, read from the field's Python type; an unknown word is kept as text by the reader
    uints  up to `count` decimals separated by ","
    """

    kind: WireKind
    maximum: int = 0
    count: int = 1


U8 = Annotated[int, Field(ge=0, le=0xFF), Wire("uint", 0xFF)]
U16 = Annotated[int, Field(ge=0, le=0xFFFF), Wire("uint", 0xFFFF)]
U32 = Annotated[int, Field(ge=0, le=0xFFFF_FFFF), Wire("uint", 0xFFFF_FFFF)]
#: Cycles of one pass, bytes of one arena, milliseconds of one boot: 2^48 is a day at 3 GHz, or 256 TiB.
U48 = Annotated[int, Field(ge=0, le=0xFFFF_FFFF_FFFF), Wire("uint", 0xFFFF_FFFF_FFFF)]
U64 = Annotated[int, Field(ge=0, le=0xFFFF_FFFF_FFFF_FFFF), Wire("uint", 0xFFFF_FFFF_FFFF_FFFF)]
Hex16 = Annotated[int, Field(ge=0, le=0xFFFF), Wire("hex", 0xFFFF)]
Hex32 = Annotated[int, Field(ge=0, le=0xFFFF_FFFF), Wire("hex", 0xFFFF_FFFF)]
Hex64 = Annotated[int, Field(ge=0, le=0xFFFF_FFFF_FFFF_FFFF), Wire("hex", 0xFFFF_FFFF_FFFF_FFFF)]
Flag = Annotated[bool, Wire("flag", 1)]
#: Millionths, 0 to 4294.967295: exact in both languages, where a float is not.
Micro = Annotated[int, Field(ge=0, le=0xFFFF_FFFF), Wire("micro", 0xFFFF_FFFF)]


@dataclass(frozen=True)
class Text(GroupedMetadata):
    """Bytes, at most `maximum` of them. Bytes and not str: a token may hold half a character."""

    maximum: int

    def __iter__(self) -> Iterator[object]:
        yield MaxLen(self.maximum)
        yield Wire("text", self.maximum)


@dataclass(frozen=True)
class Plain(GroupedMetadata):
    """Printable ASCII without the protocol's own signs, at most `maximum` characters."""

    maximum: int

    def __iter__(self) -> Iterator[object]:
        yield Field(max_length=self.maximum, pattern=r"^[ !-$&-)+\-.-<>?A-^`-~]*$")
        yield Wire("plain", self.maximum)


@dataclass(frozen=True)
class Uints(GroupedMetadata):
    """At most `count` unsigned integers, each at most `limit`."""

    count: int
    limit: int = 0xFFFF_FFFF

    def __iter__(self) -> Iterator[object]:
        yield MaxLen(self.count)
        yield Wire("uints", self.limit, self.count)
