"""Beside the event list of the log view: how many events when, and every field of the selected one."""

from __future__ import annotations

from textual import events
from textual.content import Content

from llmbm_console.core.state.state import LogLine
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.pages.details import event_rows
from llmbm_console.tui.text import Piece, line, wrap
from llmbm_console.tui.widgets.events import EventList
from llmbm_console.tui.widgets.histogram import LEAST_LINES, LEAST_SECONDS, STYLES, buckets
from llmbm_console.tui.widgets.panel import Panel

LABEL = 9


def too_few(shown: int) -> str:
    """Why there are no columns of so many events."""
    if shown < LEAST_LINES:
        return f"Too few events to draw over time: {shown} of at least {LEAST_LINES}."
    return f"The {shown} events shown lie within {LEAST_SECONDS:g} s: too near to draw over time."


class OverTime(Panel):
    """The shown lines of the log as columns along their time, in the colour of the worst; a click goes there."""

    pane, number, title_text = "histogram", 0, "Over time"

    def __init__(self, events: EventList, *, id: str) -> None:
        super().__init__(id=id)
        self._events = events

    def heading(self, frame: Frame) -> Content:
        found = buckets(self._events.shown, max(4, self.content_size.width))
        most = max((count for count, _worst in found), default=0)
        return line((f"at most {most} together" if most else "", "$muted"))

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        log = self._events.shown
        found = buckets(log, width)
        if frame.post_mortem:
            return [line(("A file has the kernel's own times only: the list has them.", "$muted"))]
        if not found:
            why = too_few(len(log))
            return [line((why[start:end], "$muted")) for start, end in wrap(why, width)]
        rows = max(1, height - 1)
        levels, most = frame.glyphs.levels, max(count for count, _worst in found)
        steps = len(levels) - 1
        lines: list[Content] = []
        for row in range(rows - 1, -1, -1):
            pieces: list[Piece] = []
            for count, worst in found:
                level = -(-count * rows * steps // most) - row * steps
                sign = levels[min(steps, level)] if level > 0 else levels[0] if row == 0 else " "
                pieces.append((sign, STYLES[worst] if count else "$faint"))
            lines.append(line(*pieces))
        first, last = log[0].at, log[-1].at
        left, right = frame.clock(first)[:8], frame.clock(last)[:8]
        span = figures.duration(last - first)
        gap = max(1, (width - len(left) - len(right) - len(span)) // 2)
        rest = max(1, width - len(left) - len(right) - len(span) - gap)
        return [*lines, line((left + " " * gap, "$muted"), (span, "$muted"), (" " * rest + right, "$muted"))]

    def on_click(self, event: events.Click) -> None:
        """Selects the first event from that time on."""
        offset, log = event.get_content_offset(self), self._events.shown
        if offset is None or not log or log[-1].at <= log[0].at:
            return
        moment = log[0].at + (log[-1].at - log[0].at) * offset.x / max(1, self.content_size.width)
        self._events.go_to(next((entry for entry in log if entry.at >= moment), log[-1]))


class EventPanel(Panel):
    """Names and values of the selected event, else of the newest one."""

    pane, number, title_text = "details", 0, "Event"

    def __init__(self, events: EventList, *, id: str) -> None:
        super().__init__(id=id)
        self._events = events
        self._shown: LogLine | None = None

    def heading(self, frame: Frame) -> Content:
        return line(("selected" if self._events.selected is not None else "newest", "$muted"))

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        log = self._events.shown
        entry = self._events.selected or (log[-1] if log else None)
        if entry is None:
            return [line(("No event to look at.", "$muted"))]
        if entry is not self._shown:
            self._shown, self._top = entry, 0
        return event_rows(entry, frame, width, LABEL, self._events.run)
