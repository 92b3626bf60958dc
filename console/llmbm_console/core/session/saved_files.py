"""Files that the kernel wrote on a boot volume of ours, kept for the person: the volume itself goes with the session.

A launched machine boots from a private image or folder that is removed at the end. When the kernel's log says that it
wrote one of its files, the file is copied into the user's state folder, whole and under a name that no later one takes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

from llmbm_console.core.kept_files import saved_folder, spare_folder, why_spare
from llmbm_console.core.state.events import NOT_COPIED, Event, FileSaved, Notice
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import LogCode

#: Dumps and logs, and pictures under the names that /save_img takes.
WRITTEN = re.compile(r"wrote (llmk-[a-z]+\.txt|[A-Za-z0-9_-][A-Za-z0-9._-]{0,58}\.[Pp]{2}[Mm])(?=[,\s]|$)")
SAME_SECONDS = 2.0  # the command's answer and the log tell of one writing within this time
ReadFile = Callable[[str], bytes]


def written_file(text: str) -> str:
    """The file that the kernel says it wrote, by the name on its volume; empty when it says something else."""
    match = WRITTEN.match(text)
    return match[1] if match is not None else ""


def keep(folder: Path, name: str, content: bytes, now: float) -> Path:
    """Writes the copy as YYYYMMDD-HHMMSS-NAME, with a number where that is taken. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    for number in range(1000):
        path = folder / (f"{stamp}-{name}" if number == 0 else f"{stamp}-{number}-{name}")
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(17, "a thousand files of this second are there", str(folder))


def keep_somewhere(folder: Path, name: str, content: bytes, now: float) -> tuple[Path, str]:
    """As `keep`; where that cannot be, in the spare folder, and why it is there. Raises OSError when it is nowhere."""
    try:
        return keep(folder, name, content, now), ""
    except OSError as error:
        why = why_spare(folder, error)
    return keep(spare_folder(), name, content, now), why


class SavedFiles:
    """Watches the log of one session. `read` gives a file of the boot volume; it may raise OSError or ValueError."""

    def __init__(self, read: ReadFile, emit: Callable[[Event], None], folder: Path | None = None) -> None:
        self._read = read
        self._emit = emit
        self._folder = folder
        self._seen: set[tuple[int, int]] = set()  # boot and number: events may come twice
        self._when: dict[str, float] = {}  # when each file was last copied
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """The kernel goes back to an earlier moment, and counts its events from there again."""
        self._seen.clear()

    def note(self, record: LogRecord, boot: int) -> None:
        """Looks at one log event."""
        if record.code is LogCode.FILE and (boot, record.number) not in self._seen:
            self._seen.add((boot, record.number))
            self.note_text(record.message)

    def note_text(self, text: str) -> None:
        """Looks at a log message, or at what a command printed: whichever of the two comes first."""
        name, now = written_file(text), time.monotonic()
        if not name:
            return
        if name.endswith(".txt") and now - self._when.get(name, -SAME_SECONDS) < SAME_SECONDS:
            return  # told twice; of a picture the log tells nothing
        self._when[name] = now
        task = asyncio.get_running_loop().create_task(self._save(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _save(self, name: str) -> None:
        try:
            path, instead = await asyncio.to_thread(self._copy, name)
        except (OSError, ValueError, RuntimeError) as error:
            again = "the volume goes when the console ends; write it again when that is mended"
            self._emit(Notice(time.monotonic(), "error", f"{name}{NOT_COPIED}{error}; {again}"))
        else:
            self._emit(FileSaved(time.monotonic(), name, str(path), instead))

    def _copy(self, name: str) -> tuple[Path, str]:
        return keep_somewhere(self._folder or saved_folder(), name, self._read(name), time.time())

    async def finish(self, timeout: float = 5.0) -> None:
        """Waits for copies that are under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
