"""A session: one target, opened, kept alive and closed; its state, and the verbs every face uses."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:  # `--help` must not wait for the schema to be loaded
    from collections.abc import Callable

    from llmbm_console.core.machine.control import MachineControl, MachineSight
    from llmbm_console.core.machine.states import SavedState
    from llmbm_console.core.recording.recorder import Recorder
    from llmbm_console.core.state.events import Event, Severity
    from llmbm_console.core.state.state import State, Turn
    from llmbm_protocol.schema import Record, Stream

Listener: TypeAlias = "Callable[[State, Event], None]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one submitted line: a turn for a prompt, the output for a command; `error` is empty on success."""

    line: str
    ok: bool
    output: str = ""
    error: str = ""
    error_code: str = ""
    turn: Turn | None = None


@dataclass(slots=True)
class Playback:
    """How a recording is to be shown, and the times in it. Moments are seconds of the recording's own clock."""

    speed: float = 1.0
    seek: float = 0.0  # s from the beginning: where to start
    begin: float = 0.0  # the first moment
    wall: float = 0.0  # add to a moment for seconds since 1970
    view: tuple[float, float] | None = None  # only these moments are meant to be seen
    marks: tuple[tuple[float, str], ...] = ()  # set by the person who recorded it
    complete: bool = False  # all of it was read
    behind_end: str = ""  # says so, when that is where it should begin: known when all of it was read

    @property
    def start(self) -> float:
        """The moment that was asked for to begin at."""
        return (self.view[0] if self.view is not None else self.begin) + self.seek


def wall_of(session: Session) -> float:
    """What makes a moment of the session a time of day: seconds to add to it."""
    return session.playback.wall if session.playback is not None else time.time() - time.monotonic()


class Session(Protocol):
    """What the faces need. targets.py makes one from the command line (live) or from a file (post-mortem)."""

    @property
    def state(self) -> State:
        """The state now."""

    @property
    def machine(self) -> MachineControl | None:
        """None on a plain serial line and for files."""

    @property
    def sight(self) -> MachineSight | None:
        """What can be seen of the machine; None where there is none to ask. Who only watches may look, too."""

    @property
    def playback(self) -> Playback | None:
        """Not None for a recording: everything happens at its recorded time, as fast as it can be read."""

    @property
    def recorder(self) -> Recorder | None:
        """What keeps everything that happens on a live line; None for files."""

    @property
    def read_only(self) -> bool:
        """True for files: every verb below raises SessionError."""

    @property
    def choices(self) -> int:
        """How many of the likeliest tokens are asked for with each token; 0 for none, and for files."""

    @property
    def states(self) -> tuple[SavedState, ...]:
        """The states of the machine that can be loaded, the oldest first; they go with the session."""

    async def save_state(self) -> SavedState:
        """Keeps the state of the whole machine; the oldest one may be forgotten for it. Raises SessionError."""

    async def load_state(self, number: int) -> SavedState:
        """Goes on from a saved state: what the machine did since is undone, and an answer that ran then goes on. Raises
        SessionError."""

    def follow(self, before: Session) -> bool:
        """Goes on with what another session on the same target has, which is closed: its transcript, log and recorder.
        False for a file, and for what is not of the same target. Called before `open`."""

    def note(self, severity: Severity, text: str) -> None:
        """Keeps what a face had to say in the log. A file stays what it is: nothing is added to it."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener(state, event)` in the event loop after each event; returns what undoes it."""

    async def open(self) -> None:
        """Starts the machine or the transport and returns at once; progress comes as events. Raises SessionError for
        what cannot work at all (missing file, unknown device)."""

    async def wait_ready(self, timeout: float, opening: float = 0.0) -> None:
        """Returns when requests can be answered. Raises NotReached with the reason and what to do when that is not so
        within `timeout` seconds, which begin when a line that is not ours is open, at most `opening` seconds later;
        or earlier when it cannot happen any more."""

    async def close(self) -> None:
        """Leaves machine mode, ends what was started. Idempotent."""

    async def submit(self, line: str) -> Outcome:
        """Runs one prompt or REPL command and waits for its end. A refusal by the kernel is an Outcome, not an
        exception."""

    async def set_parameter(self, name: str, value: str) -> Outcome:
        """Sets a parameter (names of llmbm_protocol.parameters); output is the accepted value."""

    async def want_choices(self, most: int) -> Outcome:
        """Asks the kernel to tell with each token how it was chosen, with at most `most` of the likeliest tokens, now
        and after each reconnect; 0 ends it. May be called before the session is open. Output is the number granted."""

    async def stop(self) -> None:
        """Stops the running generation, by request and by the emergency byte; that of a paused machine when it goes on,
        which is not waited for."""

    async def send_break(self, seconds: float) -> None:
        """Sends a break. Raises SessionError where the line has none."""

    async def set_line(self, name: str, value: int) -> None:
        """Speed ("baud", bits per second), "dtr" or "rts" (0 or 1) of a serial port. Raises SessionError where the line
        has none."""

    async def copied(self) -> None:
        """Returns when the files that the kernel wrote on a boot volume of ours are copied, which events tell."""

    async def fetch(self, stream: Stream) -> tuple[Record, ...]:
        """Asks for the records of one stream now."""
