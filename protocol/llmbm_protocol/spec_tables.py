"""The tables of SPEC.md that come from the schema, between `<!-- generated: name -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from llmbm_protocol import schema
from llmbm_protocol.c_params import accepted_text, value_text
from llmbm_protocol.log_values import LOG_VALUES
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.schema import OPERATIONS, Request
from llmbm_protocol.shape import FieldShape, Shape, enumerations, host_shapes, kernel_shapes, schema_id, shape_of

_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _sentence(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _type(field: FieldShape) -> str:
    wire = field.wire
    if field.enum is not None:
        return f"enum {field.enum.__name__}"
    if wire.kind in ("text", "plain", "name"):
        return f"{wire.kind} ≤ {wire.maximum}" + (", as much as fits" if wire.fills else "")
    if wire.kind == "flag":
        return "flag"
    bits = wire.maximum.bit_length()
    return f"uints ≤ {wire.count} × {bits} bits" if wire.kind == "uints" else f"{wire.kind} {bits} bits"


def _presence(field: FieldShape) -> str:
    if not field.optional:
        return "required"
    return "absent: none" if field.nullable else f"absent: {_default(field)}"


def _default(field: FieldShape) -> str:
    if field.enum is not None:
        return str(field.default)
    return "empty" if field.default in ("", b"", ()) else str(int(field.default))


def _record(shape: Shape) -> Iterator[str]:
    name = f"`{shape.kind}`" if shape.stream is None else f"`{shape.kind} k={shape.stream}`"
    yield f"#### {name} {shape.record.__name__}"
    yield ""
    yield f"{_sentence(shape.record.__doc__ or '')} Longest line: {shape.worst} octets."
    yield ""
    yield "| key | type | presence | meaning |"
    yield "|---|---|---|---|"
    for field in shape.fields:
        yield f"| `{field.key}` | {_type(field)} | {_presence(field)} | {_sentence(field.description)} |"
    yield ""


def _kernel_records() -> Iterator[str]:
    for shape in kernel_shapes():
        yield from _record(shape)


def _host_records() -> Iterator[str]:
    for shape in host_shapes():
        yield from _record(shape)


def _operations() -> Iterator[str]:
    keys = {field.name: field.key for field in shape_of(Request).fields}
    yield "| op | arguments | barrier | idempotent | while busy | meaning |"
    yield "|---|---|---|---|---|---|"
    for entry in OPERATIONS:
        arguments = [f"`{keys[name]}`" for name in entry.required] + [f"[`{keys[name]}`]" for name in entry.optional]
        marks = ["yes" if on else "" for on in (entry.busy, entry.idempotent, entry.while_busy)]
        yield f"| `{entry.name}` | {' '.join(arguments)} | {' | '.join(marks)} | {_sentence(entry.meaning)} |"
    yield ""


def _words() -> Iterator[str]:
    yield "| enumeration | meaning | words, numbered from 0 |"
    yield "|---|---|---|"
    for enum in enumerations():
        yield f"| {enum.__name__} | {_sentence(enum.__doc__ or '')} | {' '.join(f'`{word}`' for word in enum)} |"
    yield ""


def _log_values() -> Iterator[str]:
    yield "| code | first value | second value |"
    yield "|---|---|---|"
    for code, values in LOG_VALUES.items():
        meanings = [_sentence(value.meaning + (f" ({value.unit})" if value.unit else "")) for value in values]
        yield f"| `{code}` | {' | '.join([*meanings, ''][:2])} |"
    yield ""


def _parameters() -> Iterator[str]:
    yield "| name | accepted | default | meaning |"
    yield "|---|---|---|---|"
    for parameter in PARAMETERS:
        default = value_text(parameter, parameter.default) or "(empty)"
        name = f"`{parameter.name}`" + (" (repl.cfg only)" if parameter.boot_only else "")
        yield f"| {name} | {_sentence(accepted_text(parameter))} | {default} | {_sentence(parameter.help)} |"
    yield ""


def _constants() -> Iterator[str]:
    yield "| constant | value |"
    yield "|---|---|"
    yield f"| protocol version `p`, revision `r` | {schema.PROTOCOL}, {schema.REVISION} |"
    yield f"| schema id `sch` | `{schema_id():x}` |"
    yield f"| longest line `mx` | {schema.MAX_LINE} octets |"
    yield f"| most fields of a frame | {schema.MAX_FIELDS} |"
    yield f"| window while idle `wi`, while busy `wb` | {schema.WINDOW}, {schema.WINDOW} octets |"
    last = schema.ENQUIRY + schema.ENQUIRIES - 1
    yield f"| enquiries 1 to {schema.ENQUIRIES} | octets 0x{schema.ENQUIRY:02X} to 0x{last:02X} |"
    yield f"| heartbeat | every {schema.HEARTBEAT_MS} ms |"
    yield f"| machine mode expires without a valid host frame | after {schema.EXPIRY_MS} ms |"
    yield ""


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "constants": _constants,
    "kernel_records": _kernel_records,
    "host_records": _host_records,
    "operations": _operations,
    "enumerations": _words,
    "log_values": _log_values,
    "parameters": _parameters,
}


def with_tables(text: str) -> str:
    """The specification with its generated sections brought up to date. Raises KeyError for an unknown section."""

    def section(match: re.Match[str]) -> str:
        return match[1] + "\n" + "\n".join(TABLES[match[2]]()) + "\n" + match[3]

    return _SECTION.sub(section, text)
