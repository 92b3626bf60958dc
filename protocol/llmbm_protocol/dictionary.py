"""Reading the dictionary: the schema as the kernel tells it, for a host that does not know it (op `dict`).

The text has a line per record: the frame kind, for samples the stream, then `key:letter` for each field, with "?"
after the letter of an optional one. The first line is `LLP protocol revision schema-id`, the last one the names of the
operations. It comes over a wire, so nothing of it is trusted: a line that is not understood is kept as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from llmbm_protocol.codec import READERS, UnknownFrame, ValueRefused
from llmbm_protocol.fields import WireKind
from llmbm_protocol.shape import DICTIONARY_LETTERS

_KINDS = {letter: kind for kind, letter in DICTIONARY_LETTERS.items()}
_FIELD = re.compile(r"([a-z][a-z0-9]{0,7}):([a-z])(\??)")
_HEADER = re.compile(r"LLP ([0-9]{1,3}) ([0-9]{1,3}) ([0-9a-f]{1,8})")
_RECORD = re.compile(r"([A-Za-z])(?: ([a-z0-9_]{1,16}))?((?: [a-z0-9]+:[a-z]\??)*)")


class DictionaryError(ValueError):
    """The text is no dictionary: it has no header."""


@dataclass(frozen=True, slots=True)
class DictionaryField:
    """One field: its key, how its value is written (None for a letter of a later revision), whether it may be
    missing."""

    key: str
    kind: WireKind | None
    optional: bool


@dataclass(frozen=True, slots=True)
class DictionaryRecord:
    """One record: its frame kind and, for samples, its stream."""

    kind: str
    stream: str | None
    fields: tuple[DictionaryField, ...]

    def values(self, fields: dict[str, str]) -> dict[str, Any]:
        """The values of a generic frame: numbers, bytes or text by the field's kind; text as on the wire for a
        key that is not listed and for a value that is not what its kind says."""
        kinds = {field.key: field.kind for field in self.fields}
        result: dict[str, Any] = {}
        for key, value in fields.items():
            kind = kinds.get(key)
            try:
                result[key] = READERS[kind](value) if kind is not None else value
            except ValueRefused:
                result[key] = value
        return result


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A schema as told by a kernel."""

    protocol: int
    revision: int
    schema_id: int
    records: tuple[DictionaryRecord, ...]
    operations: tuple[str, ...]
    unknown_lines: tuple[str, ...]

    def find(self, kind: str, stream: str | None) -> DictionaryRecord | None:
        """The record of a frame."""
        return next((one for one in self.records if one.kind == kind and one.stream == stream), None)

    def describe(self, frame: UnknownFrame) -> dict[str, Any]:
        """The values of a frame that this host's own schema does not have."""
        record = self.find(frame.kind, frame.stream) or DictionaryRecord(frame.kind, frame.stream, ())
        return record.values({key: value for key, value in frame.fields.items() if key != "k" or frame.stream is None})


def _record(match: re.Match[str]) -> DictionaryRecord:
    fields = tuple(
        DictionaryField(field[1], _KINDS.get(field[2]), bool(field[3])) for field in _FIELD.finditer(match[3])
    )
    return DictionaryRecord(match[1], match[2], fields)


def parse_dictionary(text: str) -> Dictionary:
    """Reads the answer of `dict`. Raises DictionaryError when its first line is not a header."""
    lines = text.splitlines()
    header = _HEADER.fullmatch(lines[0]) if lines else None
    if header is None:
        raise DictionaryError(
            f"expected `LLP protocol revision schema-id` first, found {lines[0][:40] if lines else ''!r}"
        )
    records: list[DictionaryRecord] = []
    operations: tuple[str, ...] = ()
    unknown: list[str] = []
    for line in lines[1:]:
        match = _RECORD.fullmatch(line)
        if match:
            records.append(_record(match))
        elif line.startswith("ops "):
            operations = tuple(line.split(" ")[1:])
        elif line:
            unknown.append(line)
    return Dictionary(int(header[1]), int(header[2]), int(header[3], 16), tuple(records), operations, tuple(unknown))
