"""Verbs that look back: by seconds, by marks, and to now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmbm_console.tui.verbs.base import VerbGroup

if TYPE_CHECKING:
    from llmbm_console.core.recording.recorder import Recorder

TIME_STEP = 5.0  # seconds


class TimeVerbs(VerbGroup):
    """Moves through what was recorded."""

    @property
    def _moment(self) -> float:
        """The moment that is shown."""
        held = self.app.held
        return held.now if held is not None and self.app.looks_back else self.app.timeline.span[1]

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
        else:
            self._say_newest()

    def _say_newest(self) -> None:
        """Nothing comes after the moment that is shown."""
        back, play = self.key("time.back"), self.key("view.hold")
        if self.app.playback is None:
            self.say(f"this is now already: {back} goes 5 s back")
        elif self.app.playback.complete:
            self.say(f"this is the end of the recording: {back} goes 5 s back, {play} plays it from the beginning")
        else:
            self.say("this is as far as the recording was read yet")

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
        elif direction > 0 and self.app.held is not None:
            self.go_to_now()
        elif direction > 0:
            self._say_newest()
        else:
            self.say("no turn, warning or mark before this")

    def time_jump(self) -> None:
        """Asks for a time, and goes there: in the event list to the first line that is not older, else everywhere."""
        from llmbm_console.core.state.moments import EXPECTED, moment_of
        from llmbm_console.tui.pages.ask import AskLine, Told

        events = self.app.main.event_list
        listed = self.app.main.focused_pane == "events" and bool(events.shown)
        if not listed and not len(self.app.timeline):
            self.say("nothing was recorded yet", "warning")
            return
        frame = self.app.shown_frame()

        def found(text: str) -> float:
            first, last = (events.shown[0].at, events.shown[-1].at) if listed else self.app.timeline.span
            return moment_of(text, first, last, frame.wall)

        def changed(text: str) -> str:
            try:
                return Told(f"{frame.clock(found(text))[:8]} {'in the event list' if listed else 'everywhere'}")
            except ValueError:
                return ""  # it is being written

        def answered(read: tuple[str, float] | None) -> None:
            if read is None:
                return
            wanted, moment = read
            if listed:
                events.go_to(next((one for one in events.shown if one.at >= moment), events.shown[-1]))
            else:
                self._look(moment)
                begin = self.app.timeline.span[0]
                if wanted.startswith("+") and self.app.timeline.forgot:
                    counted = f"{frame.clock(begin)[:8]}, the beginning of what is kept"
                    self.say(f"{wanted} counts from {counted}; earlier moments were let go")

        hint = EXPECTED.removeprefix("expected ")
        line = AskLine("go to", "", hint, lambda text: (text.strip(), found(text)), changed=changed, does="goes there")
        self.app.push_screen(line, answered)

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
        self._change_speed(2)

    def time_slower(self) -> None:
        """Half the speed."""
        self._change_speed(1 / 2)

    def _change_speed(self, factor: float) -> None:
        if not self.app.looks_back and self.app.playback is None:
            back, play = self.key("time.back"), self.key("view.hold")
            self.say(f"now has one speed: {back} goes 5 s back, and {play} plays from there")
        elif not self.app.player.change(factor):
            self.say(f"{self.app.player.speed:g}x is the {'fastest' if factor > 1 else 'slowest'} there is")

    def time_live(self) -> None:
        """Everything as it is now."""
        if self.app.held is None and not self.app.player.playing:
            self._say_newest()
        else:
            self.go_to_now()

    def go_to_now(self) -> None:
        """As the key does, where something else leads there."""
        self.app.player.pause()
        self.app.held = None
        self.app.held_events = 0
        self.app.pacer.flush()
