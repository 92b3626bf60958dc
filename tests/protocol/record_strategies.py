"""Hypothesis strategies for records, from their shapes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from vector_cases import fit, fitting_plain

from llmbm_protocol.schema import HOST_RECORDS, KERNEL_RECORDS, OPERATIONS, Record, Request
from llmbm_protocol.shape import FieldShape, shape_of

_PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def value(field: FieldShape) -> st.SearchStrategy[Any]:
    """Any value of a field."""
    wire = field.wire
    if field.enum is not None:
        words: st.SearchStrategy[Any] = st.sampled_from(list(field.enum))
    elif wire.kind == "text":
        words = st.binary(max_size=wire.maximum)
    elif wire.kind == "plain":
        words = st.text(_PRINTABLE, max_size=wire.maximum).map(lambda text: fitting_plain(text, wire.maximum))
    elif wire.kind == "name":
        words = st.from_regex(r"\A[A-Za-z0-9_.-]*\Z").map(lambda text: text[: wire.maximum])
    elif wire.kind == "uints":
        words = st.lists(st.integers(0, wire.maximum), max_size=wire.count).map(tuple)
    elif wire.kind == "flag":
        words = st.booleans()
    else:
        words = st.one_of(st.integers(0, min(wire.maximum, 300)), st.integers(0, wire.maximum), st.just(wire.maximum))
    return st.one_of(st.none(), words) if field.nullable else words


@st.composite
def record(draw: st.DrawFn) -> Record:
    """Any record; a request has only the arguments of its operation."""
    cls = draw(st.sampled_from([*KERNEL_RECORDS, *HOST_RECORDS]))
    fields = shape_of(cls).fields
    if cls is not Request:
        return fit(cls, {field.name: draw(value(field)) for field in fields})
    operation = draw(st.sampled_from(OPERATIONS))
    names = ("id", *operation.required, *operation.optional)
    arguments = {field.name: draw(value(field)) for field in fields if field.name in names}
    return Request(op=operation.name, **arguments)
