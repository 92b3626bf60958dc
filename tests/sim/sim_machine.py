"""A simulator process and the ends of its line, as tests use them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "kernel_c" / "core"
POSIX = ROOT / "kernel_c" / "port" / "posix"
TIMEOUT = 100.0  # of what takes moments: a computer may have much else to do


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Looks again and again until the condition holds."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {TIMEOUT} s: {what}")
        time.sleep(0.005)


class Line:
    """A client's end: any pair of descriptors."""

    def __init__(self, reading: int, writing: int, close: Callable[[], None]) -> None:
        self.reading, self.writing, self.close = reading, writing, close
        self.rest = b""

    @classmethod
    def of_socket(cls, peer: socket.socket) -> Line:
        """A connected socket."""
        return cls(peer.fileno(), peer.fileno(), peer.close)

    @classmethod
    def of_terminal(cls, path: str) -> Line:
        """An opened pseudo-terminal, used as it was set up by its maker."""
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        return cls(descriptor, descriptor, lambda: os.close(descriptor))

    def send(self, data: bytes) -> None:
        """All of it."""
        while data:
            data = data[os.write(self.writing, data) :]

    def until(self, end_mark: bytes) -> bytes:
        """Everything up to a mark, without it."""
        end = time.monotonic() + TIMEOUT
        while end_mark not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.reading], [], [], left)[0]:
                raise AssertionError(f"no {end_mark!r} within {TIMEOUT} s after {self.rest[-300:]!r}")
            piece = os.read(self.reading, 65536)
            if not piece:
                raise AssertionError(f"the line ended after {self.rest[-300:]!r}")
            self.rest += piece
        found, _, self.rest = self.rest.partition(end_mark)
        return found

    def greet(self, word: str) -> None:
        """Waits until the kernel answers us, after whatever it had to say before."""
        self.send(f"echo {word}\n".encode())
        self.until(f"{word}\n".encode())

    def ask(self, order: str) -> str:
        """One order, one answer."""
        self.send(order.encode() + b"\n")
        return self.until(b"\n").decode()


class Machine:
    """One simulator process. stderr goes to a file, so that nothing waits for its reader."""

    def __init__(
        self, command: list[str], folder: Path, stdin: int = subprocess.PIPE, stdout: int = subprocess.PIPE
    ) -> None:
        self.errors = folder / f"stderr-{time.monotonic_ns()}"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=errors)

    def stdio(self) -> Line:
        """Its standard input and output."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return Line(self.process.stdout.fileno(), self.process.stdin.fileno(), self.process.stdin.close)

    def said(self) -> str:
        """What it has written to stderr."""
        return self.errors.read_text()

    def end(self) -> int:
        """Its exit status, when it has ended by itself."""
        return self.process.wait(TIMEOUT)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The process is stopped meanwhile: what is done then has been done when it looks again."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it for certain."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def counters(self) -> dict[str, int]:
        """The last line of --uart-stats."""
        lines = [line for line in self.said().splitlines() if "uart received=" in line]
        assert lines, self.said()
        return {name: int(value) for name, value in (word.split("=") for word in lines[-1].split()[2:])}


def connect_unix(path: Path) -> Line:
    """A client of a unix socket that may not be there yet."""
    wait_until(path.exists, f"{path} appears")
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(TIMEOUT)
    wait_until(lambda: peer.connect_ex(str(path)) == 0, f"{path} accepts")
    peer.setblocking(True)
    return Line.of_socket(peer)


Boot = Callable[..., Machine]
