"""What each record of the kernel changes in the state. Pure; a record without a step changes nothing."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any

from llmbm_console.core.sanitise import clean, decode_text
from llmbm_console.core.state.events import Severity
from llmbm_console.core.state.known_words import KnownWords
from llmbm_console.core.state.overflow import overflow_told
from llmbm_console.core.state.series import Series
from llmbm_console.core.state.state import MAX_WORDS, LogLine, Seam, State, Turn, changed, newest_turn
from llmbm_console.core.state.store_parts import add_log, add_seam, cut_turn, end_turn
from llmbm_console.core.state.turns import budget_of, ended, with_choice, with_sampling, with_slide, with_token
from llmbm_console.core.text_records import CountedEvent, RoundedZone
from llmbm_protocol.schema import (
    Bench,
    Choice,
    Counters,
    Cpu,
    Credit,
    Event,
    Finished,
    Hello,
    KvCache,
    Leave,
    LeaveReason,
    Load,
    LogLevel,
    Model,
    Perf,
    Phase,
    Record,
    Sample,
    SamplingState,
    Sentinel,
    Token,
    TokenizerState,
    Version,
    Word,
    Zone,
    Zones,
)
from llmbm_protocol.words import LogCode

MAX_CYCLES = 256  # decode passes kept for the sentinel's strip, as many as the kernel's percentiles are over

ON_ITS_WAY = 2.0  # s that the answer to a prompt, with which its turn begins here, may have been behind the entry
NEWEST = 8  # entries of the log among which that of a pass is looked for

SEVERITY: dict[LogLevel, Severity] = {
    LogLevel.DEBUG: "info",
    LogLevel.INFO: "info",
    LogLevel.WARN: "warn",
    LogLevel.ERROR: "error",
}


def _hello(state: State, record: Hello, at: float) -> State:
    known = state.hello
    if known is not None and known.boot == record.boot:
        return replace(state, hello=record, loaded=0)
    if known is not None:
        state = cut_turn(state, "the machine restarted")
        severity: Severity = "info" if state.restarting else "warn"
        if not state.restarting:
            state = replace(add_seam(state, "the machine restarted", at), boot_at=at)
        state = add_log(
            state, LogLine(at, "link", severity, "reboot", f"boot {known.boot:08x} ended, {record.boot:08x} began")
        )
        state = _forget_boot(state)
    return replace(state, hello=record, boots=state.boots + 1, restarting=False, loaded=0)


#: what a kernel tells of itself and of its machine
OF_BOOT = (
    "phase",
    "version",
    "cpu",
    "model",
    "tokenizer",
    "sampling",
    "zones",
    "arenas",
    "sentinel",
    "kv",
    "perf",
    "load",
    "bench",
    "credit",
    "stamps",
    "decode_cycles",
    "pending",
    "words",
)
_NOTHING = State()


def _forget_boot(state: State) -> State:
    """What belonged to the boot before is no longer true of this one."""
    return changed(state, **{name: getattr(_NOTHING, name) for name in OF_BOOT})


def as_saved(state: State, number: int) -> State:
    """What is known of the machine when its saved state of that number takes its place: what was known then. What it is
    asked to set from now on still waits for it."""
    then = state.saves.get(number, _NOTHING)
    known = {name: getattr(then, name) for name in OF_BOOT if name not in ("credit", "pending")}
    return changed(state, **known, restarting=then.restarting)


def _token(state: State, record: Token, at: float) -> State:
    turn = state.turn
    if turn is None or turn.number != record.generation:
        if _is_old(state, record.generation):
            return state
        if turn is not None:
            state = cut_turn(state, "its end was not received")
        turn = Turn(record.generation, "", at)
    extended = with_token(turn, record, at)
    if extended.slowest > turn.slowest:
        extended = replace(extended, budget=_budget(state, record))
    cycles = state.decode_cycles
    if len(extended.tokens) > len(turn.tokens) and record.index > 0:
        # The pass that led to the first token was the last one of the prefill.
        passes = cycles if isinstance(cycles, Series) else Series(cycles, array("Q"))
        cycles = passes.appended(record.cycles, MAX_CYCLES)
    return changed(state, turn=extended, decode_cycles=cycles, phase=Phase.DECODE, now=at)


def _budget(state: State, record: Token) -> int:
    """The budget of the pass that led to a token, 0 where it is not known. It is learnt from pass to pass and told once
    in a while: where the last one told is less than the pass took, only the kernel's own entry says so."""
    budget = budget_of(record.index, state.sentinel)
    if record.cycles <= budget:
        return budget
    entries = (line.record for line in islice(reversed(state.log), NEWEST))
    return next((entry.second for entry in entries if entry is not None and _is_overrun(entry, record.cycles)), 0)


def _is_overrun(entry: Event, cycles: int) -> bool:
    return entry.code is LogCode.BUDGET and entry.first == cycles


def _choice(state: State, record: Choice, at: float) -> State:
    turn = state.turn
    if turn is None or turn.number != record.generation:
        return state
    return replace(state, turn=with_choice(turn, record, state.sampling))


def _word(state: State, record: Word, at: float) -> State:
    text = decode_text(b"", record.text, final=True)[0]
    return replace(state, words=KnownWords.of(state.words).with_word(record.token, text, MAX_WORDS))


def _weights(record: Model) -> tuple[object, ...]:
    """What tells one loaded model from another: the same file may be loaded as int8."""
    return record.file, record.format, record.group, record.bytes, record.vocab, record.parameters


def _model(state: State, record: Model, at: float) -> State:
    known = state.model
    if known is not None and _weights(known) != _weights(record):
        perf = state.perf
        if perf is not None:  # speeds of another model are not this one's
            perf = perf.model_copy(update={"decode_rate": 0, "decode_mb_s": 0, "read_mb_s": 0})
        state = replace(state, words=MappingProxyType({}), bench=None, perf=perf)
    return _sample("model")(state, record, at)


def _is_old(state: State, generation: int) -> bool:
    """True when a generation's turn is over already: a frame sent again must not open it anew."""
    for item in reversed(state.items):
        if isinstance(item, Turn):
            return item.started_at >= state.boot_at and item.number >= generation
    return False


def _finished(state: State, record: Finished, at: float) -> State:
    state = replace(state, phase=Phase.IDLE)
    turn = state.turn
    if turn is None:
        if _is_old(state, record.generation):
            return state
        turn = Turn(record.generation, "", at)
    elif turn.number != record.generation:
        return state
    return end_turn(state, ended(turn, record))


def _is_of_before(state: State, record: Event) -> bool:
    """True for an entry of the log that was surely made before the newest turn began, and is told only now."""
    turn, offset = newest_turn(state), state.link.clock_offset
    if turn is None or offset is None:
        return False
    return record.time / 1000 + offset + state.link.clock_error + ON_ITS_WAY < turn.started_at


def _made_room(state: State, record: Event, told: str, at: float) -> State:
    """What was done about a full context is told within the answer that made it full, also where that has ended just
    now, else behind everything."""
    turn = newest_turn(state)
    if turn is None:
        return state  # nothing is forgotten of a conversation that is not here
    ended_since = turn.finished is not None and record.time <= turn.finished.time
    if state.turn is None and not (ended_since and turn is state.items[-1]):
        return add_seam(state, f"the context was full and {told}", at)
    seam = Seam(f"the context was full in turn {turn.number} and {told}", at)
    turn = with_slide(turn, seam, record.time)
    if state.turn is None:
        return replace(state, items=Series.of(state.items).with_last(turn))
    return replace(state, turn=turn)


def _event(state: State, record: Event, at: float) -> State:
    told = overflow_told(record)
    if told and not _is_of_before(state, record):
        state = _made_room(state, record, told, at)
    if state.turn is not None and _is_overrun(record, state.turn.slowest):
        state = replace(state, turn=replace(state.turn, budget=record.second))
    text = told or clean(record.message)
    return add_log(
        state, LogLine(at, "kernel", SEVERITY.get(record.level, "info"), clean(str(record.code)), text, record)
    )


def _credit(state: State, record: Credit, at: float) -> State:
    return changed(state, credit=record, phase=record.phase, now=at)


def _counters(state: State, record: Counters, at: float) -> State:
    return replace(state, link=replace(state.link, counters=record))


def _leave(state: State, record: Leave, at: float) -> State:
    if record.why is LeaveReason.REBOOT and not state.restarting:
        state = add_seam(cut_turn(state, "the kernel restarted"), "the kernel restarted the machine", at, "info")
        state = replace(state, restarting=True, boot_at=at)
    return add_log(
        state, LogLine(at, "link", "info", "leave", f"the kernel left machine mode: {clean(str(record.why))}")
    )


def _sample(attribute: str) -> Callable[[State, Any, float], State]:
    """A step that keeps the newest record of one stream."""

    def step(state: State, record: Sample, at: float) -> State:
        changes: dict[str, Any] = {attribute: record, "stamps": _stamped(state, record, at), "now": at}
        return changed(state, **changes)

    return step


def _stamped(state: State, record: Sample, at: float) -> MappingProxyType[Any, float]:
    return MappingProxyType({**state.stamps, record.stream: at})


def _perf(state: State, record: Perf, at: float) -> State:
    return changed(state, perf=record, phase=record.phase, stamps=_stamped(state, record, at), now=at)


def _zone(state: State, record: Zone, at: float) -> State:
    arenas = MappingProxyType({**state.arenas, record.arena: record})
    return changed(state, arenas=arenas, stamps=_stamped(state, record, at), now=at)


def _zones(state: State, record: Zones, at: float) -> State:
    """It tells use and size of every arena anew: what is known of them in full follows it."""
    state = _sample("zones")(state, record, at)
    arenas = {arena: _as_told(zone, getattr(record, arena.value, [])) for arena, zone in state.arenas.items()}
    if all(arenas[arena] is zone for arena, zone in state.arenas.items()):
        return state
    return changed(state, arenas=MappingProxyType(arenas))


def _as_told(zone: Zone, pair: Sequence[int]) -> Zone:
    if len(pair) != 2 or (zone.used, zone.size) == tuple(pair):
        return zone
    used, size = pair
    return zone.model_copy(update={"used": used, "size": size, "peak": max(zone.peak, used)})


def _sampling(state: State, record: Any, at: float) -> State:
    """They are in force for an answer that runs, too: for all of it where nothing came yet, else from here on."""
    state = _sample("sampling")(state, record, at)
    turn, credit = state.turn, state.credit
    if turn is None:
        return state
    made = credit.tokens if credit is not None and credit.generation == turn.number else 0
    return replace(state, turn=with_sampling(turn, record, made))


RECORDS: dict[type[Record], Callable[[State, Any, float], State]] = {
    Hello: _hello,
    Token: _token,
    Choice: _choice,
    Word: _word,
    Finished: _finished,
    Event: _event,
    CountedEvent: _event,
    Credit: _credit,
    Counters: _counters,
    Leave: _leave,
    Perf: _perf,
    Zone: _zone,
    RoundedZone: _zone,
    KvCache: _sample("kv"),
    Zones: _zones,
    Sentinel: _sample("sentinel"),
    SamplingState: _sampling,
    Model: _model,
    TokenizerState: _sample("tokenizer"),
    Cpu: _sample("cpu"),
    Version: _sample("version"),
    Load: _sample("load"),
    Bench: _sample("bench"),
}
