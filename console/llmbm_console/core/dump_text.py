"""Records out of this kernel's own post-mortem files. The format is kernel_c/DUMP.md.

Exact where kernel_text.py guesses: every line of the grammar has its keys, and a line that breaks the grammar is
reported by its number instead of being passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from llmbm_console.core.kernel_text import TextEvent, micro, number, plain
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


@dataclass
class DumpText:
    """Fed the lines between header and end line; collects records, events and problems."""

    header: dict[str, str]
    records: list[Record] = field(default_factory=list)
    events: list[TextEvent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reason: str = ""
    context: dict[str, str] = field(default_factory=dict)
    sampling: dict[str, str] = field(default_factory=dict)
    budgets: dict[str, str] = field(default_factory=dict)
    section: str = ""

    def read(self, lines: list[str]) -> None:
        """Reads all lines. Lines are numbered as in the file: the header is line 1."""
        self._guard(1, self._version)
        for index, line in enumerate(lines, start=2):
            self._guard(index, lambda line=line: self._line(line))  # type: ignore[misc]
        self._guard(0, self._context_records)
        self._guard(0, self._sampling_record)

    def _guard(self, index: int, read: Callable[[], None]) -> None:
        try:
            read()
        except (ValidationError, ValueError, KeyError) as error:
            where = f"line {index}" if index else "a section"
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            self.problems.append(f"{where} cannot be read: {clean(what)[:80]}")

    def _version(self) -> None:
        head = self.header
        fields = {"version": head.get("kernel", "")[:24], "port": head.get("port", "")[:8], "machine": ""}
        boot = int(head.get("boot", "0"), 16)
        self.records.append(Version.model_validate({"time": self._time(), **fields, "boot": boot, "schema_id": 0}))
        hz = number(head.get("clock_hz", "0")) or 0
        if hz:
            unknown = {"brand": "", "level": "", "best": "", "clock": "", "spread_ppm": 0, "invariant": False}
            self.records.append(Cpu.model_validate({"time": self._time(), **unknown, "hz": hz}))

    def _time(self) -> int:
        return number(self.header.get("time_ms", "0")) or 0

    def _line(self, line: str) -> None:
        if line in ("Context:", "Sampling:", "Budgets:"):
            self.section = line
        elif line.startswith("[llmk][sentinel]"):
            self._sentinel(line)
        elif line.startswith("[llmk]"):
            self.section = line
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
        found = {"time": self._time()}
        if self.context.get("model") == "none":
            self.records.append(Model.model_validate(found))
            return
        if not self.context:
            return
        self.records.append(
            Model.model_validate(
                found | {MODEL[k]: fit(Model, MODEL[k], v) for k, v in self.context.items() if k in MODEL}
            )
        )
        self.records.append(
            TokenizerState.model_validate(
                found
                | {
                    TOKENIZER[k]: fit(TokenizerState, TOKENIZER[k], v)
                    for k, v in self.context.items()
                    if k in TOKENIZER
                }
            )
        )
        if "kv_pos" in self.context:
            starts = [int(word) for word in self.context.get("turn_starts", "").split(",") if word.isdigit()]
            fields = {"rows": "kv_pos", "capacity": "kv_cap", "row_bytes": "row_bytes"}
            rows = {name: value(self.context[word]) for name, word in fields.items()}
            newest = value(self.context.get("turn", "0"))  # a dump has no answers: turns since /clear are its numbers
            self.records.append(
                KvCache.model_validate({**found, **rows, "turns": tuple(starts[-12:]), "generation": newest})
            )
        if "bench" in self.context:
            counts = {BENCH[k]: fit(Bench, BENCH[k], v) for k, v in self.context.items() if k in BENCH}
            rates = {BENCH_RATES[k]: millionths(v) for k, v in self.context.items() if k in BENCH_RATES}
            self.records.append(Bench.model_validate({**found, **counts, **rates}))

    def _sampling_record(self) -> None:
        if not self.sampling:
            return
        reals = {SAMPLING[k]: micro(v) for k, v in self.sampling.items() if k in SAMPLING}
        counts = {COUNTS[k]: value(v) for k, v in self.sampling.items() if k in COUNTS}
        self.records.append(SamplingState.model_validate({"time": self._time(), **reals, **counts}))

    def _sentinel(self, line: str) -> None:
        head, _, self.reason = line.partition(" reason=")
        words = dict(_PAIR.findall(head))
        fields: dict[str, object] = {
            "time": self._time(),
            "state": SentinelState(words["state"]),
            "strict": words["strict"] == "1",
            "error": SentinelError(words["last_err"]),
            "phase": SentinelPhase(words["phase"]),
        }
        for phase in ("prefill", "decode"):
            for key, name in BUDGET.items():
                field_name = f"{phase}_{name}" if name else phase
                fields[field_name] = value(self.budgets.get(f"{phase}_{key}", "0"))
        percentiles = [self.budgets.get(f"decode_p{p}") for p in (50, 95, 99)]
        if all(percentiles):
            fields["percentiles"] = tuple(int(word) for word in percentiles if word)
        self.records.append(Sentinel.model_validate(fields))

    def _zone(self, name: str, line: str) -> None:
        words = dict(_PAIR.findall(line.partition("]")[2]))
        sizes = {key: value(words[key]) for key in ("base", "size", "used", "peak")}
        flags = number(words["flags"])
        self.records.append(
            Zone.model_validate(
                {
                    "time": self._time(),
                    "arena": Arena(name.lower()),
                    **sizes,
                    "read_only": bool((flags or 0) & 1),
                    "guard_ok": words["guard"] == "ok",
                    "last_tag": plain(words.get("tag", ""), 16),
                    "last_bytes": value(words.get("last", "0")),
                }
            )
        )

    def _event(self, line: str) -> None:
        head, _, message = line.partition(" msg=")
        words = dict(_PAIR.findall(head))
        record = Event(
            number=0,
            time=int(words["t"]),
            level=LogLevel(words["level"]),
            code=LogCode(words["code"]),
            arena=Arena(words["arena"]),
            first=int(words["first"], 16),
            second=int(words["second"]),
            message=plain(message, 47),
        )
        self.records.append(record)
        self.events.append(TextEvent(record, int(words["tsc"])))
