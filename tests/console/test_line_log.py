"""Logs of a line: octets as they came, and clean text with times."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from live_kernel import PROMPT, Kernel, collect
from waiting import until

from llmbm_console import cli
from llmbm_console.core.errors import SessionError
from llmbm_console.core.recording.capture import Capture
from llmbm_console.core.sanitise import is_clean
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import Notice

Sessions = Callable[..., LiveSession]


async def test_both_logs_hold_what_was_said(kernel: Kernel, sessions: Sessions, tmp_path: Path) -> None:
    await kernel.start()
    text, raw = tmp_path / "text.log", tmp_path / "raw.log"
    text.write_text("of before\n")
    session = sessions(kernel.socket)
    session.log_to(text, raw)
    session.recorder.start(tmp_path / "all.llcap")
    await session.open()
    await session.wait_ready(20)
    outcome = await session.submit(PROMPT)
    assert outcome.turn is not None
    assert (await session.submit("/version")).ok
    assert not (await session.submit("/zones of nothing")).ok
    assert (await session.set_parameter("temp", "0.5")).ok
    await until(lambda: any(entry.record is not None for entry in session.state.log), what="the kernel's own events")
    await session.close()
    first, *lines = text.read_text().splitlines()
    assert first == "of before", "appended"
    assert is_clean("\n".join(lines))
    found = [re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) (.*)", line) for line in lines]
    said = [match[2] for match in found if match is not None]
    assert len(said) == len(lines), lines
    times = [datetime.fromisoformat(match[1]) for match in found if match is not None]
    assert abs((times[0] - datetime.now().astimezone()).total_seconds()) < 3600
    assert f"> {PROMPT}" in said
    assert outcome.turn.text.split("\n")[-1] in said
    assert any(line.startswith(f"# answer 1: {len(outcome.turn.tokens)} tokens, ") for line in said)
    assert "> /version" in said
    assert any(line.startswith("# refused: ") for line in said)
    assert "> /temp 0.5" in said
    assert "# link machine" in said
    assert any(line.startswith("# kernel info ") for line in said)
    assert b"@H " in raw.read_bytes()
    octets = [entry.data for entry in Capture(tmp_path / "all.llcap").entries() if entry.kind == "i"]
    assert raw.read_bytes() == b"".join(data for data in octets if isinstance(data, bytes))


@pytest.mark.parametrize("which", [0, 1])
async def test_a_full_disk_ends_the_log_and_not_the_session(kernel: Kernel, sessions: Sessions, which: int) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    events = collect(session)
    full = Path("/dev/full")
    session.log_to(*((full, None), (None, full))[which])
    await session.open()
    await session.wait_ready(20)
    assert (await session.submit("/version")).ok
    told = [event.text for event in events if isinstance(event, Notice)]
    assert [text for text in told if "the log ended: No space left" in text] == [
        "/dev/full: the log ended: No space left on device"
    ]


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--log", "--raw-log", "--record"):
        words = ["exec", "--sim", option, str(tmp_path / "no" / "x"), "--", "/version"]
        assert cli.main(words) == 1
        assert "cannot be written: No such file or directory" in capsys.readouterr().err
    (tmp_path / "a.llcap").write_text('{"llcap":1}\n')
    with pytest.raises(SessionError, match="nothing to record, to log or to share"):
        make_session(Target("file", str(tmp_path / "a.llcap"), log=tmp_path / "log"))
    assert not (tmp_path / "log").exists()
    with pytest.raises(SessionError, match="lines of a serial port"):
        make_session(Target("connect", "tcp:127.0.0.1:1", dtr=True))


async def test_a_line_without_a_break_says_so(kernel: Kernel, sessions: Sessions) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    await session.open()
    await session.wait_ready(20)
    with pytest.raises(SessionError, match="this line has no break"):
        await session.send_break(0.01)
    with pytest.raises(SessionError, match="this line has no speed; only a serial port has"):
        await session.set_line("baud", 9600)
    with pytest.raises(SessionError, match="this line has no DTR"):
        await session.set_line("dtr", 1)


def test_a_break_goes_over_a_serial_port_only(capsys: pytest.CaptureFixture[str]) -> None:
    master, slave = os.openpty()
    assert cli.main(["break", "--serial", os.ttyname(slave), "--ms", "10"]) == 0
    assert "a break of 10 ms was sent" in capsys.readouterr().out
    assert cli.main(["break", "--sim"]) == 2
    assert "name one with --serial" in capsys.readouterr().err
    assert cli.main(["break", "--serial", "/dev/null"]) == 3
    assert "not a serial port" in capsys.readouterr().err
    os.close(master)
    os.close(slave)
