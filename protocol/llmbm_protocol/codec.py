"""Records to frames and back. The table of each record is made once, from its shape; pydantic then checks the
values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from llmbm_protocol.fields import escape
from llmbm_protocol.frame import Frame, Rejected, RejectReason, encode
from llmbm_protocol.schema import (
    HOST_RECORDS,
    KERNEL_RECORDS,
    OPERATIONS,
    PROTOCOL,
    SAMPLES,
    ErrorCode,
    HostHello,
    Operation,
    Record,
    Request,
)  # fmt: skip
from llmbm_protocol.shape import FieldShape, Shape, shape_of
from llmbm_protocol.words import Word


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A valid frame of a kind or stream that this schema does not have: a newer kernel's. The values are still
    escaped."""

    kind: str
    stream: str | None
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request cannot be done, as the kernel would answer it; id 0 means that it would not answer."""

    id: int
    error: ErrorCode
    field: str
    message: str


class ValueRefused(ValueError):
    """A value is not in the one spelling its kind has."""

    def __init__(self, error: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = error


# ---- values --------------------------------------------------------------------------------------------------------

_ESCAPE = re.compile(rb"%([0-9a-f]{2})")
_HEX = re.compile(r"0|[1-9a-f][0-9a-f]{0,15}").fullmatch
_MICRO = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{0,5}[1-9]))?").fullmatch
_NAME = re.compile(r"[A-Za-z0-9_.-]*+").fullmatch
_PLAIN = re.compile(rb"[ -~]*+").fullmatch
_SPELLING = "is not a number in its one spelling"
_OCTET = "has an octet that is not allowed here"


def unescape(value: str) -> bytes:
    """The octets of one item. The frame's grammar has seen to it that every escape is whole."""
    data = value.replace("_", " ").encode("ascii")
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), data) if b"%" in data else data


def _uint(value: str) -> int:
    if not value.isdigit() or (value[0] == "0" and len(value) > 1):
        raise ValueRefused(ErrorCode.ARG, _SPELLING)
    return int(value) if len(value) <= 20 else 1 << 64


def _hex(value: str) -> int:
    if not _HEX(value):
        too_long = len(value) > 16 and value[0] != "0" and not set(value) - set("0123456789abcdef")
        raise ValueRefused(ErrorCode.RANGE if too_long else ErrorCode.ARG, "is too large" if too_long else _SPELLING)
    return int(value, 16)


def _flag(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueRefused(ErrorCode.ARG, "is neither 0 nor 1")
    return value == "1"


def _micro(value: str) -> int:
    match = _MICRO(value)
    if not match:
        raise ValueRefused(ErrorCode.ARG, "is not a decimal in its one spelling")
    return int(match[1]) * 1_000_000 + int((match[2] or "").ljust(6, "0"))


def _text(value: str) -> bytes:
    if "," in value:
        raise ValueRefused(ErrorCode.ARG, _OCTET)
    return unescape(value)


def _plain(value: str) -> str:
    data = _text(value)
    if not _PLAIN(data):
        raise ValueRefused(ErrorCode.ARG, _OCTET)
    return data.decode("ascii")


def _name(value: str) -> str:
    if not _NAME(value):
        raise ValueRefused(ErrorCode.ARG, _OCTET)
    return value


def _uints(value: str) -> tuple[int, ...]:
    return tuple([_uint(item) for item in value.split(",")]) if value else ()


#: How a value of each kind is read from the wire; each raises ValueRefused.
READERS: dict[str, Callable[[str], Any]] = {
    "uint": _uint,
    "hex": _hex,
    "flag": _flag,
    "micro": _micro,
    "text": _text,
    "plain": _plain,
    "name": _name,
    "enum": _name,
    "uints": _uints,
}


def micro_text(millionths: int) -> str:
    """850000 -> "0.85": the one spelling of a micro."""
    whole, rest = divmod(millionths, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)


_WRITERS: dict[str, Callable[[Any], str]] = {
    "uint": str,
    "hex": lambda value: f"{value:x}",
    "flag": lambda value: "1" if value else "0",
    "micro": micro_text,
    "text": escape,
    "plain": lambda value: escape(value.encode("ascii")),
    "name": str,
    "enum": lambda value: str(value.value),
    "uints": lambda value: ",".join(map(str, value)),
}


# ---- writing -------------------------------------------------------------------------------------------------------


def to_fields(record: Record) -> dict[str, str]:
    """The fields of a record in wire form and order; optional fields that have their default are left out."""
    shape = shape_of(type(record))
    fields = {} if shape.stream is None else {"k": shape.stream.value}
    for field in shape.fields:
        value = getattr(record, field.name)
        if not (field.optional and value == field.default):
            fields[field.key] = _WRITERS[field.wire.kind](value)
    return fields


def to_frame(record: Record, sequence: int) -> bytes:
    """One line of the wire. Raises FrameError when the record does not fit a line, which only unknown enum words
    can cause."""
    return encode(record.kind, sequence, to_fields(record))


# ---- reading -------------------------------------------------------------------------------------------------------


def _enum_reader(enum: type[Word]) -> Callable[[str], Any]:
    words = {word.value: word for word in enum}

    def read(value: str) -> Any:
        return words[value] if value in words else enum(value)

    return read


def _reader(field: FieldShape) -> Callable[[str], Any]:
    return _enum_reader(field.enum) if field.enum else READERS[field.wire.kind]


@cache
def _plan(record: type[Record]) -> dict[str, tuple[str, Callable[[str], Any]]]:
    """Key to field name and reader."""
    return {field.key: (field.name, _reader(field)) for field in shape_of(record).fields}


_BY_KIND: dict[str, type[Record]] = {
    record.kind: record for record in (*KERNEL_RECORDS, *HOST_RECORDS) if record not in SAMPLES
}
_BY_STREAM: dict[str, type[Record]] = {sample.stream.value: sample for sample in SAMPLES}


def _too_long(field: FieldShape, value: str, decoded: Any) -> bool:
    """Whether a text is beyond its length, which is counted on the wire but for kind text."""
    if field.wire.kind == "text":
        return len(decoded) > field.wire.maximum
    return field.wire.kind in ("plain", "name") and len(value) > field.wire.maximum


def _check_plain(shape: Shape, fields: dict[str, str]) -> str | None:
    """The one rule that the decoded value no longer shows: how long it was on the wire (an escape may be used
    needlessly)."""
    for field in shape.fields:
        if field.wire.kind == "plain" and len(fields.get(field.key, "")) > field.wire.maximum:
            return field.key
    return None


#: Which fields a record was made with: pydantic keeps a set of their names in each, larger than its values. Those with
#: the same names share one here.
_FIELD_SETS: dict[frozenset[str], set[str]] = {}


def _share_field_set(record: Record) -> None:
    names = record.model_fields_set
    object.__setattr__(record, "__pydantic_fields_set__", _FIELD_SETS.setdefault(frozenset(names), names))


def from_frame(frame: Frame) -> Record | UnknownFrame | Rejected:
    """The record in a frame; generic for an unknown kind or stream; rejected, with the field at fault, when a
    required field is missing or a value is not what it should be."""
    cls = _BY_STREAM.get(frame.fields.get("k", "")) if frame.kind == "S" else _BY_KIND.get(frame.kind)
    if cls is None:
        return UnknownFrame(frame.kind, frame.fields.get("k") if frame.kind == "S" else None, frame.fields)
    plan = _plan(cls)
    values: dict[str, Any] = {}
    for key, value in frame.fields.items():
        entry = plan.get(key)
        if entry is not None:
            try:
                values[entry[0]] = entry[1](value)
            except ValueError as error:
                return Rejected(frame.raw, RejectReason.RECORD, f"{cls.__name__} field {key}={value}: {error}")
    long = _check_plain(shape_of(cls), frame.fields)
    if long is not None:
        return Rejected(frame.raw, RejectReason.RECORD, f"{cls.__name__} field {long} is too long")
    try:
        record: Record = cls.__pydantic_validator__.validate_python(values, by_name=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Rejected(frame.raw, RejectReason.RECORD, f"{cls.__name__} field {where}: {first['msg']}")
    _share_field_set(record)
    return record


# ---- requests, as the kernel reads them -----------------------------------------------------------------------------

_OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in OPERATIONS}


def _read_all(frame: Frame, shape: Shape, values: dict[str, Any]) -> Refusal | None:
    """Every known field of the frame into `values`; the first fault in schema order, told after all were looked at."""
    fault: Refusal | None = None
    for field in shape.fields:
        value = frame.fields.get(field.key)
        if value is None:
            operation = _OPERATIONS.get(values.get("op", ""))
            if not field.optional or (operation is not None and field.name in operation.required):
                fault = fault or Refusal(0, ErrorCode.ARG, field.key, "is missing")
            continue
        try:
            if field.name == "op" and value not in _OPERATIONS:
                raise ValueRefused(ErrorCode.OP, "is not a known word")
            decoded = _reader(field)(value)
            if field.enum is not None and not decoded.known:
                raise ValueRefused(ErrorCode.ARG, "is not a known word")
            if field.wire.kind in ("uint", "hex") and decoded > field.wire.maximum:
                raise ValueRefused(ErrorCode.RANGE, "is too large")
            if _too_long(field, value, decoded):
                raise ValueRefused(ErrorCode.TOOLONG, "is too long for one request")
            values[field.name] = decoded
        except ValueRefused as error:
            fault = fault or Refusal(0, error.error, field.key, str(error))
        except ValueError:
            fault = fault or Refusal(0, ErrorCode.ARG, field.key, "is not a known word")
    return fault


def parse_request(frame: Frame) -> Request | Refusal:
    """A frame of kind q by the kernel's rules: the same answers as wire_read of the C side."""
    shape = shape_of(Request)
    values: dict[str, Any] = {}
    fault = _read_all(frame, shape, values)
    if fault is None and values["id"] == 0:
        fault = Refusal(0, ErrorCode.RANGE, "id", "must be 1 to 65535")
    if fault is not None:
        return Refusal(values.get("id", 0), fault.error, fault.field, fault.message)
    return Request(**values)


def parse_hello(frame: Frame) -> HostHello | Refusal:
    """A frame of kind h by the kernel's rules."""
    shape = shape_of(HostHello)
    values: dict[str, Any] = {}
    fault = _read_all(frame, shape, values)
    if fault is None and values["protocol"] != PROTOCOL:
        fault = Refusal(0, ErrorCode.VERSION, "p", "is a protocol version that this kernel does not speak")
    return fault if fault is not None else HostHello(**values)
