"""Records out of this kernel's own post-mortem files. The format is kernel_c/DUMP.md.

Exact where kernel_text.py guesses: every line of the grammar has its keys, and a line that breaks the grammar is
reported by its number instead of being passed over. Of a torn file, or of such a line, what is there is known and
nothing else (core/postmortem/known_fields.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from pydantic import ValidationError

from llmbm_console.core.postmortem.kernel_text import TextEvent, micro, number, plain
from llmbm_console.core.postmortem.known_fields import knowing
from llmbm_console.core.sanitise import clean
from llmbm_protocol.fields import Wire
from llmbm_protocol.schema import (
    Arena,
    Bench,
    Cpu,
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
    TokenizerState,
    Version,
    Zone,
)

R = TypeVar("R", bound=Record)

# Looks from where a word begins, and not far for a bracket: so a line of any length is read in one pass.
_PAIR = re.compile(r"(?<![a-z_0-9])([a-z_0-9]+)=(\([^)]{0,240}\)|\S*)")
_ARENA = re.compile(r"^ {2}\[([A-Z]+)\] ")
_EVENT = re.compile(r"^ {2}#\d+ tsc=")

#: Keys of the file to fields of the record; values are whole numbers, words or flags by the record's own types.
MODEL = {"model": "file", "format": "format", "parameters": "parameters", "bytes": "bytes", "dim": "dim"}
MODEL |= {"hidden": "hidden_dim", "layers": "layers", "heads": "heads", "kv": "kv_heads", "vocab": "vocab"}
MODEL |= {"seq": "seq_len", "shared": "shared", "group": "group"}
TOKENIZER = {"tokenizer": "file", "tokens": "vocab", "longest": "longest"}
SAMPLING = {"temp": "temperature", "min_p": "min_p", "top_p": "top_p", "repeat": "repeat_penalty"}
COUNTS = {"top_k": "top_k", "norepeat": "no_repeat_ngram", "max_tokens": "max_tokens", "seed": "seed"}
BENCH = {"bench": "level", "bench_processors": "processors", "bench_row": "row", "bench_weights": "weights"}
BENCH |= {
    "bench_cache": "cache",
    "read_mb_s": "read_mb_s",
    "decode_mb_s": "decode_mb_s",
    "prefill_mb_s": "prefill_mb_s",
}
BENCH |= {"decode_cycles": "decode_cycles", "prefill_cycles": "prefill_cycles"}
BENCH_RATES = {"decode_tok_s": "decode_rate", "prefill_tok_s": "prefill_rate"}
BUDGET = {"max": "budget", "last": "", "pinned": "pinned", "overruns": "overruns"}
KV = {"kv_pos": "rows", "kv_cap": "capacity", "row_bytes": "row_bytes", "turn": "generation"}
SIZES = {"base": "base", "size": "size", "used": "used", "peak": "peak"}
TRIP = {"cause": "error", "phase": "phase"}
SENTINEL = {"state": "state", "strict": "strict", "last_err": "error", "phase": "phase"}
#: What stands in a field of which nothing is told, by its type; nobody may show it.
NEUTRAL: Mapping[object, object] = {
    str: "",
    SentinelState: SentinelState.ARMED,
    SentinelError: SentinelError.OK,
    SentinelPhase: SentinelPhase.GENERIC,
    LogLevel: LogLevel.INFO,
}


def value(word: str) -> object:
    """A number where the word is one, else the word; pydantic does the rest by the field's type."""
    found = number(word)
    return word if found is None else found


def fit(kind: type[Record], name: str, word: str) -> object:
    """A value for a field: text is cut to what the field holds (a file may have longer names than the wire)."""
    marks = [mark for mark in kind.model_fields[name].metadata if isinstance(mark, Wire)]
    limit = next((mark.maximum for mark in marks if mark.kind in ("plain", "name")), None)
    return value(word) if limit is None else plain(word, limit)


def millionths(word: str) -> int:
    """A rate, which may be larger than a parameter. Raises ValueError when it is not one."""
    whole, _, rest = word.partition(".")
    return int(whole) * 1_000_000 + int(rest[:6].ljust(6, "0"))


@cache
def _neutral(kind: type[Record]) -> dict[str, object]:
    """A value for each field that a record must have."""
    fields = kind.model_fields.items()
    return {name: NEUTRAL.get(entry.annotation, 0) for name, entry in fields if entry.is_required()}


def partial(kind: type[R], found: Mapping[str, object]) -> R:
    """A record of which only what was found is known. Raises ValidationError."""
    # One that has all it must have would count as whole: what the wire leaves out there has its default.
    lacking = set(kind.model_fields) - {"number", "dropped"} - set(found)
    return knowing(kind.model_validate({**_neutral(kind), **found}), set(found) - ({"time"} if lacking else set()))


def picked(words: Mapping[str, str], names: Mapping[str, str]) -> dict[str, object]:
    """Fields by the words that stand for them, as far as those are there."""
    return {name: value(words[key]) for key, name in names.items() if key in words}


@dataclass
class DumpText:
    """Fed the lines between header and end line; collects records, events and problems. The last line of a torn file
    tells what is left of it."""

    header: dict[str, str]
    torn: bool = False
    records: list[Record] = field(default_factory=list)
    events: list[TextEvent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reason: str = ""
    context: dict[str, str] = field(default_factory=dict)
    sampling: dict[str, str] = field(default_factory=dict)
    budgets: dict[str, str] = field(default_factory=dict)
    section: str = ""
    zone_b: int | None = None  # bytes of all arenas and what is between them
    cut: bool = False  # the line that is read is the torn one
    begun: int = 0  # records of the header

    def read(self, lines: list[str]) -> None:
        """Reads all lines. Lines are numbered as in the file: the header is line 1."""
        self._guard(1, self._version)
        for index, line in enumerate(lines, start=2):
            self.cut = self.torn and index == len(lines) + 1
            self._guard(index, lambda line=line: self._line(line))  # type: ignore[misc]
        self.cut = False
        self._guard(0, self._context_records)
        self._guard(0, self._sampling_record)
        if self.budgets and not any(isinstance(record, Sentinel) for record in self.records[self.begun :]):
            self._guard(0, lambda: self._sentinel({}))

    def _guard(self, index: int, read: Callable[[], None]) -> None:
        try:
            read()
        except (ValidationError, ValueError, KeyError) as error:
            if self.cut:
                return
            where = f"line {index}" if index else "a section"
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            self.problems.append(f"{where} cannot be read: {clean(what)[:80]}")

    def _version(self) -> None:
        head, time = self.header, self._time()
        found: dict[str, object] = {"version": head["kernel"][:24]} if "kernel" in head else {}
        found |= {"port": head["port"][:8]} if "port" in head else {}
        found |= {"boot": int(head["boot"], 16)} if "boot" in head else {}
        self.records.append(partial(Version, time | found))
        if hz := number(head.get("clock_hz", "")):
            self.records.append(partial(Cpu, time | {"hz": hz}))
        if "cause" in head:  # the header of a report that a trip wrote
            trip = {"state": SentinelState.TRIPPED} | {TRIP[k]: head[k] for k in TRIP if k in head}
            self.records.append(partial(Sentinel, time | trip))
        self.begun = len(self.records)

    def _time(self) -> dict[str, object]:
        return picked(self.header, {"time_ms": "time"})

    def _whole(self, words: Mapping[str, str], *names: str) -> None:
        """Raises KeyError for the first word that a line must have and has not."""
        for name in names:
            words[name]

    def _line(self, line: str) -> None:
        if line in ("Context:", "Sampling:", "Budgets:"):
            self.section = line
        elif line.startswith("[llmk][sentinel]"):
            self._sentinel_line(line)
        elif line.startswith("[llmk]"):
            self.section = line
            if line.startswith("[llmk] Zone B:"):
                self.zone_b = number(dict(_PAIR.findall(line)).get("size", ""))
        elif match := _ARENA.match(line):
            self._zone(match[1], line)
        elif _EVENT.match(line):
            self._event(line)
        elif line.startswith("  "):
            self._pairs(line)
        elif line:
            raise ValueError(f"{line[:40]!r} is no line of this format")

    def _pairs(self, line: str) -> None:
        if self.section == "Context:" and "model=none" in line:
            line, _, self.reason = line.partition(" reason=")
        places = {"Context:": self.context, "Sampling:": self.sampling, "Budgets:": self.budgets}
        if self.section not in places:
            raise ValueError(f"{line[:40]!r} stands in no section")
        places[self.section] |= dict(_PAIR.findall(line))

    def _context_records(self) -> None:
        time, words = self._time(), self.context
        if words.get("model") == "none":
            self.records.append(Model.model_validate({"time": 0, **time}))
            return
        defaults = {"group": 0} if "shared" in words else {}  # groups of int8 stand at the end of their line
        kinds: tuple[tuple[type[Record], dict[str, str]], ...] = ((Model, MODEL), (TokenizerState, TOKENIZER))
        for kind, names in kinds:
            if found := {names[k]: fit(kind, names[k], v) for k, v in words.items() if k in names}:
                self.records.append(partial(kind, {**(defaults if kind is Model else {}), **time, **found}))
        if "kv_pos" in words:  # `turn`: a dump has no answers, turns since /clear are its numbers
            found = picked(words, KV)
            if "turn_starts" in words:
                starts = [int(word) for word in words["turn_starts"].split(",") if word.isdigit()]
                found["turns"] = tuple(starts[-12:])
            self.records.append(partial(KvCache, time | found))
        if "bench" in words:
            counts = {BENCH[k]: fit(Bench, BENCH[k], v) for k, v in words.items() if k in BENCH}
            rates = {BENCH_RATES[k]: millionths(v) for k, v in words.items() if k in BENCH_RATES}
            self.records.append(partial(Bench, {**time, **counts, **rates}))

    def _sampling_record(self) -> None:
        found: dict[str, object] = {SAMPLING[k]: micro(v) for k, v in self.sampling.items() if k in SAMPLING}
        found |= picked(self.sampling, COUNTS)
        if found:
            self.records.append(partial(SamplingState, self._time() | found))

    def _sentinel_line(self, line: str) -> None:
        head, _, self.reason = line.partition(" reason=")
        words = dict(_PAIR.findall(head))
        self._sentinel(words)
        self._whole(words, *SENTINEL)

    def _sentinel(self, words: Mapping[str, str]) -> None:
        """The sentinel by its line and by the budgets before it; the header's word of a trip stands behind both."""
        before = next((record for record in reversed(self.records) if isinstance(record, Sentinel)), None)
        found = {name: getattr(before, name) for name in before.model_fields_set} if before is not None else {}
        found |= self._time() | {name: words[key] for key, name in SENTINEL.items() if key in words}
        if words:
            found.setdefault("percentiles", ())  # the budgets before the line are whole, and had none
        if "strict" in words:
            found["strict"] = words["strict"] == "1"
        for phase in ("prefill", "decode"):
            names = {f"{phase}_{key}": f"{phase}_{name}" if name else phase for key, name in BUDGET.items()}
            found |= picked(self.budgets, names)
        percentiles = [self.budgets[key] for p in (50, 95, 99) if (key := f"decode_p{p}") in self.budgets]
        if len(percentiles) == 3 and any(values := tuple(map(int, percentiles))):  # zeros: of no pass
            found["percentiles"] = values
        self.records.append(partial(Sentinel, found))

    def _zone(self, name: str, line: str) -> None:
        words = dict(_PAIR.findall(line.partition("]")[2]))
        found = self._time() | {"arena": Arena(name.lower())} | picked(words, SIZES)
        if (flags := number(words.get("flags", ""))) is not None:
            found["read_only"] = bool(flags & 1)
        if "guard" in words:
            found["guard_ok"] = words["guard"] == "ok"
        if "tag" in words:
            found |= {"last_tag": plain(words["tag"].removeprefix("-"), 16)} | picked(words, {"last": "last_bytes"})
        self.records.append(partial(Zone, found))
        self._whole(words, *SIZES, "flags", "guard")

    def _event(self, line: str) -> None:
        head, _, message = line.partition(" msg=")
        words = dict(_PAIR.findall(head))
        found: dict[str, object] = {"number": int(line[3:].partition(" ")[0]), "message": plain(message, 47)}
        found |= {"level": LogLevel(words["level"]), "code": LogCode(words["code"])}
        found |= picked(words, {"t": "time", "second": "second", "arena": "arena"})
        if "first" in words:
            found["first"] = int(words["first"], 16)
        record = partial(Event, found)
        self.records.append(record)
        self.events.append(TextEvent(record, int(words["tsc"])))
        self._whole(words, "t", "arena", "first", "second")
