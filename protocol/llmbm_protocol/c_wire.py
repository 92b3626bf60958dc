"""The C view of the schema: gen/llmk_wire.h (types, limits) and gen/llmk_wire_tables.h (tables, included once)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from llmbm_protocol import schema
from llmbm_protocol.schema import OPERATIONS, HostHello, Record, Request
from llmbm_protocol.shape import (
    FieldShape,
    Shape,
    dictionary_text,
    enumerations,
    host_shapes,
    kernel_shapes,
    schema_id,
    shape_of,
    snake,
)  # fmt: skip
from llmbm_protocol.words import Word

BANNER = "/* Generated from protocol/llmbm_protocol by `llmbm-wire gen`: change the schema, not this file. */"
_KEY_MAXIMUM = 6  # a key and its NUL fill the seven octets of struct wire_field
_HOST = (HostHello, Request)
_C_KEYWORDS = frozenset(
    """auto bool break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile
    while""".split()  # noqa: SIM905  (a list of 35 strings reads worse)
)


def comment(text: str, indent: str = "") -> list[str]:
    """A C comment of at most 120 columns."""
    lines = textwrap.wrap(text, 112 - len(indent))
    body = [f"{indent}{'/*' if number == 0 else ' *'} {line}" for number, line in enumerate(lines)]
    body[-1] += " */"
    return body


def fitted(line: str) -> list[str]:
    """A line of at most 120 columns: a comment that does not fit goes above, a parameter that does not goes below."""
    if len(line) <= 120:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    code, mark, note = line.partition(" /* ")
    if mark and code.strip():
        return [*comment(note.removesuffix(" */"), indent), code]
    head, mark, last = line.rpartition(", ")
    return [f"{head},", " " * (line.index("(") + 1) + last] if mark and "(" in line else [line]


def constant(enum: type[Word], name: str) -> str:
    """The C name of an enumeration's word."""
    return f"WIRE_{snake(enum.__name__).upper()}_{name}"


def _bits(field: FieldShape) -> int:
    return field.wire.maximum.bit_length()


def _nullable(shape: Shape) -> list[tuple[int, FieldShape]]:
    """The fields that a record says in `has` to have, with their bits."""
    return [(1 << number, field) for number, field in enumerate(shape.fields) if field.nullable]


def _enum_name(field: FieldShape, record: type[Record]) -> str | None:
    if record is Request and field.name == "op":
        return "op"
    return snake(field.enum.__name__) if field.enum else None


def _members(field: FieldShape, record: type[Record]) -> Iterator[tuple[str, str]]:
    """The C members of one field: type and name."""
    name, kind = field.name, field.wire.kind
    enum = _enum_name(field, record)
    if enum:
        yield f"enum wire_{enum}", name
    elif kind == "text":
        yield "const uint8_t *", name
        yield "size_t", f"{name}_length"
    elif kind in ("plain", "name"):
        yield "const char *", name
        if record in _HOST:
            yield "size_t", f"{name}_length"
    elif kind == "uints":
        yield "uint64_t", f"{name}_count"
        yield "uint64_t", f"{name}[{field.wire.count}]"
    else:
        yield f"uint{64 if _bits(field) > 32 else 32}_t", name


def _is_small(c_type: str) -> bool:
    """Whether a member has 32 bits: all others have 64."""
    return c_type == "uint32_t" or c_type.startswith("enum ")


def _struct(shape: Shape) -> Iterator[str]:
    if shape.record is not Request:
        yield from _masks(shape, f"{shape.name}_has")
    yield from comment((shape.record.__doc__ or "").split("\n\n")[0])
    yield f"struct wire_{shape.name} {{"
    if _nullable(shape) or shape.record in _HOST:
        yield "    uint32_t has; /* which of the fields that may be missing */"
    members = [(field, c_type, name) for field in shape.fields for c_type, name in _members(field, shape.record)]
    if shape.stream is None:  # all samples begin with the same fields; elsewhere there is no padding
        members.sort(key=lambda member: not _is_small(member[1]))
    for field, c_type, name in members:
        declaration = f"    {c_type}{'' if c_type.endswith('*') else ' '}{name};"
        note = "" if name.endswith(("_length", "_count")) else field.description
        unit = " (millionths)" if field.wire.kind == "micro" else ""
        yield f"{declaration} /* {note}{unit} */" if note else declaration
    yield "};"
    yield ""


def _masks(shape: Shape, name: str) -> Iterator[str]:
    """The bits of the fields that may be missing."""
    if not _nullable(shape):
        return
    yield f"enum wire_{name} {{"
    for bit, field in _nullable(shape):
        yield f"    WIRE_{name.upper()}_{field.name.upper()} = {bit:#x}, /* key {field.key} */"
    yield "};"


def _enumeration(enum: type[Word]) -> Iterator[str]:
    name = snake(enum.__name__)
    yield from comment(enum.__doc__ or "")
    yield f"enum wire_{name} {{"
    yield from (f"    {constant(enum, word.name)}," for word in enum)
    yield "};"
    yield f"#define WIRE_{name.upper()}_COUNT {len(enum)}u"
    yield from _accessor(name)


def _accessor(name: str) -> Iterator[str]:
    yield f"static inline const char *wire_{name}_word(enum wire_{name} value)"
    yield "{"
    yield f"    return wire_word(WIRE_WORDS_{name.upper()}, (unsigned)value);"
    yield "}"
    yield ""


def _word_lists() -> dict[str, list[str]]:
    """Every enumeration's words, in the order of wire_word_lists."""
    lists = {snake(enum.__name__): [word.value for word in enum] for enum in enumerations()}
    return lists | {"op": [entry.name for entry in OPERATIONS]}


def _lists() -> Iterator[str]:
    yield "/* Index of an enumeration in wire_word_lists. */"
    yield "enum wire_words {"
    yield from (f"    WIRE_WORDS_{name.upper()}," for name in _word_lists())
    yield "};"
    yield f"extern const char *const wire_word_lists[{len(_word_lists())}]; /* see strings_at */"
    yield '/* The word with this number, "?" beyond the list. */'
    yield "static inline const char *wire_word(enum wire_words list, unsigned number)"
    yield "{"
    yield "    return strings_at(wire_word_lists[list], number);"
    yield "}"
    yield ""


def _operations() -> Iterator[str]:
    yield "/* What a host can ask for. */"
    yield "enum wire_op {"
    yield from (f"    WIRE_OP_{entry.name.upper()}, /* {entry.meaning} */" for entry in OPERATIONS)
    yield "};"
    yield f"#define WIRE_OP_COUNT {len(OPERATIONS)}u"
    yield from _accessor("op")
    yield "struct wire_operation {"
    yield "    uint32_t required;   /* mask of enum wire_argument */"
    yield "    uint32_t while_busy; /* 1: accepted while a generation runs */"
    yield "};"
    yield "extern const struct wire_operation wire_operations[WIRE_OP_COUNT];"
    yield ""
    yield "/* Bits of what an operation requires, and of what a request has. */"
    yield from _masks(shape_of(Request), "argument")
    yield ""


def _limits() -> Iterator[str]:
    values = {
        "PROTOCOL": schema.PROTOCOL,
        "REVISION": schema.REVISION,
        "MAX_LINE": schema.MAX_LINE,
        "MAX_FIELDS": schema.MAX_FIELDS,
        "WINDOW": schema.WINDOW,
        "ENQUIRY": schema.ENQUIRY,
        "ENQUIRIES": schema.ENQUIRIES,
        "HEARTBEAT_MS": schema.HEARTBEAT_MS,
        "EXPIRY_MS": schema.EXPIRY_MS,
    }
    yield from (f"#define WIRE_{name} {value}u" for name, value in values.items())
    yield f"#define WIRE_SCHEMA_ID 0x{schema_id():08x}u"
    for shape in (*kernel_shapes(), *host_shapes()):
        for field in shape.fields:
            if field.wire.kind == "text":
                yield f"#define WIRE_{shape.name.upper()}_{field.name.upper()}_BYTES {field.wire.maximum}u"
    message = next(field for field in shape_of(schema.Response).fields if field.name == "message")
    yield f"#define WIRE_RESPONSE_MESSAGE_OCTETS {message.wire.maximum}u /* escaped; a longer one comes in O frames */"
    yield ""


def _emitters() -> Iterator[str]:
    shapes = (*kernel_shapes(), *host_shapes())
    yield "/* Index of a record in wire_shapes. */"
    yield "enum wire_record {"
    yield from (f"    WIRE_RECORD_{shape.name.upper()}," for shape in shapes)
    yield "};"
    yield f"#define WIRE_RECORD_COUNT {len(shapes)}u"
    yield "extern const struct wire_shape wire_shapes[WIRE_RECORD_COUNT];"
    yield ""
    yield from _typed()


def _typed() -> Iterator[str]:
    """What lets one writer serve every record, and the compiler still check what is given to it."""
    for shape in kernel_shapes():
        yield f'_Static_assert({shape.worst}u <= WIRE_MAX_LINE, "the longest {shape.name} fits a line");'
    yield ""
    yield "/* The number of the record that a pointer points to. */"
    yield "#define WIRE_RECORD_OF(pointer) _Generic((pointer), \\"
    for const in ("", "const "):
        for shape in kernel_shapes():
            end = ")" if const and shape is kernel_shapes()[-1] else ", \\"
            yield f"    {const}struct wire_{shape.name} *: WIRE_RECORD_{shape.name.upper()}{end}"
    yield ""
    yield "/* Any sample. All begin with the same three fields. */"
    yield "union wire_sample {"
    yield "    struct {"
    head = shape_of(schema.Sample).fields
    yield from (f"        {c_type} {name};" for field in head for c_type, name in _members(field, schema.Sample))
    yield "    } head;"
    samples = [shape for shape in kernel_shapes() if shape.stream is not None]
    yield from (f"    struct wire_{shape.name} {shape.name};" for shape in samples)
    yield "};"
    if [shape.stream for shape in samples] != list(schema.Stream):
        raise ValueError("the samples are not in the order of the streams: the C header counts on it")
    yield "/* The record of a stream: both are in one order. */"
    yield f"#define WIRE_RECORD_OF_STREAM(stream) (WIRE_RECORD_{samples[0].name.upper()} + (unsigned)(stream))"
    yield ""


_REQUESTS = """\
/* Why a request or a hello is refused. */
enum wire_fault {
    WIRE_FAULT_NONE,
    WIRE_FAULT_OCTET,
    WIRE_FAULT_LONG,
    WIRE_FAULT_WORD,
    WIRE_FAULT_OPERATION,
    WIRE_FAULT_SPELLING,
    WIRE_FAULT_LARGE,
    WIRE_FAULT_MISSING,
    WIRE_FAULT_BUSY, /* found by who serves the request */
};
struct wire_fault_words {
    enum error_code error;
    const char *message; /* what is wrong with the field: "is missing" */
};
extern const struct wire_fault_words wire_faults[];

struct wire_host_record {
    enum wire_fault fault; /* the first one; WIRE_FAULT_NONE: all is good */
    const char *field;     /* the key at fault */
    union {
        struct wire_host_hello hello; /* of a frame of kind 'h' */
        struct wire_request request;  /* of 'q'; its id is 0 when it is not known, and then there is no answer */
    };
    char texts[WIRE_LINE_BYTES];  /* of the fields, unescaped and NUL-terminated: each where the line has it */
};

/* Reads a frame of kind 'h' or 'q', as the receiver found it. Unknown keys are ignored. */
void wire_read(const char *frame, struct wire_host_record *ret);

/* What the operation `dict` sends: this schema as text. */
extern const char wire_dictionary[];
"""


def wire_header() -> str:
    """The whole of llmk_wire.h."""
    lines = [
        BANNER, "#ifndef LLMK_WIRE_H", "#define LLMK_WIRE_H", "",
        '#include "error.h"', '#include "text.h"', '#include "wire.h"', "",
        "#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>", "",
    ]  # fmt: skip
    lines += _limits()
    lines += _lists()
    for enum in enumerations():
        lines += _enumeration(enum)
    lines += _operations()
    for shape in (*kernel_shapes(), *host_shapes()):
        lines += _struct(shape)
    lines += _emitters()
    lines += [_REQUESTS, "#endif", ""]
    return "\n".join(part for line in "\n".join(lines).split("\n") for part in fitted(line))


def _field_entry(field: FieldShape, shape: Shape, enum_index: dict[str, int]) -> str:
    enum = _enum_name(field, shape.record)
    kind = "operation" if enum == "op" else "enum" if enum else field.wire.kind
    limit = 32 if enum else field.wire.maximum if kind in ("text", "plain", "name") else _bits(field)
    struct = f"struct wire_{shape.name}"
    if field.nullable:
        present = str(shape.fields.index(field))
    else:
        present = "WIRE_UNLESS_ZERO" if field.optional else "WIRE_ALWAYS"
    member = f"{field.name}_count" if kind == "uints" else field.name
    count = enum_index[enum] if enum else field.wire.count if kind == "uints" else 0
    kind = "uint" if kind in ("flag", "uints") else kind
    wide = int(not _is_small(next(c_type for c_type, name in _members(field, shape.record) if name == member)))
    numbers = f"{wide}, {count}, {limit}"
    return f'    {{"{field.key}", WIRE_{kind.upper()}, {numbers}, offsetof({struct}, {member}), {present}}},'


def _check_field(field: FieldShape, shape: Shape) -> None:
    where = f"{shape.record.__name__}.{field.name}"
    if field.name in _C_KEYWORDS:
        raise ValueError(f"{where}: the name is a keyword of C")
    if shape.record is HostHello and field.optional:
        raise ValueError(f"{where}: the kernel takes every field of a hello for required")
    if len(field.key) > _KEY_MAXIMUM:
        raise ValueError(f"{where}: key {field.key!r} is longer than the {_KEY_MAXIMUM} letters the C table holds")
    empty = (0, False, "", b"", (), None)
    first = next(iter(field.enum)) if field.enum else None
    if field.optional and not (field.default in empty or field.default == first):
        raise ValueError(f"{where}: the default {field.default!r} is not zero, empty or the first word")
    if field.wire.kind in ("uint", "uints", "hex", "micro") and field.wire.maximum != 2 ** _bits(field) - 1:
        raise ValueError(f"{where}: the maximum {field.wire.maximum} is not a power of two less one")
    if field.wire.count > 15 or (field.wire.kind in ("text", "plain", "name") and field.wire.maximum > 255):
        raise ValueError(f"{where}: larger than the C table can say")


def _mask(names: tuple[str, ...]) -> str:
    return " | ".join(f"WIRE_ARGUMENT_{name.upper()}" for name in names) or "0"


def _tables() -> Iterator[str]:
    shapes = (*kernel_shapes(), *host_shapes())
    lists = _word_lists()
    enum_index = {name: number for number, name in enumerate(lists)}
    yield f"const char *const wire_word_lists[{len(lists)}] = {{"
    for words in lists.values():
        joined = " ".join(f'"{word}\\0"' for word in words) + ","
        yield from textwrap.wrap(joined, 114, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    yield "};"
    yield ""
    yield "static const struct wire_field fields[] = {"
    starts: list[int] = []
    total = 0
    for shape in shapes:
        starts.append(total)
        total += len(shape.fields) + 1
        for field in shape.fields:
            _check_field(field, shape)
            yield _field_entry(field, shape, enum_index)
        yield '    {.key = ""},'
    yield "};"
    yield ""
    yield "const struct wire_shape wire_shapes[WIRE_RECORD_COUNT] = {"
    for shape, start in zip(shapes, starts, strict=True):
        stream = "" if shape.stream is None else f" k={shape.stream.value}"
        yield f'    {{"@{shape.kind} 0000{stream}", fields + {start}}}, /* {shape.name} */'
    yield "};"
    for shape in shapes:
        yield f'_Static_assert(sizeof(struct wire_{shape.name}) <= UINT8_MAX, "offsets fit one byte");'
    yield ""
    yield "const struct wire_operation wire_operations[WIRE_OP_COUNT] = {"
    for entry in OPERATIONS:
        yield f"    {{{_mask(entry.required)}, {int(entry.while_busy)}}}, /* {entry.name} */"
    yield "};"
    yield ""
    yield "const char wire_dictionary[] ="
    lines = [f'    "{line}\\n"' for line in dictionary_text().splitlines()]
    yield "\n".join(lines) + ";"


def wire_tables() -> str:
    """The whole of llmk_wire_tables.h."""
    note = "/* The tables of llmk_wire.h. Only core/wire.c includes this. */"
    return "\n".join(part for line in [BANNER, note, "", *_tables(), ""] for part in fitted(line))
