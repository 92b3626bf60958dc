"""Verbs that look back: by seconds, by marks, and to now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmbm_console.tui.verbs_base import VerbGroup

if TYPE_CHECKING:
    from llmbm_console.core.recorder import Recorder

TIME_STEP = 5.0  # seconds


class TimeVerbs(VerbGroup):
    """Moves through what was recorded."""

    @property
    def _moment(self) -> float:
        """The moment that is shown."""
        held = self.app.held
        return held.now if held is not None and held.behind is not None else self.app.timeline.span[1]

    @property
    def _recorder(self) -> Recorder | None:
        return self.app.session.recorder if self.app.session is not None else None

    def _look(self, moment: float) -> None:
        first, last = self.app.timeline.span
        if moment < first and self._moment <= first and first < last:
            earlier = "; earlier moments were let go, a recording to a file has them"
            self.say(f"this is the beginning of what is kept{earlier if self.app.timeline.forgot else ''}")
        elif not self.app.look_back(moment):
            self.say("nothing was recorded yet", "warning")

    def time_back(self) -> None:
        """Five seconds back."""
        self._look(self._moment - TIME_STEP)

    def time_forward(self) -> None:
        """Five seconds on."""
        if self.app.held is not None:
            self._look(self._moment + TIME_STEP)

    def time_previous_mark(self) -> None:
        """To the mark before."""
        self._to_mark(-1)

    def time_next_mark(self) -> None:
        """To the next mark, or to now after the last one."""
        self._to_mark(1)

    def _to_mark(self, direction: int) -> None:
        mark = self.app.timeline.mark_beside(self._moment, direction)
        if mark is not None:
            self._look(mark.at)
            if self.app.held is not None:
                self.app.held = replace(self.app.held, mark=mark.text)
                self.app.pacer.flush()
        elif direction > 0:
            self.time_live()
        else:
            self.say("no turn, warning or mark before this")

    def time_mark(self) -> None:
        """Marks the moment that is shown."""
        if not len(self.app.timeline):
            self.say("nothing was recorded yet", "warning")
            return
        self.app.timeline.mark(self._moment, "mark")
        if self._recorder is not None:
            self._recorder.mark(self._moment, "mark")
        before, after = self.key("time.previous_mark"), self.key("time.next_mark")
        self.say(f"marked: {before} and {after} come back to it")

    def time_faster(self) -> None:
        """Twice the speed."""
        self.app.player.change(2)

    def time_slower(self) -> None:
        """Half the speed."""
        self.app.player.change(1 / 2)

    def time_live(self) -> None:
        """Everything as it is now."""
        self.app.player.pause()
        self.app.held = None
        self.app.held_events = 0
        self.app.pacer.flush()
