"""A session over a file: the same events and the same state as a live one, and no verb that could change anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from llmbm_console.core.dump import PostMortem, read_post_mortem
from llmbm_console.core.events import Event, FileOpened, LinkChanged, LinkPhase, Notice, RecordReceived
from llmbm_console.core.recorder import Recorder
from llmbm_console.core.session import Listener, MachineControl, Outcome, Playback, SessionError
from llmbm_console.core.state import State
from llmbm_console.core.store import reduce
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import Record, Stream


class PostMortemSession:
    """See core/session.py: Session."""

    def __init__(self, path: Path, found: PostMortem, older: Path | None = None) -> None:
        self.path = path
        self.found = found
        self.older = older  # another file, to compare it with
        self._state = State(target=path.name)
        self._listeners: list[Listener] = []

    @property
    def state(self) -> State:
        """The state after the whole file."""
        return self._state

    @property
    def machine(self) -> MachineControl | None:
        """A file has no machine."""
        return None

    @property
    def playback(self) -> Playback | None:
        """A file of one moment has none."""
        return None

    @property
    def recorder(self) -> Recorder | None:
        """Nothing happens that could be recorded."""
        return None

    @property
    def read_only(self) -> bool:
        """Always."""
        return True

    def listen(self, listener: Listener) -> Callable[[], None]:
        """See Session.listen."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _emit(self, event: Event) -> None:
        self._state = reduce(self._state, event)
        for listener in tuple(self._listeners):
            listener(self._state, event)

    async def open(self) -> None:
        """Plays the file's records into the state: oldest log entry first, as they happened."""
        found, now = self.found, time.monotonic()
        events = [entry.record for entry in found.events][::-1]
        numbered = [record.model_copy(update={"number": index}) for index, record in enumerate(events)]
        for record in [r for r in found.records if not isinstance(r, LogRecord)] + numbered:
            self._emit(RecordReceived(now, record))
        for problem in found.problems:
            self._emit(Notice(now, "info" if found.complete else "warn", f"{found.name}: {problem}"))
        self._emit(FileOpened(now, str(self.path), found.kind, found.verdict, found.complete))
        self._emit(LinkChanged(now, LinkPhase.POST_MORTEM, f"{found.kind} of {found.origin}"))

    async def wait_ready(self, timeout: float) -> None:
        """A file is always ready."""

    async def close(self) -> None:
        """Nothing to close."""

    def _refuse(self) -> SessionError:
        return SessionError(f"{self.path.name} is a post-mortem file: nothing can be sent to it")

    async def submit(self, line: str) -> Outcome:
        """Refused: see Session.read_only."""
        raise self._refuse()

    async def set_parameter(self, name: str, value: str) -> Outcome:
        """Refused."""
        raise self._refuse()

    async def stop(self) -> None:
        """Refused."""
        raise self._refuse()

    async def send_break(self, seconds: float) -> None:
        """Refused."""
        raise self._refuse()

    async def fetch(self, stream: Stream) -> tuple[Record, ...]:
        """The records of one stream that the file holds."""
        return tuple(record for record in self.found.records if getattr(record, "stream", None) is stream)


def open_dump(path: Path, older: Path | None = None) -> PostMortemSession:
    """A session over a file. Raises DumpError at once when it, or the one to compare it with, is none."""
    if older is not None:
        read_post_mortem(older)
    return PostMortemSession(path, read_post_mortem(path), older)
