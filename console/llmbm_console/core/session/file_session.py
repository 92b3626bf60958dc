"""What every session over a file has in common: the events and the state of a live one, and nobody to talk to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.control import MachineControl, MachineSight
from llmbm_console.core.machine.states import SavedState
from llmbm_console.core.recording.recorder import Recorder
from llmbm_console.core.session.session import Listener, Outcome, Playback, Session
from llmbm_console.core.state.events import Event, Severity
from llmbm_console.core.state.state import State
from llmbm_console.core.state.store import reduce
from llmbm_protocol.schema import Record, Stream


class FileSession:
    """See core/session/session.py: Session. `kind` is what the file is, for those who try to send something."""

    kind = "a file"

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self._state = State(target=target)
        self._listeners: list[Listener] = []

    @property
    def state(self) -> State:
        """The state after all that was read so far."""
        return self._state

    @property
    def machine(self) -> MachineControl | None:
        """A file has no machine."""
        return None

    @property
    def sight(self) -> MachineSight | None:
        """Nor anything to be seen of one."""
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

    @property
    def choices(self) -> int:
        """Nothing is asked for."""
        return 0

    def follow(self, before: Session) -> bool:
        """A file is read again from its beginning."""
        return False

    def note(self, severity: Severity, text: str) -> None:
        """The file's log is its own."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """See Session.listen."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _emit(self, event: Event) -> None:
        self._state = reduce(self._state, event)
        for listener in tuple(self._listeners):
            listener(self._state, event)

    async def open(self) -> None:
        """Begins to read."""

    async def wait_ready(self, timeout: float, opening: float = 0.0) -> None:
        """Until all was read."""

    async def close(self) -> None:
        """Nothing to close."""

    def _refuse(self) -> SessionError:
        return SessionError(f"{self.path.name} is {self.kind}: nothing can be sent to it")

    async def submit(self, line: str) -> Outcome:
        """Refused: see Session.read_only."""
        raise self._refuse()

    async def set_parameter(self, name: str, value: str) -> Outcome:
        """Refused."""
        raise self._refuse()

    async def want_choices(self, most: int) -> Outcome:
        """Refused: what was not recorded cannot be told."""
        raise self._refuse()

    @property
    def states(self) -> tuple[SavedState, ...]:
        """None."""
        return ()

    async def save_state(self) -> SavedState:
        """Refused."""
        raise self._refuse()

    async def load_state(self, number: int) -> SavedState:
        """Refused."""
        raise self._refuse()

    async def stop(self) -> None:
        """Refused."""
        raise self._refuse()

    async def send_break(self, seconds: float) -> None:
        """Refused."""
        raise self._refuse()

    async def set_line(self, name: str, value: int) -> None:
        """Refused."""
        raise self._refuse()

    async def copied(self) -> None:
        """Nothing is written."""

    async def fetch(self, stream: Stream) -> tuple[Record, ...]:
        """Refused."""
        raise self._refuse()
