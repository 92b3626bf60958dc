"""The console as a program on a terminal of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

_behind: dict[int, bytes] = {}  # what was read of each terminal behind what was waited for


def start(
    folder: Path,
    *arguments: str,
    program: Sequence[str] = ("-m", "llmbm_console", "--sim"),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, int]:
    """The console on a terminal of its own, as leader of its process group."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", HOME=str(folder), XDG_STATE_HOME=str(folder))
        os.environ.update(environment)
        os.execv(sys.executable, [sys.executable, *program, *arguments])
    _behind.pop(terminal, None)  # of one that had the same number
    return pid, terminal


def wait_for(terminal: int, wanted: bytes, timeout: float = 120) -> bytes:
    """What the terminal was sent up to `wanted`; what it got with that is for the next one who waits."""
    seen, end = _behind.pop(terminal, b""), time.monotonic() + timeout
    while wanted not in seen:
        assert time.monotonic() < end, f"{wanted!r} did not come within {timeout} s; the terminal got {seen[-500:]!r}"
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536)
    before, found, _behind[terminal] = seen.partition(wanted)
    return before + found


def exit_status(pid: int, timeout: float = 120, terminal: int | None = None) -> int | None:
    """How the process ended, as os.waitpid tells it, while what it draws on its `terminal` is read; None when it had to
    be killed, so that nothing is left behind."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found == pid:
            return status
        if terminal is None:
            time.sleep(0.02)
        elif select.select([terminal], [], [], 0.02)[0]:
            with contextlib.suppress(OSError):
                os.read(terminal, 65536)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def ended(pid: int, timeout: float = 120) -> bool:
    """True when the process is gone by itself."""
    return exit_status(pid, timeout) is not None


@contextlib.contextmanager
def console(
    folder: Path,
    *arguments: str,
    program: Sequence[str] = ("-m", "llmbm_console", "--sim"),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[int, int]]:
    """A console and its terminal; it has ended by itself behind the block."""
    pid, terminal = start(folder, *arguments, program=program, environment=environment)
    try:
        yield pid, terminal
    finally:
        gone = ended(pid)
        os.close(terminal)
    assert gone
