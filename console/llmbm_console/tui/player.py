"""Plays what was recorded: moves the moment that is shown on, at a speed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.timer import Timer

from llmbm_console.tui import figures

if TYPE_CHECKING:
    from llmbm_console.core.session.session import Playback
    from llmbm_console.tui.session_app import SessionApp

PERIOD = 1 / 30  # s between two pictures
TOLD = 10.0  # s that a notice stays
SLOWEST, FASTEST = 1 / 8, 64.0


class Player:
    """The motor of a replay, and of the past of a live session. The application shows the moment; this moves it."""

    def __init__(self, app: SessionApp, clock: Callable[[], float]) -> None:
        self._app = app
        self._clock = clock
        self._timer: Timer | None = None
        self._shown_at = 0.0
        self._start: float | None = None  # where to begin as soon as that was read
        self._marks = 0  # of the recording, taken over so far
        self.speed = 1.0

    @property
    def playing(self) -> bool:
        """True while time goes on by itself."""
        return self._timer is not None

    def begin(self) -> None:
        """A recording was opened: plays from where it was asked to, as soon as that is read."""
        playback = self._app.playback
        if playback is None:
            return
        self._start, self.speed, self._marks = playback.start, playback.speed, 0
        self.play()

    def play(self) -> None:
        """Time goes on."""
        if self._timer is None:
            self._shown_at = self._clock()
            self._timer = self._app.set_interval(PERIOD, self._tick, name="replay")

    def pause(self) -> None:
        """Time stands."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
            self._app.redraw()

    def toggle(self) -> None:
        """Plays or pauses; at the end of a recording, plays it from its beginning."""
        if self.playing:
            self.pause()
            return
        if self._app.held is None:
            self._app.look_back(self._app.timeline.span[0])
        self.play()

    def change(self, factor: float) -> bool:
        """Faster or slower; False where it does not go on."""
        before, self.speed = self.speed, min(FASTEST, max(SLOWEST, self.speed * factor))
        self._app.redraw()
        return self.speed != before

    def take_marks(self, playback: Playback) -> None:
        """Those of the recording that were read since the last time, whether it plays or stands."""
        if len(playback.marks) > self._marks:
            for at, text in playback.marks[self._marks :]:
                self._app.timeline.mark(at, text)
            self._marks = len(playback.marks)

    def _tick(self) -> None:
        now = self._clock()
        passed, self._shown_at = now - self._shown_at, now
        app = self._app
        playback = app.playback
        first, last = app.timeline.span
        whole = playback is None or playback.complete
        if self._start is not None:
            if not len(app.timeline) or (last <= max(first, self._start) and not whole):
                return  # not read so far yet: the newest moment is none to begin at, while there will be newer ones
            moment, self._start = max(first, self._start), None
            if playback is not None and playback.behind_end:
                app.notify(playback.behind_end, severity="error", timeout=TOLD, markup=False)
        else:
            moment = (app.held.now if app.held is not None else last) + passed * self.speed
        end = playback.view[1] if playback is not None and playback.view is not None else last
        if moment >= end and whole:
            self.pause()
            app.look_back(end)
        else:
            app.look_back(min(moment, max(first, last - 1e-6)))

    def words(self) -> str:
        """How it goes, for the status line; empty where there is nothing to play."""
        app = self._app
        playback = app.playback
        if playback is None and not self.playing and (not app.looks_back or self.speed == 1):
            return ""
        sign = app.glyphs.play if self.playing else app.glyphs.pause
        if playback is None:
            return sign if self.speed == 1 else f"{sign} {self.speed:g}x"
        first, last = app.timeline.span
        moment = app.held.now if app.held is not None else last
        more = "" if playback.complete else "+"
        place = f"{figures.clock(moment - first)} / {figures.clock(last - first)}{more}"
        return f"REPLAY {sign} {place} at {self.speed:g}x"
