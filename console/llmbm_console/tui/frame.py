"""What one picture is drawn from: the state, the time, and the few facts that belong to the interface itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from llmbm_console.core.actions.key_labels import key_labels, over_text
from llmbm_console.core.actions.table import ACTIONS
from llmbm_console.core.machine.states import SavedState
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import State
from llmbm_console.tui.glyphs import BLOCKS, Glyphs
from llmbm_protocol.words import Phase, Stream

if TYPE_CHECKING:
    from llmbm_protocol.schema import Sample

STALE_AFTER = 5.0  # seconds without a sample before a panel says so; the kernel's heartbeat is four a second

#: Phases with a session: what is shown is the kernel's word.
LINKED = frozenset({LinkPhase.MACHINE, LinkPhase.SLOW, LinkPhase.SILENT})

KEYS = key_labels(ACTIONS)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. Two equal frames draw the same screen."""

    state: State = field(default_factory=State)
    now: float = 0.0  # monotonic seconds
    wall: float = 0.0  # add to monotonic seconds for seconds since 1970
    glyphs: Glyphs = BLOCKS
    failure: str = ""  # why there is no session
    opening: bool = False
    held: bool = False
    held_events: int = 0
    behind: float | None = None  # seconds between this moment and the newest one; None: not looking back
    activity: tuple[int, ...] = ()  # while looking back: tokens along the recorded time
    place: float = 0.0  # while looking back: where in the recorded time this is, 0 to 1
    mark: str = ""  # while looking back: what was marked at this moment
    player: str = ""  # how a recording, or the past, is played
    playing: bool = False
    recorded: bool = False  # a recording is shown
    read_only: bool = False
    controllable: bool = False
    recording: float | None = None  # seconds since it began; None: none runs
    tint: str = ""  # what answers are tinted by, see tint.MODES
    choices: bool = False  # how tokens are chosen is asked for
    states: tuple[SavedState, ...] = ()  # of the machine, that can be loaded
    lacks: Mapping[str, str] = field(default_factory=dict)  # why it has not what an action would use
    aside: str = ""  # the live session that goes on while a file is shown
    in_prompt: bool = False  # the prompt has the focus: letters are written
    sent: str = ""  # the line that was sent and has no answer of the kernel yet
    sent_at: float = 0.0
    keys: Mapping[str, str] = field(default_factory=lambda: KEYS)  # of each action, as hints write them

    @property
    def post_mortem(self) -> bool:
        """A file is shown, not a line."""
        return self.state.link.phase is LinkPhase.POST_MORTEM

    @property
    def watcher(self) -> str:
        """What shows this, where nothing can be sent: the beginning of a sentence."""
        if self.post_mortem:
            return "A file"
        return "A recording" if self.recorded else "A session that only watches (--read-only)"

    @property
    def past(self) -> bool:
        """An earlier moment of a live session is shown: nothing can be changed in it."""
        return self.behind is not None and not self.recorded

    @property
    def not_now(self) -> str:
        """Why the machine cannot be acted on: another moment than now is shown; empty when it is now, or a file."""
        if self.past:
            return f"the past is shown: {self.press('time.live')} goes to now"
        return f"the view is held: {self.press('view.hold')} lets it go" if self.held and not self.recorded else ""

    def press(self, action: str) -> str:
        """What to press for an action from where the focus is: out of the prompt first, where its key would write."""
        key = self.keys[action]
        return f"{self.keys['view.leave']}, {key}" if self.in_prompt and not over_text(key) else key

    @property
    def live(self) -> bool:
        """A session with the kernel stands."""
        return self.state.link.phase in LINKED

    @property
    def seen(self) -> bool:
        """The machine's screen and registers can be looked at, as far as it has them."""
        return self.state.machine.controllable and not (self.recorded or self.post_mortem)

    @property
    def silence(self) -> float:
        """Seconds since the kernel was heard; 0 while it is heard as often as it should be."""
        link = self.state.link
        if link.phase not in (LinkPhase.SLOW, LinkPhase.SILENT):
            return 0.0
        heard_at = max(self.state.stamps.values(), default=link.since)
        return max(0.0, self.now - min(heard_at, link.since))  # the link says so a second or more behind the last word

    @property
    def again(self) -> str:
        """What connecting again does, for hints: a machine of ours that is no more is started."""
        return "start again" if self.state.machine.ours and self.state.machine.status.over else "try again"

    @property
    def last_known(self) -> bool:
        """What is shown was told before the machine ended, or before it began anew: nothing is so any more."""
        return (self.state.machine.status.over or self.state.restarting) and not self.post_mortem

    def age(self, stream: Stream) -> float | None:
        """Seconds since the last record of a stream; None when there never was one, or it does not age (a file)."""
        stamp = self.state.stamps.get(stream)
        if stamp is None or self.post_mortem:
            return None
        return max(0.0, self.now - stamp)

    def stale(self, stream: Stream) -> str:
        """ "stale 12 s" when the shown value is older than it should be, "paused" while the machine is, "as saved"
        while one that was loaded has not spoken, "last known" when its machine is no more, else empty."""
        age = self.age(stream)
        if age is not None and self.last_known:
            return "last known"
        if age is not None and self.state.loaded:
            return "as saved"  # and the kernel was not heard since
        if age is not None and self.state.machine.status is MachineStatus.PAUSED:
            return "paused"  # the value is as the machine left it
        if age is None or age < STALE_AFTER:
            return ""
        return f"stale {int(age)} s" if age < 120 else f"stale {int(age // 60)} min"

    def says_the_same(self, before: Frame) -> bool:
        """True when this frame of an idle kernel shows what the one before showed, but for what went over the line."""
        return (
            all(_same(getattr(self, name), getattr(before, name)) for name in _OWN)
            and all(getattr(self.state, name) is getattr(before.state, name) for name in _STATE)
            and self._calm
            and before._calm
            and all(_tells_the_same(getattr(self.state, name), getattr(before.state, name)) for name in _SAMPLES)
            and all(getattr(self.state.link, name) == getattr(before.state.link, name) for name in _LINK)
        )

    @property
    def _calm(self) -> bool:
        """Nothing is shown that time alone changes."""
        timed = self.recording is not None or self.held or self.player
        idle = self.state.phase is Phase.IDLE and self.state.link.phase is LinkPhase.MACHINE
        return idle and not timed and not any(self.stale(stream) for stream in _STREAMS)

    def clock(self, at: float) -> str:
        """Wall-clock time of a moment of the host's clock."""
        seconds = at + self.wall
        return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{int(seconds % 1 * 1000):03d}"


_SAMPLES = ("kv", "zones", "sentinel", "perf")
_STREAMS = (Stream.KV, Stream.ZONES, Stream.SENTINEL, Stream.PERF)
_LINK = ("phase", "rejected_lines", "lost_frames")
_STATE = tuple({entry.name for entry in fields(State)} - {"now", "credit", "stamps", "link", *_SAMPLES})
_OWN = tuple({entry.name for entry in fields(Frame)} - {"state", "now"})


def _same(one: object, other: object) -> bool:
    return one is other or one == other


def _tells_the_same(one: Sample | None, other: Sample | None) -> bool:
    """True for samples that differ in when they were taken only."""
    if one is None or other is None:
        return one is other
    return one.__dict__ | {"time": 0, "number": 0} == other.__dict__ | {"time": 0, "number": 0}
