"""Text files of any length: every line where it belongs, whatever its end, and a filter that finds the same as a person
with the whole file in memory."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmbm_console.core import text_log
from llmbm_console.core.errors import SessionError
from llmbm_console.core.sanitise import clean, is_clean
from llmbm_console.core.text_log import Filtered, TextLog, is_text, text_filter

GO_ON = threading.Event()


def opened(path: Path, data: bytes) -> TextLog:
    path.write_bytes(data)
    log = TextLog(path)
    log.index(GO_ON)
    assert log.complete
    return log


def found(log: TextLog, query: str) -> list[int]:
    filtered = Filtered(log, query)
    filtered.run(GO_ON)
    assert filtered.complete
    return list(filtered.numbers)


LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=80)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(LINES, st.booleans(), st.sampled_from([40, 64, 1 << 18]))
def test_every_line_is_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], ended: bool, piece: int
) -> None:
    monkeypatch.setattr(text_log, "PIECE", piece)
    data = b"\n".join(lines) + (b"\n" if ended else b"x")
    log = opened(tmp_path / "log", data)
    wanted = data.decode("utf-8", "replace").split("\n")
    wanted = wanted[:-1] if ended else wanted
    assert log.count == len(wanted)
    shown = [log.line(number) for number in range(log.count)]
    assert shown == [clean(line.rstrip("\r")) for line in wanted]
    assert all(is_clean(line) for line in shown)
    assert found(log, "a !b") == [
        number
        for number, line in enumerate(data.lower().split(b"\n")[: log.count])
        if b"a" in line and b"b" not in line
    ]


def test_a_file_of_two_hundred_thousand_lines_is_read_at_both_ends_and_filtered(tmp_path: Path) -> None:
    count = 200_000
    data = "".join(
        f"{n:06} {'WARN' if n % 1000 == 7 else 'info'} the kernel said {n * 7919 % count}\n" for n in range(count)
    )
    log = opened(tmp_path / "long.log", data.encode())
    assert log.count == count
    for number in (0, 1, 15, 16, 17, 99_999, count - 2, count - 1):
        assert log.line(number).startswith(f"{number:06} ")
    assert found(log, "warn") == list(range(7, count, 1000))
    assert found(log, 'warn "said 1"') == [
        n for n in range(7, count, 1000) if re.search(r"said 1", f"said {n * 7919 % count}")
    ]
    assert len(log._begins) * log._begins.itemsize < count, "the index is small: half an octet a line"


def test_a_line_without_an_end_in_sight_is_cut_and_harms_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path / "log", b"first\n" + b"x" * 3_000_000 + b"needle\nlast")
    assert [len(log.line(number)) for number in range(log.count)] == [5, text_log.MOST_SHOWN, 4]
    assert found(log, "last") == [2]
    assert found(log, "xxx") == [1]


def test_what_is_asked_to_stop_stops(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"line\n" * 1000)
    log, stop = TextLog(tmp_path / "log"), threading.Event()
    stop.set()
    log.index(stop)
    assert (log.count, log.complete) == (0, False)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        with pytest.raises(SessionError, match=name):
            TextLog(tmp_path / name)
        assert not is_text(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"one\ntwo\x1b[31m\r\n", True), ("größer".encode(), True), (b"a\0b", False), (bytes(range(1, 32)) * 9, False)],
)
def test_text_is_told_from_other_files(tmp_path: Path, data: bytes, text: bool) -> None:
    (tmp_path / "file").write_bytes(data)
    assert is_text(tmp_path / "file") is text


def test_words_are_wanted_left_out_and_quoted() -> None:
    passes = text_filter('budget !decode "pass over"')
    assert passes(b"a budget of a pass over")
    assert not passes(b"a budget of a decode pass over")
    assert not passes(b"a budget of a pass  over")
