"""The C side of the vectors: how it is compiled, a program that emits every record, and what receive.c should say about
a stream of bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vector_cases import joined

from llmbm_protocol.c_wire import constant
from llmbm_protocol.codec import Refusal, parse_hello, parse_request
from llmbm_protocol.frame import Frame, Noise, Rejected
from llmbm_protocol.schema import HostHello, Record, Request
from llmbm_protocol.shape import FieldShape, enumerations, shape_of, snake
from llmbm_protocol.words import Word

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "kernel_c" / "core"
WIRE_SOURCES = [*sorted(CORE.glob("wire*.c")), *(CORE / name for name in ("crc32.c", "number.c", "text.c"))]
WARNINGS = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wvla", "-Wstrict-prototypes"]
INCLUDES = [f"-I{ROOT / 'kernel_c' / 'core'}", f"-I{ROOT / 'kernel_c' / 'gen'}"]
COMPILERS = {
    "zig": [sys.executable, "-m", "ziglang", "cc", "-O2", "-fno-sanitize=all", "-fno-strict-aliasing"],
    "gcc-asan": [
        "gcc",
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-fno-strict-aliasing",
    ],
}

Program = Callable[[bytes], str]


@dataclass(frozen=True)
class Native:
    """One compiler and where it puts its programs."""

    name: str
    folder: Path

    def build(self, source: Path) -> Program:
        """Compiles a source with the kernel's wire code; the program maps its input to its output and must end
        with 0."""
        output = self.folder / source.stem
        if not output.exists():
            command = [
                *COMPILERS[self.name],
                *WARNINGS,
                *INCLUDES,
                str(source),
                *map(str, WIRE_SOURCES),
                "-o",
                str(output),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

        def run(data: bytes) -> str:
            result = subprocess.run([str(output)], input=data, capture_output=True, check=False, timeout=120)
            assert result.returncode == 0, result.stderr.decode()
            return result.stdout.decode("latin-1")

        return run


def c_string(data: bytes) -> str:
    """A C string literal; octal escapes end after three digits, whatever follows."""
    return '"' + "".join(f"\\{octet:03o}" for octet in data) + '"'


def _initialisers(field: FieldShape, value: Any) -> Iterator[str]:
    if field.nullable and value is None:
        return
    if isinstance(value, Word):
        yield f".{field.name} = {constant(type(value), value.name)}"
    elif isinstance(value, bool):
        yield f".{field.name} = {'true' if value else 'false'}"
    elif isinstance(value, bytes):
        yield f".{field.name} = (const uint8_t *){c_string(value)}"
        yield f".{field.name}_length = {len(value)}"
    elif isinstance(value, str):
        yield f".{field.name} = {c_string(value.encode())}"
    elif isinstance(value, tuple):
        if value:
            yield f".{field.name} = {{{', '.join(f'{item}u' for item in value)}}}"
        yield f".{field.name}_count = {len(value)}"
    else:
        yield f".{field.name} = {value}u"


def emit_program(cases: list[tuple[int, Record]]) -> str:
    """A C program that writes each record as a line, and then every word of every enumeration."""
    lines = ['#include "llmk_wire.h"', "#include <stdio.h>", "int main(void)", "{", "    struct wire_line line;"]
    for sequence, record in cases:
        shape = shape_of(type(record))
        values = ", ".join(text for f in shape.fields for text in _initialisers(f, getattr(record, f.name)))
        had = [field.name for field in shape.fields if field.nullable and getattr(record, field.name) is not None]
        if had:
            values += ", .has = " + " | ".join(f"WIRE_{shape.name}_HAS_{name}".upper() for name in had)
        lines += [
            "    {",
            f"        struct wire_{shape.name} record = {{{values}}};",
            "        wire_put(&line, WIRE_RECORD_OF(&record), &record);",
            f"        wire_finish(&line, {sequence}u);",
            "        fwrite(line.data, 1, line.text.length, stdout);",
            "    }",
        ]
    for enum in enumerations():
        name = snake(enum.__name__)
        lines.append(f'    printf("{name}");')
        lines.append(f"    for (unsigned i = 0; i <= WIRE_{name.upper()}_COUNT; i++) {{")
        lines.append(f'        printf(" %s", wire_{name}_word((enum wire_{name})i));')
        lines.append("    }")
        lines.append('    printf("\\n");')
    lines += ["    fputs(wire_dictionary, stdout);", '    printf("%x\\n", WIRE_SCHEMA_ID);', "    return 0;", "}", ""]
    return "\n".join(lines)


def _told(parsed: Request | HostHello | Refusal) -> str:
    if isinstance(parsed, Refusal):
        return f"X {parsed.id} {parsed.error} {parsed.field} {parsed.message}"
    words: list[str] = []
    for field in shape_of(type(parsed)).fields:
        value = getattr(parsed, field.name)
        if value is None:
            continue
        if field.wire.kind == "hex":
            value = f"{value:x}"
        elif isinstance(value, bytes) or (
            isinstance(value, str) and field.wire.kind in ("plain", "name") and field.name != "op"
        ):
            value = (value if isinstance(value, bytes) else value.encode()).hex()
        words.append(f"{field.name}={value}")
    return "A " + " ".join(words)


def expected_lines(data: bytes) -> list[str]:
    """What receive.c prints for a stream, by the Python codec."""
    lines: list[str] = []
    for piece in joined(data):
        if isinstance(piece, Noise):
            lines.append(f"N {piece.raw.hex()}")
        elif isinstance(piece, Rejected):
            lines.append(f"R {piece.reason} {piece.raw.hex()}")
        elif isinstance(piece, Frame):
            pairs = "".join(f" {key}={value}" for key, value in piece.fields.items())
            lines.append(f"F {piece.kind} {piece.sequence:04x}{pairs}")
            if piece.kind == "q":
                lines.append(_told(parse_request(piece)))
            elif piece.kind == "h":
                lines.append(_told(parse_hello(piece)))
    return lines
