"""The faces without a screen as a shell uses them: readers that leave, lines that are not there, settings that are
broken."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_program import CONSOLE, GREEDY, STORY, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the simulator needs a POSIX system")

SILENT = "/max_tokens 8\nOnce upon a time\n"


@pytest.mark.parametrize("words", [("--jsonl",), ("--plain",), ("exec", "--", "Once upon a time", "-")])
def test_a_reader_that_leaves_ends_the_session_quietly(words: tuple[str, ...]) -> None:
    """Standard input stays open meanwhile: nothing may wait for its end. What is asked behind that has an answer that
    nobody reads, however much was written before the reader left."""
    command = [*CONSOLE, words[0], "--sim", *words[1:]] if words[0] == "exec" else [*CONSOLE, "--sim", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1)
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            process.stdin.write(SILENT.encode())
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


@pytest.mark.parametrize("words", [("--plain",), ("--jsonl",), ("exec", "--wait", "600", "--", "/ctx")])
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
    done = run(words[0], "--sim", *words[1:], env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"{path}:3: glyphs: 'dots' cannot be used; expected blocks or ascii\n"


@pytest.mark.parametrize("verb", ["exec", "get", "break", "dump", "image", "explain", "ports", "settings", "doctor"])
def test_the_help_of_every_command_tells_its_exit_status(verb: str) -> None:
    done = run(verb, "--help")
    assert "exit status:" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_a_break_on_a_port_that_is_not_there_is_status_3() -> None:
    done = run("break", "--serial", "/dev/no-such-port")
    assert (done.returncode, done.stdout) == (3, "")


LINES: dict[str, tuple[str, ...]] = {"exec": ("--", "/ctx"), "get": ("llmk-dump.txt", "-o", "-")}


@pytest.mark.parametrize("verb", LINES)
@pytest.mark.parametrize(
    ("target", "said"),
    [
        (("--serial", "/dev/no-such-port"), "/dev/no-such-port: no such port"),
        (("--connect", "unix:/no/such/socket"), "unix:/no/such/socket: no such socket"),
        (("--connect", "tcp:127.0.0.1:1"), "tcp:127.0.0.1:1: nobody listens there"),
    ],
)
def test_a_script_is_told_of_a_line_that_does_not_open_and_waits_for_none(
    verb: str, target: tuple[str, str], said: str
) -> None:
    done = run(verb, *target, *LINES[verb])
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert "waiting" not in done.stderr


def test_what_ends_a_script_is_said_once() -> None:
    done = run("exec", "--qmp", "/no/such/socket", "--", "/ctx")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("/no/such/socket: no such socket") == 1


def told_without_a_kernel(line: int) -> str:
    """What a script is told that asks on a terminal's line and reaches no kernel."""
    done = run("exec", "--serial", os.ttyname(line), "--", "/ctx")
    assert (done.returncode, done.stdout) == (3, "")
    return done.stderr


@pytest.fixture
def line() -> Iterator[int]:
    """A terminal at whose other end nobody is."""
    controller, line = os.openpty()
    yield line
    os.close(controller)
    os.close(line)


def test_a_script_is_told_who_holds_its_port(line: int) -> None:
    import serial

    with serial.Serial(os.ttyname(line), exclusive=True):
        said = told_without_a_kernel(line)
    assert f"({os.getpid()})" in said
    assert "close it first" in said


def test_a_script_on_a_line_where_nobody_answers_ends_with_the_reason(line: int) -> None:
    assert "no kernel answered the hello" in told_without_a_kernel(line)


def test_a_script_whose_line_ends_before_a_kernel_answered_does_not_open_it_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [*CONSOLE, "exec", "--connect", f"tcp:127.0.0.1:{server.getsockname()[1]}", "--", "/ctx"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            server.accept()[0].close()
            _, said = process.communicate()
    assert process.returncode == 3
    assert "the line ended before a kernel had answered" in said


def test_a_line_is_waited_for_as_long_as_it_is_said_and_a_program_is_told_why() -> None:
    done = run("--jsonl", "--wait", "0.5", "--serial", "/dev/no-such-port")
    assert done.returncode == 3
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    waited = [one for one in documents if one["event"] == "LinkChanged" and one["phase"] == "opening"]
    assert waited[-1]["detail"].startswith("/dev/no-such-port: no such port")
    assert documents[-1]["event"] == "Failed"
    assert "tried again for 0.5 s" in documents[-1]["error"]


def test_a_line_that_comes_while_it_is_waited_for_is_used(tmp_path: Path) -> None:
    name = tmp_path / "tty"
    waiting = [*CONSOLE, "exec", "--wait", "600", "--serial", str(name), "--", "/ctx"]
    with subprocess.Popen(waiting, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as script:
        assert script.stderr is not None
        assert script.stderr.readline().startswith("waiting: ")
        controller, line = os.openpty()
        name.symlink_to(os.ttyname(line))
        assert os.read(controller, 2) == b"@h", "it was opened, and a kernel is asked for"
        script.kill()
    os.close(controller)
    os.close(line)


def test_plain_face_tells_a_story_from_standard_input() -> None:
    done = run("--plain", "--sim", lines="\n".join((*GREEDY, "Once upon a time")) + "\n")
    assert done.returncode == 0, done.stderr
    assert STORY in done.stdout
    assert "\x1b" not in done.stdout


def test_plain_says_how_it_ends_and_ends_so() -> None:
    command = [*CONSOLE, "--plain", "--sim"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = next(line for line in process.stdout if line.startswith("# ready"))
        assert said.endswith("; Ctrl+D ends\n")
        assert process.poll() is None
        process.stdin.close()  # what Ctrl+D is to a program
        assert process.wait(60) == 0
