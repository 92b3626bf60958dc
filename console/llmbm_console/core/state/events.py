"""Every fact that can happen, as frozen values on one timeline.

An event has up to two clocks: `at`, the host's monotonic seconds when it was noticed, and, inside kernel records,
`time`, the kernel's milliseconds since boot. Text in an event is already sanitised (core/sanitise.py); raw bytes stay
in records and captures.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from llmbm_protocol.schema import Record


class LinkPhase(StrEnum):
    """Where the connection stands."""

    CLOSED = "closed"  # nothing open
    OPENING = "opening"  # the transport is being opened, or opened again after a loss
    WAITING = "waiting"  # bytes may come, no hello was answered yet (firmware, loading)
    MACHINE = "machine"  # LLP/1 session established
    PLAIN = "plain"  # no hello was answered: a plain terminal
    SLOW = "slow"  # session, but no heartbeat for 1 s
    SILENT = "silent"  # session, but no heartbeat for 5 s
    POST_MORTEM = "post_mortem"  # a file, not a line


class MachineStatus(StrEnum):
    """What is known of the machine behind the line."""

    UNKNOWN = "unknown"  # a serial cable tells nothing
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    RESETTING = "resetting"
    LOADING = "loading"  # an earlier state, saved or from another QEMU
    STOPPED = "stopped"  # ended or powered off
    CRASHED = "crashed"
    ABSENT = "not there"  # none was found, or none could be started

    @property
    def over(self) -> bool:
        """Nothing runs on it any more."""
        return self in (MachineStatus.STOPPED, MachineStatus.CRASHED, MachineStatus.ABSENT)


Severity = Literal["info", "warn", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """Base: `at` is time.monotonic() seconds."""

    at: float


def fields_of(event: Event) -> dict[str, Any]:
    """Everything but its time, for JSON: an enumeration as its value."""
    values = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "at"}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class RecordReceived(Event):
    """A valid frame from the kernel, or a record read from a dump file."""

    record: Record


@dataclass(frozen=True, slots=True)
class ConsoleText(Event):
    """Human text from the line (firmware, boot messages, a plain kernel): sanitised, in pieces as it came."""

    text: str


@dataclass(frozen=True, slots=True)
class LinkChanged(Event):
    """The connection changed its phase; `detail` says why in words a person can act on."""

    phase: LinkPhase
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LineStatistics(Event):
    """Totals of the host's end of the line since it was opened, and the last round trip."""

    received_bytes: int
    sent_bytes: int
    rejected_lines: int
    lost_frames: int
    retries: int
    round_trip_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ClockEstimated(Event):
    """How the two clocks lie: host seconds = kernel milliseconds / 1000 + `offset`, give or take `error`."""

    offset: float
    error: float


@dataclass(frozen=True, slots=True)
class MachineChanged(Event):
    """QMP, or the end of a child process, told something about the machine. `asked`: whoever uses this console ended
    it. `saved`: number of the saved state that is loaded, 0 for none."""

    status: MachineStatus
    detail: str = ""
    asked: bool = False
    saved: int = 0


@dataclass(frozen=True, slots=True)
class StateSaved(Event):
    """The state of the whole machine was kept under this number: what is known of it now is so again when it is
    loaded."""

    number: int


@dataclass(frozen=True, slots=True)
class QmpEvent(Event):
    """An event of QEMU, by its QMP name, with its data as short text."""

    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Gap(Event):
    """Nothing came for `seconds`, or frames were lost for good: what is shown before and after does not join."""

    seconds: float
    reason: str


#: What a notice about a prompt without an answer begins with.
PROMPT_REFUSED, PROMPT_UNANSWERED = "the prompt was refused: ", "the prompt had no answer: "

#: What stands behind the name of a file of the kernel that is nowhere but on its boot volume.
NOT_COPIED = " could not be copied from the boot volume: "


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something the console itself has to say."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class PromptSent(Event):
    """A prompt was given to the kernel; `generation` is the kernel's number for it. `resumed`: tokens of its answer
    that a saved state has, which was loaded and goes on; 0 where the answer begins."""

    text: str
    generation: int
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class TurnJoined(Event):
    """A clip begins in the midst of an answer: its prompt and so many of its tokens were before that."""

    generation: int
    tokens: int


@dataclass(frozen=True, slots=True)
class TurnRead(Event):
    """A prompt and its answer as a log of a terminal has them: nothing is known of the tokens."""

    number: int  # in the log, 1 is the first
    prompt: str
    text: str
    told: str  # what the log says of its end
    whole: bool  # False: it was cut, and `told` says why


@dataclass(frozen=True, slots=True)
class CommandDone(Event):
    """A REPL command ran: what it printed (sanitised), or why it was refused."""

    line: str
    ok: bool
    output: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class ParameterRequested(Event):
    """A new value was asked for and is not yet accepted."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ParameterAccepted(Event):
    """The kernel took the value and spells it like this."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ParameterRefused(Event):
    """The kernel refused a value; the accepted ones are in the message."""

    name: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class FileSaved(Event):
    """A file that the kernel wrote was copied to this computer."""

    name: str  # as the kernel calls it
    path: str
    instead: str = ""  # why it is not where such files are kept, and what to do


@dataclass(frozen=True, slots=True)
class FileOpened(Event):
    """A post-mortem file was read: what it is and, in one sentence, what it means."""

    path: str
    kind: str
    verdict: str
    complete: bool
    context: str = ""  # of the rows of the context, where the last value is not all
    zone_b: int | None = None  # bytes of the kernel's whole memory, where they are told
