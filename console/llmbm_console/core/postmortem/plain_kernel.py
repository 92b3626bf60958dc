"""A kernel that speaks no protocol, read by what it prints: an earlier one's zone table, context and log lines."""

from __future__ import annotations

from collections import deque

from llmbm_console.core.postmortem.kernel_text import KernelText
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state.events import ConsoleText, Event, LinkChanged, LinkPhase
from llmbm_protocol.schema import Record

LONGEST_LINE = 4096  # characters; what is longer is no line of a report
MOST_KEPT = 256  # records that wait until it is known that no protocol is spoken


class PlainKernel:
    """Takes text as it comes, in pieces of any size, and gives the records of each whole line.

    Until `speak` is called nothing is given: a kernel with a protocol prints the same kind of text while it boots, and
    its records come in frames.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._parser = KernelText()
        self._rest = ""
        self._kept: deque[Record] = deque(maxlen=MOST_KEPT)
        self.speaking = False

    def told(self, event: Event) -> list[Record]:
        """What an event of a session tells by its text, once it is known that no frames will come."""
        if isinstance(event, ConsoleText):
            return self.feed(event.text)
        if isinstance(event, LinkChanged):
            if event.phase is LinkPhase.PLAIN:
                return self.speak()
            if event.phase is LinkPhase.MACHINE:
                self._forget()
        return []

    def feed(self, text: str) -> list[Record]:
        """More text; the records that it completed."""
        *lines, self._rest = (self._rest + text.replace("\r", "\n")).split("\n")
        self._rest = self._rest[-LONGEST_LINE:]
        for line in lines:
            if len(line) <= LONGEST_LINE and (whole := clean(line).strip()):
                self._kept.extend(self._parser.line(whole))
        return self._given()

    def speak(self) -> list[Record]:
        """It is known now that no frames will come; what was printed before counts."""
        self.speaking = True
        return self._given()

    def _given(self) -> list[Record]:
        if not self.speaking:
            return []
        given = list(self._kept)
        self._kept.clear()
        return given
