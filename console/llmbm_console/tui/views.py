"""The panes that only the views of their own show: memory, log, machine, dumps and compare."""

from __future__ import annotations

from collections.abc import Iterator

from textual.widget import Widget

from llmbm_console.tui.answers.pair import AnswerPair
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.widgets.answers import Answers, Differences
from llmbm_console.tui.widgets.byte_strip import ByteStrip
from llmbm_console.tui.widgets.display import DisplayPane
from llmbm_console.tui.widgets.events import EventList
from llmbm_console.tui.widgets.facets import FacetPanel
from llmbm_console.tui.widgets.files import Explanation, FileList
from llmbm_console.tui.widgets.hex_view import HexView
from llmbm_console.tui.widgets.log_panels import EventPanel, OverTime
from llmbm_console.tui.widgets.machine_log import MachineLog
from llmbm_console.tui.widgets.registers import Registers


class ViewPanes:
    """One of each; they live on the main screen's deck beside all other panes."""

    def __init__(self, events: EventList, frame: Frame, pictures: str) -> None:
        self.hex = HexView(id="hex")
        self.bytes = ByteStrip(self.hex, id="bytes")
        self.histogram = OverTime(events, id="histogram")
        self.facets = FacetPanel(events, id="facets")
        self.details = EventPanel(events, id="details")
        self.machine_log = MachineLog(id="machine_log")
        self.display = DisplayPane(pictures, id="display")
        self.registers = Registers(id="registers")
        self.files = FileList(id="files")
        self.explanation = Explanation(id="explanation")
        self.pair = AnswerPair()
        self.answers = Answers(self.pair, id="answers")
        self.differences = Differences(self.pair, id="differences")
        self.show(frame)

    def __iter__(self) -> Iterator[Widget]:
        yield from (self.bytes, self.hex, self.histogram, self.facets, self.details)
        yield from (self.machine_log, self.display, self.registers, self.files, self.explanation)
        yield from (self.differences, self.answers)

    def show(self, frame: Frame) -> None:
        """Draws another frame."""
        for pane in (self.hex, self.histogram, self.facets, self.details, self.machine_log):
            pane.show(frame)
        self.bytes.show(frame)
        for other in (self.display, self.registers, self.files, self.explanation, self.differences, self.answers):
            other.show(frame)
