"""Files over the line: a copy taken when it is opened, parts of it in D frames, and what is refused."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from link_client import SLOW, Boot, Host, Simulator

from llmbm_protocol.schema import Credit, Data, ErrorCode, Output, Perf, Response, Stream, Token

EVERYTHING = 65_535


def opened(host: Host, name: str) -> Response:
    """The answer to `open`, which must be positive."""
    answer = host.ask("open", text=name.encode())
    assert answer.ok, answer
    return answer


def part(host: Host, offset: int, count: int) -> bytes:
    """One part, put together from its frames, which the answer counts."""
    since = len(host.records)
    answer = host.ask("data", offset=offset, count=count)
    assert answer.ok, answer
    pieces = [record for record in host.of(Data, since) if record.id == answer.id]
    assert answer.count == len(pieces)
    data = b""
    for piece in pieces:
        assert piece.offset == offset + len(data)
        data += piece.data
    return data


def whole(host: Host, name: str) -> bytes:
    """A file in as many parts as it takes, checked against size and CRC-32."""
    answer = opened(host, name)
    assert answer.size is not None
    data = b""
    while len(data) < answer.size:
        data += part(host, len(data), 4096)
    assert (len(data), zlib.crc32(data)) == (answer.size, answer.checksum)
    return data


def test_a_file_comes_whole(host: Host, tmp_path: Path) -> None:
    content = bytes(range(256)) * 41 + b"\r\n@q 0001*,=%_ end"
    (tmp_path / "notes.txt").write_bytes(content)
    assert whole(host, "notes.txt") == content


def test_a_file_below_a_folder_comes_whole(host: Host, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "notes.txt").write_bytes(b"deep")
    assert whole(host, "below/notes.txt") == b"deep"


def test_a_hole_is_sent_again(host: Host, tmp_path: Path) -> None:
    content = os.urandom(5000)
    (tmp_path / "random.bin").write_bytes(content)
    opened(host, "random.bin")
    assert part(host, 1234, 777) == content[1234:2011]
    assert part(host, 1234, 777) == content[1234:2011]
    assert part(host, 4990, EVERYTHING) == content[4990:], "no more than there is"
    assert part(host, 5000, 10) == b""


def test_an_empty_file_is_a_file(host: Host, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    answer = opened(host, "empty.txt")
    assert (answer.size, answer.checksum) == (0, 0)
    assert part(host, 0, 100) == b""


def test_the_copy_stays_as_it_was_when_the_file_changes(host: Host, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"before" * 100)
    opened(host, "notes.txt")
    (tmp_path / "notes.txt").write_bytes(b"after")
    assert part(host, 0, 600) == b"before" * 100
    assert whole(host, "notes.txt") == b"after"


@pytest.mark.parametrize("name", ["../line", "/etc/passwd", "a/../../x", "a\\b", "", ".", "C:x", "mem:", "a//b"])
def test_a_name_that_leads_out_of_the_volume_is_refused(host: Host, name: str) -> None:
    answer = host.ask("open", text=name.encode())
    assert (answer.ok, answer.error, answer.field) == (False, ErrorCode.ARG, "s")


def test_a_link_out_of_the_volume_and_a_folder_are_not_opened(host: Host, tmp_path: Path) -> None:
    (tmp_path / "out.txt").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    for name in (b"out.txt", b"folder", b"missing.txt"):
        answer = host.ask("open", text=name)
        assert not answer.ok
        assert answer.error in (ErrorCode.IO, ErrorCode.ARG)


def test_a_file_that_would_take_hours_is_refused(host: Host, tmp_path: Path) -> None:
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate((16 << 20) + 1)
    answer = host.ask("open", text=b"huge.bin")
    assert (answer.ok, answer.error) == (False, ErrorCode.TOOLONG)


def test_parts_need_an_open_file_and_an_offset_inside_it(host: Host, tmp_path: Path) -> None:
    assert host.ask("data", offset=0, count=1).error is ErrorCode.STATE
    (tmp_path / "notes.txt").write_bytes(b"12345")
    opened(host, "notes.txt")
    assert host.ask("data", offset=6, count=1).error is ErrorCode.RANGE
    assert part(host, 4, 1) == b"5"
    assert host.ask("close").ok
    assert host.ask("close").ok, "closing twice is no fault"
    assert host.ask("data", offset=0, count=1).error is ErrorCode.STATE


def test_a_new_session_has_no_open_file(host: Host, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"12345")
    opened(host, "notes.txt")
    host.hello()
    assert host.ask("data", offset=0, count=1).error is ErrorCode.STATE


def test_a_repeated_request_for_a_part_is_served_once(host: Host, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"x" * 30_000)
    opened(host, "notes.txt")
    since = len(host.records)
    id, line = host.line("data", offset=0, count=EVERYTHING)
    host.send(line)
    host.wait_for(Data, since=since)
    host.send(host.line("data", id=id, offset=0, count=EVERYTHING)[1])  # while it is sent
    answer = host.answer(id, since)
    host.pass_time(0.5)  # heartbeats go on: it is never quiet
    pieces = [record for record in host.of(Data, since) if record.id == id]
    assert answer.count == len(pieces)
    assert b"".join(piece.data for piece in pieces) == b"x" * 30_000


def test_another_request_for_a_part_ends_the_one_before(host: Host, tmp_path: Path) -> None:
    content = os.urandom(60_000)
    (tmp_path / "random.bin").write_bytes(content)
    opened(host, "random.bin")
    since = len(host.records)
    first, line = host.line("data", offset=0, count=EVERYTHING)
    host.send(line)
    host.wait_for(Data, since=since)
    assert part(host, 59_000, 1000) == content[59_000:]
    host.pass_time(0.5)  # heartbeats go on: it is never quiet
    assert not [record for record in host.of(Response, since) if record.id == first]


def checked_dump(data: bytes) -> bytes:
    """A dump whose own checksum is right, without its last line."""
    body, _, end = data.rpartition(b"end crc32=")
    assert end == b"%08x\n" % zlib.crc32(body)
    return body


def test_the_dump_of_the_memory_needs_no_volume(host: Host) -> None:
    body = checked_dump(whole(host, "mem:dump"))
    assert body.startswith(b"llmk-dump format=1 ")
    assert b"stories700K.bin" in body


def test_the_dump_of_the_memory_tells_a_trip(host: Host) -> None:
    host.run("/test_failsafe decode 1")
    end = host.finished(host.generate())
    assert end.reason == "trip"
    body = checked_dump(whole(host, "mem:dump"))
    assert b"tripped" in body


def test_a_dump_is_made_at_the_rescue_prompt_too(program: Path, tmp_path: Path) -> None:
    simulator = Simulator(program, tmp_path)
    host = Host(simulator.line)
    simulator.hosts.append(host)
    host.until_text(b"rescue> ")
    assert host.hello().machine
    checked_dump(whole(host, "mem:dump"))
    simulator.end()


def test_parts_flow_beside_a_generation_and_starve_nothing(boot: Boot, tmp_path: Path) -> None:
    """The line carries tokens, samples and heartbeats first; at the speed of a real one the file takes what is left."""
    content = os.urandom(6000)
    host = boot(*SLOW).session()
    (tmp_path / "random.bin").write_bytes(content)
    opened(host, "random.bin")
    host.ask("sub", stream=Stream.PERF, rate=5)
    generation = host.generate()
    assert host.ask("open", text=b"random.bin").error is ErrorCode.BUSY
    since = len(host.records)
    assert part(host, 0, 6000) == content, "opened before the work began"
    assert host.of(Token, since), "the generation went on meanwhile"
    end = host.finished(generation)
    indexes = [token.index for token in host.of(Token) if token.generation == generation]
    assert indexes == list(range(end.tokens))
    beats = [at for at, record in zip(host.arrivals, host.records, strict=True) if isinstance(record, Credit)]
    assert len(beats) > 4
    numbers = [sample.number for sample in host.of(Perf)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no sample gave way to the file"
    assert all(sample.dropped == 0 for sample in host.of(Perf))


# ---- reasons that are longer than a response -------------------------------------------------------------------------


def reason(host: Host, answer: Response, since: int) -> str:
    """The whole reason of a refusal."""
    assert not answer.ok
    return host.output(answer.id, since) if answer.count else answer.message or ""


def test_a_long_reason_comes_whole(host: Host) -> None:
    name = "a-model-whose-name-says-everything-about-it.bin"
    since = len(host.records)
    answer = host.ask("run", text=f"/load {name}"[:56].encode())
    whole_text = reason(host, answer, since)
    assert name in whole_text
    assert len(whole_text) > 70
    assert answer.message is not None
    assert whole_text.startswith(answer.message.rstrip())
    again = len(host.records)
    assert host.ask("out", of=answer.id, index=0, count=EVERYTHING).count == answer.count
    assert host.output(answer.id, again) == whole_text


def test_a_short_reason_needs_no_output(host: Host) -> None:
    since = len(host.records)
    answer = host.ask("run", text=b"/budget 0")
    assert answer.count is None
    assert not host.of(Output, since)
    assert reason(host, answer, since).endswith("learns it")


def test_a_repeated_refusal_is_the_same_answer_without_its_output(host: Host) -> None:
    id, line = host.line("run", text=b"/load a-model-whose-name-says-everything-about-it.bin")
    host.send(line)
    first = host.answer(id)
    since = len(host.records)
    host.send(host.line("run", id=id, text=b"/load a-model-whose-name-says-everything-about-it.bin")[1])
    again = host.answer(id, since)
    assert (again.count, again.message) == (first.count, first.message)
    assert not host.of(Output, since)
