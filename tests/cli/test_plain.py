"""The faces without a screen as a shell uses them: readers that leave, lines that are not there, settings that are
broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the simulator needs a POSIX system")

CONSOLE = (sys.executable, "-m", "llmbm_console")
SILENT = "/max_tokens 8\nOnce upon a time\n"


@pytest.mark.parametrize("words", [("--jsonl",), ("--plain",), ("exec", "--", "Once upon a time", "/ctx")])
def test_a_reader_that_leaves_ends_the_session_quietly(words: tuple[str, ...]) -> None:
    """Standard input stays open meanwhile: nothing may wait for its end."""
    command = [*CONSOLE, words[0], "--sim", *words[1:]] if words[0] == "exec" else [*CONSOLE, "--sim", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(SILENT.encode())
        assert process.stdout.read(1)
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


@pytest.mark.parametrize("words", [("doctor",), ("settings",), ("--help",)])
def test_short_output_that_nobody_reads_is_no_traceback(words: tuple[str, ...]) -> None:
    """All of it fits the buffer, and is written only at the end."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*CONSOLE, *words], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert done.stderr == b""


@pytest.mark.parametrize("words", [("--plain",), ("--jsonl",), ("exec", "--timeout", "60", "--", "/ctx")])
def test_a_line_that_is_not_there_is_waited_for_aloud(words: tuple[str, ...]) -> None:
    command = [*CONSOLE, words[0], "--serial", "/dev/no-such-port", *words[1:]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("waiting: /dev/no-such-port: no such port")
        assert line.endswith("; it is tried again by itself, Ctrl+C ends it\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


@pytest.mark.parametrize("words", [("--plain",), ("--jsonl",), ("exec", "--", "/version")])
def test_a_setting_that_cannot_be_used_is_said_in_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "llmbm-console" / "config.toml"
    path.parent.mkdir()
    path.write_text('tour = "off"\n\nglyphs = "dots"\n')
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    command = [*CONSOLE, words[0], "--sim", *words[1:]]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{path}:3: glyphs: 'dots' cannot be used; expected blocks or ascii\n"
