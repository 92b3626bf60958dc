"""An application on one session: opened, closed and opened again, and the frames that are drawn of it, as it is now, as
it was when the view was held, or at an earlier moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from operator import is_not
from pathlib import Path

from llmbm_console.core.defaults import CHOICES
from llmbm_console.core.errors import SessionError
from llmbm_console.core.session.session import Playback, Session
from llmbm_console.core.state.events import Event, LinkPhase, RecordReceived
from llmbm_console.core.state.state import State
from llmbm_console.core.state.timeline import Timeline
from llmbm_console.tui.aside import Aside
from llmbm_console.tui.frame import KEYS, LINKED, Frame
from llmbm_console.tui.player import Player
from llmbm_console.tui.sampling_history import SamplingHistory
from llmbm_console.tui.terminal import garbage
from llmbm_console.tui.text import plain
from llmbm_console.tui.themed_app import ThemedApp

FREEZE_EVERY = 20_000  # events of a recording

SessionFactory = Callable[[], Session]

NOTHING_SENT = "", 0.0


class SessionApp(ThemedApp):
    """`target` names the session for people, `clock` and `wall` are as in Frame."""

    def __init__(
        self, target: str, factory: SessionFactory, themes: Iterable[Path], clock: Callable[[], float], wall: float
    ) -> None:
        super().__init__(themes)
        self.target = plain(target)
        self.factory = factory
        self.clock, self.wall = clock, wall
        self.key_labels: Mapping[str, str] = KEYS
        self.tint = ""
        self.session: Session | None = None
        self._before: Session | None = None  # the one before, while there is none
        self.failure = ""
        self.opening = True
        self.wants_choices = False  # of a session that is opened
        self.recorded: list[Path] = []  # recordings of the sessions that were closed
        self.timeline = Timeline()
        self._read = 0  # events of a recording
        self.sampling_history = SamplingHistory()
        self.held: Frame | None = None
        self.held_events = 0
        self.player = Player(self, clock)
        self.aside: Aside | None = None  # the live session, while a file is shown
        self._unlisten: Callable[[], None] | None = None
        self.sent = NOTHING_SENT  # the line that has no answer of the kernel yet, and when it was sent
        self._state = State(target=self.target)

    # ---- for the application that draws

    def redraw(self) -> None:
        """Another moment is to be shown."""

    def happened(self, event: Event) -> None:
        """The session told something, and the state is another one."""

    def session_opened(self) -> None:
        """Opening has ended, well or with a `failure`."""

    def came_back(self) -> None:
        """The live session is shown again, and no file any more."""

    def aside_ended(self, why: str) -> None:
        """The live session has ended while a file is shown."""

    @property
    def in_prompt(self) -> bool:
        """Whether the prompt has the focus."""
        return False

    # ---- life

    def connect(self) -> None:
        """Opens the session in the background."""
        self.run_worker(self._connect(), group="session", exclusive=True, exit_on_error=False)

    async def _connect(self) -> None:
        before = self.session if self.session is not None else self._before
        await self._close_session()
        self._before = before
        self.failure, self.opening = "", True
        self.redraw()
        try:
            self.session = self.factory()
            goes_on = before is not None and self.session.follow(before)
            self._unlisten = self.session.listen(self._on_session_event)
            self._state = self.session.state
            if not goes_on:
                self.timeline = Timeline(whole=self.playback is not None)
            self.held = None
            if self.wants_choices and not self.session.choices:
                with contextlib.suppress(SessionError):  # a file cannot be asked
                    await self.session.want_choices(CHOICES)
            await self.session.open()
            self.player.begin()
        except (SessionError, OSError, ValueError) as error:
            self.failure = plain(str(error)) or type(error).__name__
        finally:
            self.opening = False
            if self.session is not None:
                self._state = self.session.state
                self.sampling_history.note(self._state)
            self.redraw()
            self.session_opened()

    @property
    def looks_back(self) -> bool:
        """Whether an earlier moment is shown."""
        return self.held is not None and self.held.behind is not None

    def open_file(self, target: str, factory: SessionFactory) -> None:
        """Shows a file in the background. A live session goes on aside; a file that was shown is closed."""
        self.run_worker(self._open_file(target, factory), group="session", exclusive=True, exit_on_error=False)

    async def _open_file(self, target: str, factory: SessionFactory) -> None:
        is_live = self.session is None or self.session.recorder is not None
        if self.aside is None and is_live:
            session = self._take_session()
            self.aside = Aside(
                *(self.target, self.factory, session, self.failure, self.timeline, self.sampling_history),
                self._aside_changed,
            )
        else:
            await self._close_session()
        self._show_another(target, factory, Timeline(), SamplingHistory())
        self._state = State(target=self.target)
        await self._connect()

    def go_back(self) -> None:
        """Shows the live session again, in the background; the file is closed."""
        self.run_worker(self._go_back(), group="session", exclusive=True, exit_on_error=False)

    async def _go_back(self) -> None:
        await self._close_session()
        aside, self.aside = self.aside, None
        if aside is None:
            return
        aside.give_back()
        self._show_another(aside.target, aside.factory, aside.timeline, aside.sampling_history)
        self.session, self.failure, self.opening = aside.session, aside.failure, False
        if self.session is not None:
            self._unlisten = self.session.listen(self._on_session_event)
        self._state = self.session.state if self.session is not None else State(target=self.target)
        self.redraw()
        self.came_back()

    def _show_another(self, target: str, factory: SessionFactory, timeline: Timeline, history: SamplingHistory) -> None:
        self.player.pause()
        self.player, self.held, self._before = Player(self, self.clock), None, None
        self.target, self.factory = plain(target), factory
        self.timeline, self.sampling_history = timeline, history

    def _aside_changed(self, before: State, state: State) -> None:
        if (why := failure_of(state)) and not failure_of(before):
            self.aside_ended(why)

    @property
    def live_session(self) -> Session | None:
        """The session that the person writes to, shown or aside."""
        return self.aside.session if self.aside is not None else self.session

    async def disconnect(self) -> None:
        """Closes the session and what it started, and one that is kept aside. Idempotent."""
        await self._close_session()
        aside, self.aside = self.aside, None
        if aside is not None:
            aside.give_back()
            self.session = aside.session
            await self._close_session()

    def _take_session(self) -> Session | None:
        """The session, to which nobody listens any more; there is none then."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        session, self.session = self.session, None
        return session

    async def _close_session(self) -> None:
        session = self._take_session()
        if session is not None:
            if session.recorder is not None:
                self.recorded += [path for path in session.recorder.paths if path not in self.recorded]
            await session.close()
            garbage.forget()

    # ---- what there is

    @property
    def state(self) -> State:
        """The session's state now."""
        return self._state

    @property
    def read_only(self) -> bool:
        """True for files."""
        return self.session is not None and self.session.read_only

    @property
    def playback(self) -> Playback | None:
        """Not None while a recording is shown."""
        return self.session.playback if self.session is not None else None

    @property
    def shows_file(self) -> bool:
        """True while a post-mortem file is shown."""
        return self._state.link.phase is LinkPhase.POST_MORTEM

    @property
    def controllable(self) -> bool:
        """True when the machine can be paused and reset from here."""
        return self.session is not None and self.session.machine is not None

    @property
    def lacks(self) -> Mapping[str, str]:
        """What the machine never has, by the action that would use it, and why."""
        sight = self.session.sight if self.session is not None else None
        return sight.lacks if sight is not None else {}

    @property
    def machine_ended(self) -> bool:
        """True when there was a machine that can be controlled, and nothing runs on it any more."""
        return self.controllable and self._state.machine.status.over

    @property
    def _recording(self) -> float | None:
        """Seconds since the recording that runs began."""
        recorder = self.session.recorder if self.session is not None else None
        if recorder is None or not recorder.writing or recorder.began is None:
            return None
        return max(0.0, self.clock() - recorder.began)

    def frame(self) -> Frame:
        """What to draw now."""
        playback = self.playback
        return Frame(
            state=self._state if self._state.target else State(target=self.target, link=self._state.link),
            now=self.clock() if playback is None else self._state.now,
            wall=self.wall if playback is None else playback.wall,
            player=self.player.words(),
            playing=self.player.playing,
            recorded=playback is not None,
            activity=tuple(self.timeline.activity(200)) if playback is not None else (),
            place=1.0,
            glyphs=self.glyphs,
            failure=self.failure or (failure_of(self._state) if playback is None and not self.opening else ""),
            opening=self.opening,
            held=False,
            read_only=self.read_only,
            controllable=self.controllable,
            recording=self._recording,
            tint=self.tint,
            choices=self.session is not None and self.session.choices > 0,
            in_prompt=self.in_prompt,
            sent=self.sent[0] if self.aside is None else "",
            sent_at=self.sent[1],
            keys=self.key_labels,
            states=self.session.states if self.session is not None else (),
            lacks=self.lacks,
            aside=self.aside.target if self.aside is not None else "",
        )

    def shown_frame(self) -> Frame:
        """The frame to draw: the held one, with the count of what came since, or the one of now."""
        if self.held is None:
            return self.frame()
        player = self.player
        return replace(
            self.held,
            held=True,
            held_events=self.held_events,
            player=player.words(),
            playing=player.playing,
            recording=self._recording,
            tint=self.tint,
            in_prompt=self.in_prompt,
        )

    def look_back(self, moment: float) -> bool:
        """Shows everything as it was at a moment of the host's clock; at or after the newest one: as it is. False when
        nothing was recorded before it."""
        first, last = self.timeline.span
        state = self.timeline.at(moment)
        if state is None or moment >= last:
            self.held = None
            self.redraw()
            return state is not None
        moment = max(moment, first)
        self.held = replace(
            self.frame(),
            state=state,
            now=moment,
            behind=last - moment,
            activity=tuple(self.timeline.activity(200)),
            place=(moment - first) / (last - first),
        )
        self.held_events = 0
        self.redraw()
        return True

    def _on_session_event(self, state: State, event: Event) -> None:
        if self.playback is not None:
            self._read_ahead(state, self.playback)
            return
        before, self._state = self._state, state
        again = isinstance(event, RecordReceived) and event.record is before.credit
        if again and state.phase is before.phase:
            return  # a heartbeat that says what the one before said: nothing is drawn from it
        if state.link.phase is not LinkPhase.POST_MORTEM:
            self.timeline.note(state)
        self.sampling_history.note(state)
        news = (state.log, state.items, state.behind), (before.log, before.items, before.behind)
        if self.held is not None and any(map(is_not, *news)):
            self.held_events += 1  # samples of gauges are no news
        self.happened(event)

    def _read_ahead(self, state: State, playback: Playback) -> None:
        """A recording is read faster than it is shown: the player draws. A clip shows its own moments only."""
        self.player.take_marks(playback)
        first, last = playback.view or (state.now, state.now)
        if state.now > last:
            return
        self._state = state
        self._read += 1
        if self._read % FREEZE_EVERY == 0:
            garbage.keep()  # it stays: the collector need not look at all of it again, a third of a second each time
        if state.now < first:
            self.timeline.begin(state)  # the last state before the clip is what it begins with
        else:
            self.timeline.note(state)


def failure_of(state: State) -> str:
    """Why a session cannot be used any more, or never could; empty while it can, or is opened still."""
    if state.link.failed:
        return plain(state.link.failed)
    if state.machine.status.over and state.link.phase not in LINKED and state.link.phase is not LinkPhase.POST_MORTEM:
        return plain(state.machine.detail) or "the machine has ended"
    return ""
