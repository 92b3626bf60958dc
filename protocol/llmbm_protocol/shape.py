"""The shape of each record, read from the pydantic classes: what the codec, the C generator and the dictionary work
from."""

from __future__ import annotations

import json
import re
import types
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from llmbm_protocol import schema, words
from llmbm_protocol.fields import Wire, WireKind
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.schema import HOST_RECORDS, KERNEL_RECORDS, OPERATIONS, Record, Request, Sample
from llmbm_protocol.words import ENUM_WORD_MAXIMUM, Word

#: "@", kind, space, sequence, "*", CRC and CR LF.
FRAME_OVERHEAD = 18

#: One letter for each kind of value in the dictionary.
DICTIONARY_LETTERS: dict[WireKind, str] = {
    "uint": "u",
    "hex": "h",
    "flag": "f",
    "micro": "m",
    "text": "s",
    "plain": "p",
    "name": "w",
    "enum": "e",
    "uints": "l",
}


@dataclass(frozen=True)
class FieldShape:
    """One field of a record."""

    name: str
    key: str
    wire: Wire
    enum: type[Word] | None
    nullable: bool  # `X | None`: absent means None
    optional: bool  # has a default, and is left out when it equals it
    default: Any
    description: str

    @property
    def worst(self) -> int:
        """The most octets the value can take on the wire."""
        wire = self.wire
        if wire.kind == "uint":
            return len(str(wire.maximum))
        if wire.kind == "hex":
            return len(f"{wire.maximum:x}")
        if wire.kind == "micro":
            return len(str(wire.maximum // 1_000_000)) + 7
        if wire.kind == "text":
            return 3 * wire.maximum
        if wire.kind == "uints":
            return wire.count * (len(str(wire.maximum)) + 1) - 1
        if self.enum is not None:
            return max(len(word) for word in self.enum)
        return wire.maximum


@dataclass(frozen=True)
class Shape:
    """One record."""

    record: type[Record]
    fields: tuple[FieldShape, ...]

    @property
    def name(self) -> str:
        """The class name in snake case: the name of the C struct without its prefix."""
        return snake(self.record.__name__)

    @property
    def kind(self) -> str:
        """The letter on the wire."""
        return self.record.kind

    @property
    def stream(self) -> schema.Stream | None:
        """The `k` of a sample."""
        return self.record.stream if issubclass(self.record, Sample) else None

    @property
    def worst(self) -> int:
        """The longest frame of this record, line end included; of a request, over its operations."""
        if self.record is Request:
            return max(self.worst_of(("id", "op", *entry.required, *entry.optional)) for entry in OPERATIONS)
        return self.worst_of(tuple(field.name for field in self.fields))

    def worst_of(self, names: tuple[str, ...]) -> int:
        """The longest frame that has only these fields."""
        total = FRAME_OVERHEAD + (0 if self.stream is None else len(f" k={self.stream}"))
        total += sum(2 + len(field.key) + field.worst for field in self.fields if field.name in names)
        filled = any(field.wire.fills for field in self.fields if field.name in names)
        return min(total, schema.MAX_LINE) if filled else total

    @property
    def room(self) -> int:
        """Octets that are left for the field that fills the line when all others are at their longest."""
        names = tuple(field.name for field in self.fields if not field.wire.fills)
        return schema.MAX_LINE - self.worst_of(names) - sum(2 + len(f.key) for f in self.fields if f.wire.fills)


def snake(name: str) -> str:
    """KvCache -> kv_cache."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _take_apart(hint: Any) -> tuple[Wire | None, type[Word] | None, bool]:
    """The mark, the enumeration and whether None is allowed, from a type hint."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        mark, enum, nullable = _take_apart(inner)
        return next((one for one in marks if isinstance(one, Wire)), mark), enum, nullable
    if get_origin(hint) in (types.UnionType, Union):
        (inner,) = (one for one in get_args(hint) if one is not type(None))
        mark, enum, _ = _take_apart(inner)
        return mark, enum, True
    if isinstance(hint, type) and issubclass(hint, Word):
        return Wire("enum", ENUM_WORD_MAXIMUM), hint, False
    return None, None, False


@cache
def shape_of(record: type[Record]) -> Shape:
    """The shape of one record class. Raises TypeError for a field without a wire mark or with a bad key."""
    hints = get_type_hints(record, include_extras=True)
    fields: list[FieldShape] = []
    for name, info in record.model_fields.items():
        wire, enum, nullable = _take_apart(hints[name])
        key = info.alias or ""
        if wire is None:
            raise TypeError(f"{record.__name__}.{name}: its type has no Wire mark, so it has no form on the wire")
        if not re.fullmatch(r"[a-z][a-z0-9]{0,7}", key):
            raise TypeError(f"{record.__name__}.{name}: key {key!r} is not one to eight lower-case letters and digits")
        optional = not info.is_required()
        default = info.default if optional else None
        fields.append(FieldShape(name, key, wire, enum, nullable, optional, default, info.description or ""))
    keys = [field.key for field in fields]
    if len(set(keys)) != len(keys) or (issubclass(record, Sample) and "k" in keys):
        raise TypeError(f"{record.__name__}: a key is used twice")
    return Shape(record, tuple(fields))


def kernel_shapes() -> tuple[Shape, ...]:
    """Every record the kernel sends, in schema order."""
    return tuple(shape_of(record) for record in KERNEL_RECORDS)


def host_shapes() -> tuple[Shape, ...]:
    """Every record the host sends."""
    return tuple(shape_of(record) for record in HOST_RECORDS)


def enumerations() -> tuple[type[Word], ...]:
    """Every enumeration of the schema, in the order of its definition."""
    return tuple(
        value
        for value in vars(words).values()
        if isinstance(value, type) and issubclass(value, Word) and value is not Word
    )


def _canonical_record(shape: Shape) -> dict[str, Any]:
    return {
        "name": shape.record.__name__,
        "kind": shape.kind,
        "stream": shape.stream,
        "fields": [
            [f.name, f.key, f.wire.kind, f.wire.maximum, f.wire.count, f.optional, f.enum.__name__ if f.enum else None]
            for f in shape.fields
        ],
    }


@cache
def canonical() -> bytes:
    """All that the two ends must agree on, as JSON with sorted keys and no spaces. Descriptions are not part of it."""
    document = {
        "protocol": schema.PROTOCOL,
        "revision": schema.REVISION,
        "limits": {
            "line": schema.MAX_LINE,
            "fields": schema.MAX_FIELDS,
            "window": schema.WINDOW,
            "enquiries": [schema.ENQUIRY, schema.ENQUIRIES],
            "heartbeat_ms": schema.HEARTBEAT_MS,
            "expiry_ms": schema.EXPIRY_MS,
        },
        "enumerations": {enum.__name__: [word.value for word in enum] for enum in enumerations()},
        "records": [_canonical_record(shape) for shape in (*kernel_shapes(), *host_shapes())],
        "operations": [operation.model_dump(mode="json", exclude={"meaning"}) for operation in OPERATIONS],
        "parameters": [{k: v for k, v in vars(parameter).items() if k != "help"} for parameter in PARAMETERS],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def schema_id() -> int:
    """CRC-32 of the canonical schema: what the hello carries as `sch`."""
    return zlib.crc32(canonical())


def dictionary_text() -> str:
    """The schema as the kernel tells it to a host that does not know it: a line per record, `key:type`, "?" after
    the type of an optional field. The letters are those of DICTIONARY_LETTERS."""
    lines = [f"LLP {schema.PROTOCOL} {schema.REVISION} {schema_id():x}"]
    for shape in (*kernel_shapes(), *host_shapes()):
        head = shape.kind if shape.stream is None else f"{shape.kind} {shape.stream}"
        fields = (f"{f.key}:{DICTIONARY_LETTERS[f.wire.kind]}{'?' if f.optional else ''}" for f in shape.fields)
        lines.append(" ".join([head, *fields]))
    lines.append(" ".join(["ops", *(operation.name for operation in OPERATIONS)]))
    return "\n".join(lines) + "\n"
