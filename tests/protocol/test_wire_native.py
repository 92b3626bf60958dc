"""The kernel's C code and the Python codec say the same, byte for byte."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from vector_cases import hellos, records, requests, streams
from wire_native import INCLUDES, WARNINGS, WIRE_SOURCES, Native, emit_program, expected_lines

from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import encode
from llmbm_protocol.schema import HostHello, Response
from llmbm_protocol.shape import dictionary_text, enumerations, schema_id, snake

RECEIVE = Path(__file__).parent / "native" / "receive.c"
CUTS = Path(__file__).parent / "native" / "cuts.c"


def test_every_record_has_the_same_bytes_in_c(native: Native) -> None:
    cases = [(sequence, record) for _, sequence, record in records() if not isinstance(record, HostHello)]
    source = native.folder / "emit.c"
    source.write_text(emit_program(cases))
    output = native.build(source)(b"")
    lines = output.split("\n")
    for (sequence, record), line in zip(cases, lines, strict=False):
        assert line + "\n" == to_frame(record, sequence).decode("ascii")
    rest = lines[len(cases) :]
    for enum, line in zip(enumerations(), rest, strict=False):
        assert line == " ".join([snake(enum.__name__), *(word.value for word in enum), "?"])
    assert "\n".join(rest[len(enumerations()) :]) == f"{dictionary_text()}{schema_id():x}\n"


def test_the_kernel_cuts_and_cleans_what_does_not_fit(native: Native) -> None:
    lines = native.build(CUTS)(b"").splitlines()
    message = "x" * 70
    assert f" m={message}*" in lines[0]
    assert " m=" + "%2c" * 23 + "*" in lines[1]  # the 24th escape would be the 72nd octet
    assert " m=caf??_%40home?*" in lines[2]
    assert " f=min-p-*" in lines[3]
    assert lines[4].startswith("@S 0004 k=zones t=549755813887 dr=65535 w=68719476735,1 ")
    assert " s=" + "%ff" * 40 + "*" in lines[5]
    assert " e=? " in lines[6]
    assert len(lines) == 7


def test_receiver_and_requests_of_the_vectors(native: Native) -> None:
    receive = native.build(RECEIVE)
    whole = b"".join(data for _, data in streams())
    for data in [whole, *(data for _, data in streams())]:
        assert receive(data).splitlines() == expected_lines(data)
    lines = b"".join([encode("q", 1, fields) for _, fields in requests()] + [encode("h", 1, f) for _, f in hellos()])
    assert receive(lines).splitlines() == expected_lines(lines)


def test_receiver_and_python_agree_on_damaged_streams(native: Native) -> None:
    receive = native.build(RECEIVE)
    generator = random.Random(0x11B0)
    parts = [data for _, data in streams()] + [encode("q", 7, fields) for _, fields in requests()]
    rounds = int(os.environ.get("LLMBM_FUZZ_LINES", "20000")) // 10
    data = bytearray()
    for _ in range(rounds):
        piece = bytearray(generator.choice(parts))
        for _ in range(generator.choice((0, 1, 1, 2, 8))):
            at = generator.randrange(len(piece) + 1)
            operation = generator.randrange(4)
            if operation == 0:
                piece[at:at] = bytes((generator.choice(b"@\r\n*%_,= q0aZ\x00\x03\xff"),))
            elif operation == 1:
                del piece[at : at + generator.randrange(1, 4)]
            elif at < len(piece):
                piece[at] ^= 1 << generator.randrange(8)
        data += piece
    assert receive(bytes(data)).splitlines() == expected_lines(bytes(data))


@pytest.mark.parametrize("source", WIRE_SOURCES, ids=lambda path: path.name)
def test_the_wire_code_is_freestanding_on_both_targets(source: Path, tmp_path: Path) -> None:
    for target in (["-target", "x86_64-windows-gnu"], []):
        command = [sys.executable, "-m", "ziglang", "cc", *target, "-ffreestanding", "-O2", *WARNINGS, *INCLUDES]
        done = subprocess.run(
            [*command, "-c", str(source), "-o", str(tmp_path / "wire.o")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    includes = re.findall(r"#include <(\w+)\.h>", source.read_text())
    assert set(includes) <= {"stdint", "stddef", "stdbool", "stdarg"}


def test_an_error_message_with_every_sign_survives() -> None:
    record = Response(id=1, ok=False, message="max_tokens=9, not 1..256 @ 100%*")
    assert b" m=max%5ftokens%3d9%2c_not_1..256_%40_100%25%2a*" in to_frame(record, 0)
