"""Which fields of a record its source told. A text that lacks a value leaves a record with a neutral one; whoever
compares must not take that for a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

from llmbm_protocol.schema import Record

R = TypeVar("R", bound=Record)


def knowing(record: R, names: Iterable[str]) -> R:
    """The same record; of its fields only these are known."""
    values = {name: getattr(record, name) for name in type(record).model_fields}
    return cast("R", type(record).model_construct(_fields_set=set(names) & set(values), **values))


def knowing_all(record: R) -> R:
    """The same record; all its fields are known. On the wire a field is left out when it has its default."""
    return knowing(record, type(record).model_fields)
