"""A raw log explained: every octet has its place, every rejected line its reason."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console import cli
from llmbm_console.core.recording.capture import Entry, Header, write_capture
from llmbm_console.core.sanitise import is_clean
from llmbm_console.faces.explain import described, document, hexadecimal, lines_of_log
from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import encode
from llmbm_protocol.schema import ENQUIRY, Credit, Phase, Request


def credit(number: int) -> bytes:
    return to_frame(Credit(consumed=number, window=15, phase=Phase.IDLE, generation=0, tokens=0, events=0), number)


GOOD = credit(1)
DAMAGED = credit(2).replace(b"w=15", b"w=16")
NOT_A_RECORD = encode("K", 3, {"c": "x"})
UNKNOWN = encode("Z", 4, {"a": "1"})
STREAM = b"boot\x1b]0;owned\x07\r\n" + GOOD + DAMAGED + b"@K 0002 c=1" + NOT_A_RECORD + UNKNOWN + credit(9) + b"@K 00"


def test_each_line_is_named_and_each_rejection_has_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "raw.log"
    path.write_bytes(STREAM)
    assert cli.main(["explain", str(path)]) == 0
    said = capsys.readouterr().out
    assert is_clean(said)
    assert "K Credit    consumed=1 window=15 phase=idle" in said
    assert "REJECTED  checksum: checksum " in said
    assert ", computed " in said
    assert 'REJECTED  cut: another "@" before the line end' in said
    assert "REJECTED  record: Credit field c=x: is not a number in its one spelling" in said
    assert "Z unknown   a=1" in said
    assert "[4 lost before]" in said
    assert "# 2 lines of text, 3 frames, 3 rejected (1 checksum, 1 cut, 1 record), 5 missing by their numbers" in said
    assert cli.main(["explain", str(path), "--rejected"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("REJECTED" in line for line in lines) == 3
    assert not any("Credit " in line for line in lines if "REJECTED" not in line)


@given(
    st.lists(st.sampled_from([GOOD, DAMAGED, NOT_A_RECORD, b"text", b"@", b"\r\n", b"\r", b"\x00\xff", b"@K 0001 "]))
)
def test_every_octet_has_its_place(parts: list[bytes]) -> None:
    data = b"".join(parts)
    at = 0
    for line in lines_of_log(io.BytesIO(data)):
        assert line.offset in (at, at + 1)
        assert data[at : line.offset] in (b"", b"\n"), "only the LF behind a frame's CR is left out"
        at = line.offset
        assert data.startswith(line.raw, at)
        at += len(line.raw)
        assert is_clean(described(line))
        json.dumps(document(line))
    assert data[at:] in (b"", b"\n")


def test_json_and_hexadecimal_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "raw.log"
    path.write_bytes(STREAM)
    assert cli.main(["explain", str(path), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["what"] for entry in found if entry["what"] != "text"] == [
        "K",
        "rejected",
        "rejected",
        "rejected",
        "Z",
        "K",
    ]
    assert found[1]["fields"]["window"] == 15
    assert "\x1b" not in json.dumps(found)
    assert cli.main(["explain", str(path), "--hex", "--rejected"]) == 0
    assert "40 4b 20 30 30 30 32" in capsys.readouterr().out
    assert hexadecimal(b"\x1bA") == "    0000  1b 41                                            .A"


SERIAL = (
    b"\x1b[2J\x1b[01;01HBdsDxe: starting Boot0002\r\n\r\r\n[1/7] Opening file system...\r\r\nOK: ready\r\r\n"
    b"You: Once upon\\\r\r\n... a time\r\r\nAI: \r\r\n[llmk][budget] prefill_max=0\r\r\n there was 'a' bear\x07\r\r\n"
    b"[stats] tokens=60 time_ms=1000 tok_s=60.000\r\r\nYou: /render 1\r\r\n\r\r\nERROR: render failed\r\r\n"
    b"You: /ctx\r\r\n  kv_pos=3\r\r\nYou: "
)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_the_text_of_a_serial_log_is_named_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("llmbm_console.faces.explain.CHUNK", chunk)
    path = tmp_path / "serial.raw"
    path.write_bytes(SERIAL)
    assert cli.main(["explain", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[9:] for line in lines[:-1]] == [
        "firmware  BdsDxe: starting Boot0002",
        "blank",
        "boot      [1/7] Opening file system...",
        "boot      OK: ready",
        "prompt    You: Once upon\\",
        "prompt    ... a time",
        "answer    AI:",
        "report    [llmk][budget] prefill_max=0",
        "answer     there was 'a' bear\u2407",
        "report    [stats] tokens=60 time_ms=1000 tok_s=60.000",
        "command   You: /render 1",
        "blank",
        "error     ERROR: render failed",
        "command   You: /ctx",
        "output      kv_pos=3",
        "prompt    You:",
    ]
    assert lines[-1].startswith("# 16 lines of text, 0 frames, ")
    offsets = [int(line[:8], 16) for line in lines[:-1]]
    assert offsets == [SERIAL.index(b"\x1b"), *(place.end() for place in re.finditer(b"\n", SERIAL))]


def test_our_kernels_lines_are_named_beside_its_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "human.raw"
    path.write_bytes(b"llmk> Tom\r\n ran\r\n" + GOOD + b"[2 tokens, prefill 1 at -]\r\nllmk> /log\r\nnone\r\nllmk> ")
    assert cli.main(["explain", str(path), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry.get("name") or entry["what"] for entry in found] == [
        "prompt", "answer", "K", "report", "command", "output", "prompt",
    ]  # fmt: skip


def test_a_text_without_an_end_does_not_wait_for_it_for_ever(tmp_path: Path) -> None:
    lines = list(lines_of_log(io.BytesIO(b"x" * 1_000_000)))
    assert b"".join(line.raw for line in lines) == b"x" * 1_000_000
    assert max(len(line.raw) for line in lines) < 200_000


def test_a_recording_has_both_directions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.llcap"
    entries = [Entry(0.5, "i", GOOD[:9]), Entry(0.6, "o", b"typed\n"), Entry(0.75, "i", GOOD[9:])]
    write_capture(path, Header(llcap=1), entries)
    assert cli.main(["explain", str(path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "     0.600 > text      typed"
    assert said[1].startswith("     0.750 < K Credit")


def test_an_enquiry_that_was_sent_within_a_line_is_no_damage_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.llcap"
    asked = to_frame(Request(id=7, op="ping"), 3)
    enquiry = bytes((ENQUIRY,))
    write_capture(path, Header(llcap=1), [Entry(0.5, "o", asked[:9]), Entry(0.6, "o", enquiry + asked[9:] + enquiry)])
    assert cli.main(["explain", str(path)]) == 0
    (said, total) = capsys.readouterr().out.splitlines()
    assert said == "     0.600 > q Request   id=7 op=ping"
    assert total.startswith("# 0 lines of text, 1 frames, 0 rejected")


def test_a_recordings_times_never_go_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A prompt has no line end: it was shown before the hello was said, and text may be in two reads."""
    path = tmp_path / "a.llcap"
    entries = [
        Entry(0.087, "i", b"llmk> "),
        Entry(0.2, "x", "text"),
        Entry(0.241, "o", b"typed\n"),
        Entry(0.3, "i", b"half a "),
        Entry(0.4, "o", b"more\n"),
        Entry(0.5, "i", b"line\nrest"),
        Entry(0.6, "o", b"end\n"),
    ]
    write_capture(path, Header(llcap=1), entries)
    assert cli.main(["explain", str(path)]) == 0
    said = [line.split(None, 2) for line in capsys.readouterr().out.splitlines()[:-1]]
    assert [(float(at), way) for at, way, _rest in said] == [
        (0.087, "<"),
        (0.241, ">"),
        (0.4, ">"),
        (0.4, "<"),
        (0.6, ">"),
        (0.6, "<"),
    ]
    assert said[0][2] == "prompt    llmk>"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(("codec", "mark"), [("utf-16-le", 2), ("utf-16-be", 2), ("utf-16-le", 0)])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_a_log_in_utf_16_is_explained_like_its_text(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    codec: str,
    mark: int,
    chunk: int,
) -> None:
    monkeypatch.setattr("llmbm_console.faces.explain.CHUNK", chunk)
    text = b"Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x90\xbb\r\n" + SERIAL + GOOD + b"after"
    plain, copy = tmp_path / "plain.raw", tmp_path / "copy.raw"
    plain.write_bytes(text)
    copy.write_bytes((b"\xff\xfe" if codec.endswith("le") else b"\xfe\xff")[:mark] + text.decode().encode(codec))
    assert cli.main(["explain", str(plain)]) == 0
    wanted = capsys.readouterr().out.splitlines()
    assert cli.main(["explain", str(copy)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line[9:] for line in said[:-1]] == [line[9:] for line in wanted[:-1]]
    assert said[-1] == wanted[-1]
    data, end = copy.read_bytes(), mark
    assert cli.main(["explain", str(copy), "--json"]) == 0
    for entry in map(json.loads, capsys.readouterr().out.splitlines()):
        assert entry["offset"] - end in (0, 2), "only the LF behind a frame's CR is left out"
        end = entry["offset"] + entry["octets"]
        if entry["what"] == "text":
            assert data[entry["offset"] : end].decode(codec) == entry["text"]
    assert end == len(data)


def test_a_program_is_named_and_not_explained_as_a_log_and_a_noisy_line_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, noisy = tmp_path / "ls", tmp_path / "noisy.raw"
    program.write_bytes(b"\x7fELF" + bytes(500))
    assert cli.main(["explain", str(program)]) == 1
    assert "ls: a program or a core of one (ELF)" in capsys.readouterr().err
    noisy.write_bytes(b"\x00\x01\x02\x03" * 50 + GOOD)
    assert cli.main(["explain", str(noisy)]) == 0
    assert "1 frames" in capsys.readouterr().out
