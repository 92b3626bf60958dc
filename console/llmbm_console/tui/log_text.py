"""What the event list says of a line: its message, with the values that have a meaning of their own."""

from __future__ import annotations

from llmbm_console.core.counted import counted
from llmbm_console.core.postmortem.known_fields import knows
from llmbm_console.core.postmortem.log_values import cycles_of, values_of
from llmbm_console.core.state.state import LogLine
from llmbm_console.core.state.trips import done_by_user
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import clip, shorten
from llmbm_protocol.words import LogCode

#: How the kernel tells that it learns a budget by itself, and how a person asks for that.
LEARNT = {f"budget_{of}=0": f"budget_{of}=auto" for of in ("decode", "prefill")}


def when(entry: LogLine, frame: Frame) -> str:
    """Wall clock of a live line; the kernel's own clock for one read from a file, the cycles that it counted where it
    tells no rate of them."""
    if frame.post_mortem and entry.record is not None:
        if (cycles := cycles_of(entry.record)) is not None:
            return f"{cycles / 1e9:>9.3f} Gc"
        if not knows(entry.record, "time"):
            return f"{'-':>12}"
        return f"+{entry.record.time / 1000:>11.3f}"
    return frame.clock(entry.at)


def _use(entry: LogLine) -> str:
    """By how much a budget was broken, "753M of 475M"; empty for other lines."""
    record = entry.record
    if record is None or record.code is not LogCode.BUDGET or not record.first or not record.second:
        return ""
    return f"{figures.cycles(record.first)} of {figures.cycles(record.second)}"


def told(entry: LogLine) -> str:
    """The message in full: that of a broken budget tells by how much."""
    if entry.record is not None and entry.record.code is LogCode.PARAM and entry.text in LEARNT:
        return LEARNT[entry.text]
    use = _use(entry)
    return f"{entry.text}: {use} cycles" if use else entry.text


def fitted(entry: LogLine, width: int, ellipsis: str, times: int = 1) -> str:
    """The message in at most `width` cells, how often it came before it. The numbers of a broken budget stay longer
    than the words about them."""
    if times > 1:
        head = f"{times:,}× "
        return (head + fitted(entry, max(0, width - len(head)), ellipsis))[: max(0, width)]
    text, use = told(entry), _use(entry)
    if not use or len(text) <= width:
        return shorten(text, width, ellipsis)
    unit_less = f"{entry.text}: {use}"
    return unit_less if len(unit_less) <= width else clip(f"{use}: {entry.text}", width, ellipsis)


def searched(entry: LogLine, time: str = "") -> str:
    """What a filter looks through: the time and the message as they are shown, and the values in full, with and
    without commas. Of the time no thousandths: they would be found among numbers."""
    exact = [value for _name, value in values_of(entry.record)] if entry.record is not None else []
    clock = time.partition(".")[0] if ":" in time else ""
    return "\n".join((clock, told(entry), *exact, *(value.replace(",", "") for value in exact)))


def by_user(entry: LogLine, frame: Frame) -> str:
    """What the user of this console did to bring an event about, "your drill of 20:16"; empty when it was not them."""
    command = done_by_user(frame.state, entry)
    if command is None or entry.record is None:
        return ""
    moment = frame.clock(command.at)[:5]
    if "test_failsafe" in command.line:
        return f"by your drill of {moment}"
    return f"the budget of {counted(entry.record.second, 'cycle')} was set by you at {moment}"
