"""The event list: kernel events, link and machine changes and notices on one timeline."""

from __future__ import annotations

from typing import ClassVar

from llmbm_console.core.state import LogLine
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import clip, line
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_protocol.words import LogCode

STYLES = {"info": "events--info", "warn": "events--warn", "error": "events--error"}
WORDS = {"info": "    ", "warn": "WARN", "error": "ERR "}


def when(entry: LogLine, frame: Frame) -> str:
    """Wall clock of a live line; the kernel's own clock for one read from a file."""
    if frame.post_mortem and entry.record is not None:
        return f"+{entry.record.time / 1000:>11.3f}"
    return frame.clock(entry.at)


def told(entry: LogLine) -> str:
    """The message, with its two values where they have a meaning of their own: a broken budget tells by how much."""
    record = entry.record
    if record is not None and record.code is LogCode.BUDGET and record.first and record.second:
        return f"{entry.text}: {figures.cycles(record.first)} of {figures.cycles(record.second)} cycles"
    return entry.text


class EventList(LineView):
    """One row an event; the selected one is marked."""

    pane, number, title_text = "events", 2, "Events"

    COMPONENT_CLASSES: ClassVar[set[str]] = {"events--info", "events--warn", "events--error", "events--time"}

    DEFAULT_CSS = """
    EventList > .events--time { color: $muted; }
    EventList > .events--info { color: $foreground; }
    EventList > .events--warn { color: $warn; }
    EventList > .events--error { color: $bad; text-style: bold; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._frame = Frame()
        self._entries: tuple[LogLine, ...] = ()
        self._dropped = 0
        self._width = 0
        self._empty = True

    def show(self, frame: Frame) -> None:
        """Draws another frame."""
        self._frame = frame
        if frame.glyphs is not self.glyphs:
            self.set_glyphs(frame.glyphs)
        self._update()

    def on_resize(self) -> None:
        """Rows are cut to the width."""
        self._update()

    def _update(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0 or not self.display:
            return
        state = self._frame.state
        if width != self._width or self._empty:
            self._width, self._entries, self._dropped = width, (), state.dropped_log
            self.rows.clear()
        if state.log is self._entries and self.rows:
            return
        gone = min(len(self._entries), max(0, state.dropped_log - self._dropped))
        known = len(self._entries) - gone
        self._dropped = state.dropped_log
        if known > len(state.log) or (known and state.log[known - 1] is not self._entries[-1]):
            known, gone = 0, 0
            self.rows.clear()
        fresh = [self._row(entry, width) for entry in state.log[known:]]
        self._empty = not state.log
        if self._empty:
            fresh = [Line("Nothing happened yet.", "events--time")]
        self.set_rows(known, fresh, removed=gone)
        self._entries = state.log
        troubles = sum(1 for entry in state.log if entry.severity != "info")
        count = line((f"{troubles} to look at", "$warn")) if troubles else line(("nothing wrong", "$muted"))
        self.set_heading(count if state.log else line())

    def _row(self, entry: LogLine, width: int) -> Line:
        time = when(entry, self._frame)
        # Narrow panes keep the seconds and give the message the room.
        time = time[:8] if width < 60 and not time.startswith("+") else time
        code = clip(entry.code, 10)
        head = f"{time} {WORDS.get(entry.severity, '    ')} "
        text = clip(f"{code:<10} {told(entry)}", max(0, width - len(head)), self.glyphs.ellipsis)
        return Line(head + text, STYLES.get(entry.severity, "events--info"), len(time), "events--time")

    def step_error(self, direction: int) -> bool:
        """Selects the next (1) or previous (-1) warning or error; False when there is none."""
        start = self.selected_row if self.selected_row >= 0 else (len(self._entries) if direction < 0 else -1)
        index = start + direction
        while 0 <= index < len(self._entries):
            if self._entries[index].severity != "info":
                self.select(index)
                return True
            index += direction
        return False

    def select(self, row: int) -> None:
        """Marks a row and brings it into view."""
        self.selected_row = max(-1, min(row, len(self.rows) - 1))
        height = self.scrollable_content_region.height
        if self.selected_row >= 0 and not self.scroll_offset.y <= self.selected_row < self.scroll_offset.y + height:
            self.scroll_to(y=max(0, self.selected_row - height // 2), animate=False, immediate=True)
        self.refresh()
