"""Field types of the line protocol: what a value may be, and so how many octets it can take on the wire.

Each alias is an ordinary Python type with one `Wire` mark in its `Annotated` metadata. The codec and the C generator
read the mark; pydantic takes its validation from the same mark, so that the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

WireKind = Literal["uint", "hex", "flag", "micro", "text", "plain", "name", "enum", "uints"]

#: Octets that stand for themselves inside a value; the space is written "_", everything else "%" and two hexadecimal
#: digits.
SAFE_OCTETS = frozenset(range(0x21, 0x7F)) - frozenset(b"%*,=@_")

_ESCAPE_TABLE = [
    "_" if octet == 0x20 else chr(octet) if octet in SAFE_OCTETS else f"%{octet:02x}" for octet in range(256)
]


def escape(value: bytes) -> str:
    """Any octets as one item of a frame."""
    return "".join([_ESCAPE_TABLE[octet] for octet in value])


def _fits_escaped(maximum: int, value: str) -> str:
    """The length rule of `plain`, which counts octets as written."""
    if len(value) * 3 > maximum and len(escape(value.encode("ascii"))) > maximum:
        raise PydanticCustomError(
            "plain_too_long", "Text should take at most {maximum} octets on the wire", {"maximum": maximum}
        )
    return value


@dataclass(frozen=True)
class Wire:
    """How a value is written.

    uint   decimal without leading zeros, at most `maximum`, which is a power of two less one; the kernel writes
           the maximum for anything larger
    hex    lower-case hexadecimal without leading zeros, at most `maximum`
    flag   0 or 1
    micro  a decimal with at most six digits after the point and no trailing zeros; the value is in millionths
    text   any octets, escaped; at most `maximum` octets before escaping (each may take three)
    plain  printable ASCII, escaped; at most `maximum` octets after escaping. The kernel writes "?" for any other
           octet and cuts what is longer
    name   letters, digits and "_.-" as they are, without escapes: "_" is an underscore here; at most `maximum`
    enum   a word of the enumeration as it is, see name; a reader keeps an unknown word
    uints  at most `count` (15) decimals, each as for uint, separated by ","

    `fills`: a plain that takes what the other fields leave of the line; who writes the record cuts it to that.
    """

    kind: WireKind
    maximum: int = 0
    count: int = 1
    fills: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The pydantic rule of this mark."""
        if self.kind in ("uint", "hex", "micro"):
            return core_schema.int_schema(ge=0, le=self.maximum)
        if self.kind == "text":
            return core_schema.bytes_schema(max_length=self.maximum)
        if self.kind == "name":
            return core_schema.str_schema(max_length=self.maximum, pattern=r"^[A-Za-z0-9_.-]*$")
        if self.kind == "plain":
            return core_schema.no_info_after_validator_function(
                lambda value: _fits_escaped(self.maximum, value),
                core_schema.str_schema(max_length=self.maximum, pattern=r"^[ -~]*$"),
            )
        if self.kind == "uints":
            item = core_schema.int_schema(ge=0, le=self.maximum)
            return core_schema.tuple_schema([item], variadic_item_index=0, max_length=self.count)
        return handler(source)


def Text(maximum: int) -> Wire:
    """Octets, at most `maximum` of them. Octets and not characters: a token may hold half a character."""
    return Wire("text", maximum)


def Plain(maximum: int) -> Wire:
    """Printable ASCII that takes at most `maximum` octets on the wire."""
    return Wire("plain", maximum)


def PlainRest(maximum: int) -> Wire:
    """Printable ASCII that takes what the other fields leave of the line, at most `maximum` octets."""
    return Wire("plain", maximum, fills=True)


def Name(maximum: int) -> Wire:
    """An identifier: letters, digits, "_", "." and "-"."""
    return Wire("name", maximum)


def Uints(count: int, limit: int) -> Wire:
    """At most `count` unsigned integers, each at most `limit`."""
    return Wire("uints", limit, count)


U8 = Annotated[int, Wire("uint", 0xFF)]
#: Layers and heads of a model: 4095.
U12 = Annotated[int, Wire("uint", 0xFFF)]
U16 = Annotated[int, Wire("uint", 0xFFFF)]
#: Rows, tokens of a vocabulary: a million.
U20 = Annotated[int, Wire("uint", 0xF_FFFF)]
U32 = Annotated[int, Wire("uint", 0xFFFF_FFFF)]
#: Dimensions of a model: 16 million.
U24 = Annotated[int, Wire("uint", 0xFF_FFFF)]
#: Cycles of one pass (183 s at 3 GHz), milliseconds since boot (17 years), bytes of a file (512 GiB): twelve digits.
U39 = Annotated[int, Wire("uint", 2**39 - 1)]
#: Sizes of memory, cycles per second, microseconds of a whole turn.
U48 = Annotated[int, Wire("uint", 0xFFFF_FFFF_FFFF)]
U64 = Annotated[int, Wire("uint", 0xFFFF_FFFF_FFFF_FFFF)]
Hex16 = Annotated[int, Wire("hex", 0xFFFF)]
Hex32 = Annotated[int, Wire("hex", 0xFFFF_FFFF)]
Hex64 = Annotated[int, Wire("hex", 0xFFFF_FFFF_FFFF_FFFF)]
Flag = Annotated[bool, Wire("flag", 1)]
#: Millionths, 0 to 4294.967295: exact in both languages, where a float is not.
Micro = Annotated[int, Wire("micro", 0xFFFF_FFFF)]
#: Probabilities and temperatures: 0 to 2.
Micro21 = Annotated[int, Wire("micro", 0x1F_FFFF)]
#: The same up to 281 million: rates of a small model pass the four thousand of Micro.
Micro48 = Annotated[int, Wire("micro", 0xFFFF_FFFF_FFFF)]


def is_micro(record_type: type[BaseModel], name: str) -> bool:
    """True for a field in millionths."""
    return any(isinstance(mark, Wire) and mark.kind == "micro" for mark in record_type.model_fields[name].metadata)
