"""Everything about one event, over the main screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from llmbm_console.core.postmortem.known_fields import knows
from llmbm_console.core.postmortem.log_values import cycles_of, values_of
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.log_text import by_user, when
from llmbm_console.tui.pages.boxed import Boxed
from llmbm_console.tui.text import flat, line, wrap
from llmbm_console.tui.widgets.key_line import TIGHT
from llmbm_console.tui.widgets.strips import fit
from llmbm_protocol.words import Arena, LogCode

if TYPE_CHECKING:
    from llmbm_protocol.schema import Event

LABEL = 10
WIDTH = 84  # columns of the page
NOTED = (
    "noted, and nothing was stopped: strict budgets are off. Where programs share the processor (the simulator, QEMU) "
    "one of them interrupts a pass now and then, and the budgets of the first passes are learnt from few. The kernel "
    "logs four of a turn at most; the sentinel pane has the number of all"
)
FRAME = 7  # of its edges, padding and scroll bar
EDGE = 6  # of the lower edge's corners and what stands around its text


def fields_of(entry: LogLine, frame: Frame, run: Sequence[LogLine] = ()) -> list[tuple[str, str]]:
    """Names and values of everything that is known of an event, and of those that its row of the list stands for."""
    record = entry.record
    rows = [] if frame.post_mortem else [("time", frame.clock(entry.at))]
    if record is not None and (times := _times(record, frame)):
        rows.append(("kernel", times))
    rows += [("source", entry.source), ("level", entry.severity), ("code", entry.code)]
    if record is not None:
        if record.arena is not Arena.NONE:
            rows.append(("arena", record.arena.upper()))
        rows += values_of(record)
        rows += _of_run(run, frame)
        if by := by_user(entry, frame):
            rows.append(("why", by))
        elif record.code is LogCode.BUDGET and entry.severity == "warn":
            rows.append(("why", NOTED))
    rows.append(("text", entry.text))
    return rows


def _times(record: Event, frame: Frame) -> str:
    """When a kernel noted an event, as far as it told that: some tell the counter of cycles, and not how fast it is."""
    if (cycles := cycles_of(record)) is not None:
        records = (entry.record for entry in frame.state.log if entry.record is not None)
        before = max(
            (other for one in records if (other := cycles_of(one)) is not None and other < cycles), default=None
        )
        after = f", {cycles - before:,} after the one before" if before is not None else ""
        return f"at {cycles:,} cycles{after}; their rate is not told"
    time = f"{record.time / 1000:.3f} s after its start" if knows(record, "time") else ""
    number = f"event {record.number:,} since then" if knows(record, "number") else ""
    return ", ".join(filter(None, (time, number)))


def _of_run(run: Sequence[LogLine], frame: Frame) -> list[tuple[str, str]]:
    records = [entry.record for entry in run if entry.record is not None]
    if len(records) < 2:
        return []
    worst = max(records, key=lambda record: record.first / max(1, record.second))
    use = f"{figures.cycles(worst.first)} of {figures.cycles(worst.second)}"
    return [
        ("times", f"{len(run)} since {when(run[0], frame)}, the worst {use} cycles"),
        ("each", f"{frame.keys['view.find']} and code:budget in the event list shows each of them"),
    ]


def event_rows(
    entry: LogLine, frame: Frame, width: int, names: int = LABEL, run: Sequence[LogLine] = ()
) -> list[Content]:
    """Everything that is known of an event, in lines of at most `width` columns, of which `names` have the names."""
    rows: list[Content] = []
    for name, value in fields_of(entry, frame, run):
        text = flat(value)
        for number, (start, end) in enumerate(wrap(text, max(8, width - names - 1))):
            label = f"{name if number == 0 else '':<{names}} "
            rows.append(line((label[: names + 1], "$muted"), (text[start:end], "$foreground")))
    return rows


class EventDetails(Boxed):
    """A page with every field; b shows everything else as it was at that moment, y copies the event's text."""

    help_page, box_title = "event", "Event"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "look_back", "Look back", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]
    DEFAULT_CSS = "EventDetails > VerticalScroll { width: 84; max-height: 80%; }"

    def __init__(
        self,
        entry: LogLine,
        frame: Frame,
        look: Callable[[float], None],
        copy: Callable[[str], None],
        run: Sequence[LogLine] = (),
    ) -> None:
        super().__init__()
        self._run = run
        self._entry, self._frame, self._look, self._copy = entry, frame, look, copy

    def on_resize(self) -> None:
        """What fits depends on the width."""
        page = min(WIDTH, self.size.width * 96 // 100)
        keys = [(1, line(("y copies", ""))), (0, line(("Esc closes", "")))]
        if not self._frame.read_only:
            keys.insert(0, (2, line(("b shows that moment", ""))))
        gap = 3 if self.size.width >= TIGHT else 2
        self.query_one(VerticalScroll).border_subtitle = fit(keys, page - EDGE, self._frame.glyphs, gap)
        width = max(LABEL + 8, page - FRAME)
        rows = event_rows(self._entry, self._frame, width, run=self._run)
        self.query_one(Static).update(Content("\n").join(rows))

    def action_copy(self) -> None:
        """The event's text to the clipboard."""
        self._copy(self._entry.text)

    def action_look_back(self) -> None:
        """Back, to the moment of the event."""
        self.dismiss()
        if not self._frame.read_only:
            self._look(self._entry.at)
