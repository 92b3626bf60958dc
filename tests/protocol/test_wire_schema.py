"""The schema: every record fits a line, the generated files are current, the dictionary tells it all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llmbm_protocol import schema
from llmbm_protocol.codec import UnknownFrame, to_frame
from llmbm_protocol.dictionary import DictionaryError, parse_dictionary
from llmbm_protocol.fields import escape
from llmbm_protocol.frame import Frame, FrameDecoder, encode
from llmbm_protocol.generate import checkout, main, outputs, stale
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.schema import MAX_LINE, OPERATIONS, HostHello, Request
from llmbm_protocol.shape import (
    Shape,
    canonical,
    dictionary_text,
    enumerations,
    host_shapes,
    kernel_shapes,
    schema_id,
    shape_of,
)  # fmt: skip

SHAPES = [*kernel_shapes(), *host_shapes()]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_longest_record_fits_a_line(shape: Shape) -> None:
    assert shape.worst <= MAX_LINE


def test_the_name_of_every_level_fits_its_fields() -> None:
    """An underscore takes three octets on the line."""
    (levels,) = [parameter.choices for parameter in PARAMETERS if parameter.name == "attn"]
    fields = [field for shape in kernel_shapes() for field in shape.fields if field.key in ("lv", "best")]
    plain = [field.wire.maximum for field in fields if field.wire.kind == "plain"]
    assert len(plain) == 3
    assert max(len(escape(level.encode())) for level in levels) <= min(plain)


def test_the_longest_record_is_really_that_long() -> None:
    """The proof counts what the codec writes: the `most` vectors reach it."""
    from vector_cases import records

    reached = {type(one): len(to_frame(one, 0xFFFF)) for name, _, one in records() if name.endswith(" most")}
    for shape in kernel_shapes():
        slack = sum(len(str(field.wire.maximum)) for field in shape.fields if field.wire.kind == "micro")
        assert shape.worst - slack <= reached[shape.record] <= shape.worst, shape.name


def test_the_hello_is_short_enough_for_the_human_mode() -> None:
    """Before the hello the host paces itself by echo, so the hello is kept to three chunks of 15."""
    assert len(to_frame(HostHello(protocol=1, session=0xFFFF, nonce="12345678"), 1)) <= 45


def test_the_generated_files_are_current() -> None:
    assert stale(checkout()) == [], "run llmbm-wire gen"


def test_generate_writes_what_is_missing_and_check_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--root", str(tmp_path)]) == 1
    assert "llmk_wire.h is stale: run llmbm-wire gen" in capsys.readouterr().err
    (tmp_path / "protocol").mkdir()
    spec = checkout() / "protocol" / "SPEC.md"
    (tmp_path / "protocol" / "SPEC.md").write_text(spec.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["gen", "--root", str(tmp_path)]) == 0
    assert main(["check", "--root", str(tmp_path)]) == 0
    header = tmp_path / "kernel_c" / "gen" / "llmk_wire.h"
    header.write_text(header.read_text() + "\n")
    assert stale(tmp_path) == [header]


def test_the_generator_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmbm_protocol.generate", "check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_schema_id_follows_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema_id()
    assert b"description" not in canonical()
    monkeypatch.setattr(schema, "HEARTBEAT_MS", 251)
    canonical.cache_clear()
    try:
        assert schema_id() != before
    finally:
        monkeypatch.undo()
        canonical.cache_clear()
    assert schema_id() == before


def test_every_argument_of_an_operation_is_a_field_of_the_request() -> None:
    names = {field.name for field in shape_of(Request).fields}
    for operation in OPERATIONS:
        assert set(operation.required + operation.optional) <= names - {"id", "op"}
        assert len(operation.name) <= 8


def test_the_enumerations_are_all_used_and_pinned() -> None:
    """The order is what the kernel numbers by. A new word goes to the end."""
    used = {field.enum for shape in SHAPES for field in shape.fields if field.enum}
    assert set(enumerations()) == used | {schema.Stream}
    assert list(schema.Arena)[:7] == ["none", "weights", "kv", "scratch", "acts", "zonec", "keep"]
    assert list(schema.ErrorCode)[:11] == [
        "op",
        "arg",
        "range",
        "busy",
        "state",
        "io",
        "nospace",
        "toolong",
        "version",
        "format",
        "internal",
    ]


def test_the_dictionary_tells_the_whole_schema() -> None:
    dictionary = parse_dictionary(dictionary_text())
    assert (dictionary.protocol, dictionary.revision) == (schema.PROTOCOL, schema.REVISION)
    assert dictionary.schema_id == schema_id()
    assert dictionary.operations == tuple(operation.name for operation in OPERATIONS)
    assert dictionary.unknown_lines == ()
    assert len(dictionary.records) == len(SHAPES)
    for shape in SHAPES:
        record = dictionary.find(shape.kind, shape.stream)
        assert record is not None
        assert [(f.key, f.kind, f.optional) for f in record.fields] == [
            (f.key, f.wire.kind, f.optional) for f in shape.fields
        ]
    assert len(dictionary_text()) < 2048


def test_a_dictionary_describes_what_the_host_does_not_know() -> None:
    dictionary = parse_dictionary(
        "LLP 1 3 1234abcd\nS weather t:u temp:m sky:s new:q\nsomething else: entirely\nops ping\n"
    )
    (frame,) = FrameDecoder().feed(
        encode("S", 1, {"k": "weather", "t": "5", "temp": "21.5", "sky": "b_l%75e", "new": "x", "z": "_"})
    )
    assert isinstance(frame, Frame)
    values = dictionary.describe(UnknownFrame("S", "weather", frame.fields))
    assert values == {"t": 5, "temp": 21_500_000, "sky": b"b lue", "new": "x", "z": "_"}
    assert dictionary.unknown_lines == ("something else: entirely",)
    assert dictionary.describe(UnknownFrame("Y", None, {"a": "1"})) == {"a": "1"}
    assert dictionary.describe(UnknownFrame("S", "weather", {"k": "weather", "t": "soon"})) == {"t": "soon"}


@pytest.mark.parametrize("text", ["", "hello\n", "LLP one 2 3\n", "LLP 1 0\n"])
def test_what_is_no_dictionary_is_refused(text: str) -> None:
    with pytest.raises(DictionaryError, match="expected `LLP"):
        parse_dictionary(text)


def test_the_parameters_are_sound() -> None:
    names = [name for parameter in PARAMETERS for name in (parameter.name, *parameter.aliases)]
    assert len(set(names)) == len(names)
    for parameter in PARAMETERS:
        assert parameter.minimum <= parameter.default <= parameter.maximum
        assert len(parameter.name) <= 16
        assert parameter.off is None or parameter.minimum <= parameter.off <= parameter.maximum
        assert (parameter.kind == "choice") == bool(parameter.choices)
        assert not parameter.choices or parameter.maximum == len(parameter.choices) - 1


def test_the_example_configuration_names_every_parameter() -> None:
    text = outputs(checkout())[checkout() / "kernel_c" / "repl.cfg.example"]
    lines = text.splitlines()
    for parameter in PARAMETERS:
        assert any(line.startswith(f"#{parameter.name} =") for line in lines)
    assert "#temp = 0.85" in lines
    assert "#overflow = slide" in lines
    assert all(line.startswith("#") or not line for line in lines)
