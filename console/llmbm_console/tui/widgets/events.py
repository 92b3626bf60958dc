"""The event list: kernel events, link and machine changes and notices on one timeline."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from llmbm_console.core.log_filter import FilterError, log_filter
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.log_text import fitted, searched, when
from llmbm_console.tui.text import clip, line
from llmbm_console.tui.widgets.histogram import histogram
from llmbm_console.tui.widgets.lines import Line, LineView

STYLES = {"info": "events--info", "warn": "events--warn", "error": "events--error"}
HISTOGRAM = 60  # columns at most
OVER_TIME = "over time "  # before them
MOST_MADE = 1000  # rows kept ready
MOST_TEXTS = 20_000  # lines whose searched text is kept: more than a log has
NO_ENTRY = LogLine(0.0, "", "info", "", "")
NOTED, LISTED = "over budget", "listed"
WORDS = {"info": "    ", "warn": "WARN", "error": "ERR "}


def _alike(one: LogLine, other: LogLine) -> bool:
    """Passes of one phase over their budgets, one behind the other: as many as there are tokens."""
    return one.noted and other.noted and one.text == other.text


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

    class Looked(Message):
        """Another line is selected, or others are shown."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._log: Sequence[LogLine] = ()  # as it was taken over last
        self._read = 0  # lines of the session that were taken over, those that the log forgot included
        self._entries: list[LogLine] = []  # what is shown
        self._numbers: list[int] = []  # of each, counted from the session's beginning
        self._rows: list[int] = []  # the number of the last line of each row: like ones in a row share it
        self._made: dict[int, tuple[LogLine, Line]] = {}  # rows that were seen
        self._texts: dict[int, tuple[LogLine, str]] = {}  # of lines that a filter looked through, by their identity
        self._width = 0
        self.bare_edge = False  # another pane shows when things happened
        self._undescribed = False
        self._overruns = 0  # that the sentinel counted, when the edges were drawn last
        self._below = ""  # what the lower edge says of it
        self._wanted = ""
        self._passes: Callable[[LogLine], bool] | None = None

    def on_resize(self) -> None:
        """Rows are cut to the width, and what stands on the edges is."""
        self._draw()
        self._describe()

    @property
    def row_count(self) -> int:
        """A row for each line, or for several like ones; words about it when there is none."""
        return len(self._rows) or len(self.empty_words(bool(self._log)))

    def row_line(self, row: int) -> Line:
        """A row is made when it is seen: a log may have very many."""
        if not self._entries:
            made = self._made.get(row)
            text = self.empty_words(bool(self._log))[row]
            if made is None or made[1].text != text:
                made = self._made[row] = (NO_ENTRY, Line(text, "events--time"))
            return made[1]
        run, made = self._run(row), self._made.get(row)
        if made is None or made[0] is not run[-1]:
            if len(self._made) > MOST_MADE:
                self._made.clear()
            made = self._made[row] = (run[-1], self._row(run[-1], self._width, len(run)))
        return made[1]

    def _run(self, row: int) -> Sequence[LogLine]:
        """The lines that a row stands for, the oldest first."""
        first = bisect_right(self._numbers, self._rows[row - 1]) if row else 0
        return self._entries[first : bisect_right(self._numbers, self._rows[row])]

    def _draw(self) -> None:
        width = self.window.width
        if width <= 0 or not self.display:
            return
        if width != self._width:
            self._width = width
            self._made.clear()
            self.refresh()
        state = self._frame.state
        if state.log is not self._log or not self._read:
            self._take(state.log, state.dropped_log)

    def _take(self, log: Sequence[LogLine], dropped: int) -> None:
        """Takes over what the log has more than before, and what it forgot."""
        old, known = self.row_count, self._read - dropped
        if known > len(log) or (known > 0 and self._log and log[known - 1] is not self._log[-1]):
            known, old = 0, 0  # another log, or another moment of it
            self._clear()
        forgotten, gone = bisect_left(self._numbers, dropped), bisect_left(self._rows, dropped)
        if forgotten:
            del self._entries[:forgotten], self._numbers[:forgotten], self._rows[:gone]
            self._made.clear()
        first, shown = max(0, known), len(self._rows)
        for number, entry in enumerate(log[first:], first + dropped):
            if self._passes is None:
                if self._entries and _alike(self._entries[-1], entry):
                    self._rows.pop()  # it is counted on the same row
                    shown = min(shown, len(self._rows))
            elif not self._passes(entry):
                continue
            self._entries.append(entry)
            self._numbers.append(number)
            self._rows.append(number)
        self._log, self._read, self._undescribed = log, dropped + len(log), True
        self.rows_changed(shown, min(old, self.row_count) if gone else old, removed=gone)

    def _clear(self) -> None:
        self._entries, self._numbers, self._rows, self._made, self._read = [], [], [], {}, 0
        self.refresh()

    def settle(self) -> None:
        """The edges count the whole log: at the gauges' turn, not for every line."""
        super().settle()
        if self._undescribed or self.below_words() != self._below or self._counted() != self._overruns:
            self._describe()

    def _counted(self) -> int:
        """Passes over their budgets that the sentinel counted: it has the log list four of a turn at most."""
        sentinel = self._frame.state.sentinel
        return sentinel.decode_overruns + sentinel.prefill_overruns if sentinel is not None else 0

    def follow_changed(self) -> None:
        """The lower edge says whether the end is followed."""
        self._describe()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """It also says how much is below."""
        super().watch_scroll_y(old, new)
        if not self.following:
            self._describe()

    def set_bare_edge(self, bare: bool) -> None:
        """Whether another pane shows when things happened: then the lower edge does not."""
        if bare != self.bare_edge:
            self.bare_edge = bare
            self._describe()

    def empty_words(self, filtered_out: bool) -> tuple[str, ...]:
        """What an empty list says; `filtered_out`: there are lines, but none passes the filter."""
        if filtered_out:
            find, leave = self._frame.keys["view.find"], self._frame.keys["view.leave"]
            return ("Nothing matches the filter.", f"{find} changes it, {leave} shows everything.")
        return ("Nothing happened yet: link, kernel and machine tell here what they do.",)

    def _describe(self) -> None:
        self._undescribed = False
        log, dropped = self._log, self._frame.state.dropped_log
        troubles, noted = sum(1 for entry in log if entry.to_look_at), sum(1 for entry in log if entry.noted)
        self._overruns = self._counted()
        told = f"{noted:,} {NOTED}"
        if self._overruns > noted > 0:
            told = f"{self._overruns:,} {NOTED}, {noted:,} {LISTED}"
        over, look = line((told, "$warn")), line((f"{troubles} to look at", "$warn"))
        if not troubles:
            count = over if noted else line(("nothing wrong", "$muted"))
        elif noted and over.cell_length + look.cell_length + 3 <= self.heading_room:
            count = line(over, (f" {self.glyphs.separator} ", "$muted"), look)
        else:
            count = look
        if self._wanted:
            wanted = clip(self._wanted, 24, self.glyphs.ellipsis)
            count = line((f"/{wanted} ", "$accent"), (f"{len(self._entries)} of {len(log)}", "$muted"))
        if dropped:
            count = line(count, (f" {self.glyphs.separator} the newest {len(log):,} of {self._read:,}", "$muted"))
        columns = min(HISTOGRAM, self._width - 8 - len(OVER_TIME))
        bare = self._frame.post_mortem or self.bare_edge
        over_time = line() if bare else histogram(self._entries, columns, self.glyphs)
        if over_time.cell_length:
            over_time = line((OVER_TIME, "$muted"), over_time)
        below = self._below = self.below_words()
        self.set_heading(count if log else line(), line((below, "$warn")) if below else over_time)

    def _row(self, entry: LogLine, width: int, times: int) -> Line:
        time = when(entry, self._frame)
        # Narrow panes keep the seconds and give the message the room.
        time = time[:8] if width < 60 and ":" in time else time
        head = f"{time} {WORDS.get(entry.severity, '    ')} {clip(entry.code, 10, self.glyphs.ellipsis):<10} "
        text = fitted(entry, max(0, width - len(head)), self.glyphs.ellipsis, times)
        return Line(head + text, STYLES.get(entry.severity, "events--info"), len(time), "events--time")

    def step_error(self, direction: int) -> bool:
        """Selects the next (1) or previous (-1) warning or error, the newest one first; False when there is none.
        Passes over their budgets that were only noted are none."""
        if self.selected_row < 0:
            direction = -1
        row = (self.selected_row if self.selected_row >= 0 else len(self._rows)) + direction
        while 0 <= row < len(self._rows):
            if self._run(row)[-1].to_look_at:
                self.select(row)
                return True
            row += direction
        return False

    def go_to(self, entry: LogLine) -> None:
        """Selects a line of the log; a filter that hides it is taken away."""
        if not any(shown is entry for shown in self._entries):
            self.filter("")
        place = next((at for at, shown in enumerate(self._entries) if shown is entry), -1)
        if place >= 0:
            self.select(bisect_left(self._rows, self._numbers[place]))

    def step(self, direction: int) -> bool:
        """Selects the next (1) or previous (-1) line, the newest one first; False when there is none."""
        start = self.selected_row if self.selected_row >= 0 else len(self._rows)
        if not 0 <= start + direction < len(self._rows):
            return False
        self.select(start + direction)
        return True

    def step_shown(self, direction: int) -> str:
        """Selects the next (1) or previous (-1) line of those that the filter shows, behind the last one the first and
        the other way round; without a selection, the first or the last. Which one it is, in words; empty when none is
        shown."""
        count = len(self._rows)
        if not count:
            return ""
        row = self.selected_row + direction if self.selected_row >= 0 else 0 if direction > 0 else count - 1
        around = "" if 0 <= row < count else ", from the top" if direction > 0 else ", from the end"
        self.select(row % count)
        return f'"{self._wanted}": {self.selected_row + 1:,} of {count:,}{around}'

    def select(self, row: int) -> None:
        """Marks a line; panes beside the list tell more of it."""
        super().select(row)
        self.post_message(self.Looked())

    @property
    def shown(self) -> Sequence[LogLine]:
        """The lines that pass the filter."""
        return self._entries

    @property
    def selected(self) -> LogLine | None:
        """The line that is marked; of several like ones on a row the newest."""
        return self.run[-1] if self.run else None

    @property
    def run(self) -> Sequence[LogLine]:
        """All lines on the row that is marked."""
        return self._run(self.selected_row) if 0 <= self.selected_row < len(self._rows) else ()

    def on_click(self, event: events.Click) -> None:
        """A click selects a line, a double click opens it."""
        offset = event.get_content_offset(self)
        if offset is not None and self.scroll_offset.y + offset.y < len(self._rows):
            self.select(self.scroll_offset.y + offset.y)
            if event.chain == 2:
                self.app.run_worker(self.app.run_action("do('log.details')"), exit_on_error=False)

    # ---- filtering

    @property
    def wanted(self) -> str:
        """The filter, empty when everything is shown."""
        return self._wanted

    def _searched(self, entry: LogLine) -> str:
        """What is looked through of a line: made once, not for each key of a filter that is typed."""
        known = self._texts.get(id(entry))
        if known is None or known[0] is not entry:
            if len(self._texts) >= MOST_TEXTS:
                self._texts.clear()
            known = self._texts[id(entry)] = (entry, searched(entry, when(entry, self._frame)))
        return known[1]

    def filter(self, query: str) -> str:
        """Shows only lines that match. A filter that is not understood changes nothing and its fault is returned."""
        try:
            passes = log_filter(query, self._searched)
        except FilterError as error:
            return str(error)
        self._wanted = query.strip()
        self._passes = passes if self._wanted else None
        self.selected_row = -1
        self._clear()
        self._take(self._frame.state.log, self._frame.state.dropped_log)
        self._describe()
        self.post_message(self.Looked())
        return ""
