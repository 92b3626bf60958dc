"""The vectors in protocol/vectors are a lock on the bytes of the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vector_cases import VECTORS, documents, joined, piece_json, record_values, text

from llmbm_protocol import schema
from llmbm_protocol.codec import Refusal, from_frame, parse_hello, parse_request, to_frame
from llmbm_protocol.fields import Wire
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import Record
from llmbm_protocol.shape import shape_of


def load(name: str) -> list[dict[str, Any]]:
    """One vector file."""
    document: list[dict[str, Any]] = json.loads((VECTORS / name).read_text(encoding="ascii"))
    return document


def named(entry: dict[str, Any]) -> str:
    """The id of a test."""
    return str(entry["name"])


def from_json(cls: type[Record], values: dict[str, Any]) -> Record:
    """A record from its vector: texts of kind text are hexadecimal."""
    kinds: dict[str, Wire] = {field.name: field.wire for field in shape_of(cls).fields}
    return cls(**{k: bytes.fromhex(v) if kinds[k].kind == "text" and v is not None else v for k, v in values.items()})


@pytest.mark.parametrize("entry", load("records.json"), ids=named)
def test_record(entry: dict[str, Any]) -> None:
    record = from_json(getattr(schema, entry["record"]), entry["values"])
    line = entry["line"].encode("ascii")
    assert to_frame(record, entry["sequence"]) == line
    (frame,) = FrameDecoder().feed(line)
    assert isinstance(frame, Frame)
    assert from_frame(frame) == record


@pytest.mark.parametrize("entry", load("requests.json"), ids=named)
def test_request(entry: dict[str, Any]) -> None:
    (frame,) = FrameDecoder().feed(entry["line"].encode("ascii"))
    assert isinstance(frame, Frame)
    parsed = parse_request(frame) if frame.kind == "q" else parse_hello(frame)
    if isinstance(parsed, Refusal):
        assert entry["refused"] == [parsed.id, parsed.error, parsed.field, parsed.message]
    else:
        assert entry["accepted"] == {k: v for k, v in record_values(parsed).items() if v is not None}


@pytest.mark.parametrize("entry", load("streams.json"), ids=named)
def test_stream(entry: dict[str, Any]) -> None:
    assert [piece_json(piece) for piece in joined(bytes.fromhex(entry["bytes"]))] == entry["pieces"]


def test_the_vectors_cover_every_case() -> None:
    """New cases were written down with `python tests/protocol/vector_cases.py`."""
    for name, document in documents().items():
        assert (VECTORS / name).read_text(encoding="ascii") == text(document), f"protocol/vectors/{name}"


def test_checksums_worked_out_elsewhere() -> None:
    """Lines whose checksums did not come from this codec."""
    for line in (
        b"@h 0001 p=1 sid=9c41 n=k3*b88a70fb\n",
        b"@q 0002 id=1 op=sub k=perf hz=5*bbf68286\n",
        b"@q 0003 id=2 op=gen n=64 s=Once_upon_a_time*9911526f\n",
        b"@R 0001 id=1 ok=1 t=104120*f49d052f\r\n",
        b"@T 0004 g=12 i=1 t=104266 id=902 s=_caf%c3*5d67b46d\r\n",
        b"@K 0009 c=151 w=15*4bc8e7bd\r\n",
        b"@X 000a oe=0 fe=0 bi=0 crc=1 lng=0 dr=17*5a6cb596\r\n",
        b"@R 000b id=3 ok=0 e=range f=hz m=max_20*2f8fcfdb\r\n",
        b"@D 000c id=4 o=1200 d=Zone_B:_base%3d0x100000%0d%0a*c2418b8e\r\n",
    ):
        assert isinstance(FrameDecoder().feed(line)[0], Frame)
