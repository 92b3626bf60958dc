"""llmk-dump.txt, llmk-log.txt and llmk-failsafe.txt: written whole, in the grammar of kernel_c/DUMP.md."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest
from made_models import ROOT, put_model
from typed_kernel import Kernel, Start

SAMPLE = ROOT / "tests" / "dump" / "sample-llmk-failsafe.txt"


def checked(path: Path) -> str:
    """The file's text after a check of its end: LF, UTF-8, a CRC-32 over all before the last line."""
    data = path.read_bytes()
    assert b"\r" not in data
    body, _, crc = data.rpartition(b"end crc32=")
    assert crc == b"%08x\n" % zlib.crc32(body)
    return body.decode("utf-8")


def shape(text: str) -> list[str]:
    """Every line without its values: what a reader depends on."""
    lines: list[str] = []
    for line in text.splitlines():
        line = re.sub(r"(reason|msg)=.*", r"\1=", line)
        line = re.sub(r"=\S*( \([\d.]+ MiB\))?", "=", line)
        line = re.sub(r"#\d+ ", "#N ", re.sub(r"last \d+ events", "last N events", line))
        if lines and line.startswith("  #N") and lines[-1] == line:
            continue  # the number of events differs
        lines.append(line)
    return lines


@pytest.fixture
def tripped(kernel: Kernel) -> Kernel:
    """A kernel after a trip in decode."""
    kernel.tell("/max_tokens 10")
    kernel.ask("Once upon a time")
    kernel.ask("/test_failsafe decode")
    kernel.ask("Then")
    return kernel


def test_a_trip_writes_the_failsafe_file_as_the_sample_has_it(tripped: Kernel) -> None:
    text = checked(tripped.folder / "llmk-failsafe.txt")
    assert shape(text) == shape(SAMPLE.read_text().rpartition("end crc32=")[0])
    head = dict(re.findall(r"(\w+)=(\S*)", text.splitlines()[0]))
    assert head["cause"] == "budget"
    assert head["phase"] == "decode"
    assert "state=tripped strict=0 last_err=budget phase=decode reason=decode pass over its budget" in text
    assert re.search(
        r"level=error code=budget arena=none first=0x[0-9a-f]+ second=1000 msg=decode pass over its budget", text
    )


def test_the_failsafe_file_is_written_once_a_trip(tripped: Kernel) -> None:
    path = tripped.folder / "llmk-failsafe.txt"
    first = path.read_bytes()
    tripped.ask("more")
    assert path.read_bytes() == first
    tripped.tell("/reset")
    assert path.read_bytes() == first
    tripped.ask("/test_failsafe prefill")
    tripped.ask("more")
    assert "phase=prefill" in checked(path).splitlines()[0]


def test_the_dump_says_what_the_screen_says(tripped: Kernel) -> None:
    screen = [tripped.ask(command) for command in ("/ctx", "/zones", "/log 128")]
    tripped.tell("/save_dump")
    text = checked(tripped.folder / "llmk-dump.txt")
    for section in screen:
        for line in section.splitlines():
            assert line in text, line


def test_a_shorter_file_leaves_nothing_of_a_longer_one(kernel: Kernel) -> None:
    path = kernel.folder / "llmk-log.txt"
    for number in range(40):
        kernel.tell(f"/stop_nl {number % 2}")
    kernel.tell("/save_log")
    long = path.stat().st_size
    kernel.tell("/reset", "/save_log 1")
    text = checked(path)
    assert len(text) < long
    assert text.splitlines()[0].startswith("llmk-log format=1 boot=")
    assert "last 1 events" in text
    assert text.count("  #") == 1


def test_dump_and_log_of_one_boot_name_the_same_boot(kernel: Kernel) -> None:
    kernel.tell("/save_dump", "/save_log")
    boots = set()
    for name in ("llmk-dump.txt", "llmk-log.txt"):
        boots |= set(re.findall(r"^llmk-\w+ format=1 boot=([0-9a-f]{8})", (kernel.folder / name).read_text()))
    version = re.search(r"boot=([0-9a-f]{8})", kernel.ask("/version"))
    assert version is not None
    assert boots == {version[1]}


def test_a_full_dump_fits_its_buffer(kernel: Kernel) -> None:
    for number in range(130):
        kernel.tell(f"/stop_nl {number % 2}")
    kernel.tell("/save_dump")
    assert checked(kernel.folder / "llmk-dump.txt").count("  #") == 128


def test_a_read_only_volume_is_said_and_the_trip_still_works(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--read-only")
    for name, command in (("llmk-dump.txt", "/save_dump"), ("llmk-log.txt", "/save_log")):
        assert re.fullmatch(rf"{name} \(\d+ bytes\) was not written: the volume is read-only", kernel.ask(command))
    kernel.ask("/test_failsafe prefill")
    assert "llmk-failsafe.txt could not be written, see /log" in kernel.ask("x")
    assert "msg=llmk-failsafe.txt" in kernel.ask("/log")
    kernel.tell("/reset")
    assert "tripped" not in kernel.ask("x")


def test_a_full_volume_is_said_and_the_old_file_stays(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    path = tmp_path / "llmk-dump.txt"
    path.write_text("what was here before")
    kernel = start(tmp_path, "--disk-free", "1500")
    kernel.tell("/save_log 1")
    assert checked(tmp_path / "llmk-log.txt")
    assert re.fullmatch(r"llmk-dump.txt \(\d{4} bytes\) was not written: the volume is full", kernel.ask("/save_dump"))
    assert path.read_text() == "what was here before"
