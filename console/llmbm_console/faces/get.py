"""`llmbm-console get`: a file of the kernel's volume, or the dump of its memory, over the line."""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path, PurePosixPath

from llmbm_console.core.errors import NotReached, SessionError, WrongUsage
from llmbm_console.core.link.requests import RequestError
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.session import Session
from llmbm_console.faces.ending import status_of
from llmbm_console.faces.listening import Problems, listening, reached, tell_waiting

MEMORY_DUMP = "mem:dump"


def output_path(name: str) -> Path:
    """Where a file goes when nobody says: its own name, in this folder."""
    last = "llmk-dump.txt" if name == MEMORY_DUMP else PurePosixPath(name).name
    if last in ("", ".", ".."):
        raise WrongUsage(f"{name!r} is no name of a file")
    return Path(last)


def write_whole(path: Path, data: bytes) -> None:
    """Beside it first and then in its place, which may be behind a link: a reader never sees half of it, and nothing is
    left of what failed. What is no file (a pipe, /dev/null) is written as it is. Raises OSError."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    place = path.resolve()
    part = place.with_name(f".{place.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


class Meter:
    """Progress on a terminal's stderr, at most ten times a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = 0.0
        self._open = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._shown > 0.1 or done == total):
            self._shown, self._open = now, True
            print(f"\r{self._name}: {done} of {total} bytes", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Ends the line that was drawn over and over."""
        if self._open:
            print(file=sys.stderr)


async def _download(session: LiveSession, name: str, timeout: float) -> bytes:
    """Waits for a kernel that computes; it takes the copy between two pieces of work."""
    meter, end = Meter(name), time.monotonic() + timeout
    try:
        while True:
            try:
                return await session.download(name, meter)
            except RequestError as error:
                if error.code != "busy" or time.monotonic() > end:
                    raise SessionError(str(error)) from error
            await session.wait_idle(max(0.0, end - time.monotonic()))
    finally:
        meter.end()


def _put(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise SessionError(f"{path}: cannot be written, nothing was left of it: {error.strerror or error}") from error


async def get(session: Session, name: str, output: str | None, timeout: float) -> int:
    """Fetches one file to `output` ("-" is the standard output). Returns the exit status."""
    if not isinstance(session, LiveSession):
        print(f"error: {session.state.target}: files come from a running kernel, not from a file", file=sys.stderr)
        return 1
    problems = Problems()
    try:
        path = None if output == "-" else Path(output) if output is not None else output_path(name)
        if output is None and path is not None and path.exists():
            raise SessionError(f"{path} is here already: name another place with -o, or the same to replace it")
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            what = f"{path} is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise SessionError(f"{what}: -o takes the name of the file itself")
        with listening(session, problems, tell_waiting):
            await session.open()
            if not await reached(session, timeout):
                raise NotReached(f"{session.state.target}: the machine is paused: resume it, and ask again")
            data = await _download(session, name, timeout)
        if path is None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            _put(path, data)
            print(f"{path}: {len(data)} bytes, complete", file=sys.stderr)
    except SessionError as error:
        problems.tell_end(error)
        return status_of(error)
    finally:
        await session.close()
    return 0
