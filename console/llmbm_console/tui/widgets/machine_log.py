"""What happened to the machine: the part of the event list that QEMU's monitor, or the end of the process, told."""

from __future__ import annotations

from llmbm_console.core.log_filter import log_filter
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import line
from llmbm_console.tui.widgets.events import EventList

QUERY = "source:machine"


class MachineLog(EventList):
    """An event list that shows one source, whatever the other one is filtered by."""

    pane, number, title_text = "machine_log", 0, "Machine events"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._wanted, self._passes = QUERY, log_filter(QUERY)

    def show(self, frame: Frame) -> None:
        """Drawn at the gauges' turn only."""
        super().show(frame)
        self.settle()

    def empty_words(self, filtered_out: bool) -> tuple[str, ...]:
        """Nothing is known of a machine at the other end of a cable."""
        if self._frame.controllable:
            return ("Nothing happened to the machine yet.",)
        return ("Nothing is told of this machine:", "with --qemu or --qmp its pauses and resets appear here.")

    def _describe(self) -> None:
        self._undescribed = False
        count = len(self._entries)
        self.set_heading(line((f"{count} on the timeline" if count else "", "$muted")), line())
