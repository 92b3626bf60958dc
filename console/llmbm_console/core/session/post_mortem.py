"""A session over a file: the same events and the same state as a live one, and no verb that could change anything."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from llmbm_console.core.postmortem.dump import read_post_mortem
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.known_fields import knowing, knows
from llmbm_console.core.postmortem.verdict import rows_of
from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.state.events import FileOpened, LinkChanged, LinkPhase, Notice, RecordReceived
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import Record, Stream

MOST_ERRORS = 1000  # lines of errors of one log in the event list, the newest


def in_order(record: LogRecord, place: int) -> LogRecord:
    """A log entry that can be sorted by its number, known or not."""
    if knows(record, "number"):
        return record
    return knowing(record.model_copy(update={"number": place}), record.model_fields_set)


class PostMortemSession(FileSession):
    """See core/session/session.py: Session."""

    kind = "a post-mortem file"

    def __init__(self, path: Path, found: PostMortem, older: Path | None = None) -> None:
        super().__init__(path, path.name)
        self.found = found
        self.older = older  # another file, to compare it with

    async def open(self) -> None:
        """Plays the file's records into the state: oldest log entry first, as they happened."""
        found, now = self.found, time.monotonic()
        events = [in_order(entry.record, index) for index, entry in enumerate(found.events[::-1])]
        for record in [r for r in found.records if not isinstance(r, LogRecord)] + events:
            self._emit(RecordReceived(now, record))
        if found.serial is not None:
            for event in found.serial.events:
                self._emit(replace(event, at=now))
            for error in found.serial.errors[-MOST_ERRORS:]:
                self._emit(Notice(now, "error", f"line {error.number:,}: {error.text}"))
        for problem in found.problems:
            self._emit(Notice(now, "info" if found.complete else "warn", f"{found.name}: {problem}"))
        context = rows_of(found) if found.serial is not None else ""
        self._emit(FileOpened(now, str(self.path), found.kind, found.verdict, found.complete, context, found.zone_b))
        self._emit(LinkChanged(now, LinkPhase.POST_MORTEM, f"a {found.kind} of {found.writer} is shown"))

    async def fetch(self, stream: Stream) -> tuple[Record, ...]:
        """The records of one stream that the file holds."""
        return tuple(record for record in self.found.records if getattr(record, "stream", None) is stream)


def open_dump(path: Path, older: Path | None = None) -> PostMortemSession:
    """A session over a file. Raises DumpError at once when it, or the one to compare it with, is none."""
    if older is not None:
        read_post_mortem(older)
    return PostMortemSession(path, read_post_mortem(path), older)
