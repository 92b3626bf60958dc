"""Records out of the text an earlier kernel prints for people: its dumps, its log files and its serial console.

Two dialects are known: dumps and REPL answers of the newer builds (`Context:` sections, `kv_pos=`), and an older one
without `kv_pos` and with a constant model name. Layout is not relied upon: a line is known by the `key=value` words in
it, sizes may be whole MiB or bytes. A known word whose value is no number leaves its field unknown, a number larger
than its field holds becomes the largest, as on the wire, and lines with something that could not be read are counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from llmbm_console.core.postmortem.kernel_prose import Told, meaning
from llmbm_console.core.postmortem.known_fields import knowing
from llmbm_console.core.text_records import CountedEvent, RoundedZone
from llmbm_protocol.fields import Wire
from llmbm_protocol.schema import (
    Arena,
    Event,
    KvCache,
    LogCode,
    LogLevel,
    Model,
    Record,
    SamplingState,
    Sentinel,
    SentinelError,
    SentinelPhase,
    SentinelState,
    Zone,
)
from llmbm_protocol.words import Word

E = TypeVar("E", bound=Word)

LOG_CODES = frozenset(LogCode)
RING = 128  # entries of the log: of a full one the oldest were overwritten
#: Numbers of the earlier kernel's enumerations, by position.
ARENAS = (Arena.WEIGHTS, Arena.KV, Arena.SCRATCH, Arena.ACTS, Arena.ZONEC)
REGIONS = {arena.value for arena in (*ARENAS, Arena.KEEP)}
CODES = (
    LogCode.INFO,
    LogCode.ALLOC_FAIL,
    LogCode.OOB,
    LogCode.RO_WRITE,
    LogCode.BUDGET,
    LogCode.FAILSAFE,
    LogCode.TOKEN,
)
ERRORS = (
    SentinelError.OK,
    SentinelError.ALLOC,
    SentinelError.OOB,
    SentinelError.RO_WRITE,
    SentinelError.BUDGET,
    SentinelError.GUARD,
)
#: What it notes in an event of a budget where others have the arena: the phase.
PHASES = {1: SentinelPhase.PREFILL, 2: SentinelPhase.DECODE}
#: Words of its lines to fields of the records; `dim` and `hidden` are whole numbers, `temp` is a decimal.
MODEL = {"dim": "dim", "layers": "layers", "heads": "heads", "kv": "kv_heads", "vocab": "vocab"}
MODEL |= {"seq": "seq_len", "seq_len": "seq_len", "hidden": "hidden_dim", "hidden_dim": "hidden_dim"}
REALS = {"temp": "temperature", "min_p": "min_p", "top_p": "top_p", "repeat": "repeat_penalty"}
REALS |= {"repeat_penalty": "repeat_penalty"}
COUNTS = {"top_k": "top_k", "norepeat": "no_repeat_ngram", "max_tokens": "max_tokens", "seed": "seed"}
BUDGETS = {"prefill_max": "prefill_budget", "decode_max": "decode_budget"}
BUDGETS |= {"prefill": "prefill_budget", "decode": "decode_budget"}
U64_MAX = (1 << 64) - 1
#: A kernel that writes MB means MiB: it counts pages.
UNITS = {"": 1, "B": 1, "BYTES": 1} | {
    f"{k}{b}": 1 << n for k, n in (("K", 10), ("M", 20), ("G", 30)) for b in ("IB", "B")
}

# Only where a word begins: tried again at every letter, a line of 100 kB without "=" takes a minute.
_WORD = re.compile(r"(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)=(\S*)(?:\s+([KMG]i?B|bytes|B)\b)?")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]{1,40}|[0-9]{1,40})([KMG]i?B|bytes|B)?")  # longer ones are no numbers
_REGION = re.compile(r"\[([A-Za-z][A-Za-z_0-9]*)\]")
_EVENT = re.compile(r"#([0-9]+)\s+tsc=")
_OVERRUNS = re.compile(r"overruns\(p=([0-9]{1,40}) d=([0-9]{1,40})\)")


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A log entry with its raw time stamp: the earlier kernel prints cycles and never their rate."""

    record: Event
    cycles: int


def number(word: str, unit: str = "") -> int | None:
    """A decimal or 0x number with an optional unit, joined or apart; None for anything else, a negative one too."""
    match = _NUMBER.fullmatch(word)
    if match is None:
        return None
    digits, joined = match[1], match[2] or unit
    return int(digits, 16 if digits[:2] in ("0x", "0X") else 10) * UNITS[joined.upper()]


def unit_in(word: str, unit: str = "") -> int:
    """The bytes that a size counts: 1 for one without a unit."""
    match = _NUMBER.fullmatch(word)
    return UNITS[((match[2] if match is not None else "") or unit).upper()]


def _flag(words: Mapping[str, tuple[str, str]], key: str) -> bool | None:
    """A setting that is 0 or 1; None where it is not told."""
    return {"0": False, "1": True}.get(words[key][0]) if key in words else None


def _member(kind: type[E], word: str | None) -> E | None:
    """The word of an enumeration that our kernel wrote; None for any other."""
    return next((one for one in kind if one == word), None)


def at_most(kind: type[Record], name: str, value: int) -> int:
    """A number as its field holds it: the largest for anything larger, as the kernel does on the wire."""
    return min(value, next(mark.maximum for mark in kind.model_fields[name].metadata if isinstance(mark, Wire)))


def micro(word: str) -> int | None:
    """A decimal number in millionths, rounded as printed; None when it is not one."""
    match = re.fullmatch(r"([0-9]{1,4})(?:\.([0-9]{0,6})[0-9]*)?", word)
    if match is None:
        return None
    return int(match[1]) * 1_000_000 + int((match[2] or "").ljust(6, "0"))


def plain(text: str, maximum: int) -> str:
    """What a plain field may hold: printable ASCII of at most `maximum` octets on the wire (some signs take three)."""
    kept, octets = [], 0
    for sign in text:
        safe = sign if " " <= sign <= "~" else "?"
        octets += 3 if safe in "%*,=@_" else 1
        if octets > maximum:
            break
        kept.append(safe)
    return "".join(kept)


@dataclass
class KernelText:
    """Fed line by line; gives the records that each line changed."""

    model: dict[str, object] = field(default_factory=dict)
    sampling: dict[str, int] = field(default_factory=dict)
    sentinel: dict[str, object] = field(default_factory=dict)
    enabled: bool | None = None  # the sentinel's setting; whether it tripped is told elsewhere
    kv_rows: int | None = None
    zone_b: int | None = None  # bytes of all arenas and what is between them
    events: list[TextEvent] = field(default_factory=list)
    reason: str = ""
    unread: int = 0  # lines of a report with something in them that could not be read

    def line(self, text: str) -> list[Record]:
        """The records that this line made or changed, empty for prose."""
        if _EVENT.search(text):
            return self._event(text)
        if (said := meaning(text.strip())) is not None:
            return self._said(*said)
        words = {match[1]: (match[2], match[3] or "") for match in _WORD.finditer(text)}
        if not words:
            return []
        regions = [name.lower() for name in _REGION.findall(text) if name != "llmk"]
        if regions and "size" in words:
            return self._zone(next((name for name in regions if name in REGIONS), regions[0]), words)
        if "last_err" in words:
            return self._sentinel_line(text, words)
        if "Zone B:" in text and "size" in words:
            self.zone_b = number(*words["size"])
            return []
        return self._context(words) + self._sampling(words) + self._budgets(text, words)

    def _numbers(
        self, kind: type[Record], names: Mapping[str, str], words: Mapping[str, tuple[str, str]]
    ) -> dict[str, int]:
        """Fields of a record by the words of a line that stand for them. Counts the line when one has no number."""
        found, unread = {}, False
        for key, name in names.items():
            if key in words:
                value = number(*words[key])
                unread |= value is None
                if value is not None:
                    found[name] = at_most(kind, name, value)
        self.unread += unread
        return found

    def _context(self, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        known = self._numbers(Model, MODEL, words)
        self.model |= known
        if "model" in words:
            self.model["file"] = plain(words["model"][0], 33)
        records: list[Record] = []
        if known or "model" in words:
            records.append(knowing(Model.model_validate({"time": 0, **self.model}), self.model))
        rows = self._numbers(KvCache, {"kv_pos": "rows"}, words).get("rows")
        if rows is not None:
            self.kv_rows = rows
        if rows is not None or "seq_len" in known:
            records += self._kv_cache()
        return records

    def _kv_cache(self) -> list[Record]:
        if self.kv_rows is None:
            return []
        capacity = self.model.get("seq_len", 0)
        kv = KvCache.model_validate({"time": 0, "rows": self.kv_rows, "capacity": capacity, "row_bytes": 0})
        return [knowing(kv, {"rows"} | ({"capacity"} if "seq_len" in self.model else set()))]

    def _said(self, told: Told, words: tuple[str, ...]) -> list[Record]:
        """What a sentence changes."""
        if told is Told.ROWS:
            rows, capacity = words
            self.kv_rows = at_most(KvCache, "rows", int(rows))
            self.model["seq_len"] = at_most(Model, "seq_len", int(capacity))
            return self._kv_cache()
        if told is Told.CLEARED:
            self.kv_rows = None if self.kv_rows is None else 0
            return self._kv_cache()
        if told is Told.TRIPPED:
            self.reason = words[0]
            self.sentinel["state"] = SentinelState.TRIPPED
        else:
            self.reason = ""
            self.sentinel |= {"state": SentinelState.ARMED, "error": SentinelError.OK}
            for phase in ("prefill", "decode"):
                self.sentinel |= {f"{phase}_budget": 0, f"{phase}_overruns": 0}
        return [self._sentinel_record()]

    def _sampling(self, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        before = dict(self.sampling)
        found = self._numbers(SamplingState, COUNTS, words)
        for key, name in REALS.items():
            if key in words:
                value = micro(words[key][0])
                self.unread += value is None
                if value is not None:
                    found[name] = at_most(SamplingState, name, value)
        self.sampling |= found
        if not found or self.sampling == before:
            return []
        neutral = {"temperature": 0, "min_p": 0, "top_p": 1_000_000, "top_k": 0, "no_repeat_ngram": 0}
        neutral |= {"repeat_penalty": 1_000_000, "max_tokens": 0, "seed": 0}
        return [knowing(SamplingState.model_validate({"time": 0, **neutral, **self.sampling}), self.sampling)]

    def _budgets(self, text: str, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        found = self._numbers(Sentinel, BUDGETS, words)
        if not found:
            return []
        self.sentinel |= found
        if (strict := _flag(words, "strict")) is not None:
            self.sentinel["strict"] = strict
        if overruns := _OVERRUNS.search(text):
            for group, name in enumerate(("prefill_overruns", "decode_overruns"), start=1):
                self.sentinel[name] = at_most(Sentinel, name, int(overruns[group]))
        return [self._sentinel_record()]

    def _sentinel_line(self, text: str, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        self.reason = text.partition("reason=")[2].strip()
        error = self._error(words["last_err"][0])
        for name, value in (
            ("error", error),
            ("strict", _flag(words, "strict")),
            ("phase", _member(SentinelPhase, words.get("phase", ("", ""))[0])),
        ):
            self.sentinel.pop(name, None)
            if value is not None:
                self.sentinel[name] = value
        self.enabled = _flag(words, "enabled")
        if "state" in words:  # our kernel's line
            self._set_state(_member(SentinelState, words["state"][0]))
        elif self.enabled is False:
            self._set_state(SentinelState.DISARMED)
        elif error is SentinelError.OK:
            self._set_state(SentinelState.ARMED if self.enabled else None)
        elif self.sentinel.get("state") is not SentinelState.TRIPPED:
            # An error may be a trip or an overrun that was noted: `enabled` is a setting, the log tells the rest.
            self._set_state(None)
        return [self._sentinel_record()]

    def _set_state(self, state: SentinelState | None) -> None:
        self.sentinel.pop("state", None)
        if state is not None:
            self.sentinel["state"] = state

    def _error(self, word: str) -> SentinelError | None:
        """An error by its number, or by its name as our kernel writes it."""
        named = _member(SentinelError, word)
        code = number(word)
        self.unread += named is None and code is None
        return ERRORS[code] if code is not None and code < len(ERRORS) else named

    def log_ended(self) -> list[Record]:
        """The whole log was read: a trip that is not in it did not happen since the last reset."""
        if "state" in self.sentinel or "error" not in self.sentinel or not self.enabled or len(self.events) >= RING:
            return []
        self._set_state(SentinelState.ARMED)
        return [self._sentinel_record()]

    def _seen_in_log(self, record: Event, place: int) -> list[Record]:
        """What a log entry tells of the sentinel: a reset empties the log, so a trip that is in it still holds while
        there is an error. `place` is the number that stands for an arena."""
        if "error" not in self.sentinel or self.sentinel["error"] is SentinelError.OK:
            return []
        if record.code is LogCode.FAILSAFE:
            self.sentinel["state"] = SentinelState.TRIPPED
        elif record.code is LogCode.BUDGET and place in PHASES and "phase" not in self.sentinel:
            self.sentinel["phase"] = PHASES[place]
        else:
            return []
        return [self._sentinel_record()]

    def _sentinel_record(self) -> Sentinel:
        neutral: dict[str, object] = {
            "time": 0,
            "state": SentinelState.ARMED,
            "strict": False,
            "error": SentinelError.OK,
            "phase": SentinelPhase.GENERIC,
        }
        for phase in ("prefill", "decode"):
            neutral |= {phase: 0, f"{phase}_budget": 0, f"{phase}_pinned": False, f"{phase}_overruns": 0}
        return knowing(Sentinel.model_validate({**neutral, **self.sentinel}), self.sentinel)

    def _zone(self, region: str, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        if region not in REGIONS:
            self.unread += 1
            return []
        found = self._numbers(Zone, {key: key for key in ("base", "size", "used", "peak")}, words)
        flags = number(*words["flags"]) if "flags" in words else None
        known: dict[str, object] = {"arena": Arena(region), **found}
        if flags is not None:
            known["read_only"] = bool(flags & 1)
        if "guard" in words:
            known["guard_ok"] = words["guard"][0] == "ok"
        if "tag" in words and (last := number(*words.get("last", ("", "")))) is not None:
            known |= {"last_tag": plain(words["tag"][0], 16), "last_bytes": at_most(Zone, "last_bytes", last)}
        neutral = {"time": 0, "base": 0, "size": 0, "used": 0, "peak": 0, "read_only": False, "guard_ok": True}
        unit = max(unit_in(*words[key]) for key in ("size", "used") if key in words)
        zone = RoundedZone.model_validate({**neutral, **known, "unit": unit})
        return [knowing(zone, {*known, "unit"})]

    def _own_event(self, text: str) -> list[Record]:
        """A log entry as our kernel lists it, which has a clock and names in the place of numbers."""
        head, _, message = text.partition(" msg=")
        words = {match[1]: match[2] for match in _WORD.finditer(head)}
        level = _member(LogLevel, words.get("level"))
        if level is None:
            self.unread += 1
            return []
        found: dict[str, object] = {"level": level, "code": LogCode(words["code"]), "message": plain(message, 47)}
        names = {"t": "time", "first": "first", "second": "second"}
        found |= {
            name: min(value, U64_MAX)
            for key, name in names.items()
            if (value := number(words.get(key, ""))) is not None
        }
        if (arena := _member(Arena, words.get("arena"))) is not None:
            found["arena"] = arena
        if (match := _EVENT.search(text)) is not None and len(match[1]) < 10:
            found["number"] = int(match[1])
        record = knowing(Event.model_validate({"number": 0, "time": 0, **found}), found)
        self.events.append(TextEvent(record, number(words.get("tsc", "")) or 0))
        return [record]

    def _event(self, text: str) -> list[Record]:
        head, _, message = text.partition("msg=")
        words = {match[1]: match[2] for match in _WORD.finditer(head)}
        values = [number(words.get(key, "0")) for key in ("tsc", "ptr", "size")]
        if words.get("code") in LOG_CODES:  # our kernel's own entry
            return self._own_event(text)
        code = number(words.get("code", ""))
        arena = int(words["arena"]) if re.fullmatch(r"-?[0-9]{1,3}", words.get("arena", "")) else -1
        cycles, first, second = (min(value or 0, U64_MAX) for value in values)
        self.unread += code is None or code >= len(CODES) or None in values
        if code is None:
            return []
        kind = CODES[code] if code < len(CODES) else LogCode.INFO
        entry = CountedEvent(
            number=0,
            time=0,
            level=LogLevel.INFO if kind in (LogCode.INFO, LogCode.TOKEN) else LogLevel.ERROR,
            code=kind,
            arena=ARENAS[arena] if 0 <= arena < len(ARENAS) and kind is not LogCode.BUDGET else Arena.NONE,
            first=first,
            second=second,
            message=plain(message.strip(), 47),
            cycles=cycles,
        )
        names = {"tsc": "cycles", "ptr": "first", "size": "second", "arena": "arena"}
        told = {name for key, name in names.items() if key in words} | ({"message"} if "msg=" in text else set())
        record = knowing(entry, {"level", "code", *told})
        self.events.append(TextEvent(record, cycles))
        return [record, *self._seen_in_log(record, arena)]
