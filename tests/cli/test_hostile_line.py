"""A kernel that wants to harm the terminal: nothing it sends may reach our output as a control byte."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_program import CONSOLE, run

from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import encode
from llmbm_protocol.schema import Hello

PAYLOADS = [
    b"\x1b]0;owned\x07",
    b"\x1b]52;c;ZXZpbA==\x07",
    b"\x1b[2J\x1b[H\x1b[31mred",
    b"\x1bc\x1b(0\x1bP+q\x1b\\",
    b"\x9b2J\x9d0;c1\x9c",
    b"\x00\x07\x08\x0b\x0c\x0e\x0f\x7f",
    "\u202e\u2066evil\u2069\u200b\ufeff".encode(),
    b"[/x] [bold]markup[/bold] [@click=app.quit]x[/]",
    b"\xff\xfe\xc3\x28\xf0\x28\x8c\x28",
    b"A" * 100_000 + b"\n",
    b"@T 0001 g=1 i=0 t=1 id=1 cy=1 s=%1b[2J*00000000\n",
]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class HostileKernel(threading.Thread):
    """Answers no hello and sends every payload; with `greets`, sends a beacon with a hostile version first."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(4)

    def run(self) -> None:
        hello = Hello(
            protocol=1, revision=0, schema_id=1, boot=1, machine=False, window_idle=240, window_busy=15, max_line=240,
            baud=115200, version="llmk-evil",
        )  # fmt: skip
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, hello), daemon=True).start()

    def _serve(self, client: socket.socket, hello: Hello) -> None:
        try:
            frame = to_frame(hello, 0)
            client.sendall(encode(frame.kind, frame.sequence, frame.fields) if not isinstance(frame, bytes) else frame)
            for payload in PAYLOADS:
                client.sendall(payload + b"\r\n")
            while client.recv(4096):
                pass
        except OSError:
            return


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "evil"
    kernel = HostileKernel(path)
    kernel.start()
    yield path
    kernel.listener.close()


def test_plain_face_writes_no_control_byte(hostile: Path) -> None:
    command = [*CONSOLE, "--plain", "--connect", f"unix:{hostile}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    for text in (out.decode(), err.decode()):
        assert not CONTROL.search(text), repr(CONTROL.search(text))
    assert "Traceback" not in err.decode()
    assert "markup" in out.decode(), "the payloads were shown as text"


def test_exec_writes_no_control_byte_and_says_that_no_kernel_answers(hostile: Path) -> None:
    done = run("exec", "--connect", f"unix:{hostile}", "--timeout", "12", "--", "/ctx")
    assert done.returncode == 3
    for text in (done.stdout, done.stderr):
        assert not CONTROL.search(text), repr(CONTROL.search(text))
    assert "Traceback" not in done.stderr


NAMES = ["e\x1b]0;owned\x07\x1b[2J", "\u202egnp", "\udcff\udcfe", "\x9b2J", "l" * 240]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "how", ["dump {}", "--plain {}", "--plain --qmp {}", "--plain --connect unix:{}", "--plain --serial {}"]
)
def test_a_name_that_is_not_there_is_told_without_its_controls(tmp_path: Path, name: str, how: str) -> None:
    """What a shell's `*` finds is the choice of whoever made the file."""
    command = [*CONSOLE, *(word.format(tmp_path / name) for word in how.split())]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "no such" in line or "at most" in line:
                break
        process.kill()
    assert "no such" in said or "at most 107 bytes" in said
    assert "Traceback" not in said
    assert not CONTROL.search(said), repr(said)
