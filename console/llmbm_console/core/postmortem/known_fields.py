"""Which fields of a record its source told. A text that lacks a value leaves a record with a neutral one, which nobody
may show, compare or conclude from: `told` gives None for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from llmbm_protocol.schema import Record

R = TypeVar("R", bound="Record")


def knowing(record: R, names: Iterable[str]) -> R:
    """The same record; of its fields only these are known."""
    values = {name: getattr(record, name) for name in type(record).model_fields}
    return cast("R", type(record).model_construct(_fields_set=set(names) & set(values), **values))


def knowing_all(record: R) -> R:
    """The same record; all its fields are known. On the wire a field is left out when it has its default."""
    return knowing(record, type(record).model_fields)


@cache
def _required(kind: type[Record]) -> frozenset[str]:
    return frozenset(name for name, field in kind.model_fields.items() if field.is_required())


def known_names(record: Record) -> Collection[str]:
    """The fields that the record's source told. One from the wire has what it must have, and what is left out there is
    told as well: it has its default."""
    given = record.model_fields_set
    return type(record).model_fields if _required(type(record)) <= given else given


def knows(record: Record | None, *names: str) -> bool:
    """Whether the record's source told all of these fields."""
    if record is None:
        return False
    known = known_names(record)
    return all(name in known for name in names)


def told(record: Record | None, name: str) -> Any:
    """A field's value; None where the record's source does not tell it, and where there is no record."""
    return getattr(record, name) if knows(record, name) else None
