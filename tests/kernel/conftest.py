"""A kernel to type at: the simulator over its standard input and output, in a folder of its own, as a person would use it."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models import ROOT, put_model

PROMPT = re.compile(r"(?:^|\n)(?:llmk|rescue)> \Z")
REFUSED = re.compile(r"cannot be|unknown command|is too much|no model is loaded|sentinel tripped")
#: Plain argmax and nothing below the answer; on a busy machine a learnt budget is sometimes overrun, and that is told.
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1", "/stats 0", "/budget 500000000000 500000000000")


class Kernel:
    """One running simulator. Text is UTF-8 with LF."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [program, "--files", folder, "--die-with-parent", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pieces: queue.Queue[bytes] = queue.Queue()
        self.errors = b""
        self.raw = b""
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()
        self.boot = self.until_prompt()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while piece := os.read(self.process.stdout.fileno(), 65536):
            self.pieces.put(piece)
        self.pieces.put(b"")

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()

    def text(self) -> str:
        """What came since the last prompt."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    def until(self, found: Callable[[str], bool], timeout: float = 30) -> None:
        """Reads until the text satisfies `found`, or the process ends."""
        end = time.monotonic() + timeout
        while not found(self.text()):
            try:
                piece = self.pieces.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing expected within {timeout} s after {self.text()[-400:]!r}") from None
            if not piece:
                self.process.wait(10)
                return
            self.raw += piece

    def until_prompt(self, timeout: float = 30) -> str:
        """Everything up to the next prompt, without it; or up to the end of the process."""
        self.until(lambda text: PROMPT.search(text) is not None, timeout)
        text = self.text()
        self.raw = b""
        found = PROMPT.search(text)
        return text[: found.start()] if found else text

    def send(self, data: bytes) -> None:
        """Raw bytes to the line."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, line: str, timeout: float = 30) -> str:
        """Types a line and returns what the kernel says to it, without the echo."""
        typed = line
        while len(typed) > 128:  # a person's terminal has no flow control but the echo
            shown = len(self.text()) + 128
            self.send(typed[:128].encode())
            self.until(lambda text, shown=shown: len(text) >= shown)  # type: ignore[misc]
            typed = typed[128:]
        self.send(typed.encode() + b"\r")
        text = self.until_prompt(timeout)
        echo = line.replace("\r", "\n") + "\n"
        return text.removeprefix(echo).removesuffix("\n")

    def tell(self, *lines: str) -> None:
        """Lines that must be accepted."""
        for line in lines:
            reply = self.ask(line)
            assert not REFUSED.search(reply), f"{line}: {reply}"

    def words(self, command: str) -> dict[str, str]:
        """The key=value words of a report."""
        return dict(re.findall(r"(\w+)=(\S*)", self.ask(command)))

    def rows(self) -> int:
        """Cached rows."""
        return int(self.words("/ctx")["kv_pos"])

    def close(self) -> int:
        """Ends the kernel as a person does; returns its exit status."""
        if self.process.poll() is None:
            self.send(b"quit\r")
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait(10)


Start = Callable[..., Kernel]


def build(target: str, out: Path) -> Path:
    """Builds a target of the kernel; the compiler's words become the failure."""
    done = subprocess.run(
        [sys.executable, ROOT / "kernel_c" / "build.py", target, "--out", out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulator."""
    return build("sim", tmp_path_factory.mktemp("sim"))


@pytest.fixture(scope="session")
def checked_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulator under the address and undefined behaviour sanitisers."""
    return build("asan", tmp_path_factory.mktemp("asan"))


def starter(program: Path, running: list[Kernel]) -> Start:
    """A function that starts kernels and notes them for the end."""

    def start(folder: Path, *options: str) -> Kernel:
        kernel = Kernel(program, folder, *options)
        running.append(kernel)
        return kernel

    return start


def end_all(running: list[Kernel]) -> None:
    """Every kernel must end by itself, cleanly and without a word from a sanitiser."""
    for kernel in running:
        status = kernel.close()
        assert status == 0, kernel.errors.decode("utf-8", "replace")
        assert b"Sanitizer" not in kernel.errors, kernel.errors.decode("utf-8", "replace")


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    """Starts the simulator in a folder; ends it after the test."""
    running: list[Kernel] = []
    yield starter(program, running)
    end_all(running)


@pytest.fixture
def start_checked(checked_program: Path) -> Iterator[Start]:
    """The same with the sanitisers."""
    running: list[Kernel] = []
    yield starter(checked_program, running)
    end_all(running)


@pytest.fixture
def kernel(start: Start, tmp_path: Path) -> Kernel:
    """The default model, greedy and without statistics."""
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY)
    return kernel
