"""Keeps what happens on a line: the newest in memory, so that one can decide afterwards to save it, and on request in a
file, from the first kept moment on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from llmbm_console.core.errors import SessionError
from llmbm_console.core.link.streams import Way
from llmbm_console.core.recording.capture import STEP, TOLD_BY_OCTETS, VERSION, Entry, Header, capture_lines, entry_line
from llmbm_console.core.recording.clip import clip
from llmbm_console.core.state import events as ev

HEAD_BYTES = 256 << 10  # the beginning stays: the hello and the first samples say what everything after it means
TAIL_BYTES = 16 << 20  # of memory, what Python itself needs for each entry included
ENTRY_BYTES = 200
SYNC_EVERY = 1.0  # s: so much is lost at most when the computer loses power


class Recorder:
    """One session's flight recorder. Times are the host's monotonic seconds."""

    def __init__(self, target: str, failed: Callable[[str], None] = lambda why: None) -> None:
        self.target = target
        self._failed = failed
        self.clock = time.monotonic()
        self.wall = time.time()
        self.path: Path | None = None
        self.began: float | None = None  # the recording into the file did, in monotonic seconds
        self.paths: list[Path] = []  # of all files of this session
        self.failure = ""  # why the recording into a file ended
        self._head: list[Entry] = []
        self._head_bytes = 0
        self._tail: deque[Entry] = deque()
        self._tail_bytes = 0
        self._file: IO[str] | None = None
        self._synced = 0.0
        self._left: Path | None = None  # a file that was being written when the session was closed

    # ---- what happens

    def note(self, way: Way, at: float, data: bytes | str) -> None:
        """Octets received or sent, or what the link did by itself."""
        if isinstance(data, bytes):
            # A read begins with a block of its largest size and cuts it to what came. Kept for minutes, such remains
            # lie all over the heap, and no block of that size fits between them: it grew by several times what is kept.
            data = bytes(memoryview(data))
        self._add(Entry(self._since(at), way, data))

    def event(self, event: ev.Event, after: int | None = None) -> None:
        """An event of the session; those that the octets tell are left out. `after`: see Entry."""
        if not isinstance(event, TOLD_BY_OCTETS):
            self._add(Entry(self._since(event.at), "e", event, after))

    def mark(self, at: float, text: str) -> None:
        """A person set a mark."""
        self._add(Entry(self._since(at), "m", text))

    def _since(self, at: float) -> float:
        return max(0.0, at - self.clock)

    def _add(self, entry: Entry) -> None:
        size = _size(entry)
        if self._head_bytes + size <= HEAD_BYTES and not self._tail:
            self._head.append(entry)
            self._head_bytes += size
        else:
            self._tail.append(entry)
            self._tail_bytes += size
            while self._tail_bytes > TAIL_BYTES:
                self._tail_bytes -= _size(self._tail.popleft())
        if self._file is not None:
            self._write(self._file, entry)

    # ---- the file

    @property
    def header(self) -> Header:
        """The first line of a file."""
        return Header(llcap=VERSION, target=self.target, wall=self.wall, clock=self.clock)

    @property
    def kept(self) -> tuple[Entry, ...]:
        """All that is kept in memory, the oldest first."""
        return (*self._head, *self._tail)

    def start(self, path: Path) -> None:
        """Writes what is kept, and all that follows, into a new file. Raises SessionError: it is never written over."""
        file = _create(path)
        self.path, self.failure, self.began = path, "", time.monotonic()
        self.paths.append(path)
        try:
            file.writelines(capture_lines(self.header, self.kept))
            file.flush()
        except OSError as error:
            self._fail(file, error)
            return
        self._file = file

    def _write(self, file: IO[str], entry: Entry) -> None:
        try:
            file.write(entry_line(entry))
            file.flush()
            now = time.monotonic()
            if now - self._synced >= SYNC_EVERY:
                self._synced = now
                # A disk may take its time; the line must not wait for it.
                asyncio.get_running_loop().run_in_executor(None, _sync, os.dup(file.fileno()))
        except OSError as error:
            self._fail(file, error)

    def _fail(self, file: IO[str], error: OSError) -> None:
        """A full disk ends the recording, never the session."""
        self.failure = f"{self.path}: the recording ended: {error.strerror or error}"
        self._file = None
        with contextlib.suppress(OSError):
            file.close()
        self._failed(self.failure)

    @property
    def writing(self) -> bool:
        """True while everything goes into a file."""
        return self._file is not None

    def close(self) -> None:
        """The session ends. A file that is being written ends with it, unless another one goes on."""
        self._left = self.path if self.writing else None
        self.stop()

    def go_on(self, failed: Callable[[str], None]) -> None:
        """Another session follows on the same target: what happens in it is recorded behind what was."""
        self._failed = failed
        path, self._left = self._left, None
        if path is not None:
            try:
                self._file = path.open("a", encoding="utf-8", newline="\n")
            except OSError as error:
                self.failure = f"{path}: the recording ended: {error.strerror or error}"
                failed(self.failure)

    def stop(self) -> None:
        """Ends the file. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            try:
                os.fsync(file.fileno())
                file.close()
            except OSError as error:
                self.failure = f"{self.path}: the recording ended: {error.strerror or error}"

    async def save_clip(self, path: Path, first: float, last: float) -> None:
        """What was from one moment to another, as a recording of its own that tells nothing else: see clip.py. Raises
        SessionError."""
        first, last = self._since(first), self._since(last)
        header = self.header.model_copy(update={"view": (round(first, STEP), round(last, STEP))})
        kept = self.kept
        # All that is kept has to be read, which takes seconds for a long session: the line must not wait for it.
        await asyncio.to_thread(lambda: _save(path, header, clip(kept, first, last)))


def _save(path: Path, header: Header, entries: Iterable[Entry]) -> None:
    with _create(path) as file:
        try:
            file.writelines(capture_lines(header, entries))
            file.flush()
        except OSError as error:
            raise SessionError(f"{path}: cannot be written: {error.strerror or error}") from error


def _create(path: Path) -> IO[str]:
    """A new file. Raises SessionError when there is one, or none can be made."""
    try:
        return path.open("x", encoding="utf-8", newline="\n")
    except FileExistsError:
        raise SessionError(f"{path}: there is such a file already; a recording needs a new name") from None
    except OSError as error:
        raise SessionError(f"{path}: cannot be written: {error.strerror or error}") from error


def _size(entry: Entry) -> int:
    """About the memory that an entry takes."""
    return ENTRY_BYTES + (len(entry.data) if isinstance(entry.data, bytes) else ENTRY_BYTES)


def _sync(descriptor: int) -> None:
    """Until what was written is on the disk. A failure shows at the next write."""
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)
