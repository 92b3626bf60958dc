"""One sentence that says what a post-mortem file means."""

from __future__ import annotations

from typing import TypeVar

from llmbm_console.core.counted import counted
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.known_fields import knows, told
from llmbm_console.core.postmortem.serial_log import SerialLog
from llmbm_console.core.postmortem.zone_sizes import unit_of
from llmbm_console.core.state.trips import CAUSES, was_drill
from llmbm_protocol.schema import (
    Arena,
    Event,
    KvCache,
    LogCode,
    LogLevel,
    Model,
    Record,
    Sentinel,
    SentinelError,
    SentinelPhase,
    SentinelState,
    Zone,
)

R = TypeVar("R", bound=Record)

LEAST_LEARNT = 500_000  # cycles: no budget that a kernel learns is smaller
ADDRESSES = 1 << 20  # what a kernel has below is no memory of an arena: it is a row
SUMS = 1 << 32  # no arena of these models has as many octets: it is a checksum
LONGEST_ERROR = 120  # characters of an error line in the sentence

CAUSE_OF_ERROR: dict[SentinelError | None, LogCode] = {
    SentinelError.BUDGET: LogCode.BUDGET,
    SentinelError.ALLOC: LogCode.ALLOC_FAIL,
    SentinelError.OOB: LogCode.OOB,
    SentinelError.RO_WRITE: LogCode.RO_WRITE,
    SentinelError.GUARD: LogCode.GUARD,
}


def last_of(records: tuple[Record, ...], kind: type[R]) -> R | None:
    """The last record of a type."""
    return next((record for record in reversed(records) if isinstance(record, kind)), None)


def zones_of(records: tuple[Record, ...]) -> dict[Arena, Zone]:
    """The last record of each arena, in the order of the file."""
    return {record.arena: record for record in records if isinstance(record, Zone)}


def where(arena: Arena) -> str:
    """An arena in a sentence."""
    return "" if arena is Arena.NONE else f" in {arena.value.upper()}"


def cause(event: Event | None, code: LogCode, phase: str) -> str:
    """The event behind a trip, with its two values in words."""
    a_pass = f"a {phase} pass" if phase else "a pass"
    if code is LogCode.BUDGET:
        if event is None or not event.first:
            return f"{a_pass} took more cycles than its budget"
        budget = f", its budget was {event.second:,}" if event.second else ", more than its budget"
        return f"{a_pass} took {event.first:,} cycles{budget}"
    if code is LogCode.ALLOC_FAIL:
        size = f" of {event.second:,} bytes" if event is not None and event.second else ""
        return f"an allocation{size}{where(event.arena) if event else ''} failed"
    arena = where(event.arena) if event is not None else ""
    first, second = (event.first, event.second) if event is not None else (0, 0)
    place = f" at 0x{first:x}" if first else ""
    if code is LogCode.OOB:
        if 0 < second <= first < ADDRESSES:  # a row and how many there are: an earlier kernel has an address here
            return f"row {first:,} of {second:,} was asked for{arena}"
        return f"an access outside its arena{place}{arena}"
    if code is LogCode.RO_WRITE:
        if second >= SUMS:  # checksums, found and loaded; an earlier kernel has an address and a size
            return f"what was loaded{arena} was changed: its checksum is 0x{first:x} and was 0x{second:x}"
        return f"a write to read-only memory{place}{arena}"
    if code is LogCode.GUARD:
        return f"the guard bytes behind an arena were overwritten{place}{arena}"
    return "an unknown error"


def is_trip(event: Event) -> bool:
    """Whether a log entry is what made the sentinel trip; an overrun that was only noted is a warning."""
    return event.code in CAUSES and event.level is LogLevel.ERROR


def trip_cause(event: Event | None, sentinel: Sentinel | None) -> str:
    """Why the sentinel tripped, by its log entry and its state; either may be missing."""
    code = event.code if event is not None else CAUSE_OF_ERROR.get(last_error(sentinel))
    return cause(event, code, known_phase(sentinel)) if code is not None else "the cause was lost on the line"


def context(found: PostMortem) -> str:
    """Model and fill of the context, as far as the file tells."""
    model, rows = last_of(found.records, Model), rows_of(found)
    parts = [model.file] if model is not None and model.file else []
    parts += [rows] if rows else []
    return f" ({', '.join(parts)})" if parts else ""


def rows_of(found: PostMortem) -> str:
    """The rows of the context that were used; in a log, in which they were emptied at last, those before that."""
    states = [record for record in found.records if isinstance(record, KvCache)]
    if not states:
        return ""
    before = next((kv for kv in reversed(states) if kv.rows), None)
    if found.serial is not None and before is not None and not states[-1].rows:
        return f"{_rows(before)} used when last told, cleared afterwards"
    return f"{_rows(states[-1])} used"


def _rows(kv: KvCache) -> str:
    return f"{kv.rows} of {kv.capacity} context rows" if told(kv, "capacity") else counted(kv.rows, "context row")


def verdict_of(found: PostMortem) -> str:
    """What the file means. Says what happened, never more than the file holds."""
    sentinel = last_of(found.records, Sentinel)
    events = [entry.record for entry in found.events]  # newest first
    tail = context(found)
    torn = "" if found.complete else " The file is not whole: more may have happened."
    tripped = (
        found.kind == "failsafe"
        or any(event.code is LogCode.FAILSAFE for event in events)
        or is_tripped(sentinel)
        or (found.serial is not None and found.serial.trip)
    )
    if tripped:
        event = next((event for event in events if event.code in CAUSES), None)
        code = event.code if event else CAUSE_OF_ERROR.get(last_error(sentinel))
        phase = known_phase(sentinel)
        reason = found.reason or (found.serial.trip if found.serial is not None else "")
        what = cause(event, code, phase) if code else (reason or "the cause is not in the file")
        # Our kernel's files tell the state; of an earlier kernel's, budgets and overruns seem to tell another one.
        limit = limit_of_a_test(event, sentinel) if found.origin != "llmk" else ""
        drill = " in a drill (/test_failsafe)" if was_drill(event, events) else ""
        return f"The sentinel tripped{drill}: {what}{tail}.{limit}{_since(found, sentinel)}{torn}"
    if found.serial is not None:
        return f"{_serial(found.serial, sentinel)}{tail}."
    if only_logged(sentinel):
        none = "Nothing tripped" if found.complete else "No trip in what is left of the file"
        return f"{none}; {_overran(sentinel, events)}{tail}.{torn}"
    if (code := CAUSE_OF_ERROR.get(last_error(sentinel))) is not None:
        event = next((event for event in events if event.code is code), None)
        unsure = "" if knows(sentinel, "state") else " Whether it was a trip is not in the file."
        return f"An error was noticed: {cause(event, code, known_phase(sentinel))}{tail}.{unsure}{torn}"
    prefill, decode = overruns_of(sentinel)
    if prefill or decode:
        passes = "pass" if decode == 1 else "passes"
        no_trip = "No trip, but" if tells_error(sentinel) else "Whether it tripped is not in the file;"
        return f"{no_trip} {prefill or 0} prefill and {decode or 0} decode {passes} went over their budget{tail}.{torn}"
    if found.kind == "serial log" and found.origin == "llmk" and sentinel is None:
        return f"A serial log in which no console asked for anything: its text is all there is{tail}.{torn}"
    if not found.records:
        return f"Nothing could be read from this file.{torn}"
    errors = [event for event in events if event.level is LogLevel.ERROR]
    if found.kind == "log":
        return f"{counted(len(events), 'log event')}, {len(errors) or 'none'} of them errors.{torn}"
    if errors:
        newest = cause(errors[0], errors[0].code, "") if errors[0].code in CAUSES else errors[0].message
        more = f", and {len(errors) - 1} more in the log" if len(errors) > 1 else ""
        begin = "No trip, but an" if knows(sentinel, "state") else "An"
        return f"{begin} error was logged: {newest}{more}{tail}.{torn}"
    if not tells_error(sentinel):
        if found.reason:
            return f"An error was noticed: {found.reason}{tail}.{torn}"
        return f"What the sentinel found is not in the file; it has {counted(len(events), 'log event')}{tail}.{torn}"
    full = next((zone for zone in found.records if isinstance(zone, Zone) and is_full(zone)), None)
    note = f" {full.arena.value.upper()} is full." if full and full.arena is not Arena.KV else ""
    count = counted(len(events), "log event")
    if not found.complete:
        return f"No trip and no error in what is left of the file: {count}{tail}.{note}{torn}"
    no_overrun = ", no overrun" if None not in (prefill, decode) else ""
    return f"Nothing went wrong: no trip{no_overrun}, {count}{tail}.{note}{torn}"


def is_full(zone: Zone) -> bool:
    """Whether an arena that is written to has no byte left, as far as exact sizes tell."""
    exact = unit_of(zone) == 1 and knows(zone, "size", "used", "read_only")
    return exact and 0 < zone.size == zone.used and not zone.read_only


def overruns_of(sentinel: Sentinel | None) -> tuple[int | None, int | None]:
    """Passes over their budgets, of prefill and of decode; None where they are not told."""
    return told(sentinel, "prefill_overruns"), told(sentinel, "decode_overruns")


def only_logged(sentinel: Sentinel | None) -> bool:
    """Whether passes went over their budgets and that stopped nothing, as strict budgets were off: it is no error."""
    armed = told(sentinel, "state") is SentinelState.ARMED
    return armed and last_error(sentinel) in (SentinelError.OK, SentinelError.BUDGET) and any(overruns_of(sentinel))


def _overran(sentinel: Sentinel | None, events: list[Event]) -> str:
    """How many passes went over their budgets, and by how much. The kernel logs a few of each answer and counts all."""
    prefill, decode = (count or 0 for count in overruns_of(sentinel))
    counts = [f"{count} {phase}" for phase, count in (("prefill", prefill), ("decode", decode)) if count]
    one = prefill + decode == 1
    went = "pass went over its budget and was" if one else "passes went over their budget and were"
    strict = "is" if told(sentinel, "strict") is False else "was"
    said = f"{' and '.join(counts)} {went} only logged (strict {strict} off)"
    logged = [event for event in events if event.code is LogCode.BUDGET and event.first > event.second > 0]
    if not logged:
        return said
    worst = max(logged, key=lambda event: event.first - event.second)
    times = f"{worst.first / worst.second:,.1f} times its budget of {worst.second:,}"
    return f"{said}; the worst in the log took {worst.first:,} cycles, {times}"


def limit_of_a_test(event: Event | None, sentinel: Sentinel | None) -> str:
    """Why the budget of a trip is none that the file has: a learnt one is never so small."""
    if event is None or event.code is not LogCode.BUDGET or not 0 < event.second < LEAST_LEARNT or sentinel is None:
        return ""
    budget: int = {SentinelPhase.PREFILL: sentinel.prefill_budget, SentinelPhase.DECODE: sentinel.decode_budget}.get(
        sentinel.phase, 0
    )  # 0 as well where it is not told
    if budget < LEAST_LEARNT:
        return ""
    return (
        f" The {event.second:,} were a limit for one pass, as /test_failsafe sets it; the budget itself is {budget:,}."
    )


def _since(found: PostMortem, sentinel: Sentinel | None) -> str:
    """What became of a trip."""
    end = "at the end of the log" if found.serial is not None else "when this was written"
    if is_tripped(sentinel):
        return f" It was still tripped {end}{': no /reset came after it' if found.origin != 'llmk' else ''}."
    armed = found.serial is not None and told(sentinel, "state") is SentinelState.ARMED
    return " It was armed again afterwards." if armed else ""


def _serial(serial: SerialLog, sentinel: Sentinel | None) -> str:
    """A log of a terminal, without a trip."""
    if not serial.turns + serial.commands + len(serial.errors):
        return "A serial log in which nobody asked for anything: its text is all there is"
    overruns = [count for count in overruns_of(sentinel) if count is not None]
    no_trip = "no trip" if knows(sentinel, "state") else "no trip is told"
    if sentinel is None:
        rest = no_trip
    elif over := sum(overruns):
        rest = f"{no_trip}, but {counted(over, 'pass', 'passes')} of the last answer went over the budget"
    else:
        rest = f"{no_trip}, no overrun" if len(overruns) == 2 else no_trip
    errors = serial.errors
    what = f"No error line, {rest}"
    if errors:
        first = f"the first is line {errors[0].number:,}" if len(errors) > 1 else f"line {errors[0].number:,}"
        what = f"{counted(len(errors), 'error line')}, {first}: {errors[0].text[:LONGEST_ERROR]!r}; {rest}"
    return f"{what}. The log has {counted(serial.turns, 'answer')} and {counted(serial.commands, 'command')}"


def tells_error(sentinel: Sentinel | None) -> bool:
    """Whether a file says what the sentinel found last: a line may be missing, or name an error of another version."""
    return knows(sentinel, "error")


def last_error(sentinel: Sentinel | None) -> SentinelError | None:
    """What the sentinel found last; None where it is not known."""
    error: SentinelError | None = told(sentinel, "error")
    return error


def is_tripped(sentinel: Sentinel | None) -> bool:
    """Whether the sentinel was tripped at the time of writing."""
    return told(sentinel, "state") is SentinelState.TRIPPED


def known_phase(sentinel: Sentinel | None) -> str:
    """The phase of the last error, empty when it is not known."""
    phase = told(sentinel, "phase")
    return "" if phase in (None, SentinelPhase.GENERIC) else str(phase)
