"""What is known now: one immutable value, made from events by store.reduce and drawn by every face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from llmbm_console.core.state.events import LinkPhase, MachineStatus, Severity
from llmbm_protocol.words import Arena, LogCode, Phase, Stream

if TYPE_CHECKING:
    from llmbm_protocol.schema import (
        Bench,
        Choice,
        Counters,
        Cpu,
        Credit,
        Finished,
        Hello,
        KvCache,
        Load,
        Model,
        Perf,
        SamplingState,
        Sentinel,
        TokenizerState,
        Version,
        Zone,
        Zones,
    )
    from llmbm_protocol.schema import Event as LogRecord


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """One token of an answer: where its text lies in Turn.text, and what it cost."""

    index: int
    token: int
    start: int  # first character in Turn.text
    end: int
    cycles: int
    time_ms: int  # kernel clock
    at: float  # host clock
    choice: Choice | None = None  # how it was chosen, where that was asked for and arrived
    sampling: SamplingState | None = None  # the rules then in force, as far as they were known


class SamplingChange(NamedTuple):
    """Other sampling values in the midst of an answer."""

    token: int  # about the first one that they were in force for, counted from 1
    settings: SamplingState


class Slide(NamedTuple):
    """The context became full in the midst of an answer, and the kernel made room. Behind it are the tokens that were
    made later; of those made in the same millisecond, the ones that were not here when it was told."""

    time_ms: int  # kernel clock
    next_index: int  # of the first token that was not here
    seam: Seam  # what is said of it


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt and its answer. While it runs there is none of `finished`, `cut` and `told`."""

    number: int  # the kernel's generation number
    prompt: str
    started_at: float
    text: str = ""  # sanitised answer so far
    tokens: Sequence[TokenInfo] = ()
    slowest: int = 0  # cycles of the token that took most
    budget: int = 0  # cycles that it might take then, 0 where that was not known
    choices: int = 0  # tokens of which it is known how they were chosen
    settings: SamplingState | None = None  # in force when it began, as far as they were known
    changes: tuple[SamplingChange, ...] = ()  # of the settings while it ran, the first ones and the last
    slides: tuple[Slide, ...] = ()  # the newest MAX_SLIDES
    resumed: int = 0  # tokens of it in the saved state of the machine that was loaded, 0 for none
    model: Model | None = None  # loaded then, as far as that was known
    finished: Finished | None = None
    before: int = 0  # tokens that came before a clip began, and are not in it
    lost_tokens: int = 0
    #: why it ended without a Finished (the machine restarted), empty otherwise
    cut: str = ""
    #: what a log of a terminal says of its end, empty for one that came in tokens
    told: str = ""
    pending: bytes = b""  # the beginning of a UTF-8 character whose end comes with the next token
    next_part: int = 0  # part of a long token that is awaited, 0 between tokens


@dataclass(frozen=True, slots=True)
class Command:
    """A REPL command and what it printed."""

    line: str
    ok: bool
    output: str
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class Text:
    """Human text from the line that belongs to no turn (firmware, boot); grows while nothing else comes between."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Seam:
    """A mark between items: a gap, a reboot, a reconnect."""

    text: str
    at: float
    severity: Severity = "warn"


TranscriptItem = Turn | Command | Text | Seam


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the event list: kernel events, link and machine changes, notices, together on the host's clock."""

    at: float
    source: str  # "kernel", "link", "machine", "console"
    severity: Severity
    code: str
    text: str
    record: LogRecord | None = None

    @property
    def noted(self) -> bool:
        """A pass over its budget that stopped nothing: as strict budgets are off."""
        return self.severity == "warn" and self.record is not None and self.record.code is LogCode.BUDGET

    @property
    def to_look_at(self) -> bool:
        """A warning or an error that somebody should know of: one token that took longer is none."""
        return self.severity != "info" and not self.noted


@dataclass(frozen=True, slots=True)
class LinkState:
    """The connection and its health."""

    phase: LinkPhase = LinkPhase.CLOSED
    detail: str = ""
    since: float = 0.0
    received_bytes: int = 0
    sent_bytes: int = 0
    rejected_lines: int = 0
    lost_frames: int = 0
    retries: int = 0
    round_trip_ms: float | None = None
    counters: Counters | None = None  # the kernel's end
    #: host seconds = kernel milliseconds / 1000 + clock_offset, give or take clock_error; None before the first ping
    clock_offset: float | None = None
    clock_error: float = 0.0

    @property
    def failed(self) -> str:
        """Why the line was closed, where nobody asked for that and it is not tried again by itself; else empty."""
        return self.detail if self.phase is LinkPhase.CLOSED else ""


@dataclass(frozen=True, slots=True)
class MachineState:
    """The machine behind the line. `controllable` is true with QMP; `ours` when this console started it, and can start
    it again."""

    status: MachineStatus = MachineStatus.UNKNOWN
    detail: str = ""
    since: float = 0.0
    controllable: bool = False
    ours: bool = False


@dataclass(frozen=True, slots=True)
class PendingValue:
    """A parameter change on its way."""

    value: str
    at: float


@dataclass(frozen=True, slots=True)
class State:
    """Everything a face draws. Records are None until they were received; `stamps` says when, on the host's clock."""

    target: str = ""
    now: float = 0.0  # `at` of the last event
    link: LinkState = LinkState()
    machine: MachineState = MachineState()
    phase: Phase = Phase.IDLE
    hello: Hello | None = None
    version: Version | None = None
    cpu: Cpu | None = None
    model: Model | None = None
    tokenizer: TokenizerState | None = None
    sampling: SamplingState | None = None
    pending: Mapping[str, PendingValue] = field(default_factory=lambda: MappingProxyType({}))
    zones: Zones | None = None
    arenas: Mapping[Arena, Zone] = field(default_factory=lambda: MappingProxyType({}))
    sentinel: Sentinel | None = None
    kv: KvCache | None = None
    perf: Perf | None = None
    load: Load | None = None
    bench: Bench | None = None  # the last one
    credit: Credit | None = None
    #: texts of tokens by their ids, clean; at most MAX_WORDS, the oldest go first
    words: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    stamps: Mapping[Stream, float] = field(default_factory=lambda: MappingProxyType({}))
    #: cycles of the last decode passes, newest last, at most 256: the sentinel's strip
    decode_cycles: Sequence[int] = ()
    items: Sequence[TranscriptItem] = ()  # ended ones, at most MAX_ITEMS and MAX_ROOM
    items_room: int = 0  # octets of all of them but the last one, which may grow
    dropped_items: int = 0
    dropped_room: int = 0  # octets of what left the transcript: those items, and how their tokens were chosen
    turn: Turn | None = None  # the running one
    #: what came while it runs: it follows the turn, because only the turn can have caused it; at most MAX_BEHIND
    behind: tuple[TranscriptItem, ...] = ()
    log: Sequence[LogLine] = ()  # at most MAX_LOG
    dropped_log: int = 0
    #: post-mortem: path, kind, the one-sentence meaning, and what became of the context's rows
    file_path: str = ""
    file_kind: str = ""
    verdict: str = ""
    file_context: str = ""
    saved: tuple[str, ...] = ()  # copies of the kernel's files, the newest MAX_SAVED
    zone_b: int | None = None  # bytes of the kernel's whole memory, where a file tells them
    boots: int = 0  # hellos with a new boot id
    boot_at: float = 0.0  # when this boot began, as far as it is known: turns before it are not in its context
    restarting: bool = False  # the machine told that it begins anew, and no kernel was heard since
    #: what was known when a state of the machine was saved, by its number, without transcript and log
    saves: Mapping[int, State] = field(default_factory=lambda: MappingProxyType({}))
    saves_lost: int = 0  # states that were saved, and went with the machine: none was saved since
    loaded: int = 0  # number of the saved state that the machine goes on from, until its kernel is heard


MAX_ITEMS = 2000
MAX_SAVED = 100
MAX_SAVES = 3  # states of the machine: each takes as much room as the machine's memory in use
MAX_SLIDES = 100  # of one answer; of a context of four rows it has more
MAX_BEHIND = 100  # beyond, the oldest go before the running turn
MAX_ROOM = 24 << 20  # octets of all items together; beyond, the oldest items go
MAX_LOG = 10_000
MAX_WORDS = 40_000
MAX_CHOICES = 6000  # of all turns together, a kilobyte each; beyond, those of the oldest turns go


def turn_of_boot(state: State) -> Turn | None:
    """The newest turn of the kernel that runs now; None when it had none yet."""
    turn = newest_turn(state)
    return turn if turn is not None and turn.started_at >= state.boot_at else None


def newest_turn(state: State) -> Turn | None:
    """The running turn, else the last one that ended."""
    if state.turn is not None:
        return state.turn
    return next((item for item in reversed(state.items) if isinstance(item, Turn)), None)


_NAMES = tuple(entry.name for entry in fields(State))
_PLACES = {name: place for place, name in enumerate(_NAMES)}
_values = attrgetter(*_NAMES)


def changed(state: State, **changes: Any) -> State:
    """dataclasses.replace for a state in half of its time: it is done for every token."""
    values = list(_values(state))
    for name, value in changes.items():
        values[_PLACES[name]] = value
    return State(*values)
