"""A serial log of a kernel that a person used at a terminal: prompts with their answers, commands with what they
printed, and everything else as lines, in their order.

Two kernels are known by their prompts: ours in human mode ("llmk> "), and the earlier one ("You: "), which puts "AI: "
before an answer and messages of its own, "[llmk]...", before, behind and into it. What fits neither stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llmbm_console.core.link.decode import LineDecoder
from llmbm_console.core.postmortem.kernel_text import KernelText
from llmbm_console.core.postmortem.torn_text import without_torn_pair
from llmbm_console.core.reading import is_command
from llmbm_console.core.state.events import CommandDone, ConsoleText, Event, TurnRead
from llmbm_protocol.schema import Record

TIME = r"\[[0-9][0-9:. T+-]{3,40}\]"  # of a terminal program, before each line
PREFIX = rf"(?:[ \t>|\x00-\x08\x7f\ufffd]|{TIME})*"  # that, the mark of a quotation, or noise of the line
NOISE = "".join(map(chr, range(0x2400, 0x2409))) + "\u2421\ufffd"  # the same as clean text shows it
#: What only a serial line holds: a prompt, the steps of an earlier kernel's boot, the firmware before them.
IS_SERIAL = re.compile(rf"^{PREFIX}(?:You: |(?:llmk|rescue)> |llmk-[0-9.]+ on |\[1/[0-9]\] |BdsDxe: )", re.MULTILINE)
IS_OURS = re.compile(rf"^{PREFIX}(?:(?:llmk|rescue)> |llmk-[0-9.]+ on )", re.MULTILINE)
IS_EARLIER = re.compile(rf"^{PREFIX}(?:You: |\[1/[0-9]\] )|\[llmk\]", re.MULTILINE)

_STAMP = re.compile(rf"^(?:{TIME} ?|[>|] ?)")
PROMPT = re.compile(r"^(?:You: ?|((?:llmk|rescue)> ))(.*)$")
MORE = re.compile(r"^\.\.\. ?(.*)$")
ANSWER = re.compile(r"^AI: ?")
_BUDGETS = re.compile(r"\[llmk\]\[budget\] (?:final )?prefill_max=")
_STOPPED = re.compile(r"\[llmk\] (?:prefill|decode) stopped")
STATS = re.compile(
    r"^\[stats\] tokens=([0-9]{1,12})(?: time_ms=([0-9]{1,12}) tok_s=(?:inf|([0-9]{1,12}\.[0-9])[0-9]*))?"
)
_NOTE = re.compile(r"^\[(.*)\]$")
_TRIP = re.compile(r"^\[llmk\]\[fail-safe\] ?(.*)$|^\[sentinel tripped: ?([^;\]]*)")
ERROR = re.compile(
    r"^(?:\[[A-Za-z0-9_ -]{1,24}\] ?)*(?:ERROR|FATAL|PANIC)\b|^\[llmk\]\[fail-safe\]|^\[sentinel tripped:"
)
#: What our kernel answers to a prompt that it does not take.
_REFUSAL = re.compile(r"^(?:sentinel tripped: .*; type /reset|no model is loaded: |the prompt (?:is empty|has [0-9]))")


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """A line by which a kernel told that something failed."""

    number: int  # in the file, 1 is the first
    text: str


@dataclass(frozen=True)
class SerialLog:
    """What a log holds. Events have the time 0: the log tells none."""

    events: tuple[Event, ...]
    errors: tuple[ErrorLine, ...]
    records: tuple[Record, ...]

    @property
    def trip(self) -> str:
        """Why the sentinel tripped the first time, empty where it did not."""
        lines = (_TRIP.match(error.text) for error in self.errors)
        return next((match[1] or match[2] or "the cause is not told" for match in lines if match), "")

    @property
    def turns(self) -> int:
        """Prompts with an answer."""
        return sum(isinstance(event, TurnRead) for event in self.events)

    @property
    def commands(self) -> int:
        """Lines that were no prompt to the model."""
        return sum(isinstance(event, CommandDone) for event in self.events)


def origin_of(text: str) -> str:
    """Which kernel speaks in a log: see PostMortem.origin."""
    return "llmk" if IS_OURS.search(text) else "earlier kernel" if IS_EARLIER.search(text) else "unknown"


def numbered_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines of a log as a person read them, with their numbers: clean, and without frames."""
    decoder = LineDecoder()
    number, rest = 0, ""
    for number, raw in enumerate(data.split(b"\n"), 1):
        rest += "".join(text for text in decoder.feed(raw + b"\n") if isinstance(text, str))
        *lines, rest = rest.split("\n")
        yield from ((number, line) for line in lines)
    if rest := rest + decoder.flush():
        yield number, rest


def without_stamps(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The lines without the time or the mark of a quotation, where nearly all of them begin with one."""
    full = [line for _number, line in lines if line.strip()]
    while full and sum(_STAMP.match(line) is not None for line in full) * 10 > len(full) * 9:
        lines = [(number, _STAMP.sub("", line)) for number, line in lines]
        full = [line for _number, line in lines if line.strip()]
    return lines


def read_serial(data: bytes, reader: KernelText) -> SerialLog:
    """Reads a whole log; `reader` takes the reports that the kernel printed."""
    conversation, errors, records = Conversation(), list[ErrorLine](), list[Record]()
    lines = without_stamps(list(numbered_lines(data)))
    if lines and not data.endswith((b"\n", b"\r")) and lines[-1][1][:1] in ("[", " "):
        number, line = lines[-1]
        lines[-1] = number, without_torn_pair(line)  # a report that was cut
    for number, line in lines:
        conversation.line(line)
        records += reader.line(line)
        if ERROR.match(line.strip()):
            errors.append(ErrorLine(number, line.strip()))
    return SerialLog(tuple(conversation.end()), tuple(errors), tuple(records))


@dataclass
class Conversation:
    """Fed line by line; `end` gives the events."""

    events: list[Event] = field(default_factory=list)
    turns: int = 0
    ours: bool = False  # of which kernel the prompt was
    typed: list[str] | None = None  # at the last prompt, line by line; None before the first one
    printed: list[str] = field(default_factory=list)  # since then

    def line(self, text: str) -> None:
        """One more line."""
        if match := PROMPT.match(text.lstrip(NOISE)):
            self._close()
            self.ours, self.typed = match[1] is not None, [match[2]]
        elif self._goes_on and (match := MORE.match(text)):
            self.typed = [*(self.typed or ()), match[1]]
        else:
            self.printed.append(text)

    @property
    def _goes_on(self) -> bool:
        """Whether a prompt is being typed that has more lines."""
        return bool(self.typed and not self.printed and (len(self.typed) > 1 or self.typed[-1].endswith("\\")))

    def end(self) -> list[Event]:
        """All events; the last answer may have been cut."""
        self._close(last=True)
        return self.events

    def _text(self, lines: Sequence[str]) -> None:
        if text := "\n".join(lines).strip("\n"):
            self.events.append(ConsoleText(0.0, text + "\n"))

    def _close(self, last: bool = False) -> None:
        typed, printed = self.typed, self.printed
        self.typed, self.printed = None, []
        if typed is None:
            self._text(printed)
            return
        prompt, said = written(typed), any(line.strip() for line in printed)
        if self.ours:
            is_turn = said and bool(prompt.strip()) and not is_command(prompt)
            begin = 0
        else:
            begin = next((place for place, line in enumerate(printed) if ANSWER.match(line)), -1)
            is_turn = begin >= 0
        if prompt.endswith("^C"):  # typed and taken back
            self._text(["".join(typed), *printed])
        elif is_turn:
            self._text(printed[:begin])
            self._turn(prompt, printed[begin:], last)
        elif prompt.strip() or said:
            self._command(prompt, printed)

    def _command(self, line: str, printed: Sequence[str]) -> None:
        failed = [text.strip() for text in printed if ERROR.match(text.strip())]
        output = "\n".join(text for text in printed if not ERROR.match(text.strip())).strip("\n")
        self.events.append(CommandDone(0.0, line, not failed, output, "\n".join(failed)))

    def _turn(self, prompt: str, printed: Sequence[str], last: bool) -> None:
        if self.ours:
            text, end, notes = our_answer(printed)
            if not end and _REFUSAL.match(text):
                self.events.append(CommandDone(0.0, prompt, False, "", text))
                return
        else:
            text, end, notes = earlier_answer(printed)
        self.turns += 1
        tripped = "sentinel tripped" in end or any(map(_STOPPED.search, notes))
        why = "the log ends here" if last and not end else "sentinel trip" if tripped and not self.ours else ""
        told = " · ".join(filter(None, (why, end))) or "no statistics"
        self.events.append(TurnRead(0.0, self.turns, prompt, text, told, not (tripped or why)))
        self._text(notes)


def written(typed: Sequence[str]) -> str:
    """A prompt out of the lines in which it was typed: a backslash at the end goes on, two of them are one, and ";;"
    alone ends."""
    *before, end = typed
    text = "\n".join(line.removesuffix("\\") for line in before)
    if before and end == ";;":
        return text
    end = end[:-1] if end.endswith("\\\\") else end
    return f"{text}\n{end}" if before else end


def our_answer(printed: Sequence[str]) -> tuple[str, str, list[str]]:
    """An answer's text, what was told at its end, and nothing else."""
    lines, told = list(printed), list[str]()
    while lines and (not lines[-1].strip() or _NOTE.match(lines[-1])):
        if match := _NOTE.match(lines.pop()):
            told.insert(0, match[1])
    return "\n".join(lines), " · ".join(told), []


def earlier_answer(printed: Sequence[str]) -> tuple[str, str, list[str]]:
    """An answer's text, what was told at its end, and the messages of the kernel that came with it."""
    text, end, notes = "", "", list[str]()
    joined, stopped = True, False  # a message that broke a line did not break the answer
    for line in (ANSWER.sub("", printed[0]), *printed[1:]):
        head, message, _ = line.partition("[llmk]")  # also in the midst of a line
        if match := STATS.match(line):
            end, joined = statistics(match), True
        elif line.startswith("[test]") or (stopped and not _BUDGETS.match(line)):
            notes.append(line)
        else:
            text += head if joined or (message and not head) else f"\n{head}"
            joined = bool(message)
            if message and not _BUDGETS.match(line, len(head)):
                notes.append(line[len(head) :])
            stopped = stopped or _STOPPED.search(line) is not None
    return text.strip("\n"), end, notes


def statistics(match: re.Match[str]) -> str:
    """The line under an answer. The earlier kernel's clock counts whole seconds: 0 of them tell nothing."""
    tokens, milliseconds, rate = match.groups()
    parts = [f"{tokens} tok"]
    if milliseconds and int(milliseconds):
        parts.append(f"{int(milliseconds) / 1000:.1f} s")
        parts += [f"{rate} tok/s"] if rate else []
    return " · ".join(parts)
