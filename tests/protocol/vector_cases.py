"""The values behind protocol/vectors: every record at its least, its most, typical and full of escapes, every request,
bad lines.

`python tests/protocol/vector_cases.py` writes the vectors anew. They are a lock: for a released revision of the
protocol only new ones may be added, and test_wire_vectors.py fails when a written one changes.
"""

from __future__ import annotations

import itertools
import json
import zlib
from pathlib import Path
from typing import Any

from llmbm_protocol.codec import Refusal, parse_hello, parse_request, to_fields, to_frame
from llmbm_protocol.fields import escape
from llmbm_protocol.frame import Frame, FrameDecoder, FrameError, Noise, Piece, encode
from llmbm_protocol.schema import KERNEL_RECORDS, OPERATIONS, HostHello, LogLevel, Record, Request, Stream
from llmbm_protocol.shape import FieldShape, shape_of

VECTORS = Path(__file__).resolve().parents[2] / "protocol" / "vectors"

_SPECIAL = b"%*,=@_ \r\n\x00\x7f\xff\xc3\xa9<a>"
_SPECIAL_PLAIN = "a b_c,d=e*f@g%h~!"
_TYPICAL_NAME = {"file": "stories260K.bin", "version": "llmk-0.1.0", "message": "max_tokens must be 1 to 256, not 0"}


def _least(field: FieldShape) -> Any:
    if field.optional:
        return field.default
    if field.enum is not None:
        return next(iter(field.enum))
    return {"flag": False, "text": b"", "plain": "", "name": "", "uints": ()}.get(field.wire.kind, 0)


def _most(field: FieldShape) -> Any:
    wire = field.wire
    if field.enum is not None:
        return max(field.enum, key=len)
    if wire.kind in ("text", "plain", "name"):
        return b"\xff" * wire.maximum if wire.kind == "text" else "~z"[wire.kind == "name"] * wire.maximum
    return {"flag": True, "uints": (wire.maximum,) * wire.count}.get(wire.kind, wire.maximum)


def fitting_plain(text: str, maximum: int) -> str:
    while len(escape(text.encode())) > maximum:
        text = text[:-1]
    return text


def fit(cls: type[Record], values: dict[str, Any]) -> Record:
    """The record, with the field that fills the line cut to what the others leave of it."""
    while True:
        record = cls(**values)
        try:
            to_frame(record, 0)
        except FrameError:
            name = next(field.name for field in shape_of(cls).fields if field.wire.fills)
            values[name] = values[name][:-1]
        else:
            return record


def _typical(field: FieldShape) -> Any:
    wire = field.wire
    if field.enum is not None:
        return list(field.enum)[len(field.enum) // 2]
    return {
        "flag": True,
        "text": b"Once upon a time",
        "plain": fitting_plain(_TYPICAL_NAME.get(field.name, "QEMU"), wire.maximum),
        "name": "max_tokens",
        "uints": tuple(range(7, 7 + wire.count)),
        "micro": 850_000,
    }.get(wire.kind, min(wire.maximum, 104_418))


def _escapes(field: FieldShape) -> Any:
    if field.wire.kind == "text":
        return (_SPECIAL * 9)[: field.wire.maximum]
    if field.wire.kind == "plain":
        return fitting_plain(_SPECIAL_PLAIN * 8, field.wire.maximum)
    return {"micro": 1_000_001, "uints": (0,)}.get(field.wire.kind, _typical(field))


def json_value(value: Any) -> Any:
    """A record's value as JSON: octets as hexadecimal."""
    return value.hex() if isinstance(value, bytes) else list(value) if isinstance(value, tuple) else value


def record_values(record: Record) -> dict[str, Any]:
    """A record's values as JSON."""
    return {name: json_value(getattr(record, name)) for name in type(record).model_fields}


def records() -> list[tuple[str, int, Record]]:
    """Name, sequence number and record of each vector."""
    cases: list[tuple[str, int, Record]] = []
    classes: tuple[type[Record], ...] = (*KERNEL_RECORDS, HostHello)
    for number, cls in enumerate(classes):
        for name, make in (("least", _least), ("most", _most), ("typical", _typical), ("escapes", _escapes)):
            values = {field.name: make(field) for field in shape_of(cls).fields}
            sequence = {"least": 0, "most": 0xFFFF}.get(name, number)
            cases.append((f"{cls.__name__} {name}", sequence, fit(cls, values)))
    return cases


def _arguments(make: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {field.name: make(field) for field in shape_of(Request).fields if field.name in names}


def requests() -> list[tuple[str, dict[str, str]]]:
    """Name and fields in wire form: every operation with its least and most arguments, and one of every fault."""
    cases: list[tuple[str, dict[str, str]]] = []
    for operation in OPERATIONS:
        for name, make, names in (
            ("required", _typical, operation.required),
            ("all", _most, (*operation.required, *operation.optional)),
            ("escapes", _escapes, (*operation.required, *operation.optional)),
        ):
            request = Request(id=65535, op=operation.name, **_arguments(make, names))
            cases.append((f"{operation.name} {name}", to_fields(request)))
        for missing in operation.required:
            fields = to_fields(Request(id=7, op=operation.name, **_arguments(_typical, operation.required)))
            key = next(field.key for field in shape_of(Request).fields if field.name == missing)
            cases.append((f"{operation.name} without {key}", {k: v for k, v in fields.items() if k != key}))
    sub = {"id": "2", "op": "sub", "k": "perf", "hz": "5"}
    run = {"id": "3", "op": "run", "s": "/ctx"}
    faults: dict[str, dict[str, str]] = {
        "no fields": {},
        "no id": {"op": "ping"},
        "no operation": {"id": "1"},
        "id zero": {"id": "0", "op": "ping"},
        "id too large": {"id": "65536", "op": "ping"},
        "id with leading zero": {"id": "01", "op": "ping"},
        "id empty": {"id": "", "op": "ping"},
        "id with sign": {"id": "+1", "op": "ping"},
        "id in hexadecimal": {"id": "1f", "op": "ping"},
        "unknown operation": {"id": "1", "op": "fly"},
        "operation prefix": {"id": "1", "op": "pin"},
        "operation longer": {"id": "1", "op": "pingg"},
        "operation escaped": {"id": "1", "op": "%70ing"},
        "operation empty": {"id": "1", "op": ""},
        "unknown key is ignored": {**sub, "colour": "red"},
        "argument of another operation is read": {**sub, "n": "3"},
        "unknown stream": {**sub, "k": "weather"},
        "empty stream": {**sub, "k": ""},
        "rate too large": {**sub, "hz": "256"},
        "rate far too large": {**sub, "hz": "9" * 40},
        "rate not a number": {**sub, "hz": "fast"},
        "rate a list": {**sub, "hz": "1,2"},
        "two faults, the first is told": {**sub, "k": "weather", "hz": "fast"},
        "a missing argument before a fault is told": {"id": "2", "op": "sub", "hz": "fast"},
        "fault and unknown operation": {"id": "9", "op": "fly", "hz": "fast"},
        "fault before the id": {"hz": "fast", "op": "sub", "k": "perf", "id": "300"},
        "text at its limit": {**run, "s": "x" * 56},
        "text over its limit": {**run, "s": "x" * 57},
        "escaped text at its limit": {**run, "s": "%ff" * 56},
        "escaped text over its limit": {**run, "s": "%ff" * 57},
        "text with NUL": {**run, "s": "a%00b"},
        "text with a raw comma": {**run, "s": "a,b"},
        "text empty": {**run, "s": ""},
        "needless escape": {**run, "s": "%61"},
        "value at its limit": {"id": "4", "op": "set", "par": "min_p", "v": "0" * 40},
        "value over its limit": {"id": "4", "op": "set", "par": "min_p", "v": "0" * 41},
        "value over its limit by escapes": {"id": "4", "op": "set", "par": "min_p", "v": "%30" * 14},
        "value not printable": {"id": "4", "op": "set", "par": "min_p", "v": "%1b[2J"},
        "parameter with a space": {"id": "4", "op": "get", "par": "min p".replace(" ", "%20")},
        "parameter too long": {"id": "4", "op": "get", "par": "p" * 17},
        "level": {"id": "5", "op": "log", "lv": LogLevel.WARN.value},
        "unknown level": {"id": "5", "op": "log", "lv": "loud"},
        "offset at its limit": {**run, "o": "4294967295"},
        "offset over its limit": {**run, "o": "4294967296"},
        "every key": {**to_fields(Request(id=1, op="ping", **_arguments(_typical, _every_argument()))), "s": "x"},
        "stream word of every kind": {"id": "6", "op": "stat", "k": Stream.SENTINEL.value},
    }
    return cases + list(faults.items())


def _every_argument() -> tuple[str, ...]:
    return tuple(field.name for field in shape_of(Request).fields if field.name not in ("id", "op"))


def hellos() -> list[tuple[str, dict[str, str]]]:
    """Hellos, good and bad, as for requests."""
    good = {"p": "1", "sid": "9c41", "n": "k3"}
    return [
        ("hello", good),
        ("hello of another version", {**good, "p": "2"}),
        ("hello without nonce", {"p": "1", "sid": "9c41"}),
        ("hello with capital hexadecimal", {**good, "sid": "9C41"}),
        ("hello with a long session", {**good, "sid": "19c41"}),
        ("hello with a long nonce", {**good, "n": "123456789"}),
        ("hello with an empty nonce", {**good, "n": ""}),
    ]


def line(body: bytes, end: bytes = b"\n") -> bytes:
    """A line with a right checksum over any body."""
    return b"@%b*%08x%b" % (body, zlib.crc32(body), end)


def streams() -> list[tuple[str, bytes]]:
    """Byte streams that try the receiver: line ends, resynchronisation, every reason for rejection, noise that
    looks alike."""
    good = b"@R 0001 id=1 ok=1 t=104120*f49d052f"
    other = b"@K 0009 c=151 w=15*4bc8e7bd"
    longest = b"T 0001 s=" + b"x" * (240 - 1 - 9 - 9 - 1)
    return [
        ("LF", good + b"\n" + other + b"\n"),
        ("CR LF", good + b"\r\n" + other + b"\r\n"),
        ("CR", good + b"\r" + other + b"\r"),
        ("ETB", good + b"\x17" + other + b"\x17" + good[:20] + b"\x17" + good + b"\x17\n"),
        ("LF CR: the CR is noise", good + b"\n\r" + other + b"\n"),
        ("CR LF LF: the second LF is noise", good + b"\r\n\n"),
        ("lost line end", good + other + b"\n"),
        ("cut line, then a whole one", good[:20] + other + b"\n"),
        ("noise before, between and after", b"BdsDxe: \x1b[2J" + good + b"\nllmk> " + other + b"\n> "),
        ("at signs in noise", b"root@host:~ a@b.c @@ @h @q 00 @q 00g1 mail me @ noon\n" + good + b"\n"),
        ("at sign right before a frame", b"@@@" + good + b"\n"),
        ("wrong checksum", good[:-1] + b"e\n"),
        ("capital checksum", good[:-8] + b"F49D052F\n"),
        ("checksum with space and sign", good[:-8] + b" 49d052f\n" + good[:-8] + b"+49d052f\n"),
        ("short checksum", good[:-1] + b"\n"),
        ("no checksum", b"@R 0001 id=1 ok=1\n"),
        ("changed field", good.replace(b"ok=1", b"ok=0") + b"\n"),
        ("longest line", line(longest, b"\n")),
        ("longest line with CR LF: its LF is not counted", line(longest, b"\r\n")),
        ("one octet too long", line(longest + b"x", b"\n")),
        ("endless line", b"@T 0001 s=" + b"y" * 600 + b"\n" + good + b"\n"),
        ("no fields", line(b"K 0000")),
        ("empty value", line(b"K 0000 c=")),
        ("trailing space", line(b"K 0000 ")),
        ("double space", line(b"K 0000  c=1")),
        ("no equals sign", line(b"K 0000 c")),
        ("empty key", line(b"K 0000 =1")),
        ("key with capital", line(b"K 0000 C=1")),
        ("key begins with a digit", line(b"K 0000 1c=1")),
        ("key of eight", line(b"K 0000 abcdefgh=1")),
        ("key of nine", line(b"K 0000 abcdefghi=1")),
        ("duplicate key", line(b"K 0000 c=1 w=2 c=1")),
        ("key that begins another key", line(b"K 0000 c=1 cc=2")),
        ("two equals signs", line(b"K 0000 c=1=2")),
        ("star in a value", line(b"K 0000 c=1*2")),
        ("half an escape", line(b"K 0000 c=%4") + line(b"K 0000 c=%") + line(b"K 0000 c=%4 w=1")),
        ("capital escape", line(b"K 0000 c=%4A")),
        ("control character", line(b"K 0000 c=\x1b[31m")),
        ("DEL and high octets", line(b"K 0000 c=\x7f") + line(b"K 0000 c=\xc3\xa9")),
        ("twenty-four fields", line(b"K 0000" + b"".join(b" a%d=" % n for n in range(24)))),
        ("twenty-five fields", line(b"K 0000" + b"".join(b" a%d=" % n for n in range(25)))),
        ("sequence in capitals", line(b"K 00AF c=1") + good + b"\n"),
        ("unknown kind", line(b"Z 0000 a=1")),
        ("stop byte in a line", good[:15] + b"\x03" + good[15:] + b"\n"),
        ("NUL bytes", b"\x00\x00" + good + b"\n\x00"),
        ("only the head", b"@q 0001 \n" + good + b"\n"),
        ("star right after the sequence", b"@q 0001*\n" + good + b"\n"),
    ]  # fmt: skip


def piece_json(piece: Piece) -> dict[str, Any]:
    """One piece of a stream as JSON."""
    if isinstance(piece, Frame):
        return {"frame": piece.kind, "sequence": piece.sequence, "fields": piece.fields}
    if isinstance(piece, Noise):
        return {"noise": piece.raw.hex()}
    return {"rejected": piece.reason.value, "raw": piece.raw.hex()}


def _outcome(fields: dict[str, str], raw: bytes) -> dict[str, Any]:
    frame = FrameDecoder().feed(raw)[0]
    assert isinstance(frame, Frame)
    parsed = parse_request(frame) if frame.kind == "q" else parse_hello(frame)
    if isinstance(parsed, Refusal):
        return {"refused": [parsed.id, parsed.error.value, parsed.field, parsed.message]}
    return {"accepted": {k: v for k, v in record_values(parsed).items() if v is not None}}


def documents() -> dict[str, Any]:
    """File name to content of every vector file."""
    request_lines = [(name, "q", fields) for name, fields in requests()]
    request_lines += [(name, "h", fields) for name, fields in hellos()]
    return {
        "records.json": [
            {"name": name, "record": type(record).__name__, "sequence": sequence, "values": record_values(record),
             "line": to_frame(record, sequence).decode("ascii")}
            for name, sequence, record in records()
        ],
        "requests.json": [
            {"name": name, "line": (raw := encode(kind, 1, fields)).decode("ascii"), **_outcome(fields, raw)}
            for name, kind, fields in request_lines
        ],
        "streams.json": [
            {"name": name, "bytes": data.hex(), "pieces": [piece_json(piece) for piece in joined(data)]}
            for name, data in streams()
        ],
    }  # fmt: skip


def joined(data: bytes, cuts: list[int] | None = None) -> list[Piece]:
    """The pieces of a whole stream, given in the chunks between `cuts`, with neighbouring noise joined."""
    decoder = FrameDecoder()
    pieces: list[Piece] = []
    places = [0, *(cuts or []), len(data)]
    found = [piece for a, b in itertools.pairwise(places) for piece in decoder.feed(data[a:b])]
    for piece in [*found, *decoder.flush()]:
        if isinstance(piece, Noise) and pieces and isinstance(pieces[-1], Noise):
            pieces[-1] = Noise(pieces[-1].raw + piece.raw)
        else:
            pieces.append(piece)
    return pieces


def text(document: Any) -> str:
    """A vector file: one vector a line, so that a change shows as one line."""
    return "[\n" + ",\n".join(json.dumps(entry, sort_keys=True) for entry in document) + "\n]\n"


if __name__ == "__main__":
    VECTORS.mkdir(exist_ok=True)
    for file_name, content in documents().items():
        (VECTORS / file_name).write_text(text(content), encoding="ascii")
        print(VECTORS / file_name)
