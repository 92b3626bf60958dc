"""Records out of the text an earlier kernel prints for people: its dumps, its log files and its serial console.

Two dialects are known: dumps and REPL answers of the newer builds (`Context:` sections, `kv_pos=`), and an older one
without `kv_pos` and with a constant model name. Layout is not relied upon: a line is known by the `key=value` words in
it, sizes may be whole MiB or bytes, and a line that is not understood is only counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from llmbm_console.core.known_fields import knowing
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

#: Numbers of the earlier kernel's enumerations, by position.
ARENAS = (Arena.WEIGHTS, Arena.KV, Arena.SCRATCH, Arena.ACTS, Arena.ZONEC)
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
UNITS = {"": 1, "B": 1, "bytes": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
U48_MAX = (1 << 48) - 1
CYCLES_MAX = 2**39 - 1  # the most that a sentinel record holds

# Only where a word begins: tried again at every letter, a line of 100 kB without "=" takes a minute.
_WORD = re.compile(r"(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)=(\S*)(?:\s+(MiB|KiB|GiB|bytes|B)\b)?")
_ARENA = re.compile(r"\[(WEIGHTS|KV|SCRATCH|ACTS|ZONEC|KEEP)\]")
_EVENT = re.compile(r"#\d+\s+tsc=")
_OVERRUNS = re.compile(r"overruns\(p=(\d+) d=(\d+)\)")


@dataclass(frozen=True, slots=True)
class TextEvent:
    """A log entry with its raw time stamp: the earlier kernel prints cycles and never their rate."""

    record: Event
    cycles: int


def number(word: str, unit: str = "") -> int | None:
    """A decimal or 0x number with an optional unit; None for anything else."""
    try:
        value = int(word, 16) if word.lower().startswith("0x") else int(word)
    except ValueError:
        return None
    return max(0, value) * UNITS.get(unit.upper() if unit != "bytes" else unit, 1)


def micro(word: str) -> int | None:
    """A decimal number in millionths, rounded as printed; None when it is not one."""
    match = re.fullmatch(r"(\d{1,4})(?:\.(\d{0,6})\d*)?", word)
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
    kv_rows: int | None = None
    events: list[TextEvent] = field(default_factory=list)
    reason: str = ""
    not_understood: int = 0

    def line(self, text: str) -> list[Record]:
        """The records that this line made or changed, empty for prose."""
        if _EVENT.search(text):
            return self._event(text)
        words = {match[1]: (match[2], match[3] or "") for match in _WORD.finditer(text)}
        if not words:
            return []
        if arena := _ARENA.search(text):
            return self._zone(Arena(arena[1].lower()), words)
        if "last_err" in words:
            return self._sentinel_line(text, words)
        records = self._context(words) + self._sampling(words) + self._budgets(text, words)
        if not records:
            self.not_understood += 1
        return records

    def _context(self, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        names = {"dim": "dim", "layers": "layers", "heads": "heads", "kv": "kv_heads", "vocab": "vocab"}
        names |= {"seq": "seq_len", "seq_len": "seq_len", "hidden": "hidden_dim", "hidden_dim": "hidden_dim"}
        known = {names[key]: number(word) for key, (word, _) in words.items() if key in names}
        limits = {"layers": 0xFFFF, "heads": 0xFFFF, "kv_heads": 0xFFFF}
        self.model |= {k: min(v, limits.get(k, 0xFF_FFFF)) for k, v in known.items() if v is not None}
        if "model" in words:
            self.model["file"] = plain(words["model"][0], 34)
            known["file"] = 0
        records: list[Record] = []
        if known:
            records.append(Model.model_validate({"time": 0, **self.model}))
        rows = number(words["kv_pos"][0]) if "kv_pos" in words else None
        if rows is not None:
            self.kv_rows = rows
        if self.kv_rows is not None and (rows is not None or "seq_len" in known):
            capacity = self.model.get("seq_len", 0)
            kv = KvCache.model_validate({"time": 0, "rows": self.kv_rows, "capacity": capacity, "row_bytes": 0})
            records.append(knowing(kv, {"rows"} | ({"capacity"} if "seq_len" in self.model else set())))
        return records

    def _sampling(self, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        before = dict(self.sampling)
        reals = {"temp": "temperature", "min_p": "min_p", "top_p": "top_p", "repeat": "repeat_penalty"}
        reals |= {"repeat_penalty": "repeat_penalty"}
        whole = {"top_k": "top_k", "norepeat": "no_repeat_ngram", "max_tokens": "max_tokens", "seed": "seed"}
        seen = False
        for key, (word, _) in words.items():
            value = micro(word) if key in reals else number(word) if key in whole else None
            if value is not None:
                name = reals.get(key) or whole[key]
                self.sampling[name] = min(value, 255 if name == "no_repeat_ngram" else 0xFFFF_FFFF)
                seen = True
        if not seen or self.sampling == before:
            return []
        neutral = {"temperature": 0, "min_p": 0, "top_p": 1_000_000, "top_k": 0, "no_repeat_ngram": 0}
        neutral |= {"repeat_penalty": 1_000_000, "max_tokens": 0, "seed": 0}
        return [knowing(SamplingState.model_validate({"time": 0, **neutral, **self.sampling}), self.sampling)]

    def _budgets(self, text: str, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        names = {"prefill_max": "prefill_budget", "decode_max": "decode_budget"}
        names |= {"prefill": "prefill_budget", "decode": "decode_budget"}
        found = {names[key]: number(word) for key, (word, _) in words.items() if key in names}
        if not found:
            return []
        self.sentinel |= {key: min(value, CYCLES_MAX) for key, value in found.items() if value is not None}
        if "strict" in words:
            self.sentinel["strict"] = words["strict"][0] == "1"
        if overruns := _OVERRUNS.search(text):
            counts = [min(int(overruns[group]), 0xFFFF) for group in (1, 2)]
            self.sentinel |= {"prefill_overruns": counts[0], "decode_overruns": counts[1]}
        return [self._sentinel_record()]

    def _sentinel_line(self, text: str, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        code = number(words["last_err"][0]) or 0
        enabled = words.get("enabled", ("1", ""))[0] != "0"
        self.reason = text.partition("reason=")[2].strip()
        self.sentinel |= {
            "state": SentinelState.ARMED if enabled else SentinelState.DISARMED,
            "strict": words.get("strict", ("0", ""))[0] == "1",
            "error": ERRORS[code] if code < len(ERRORS) else SentinelError.OK,
        }
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

    def _zone(self, arena: Arena, words: Mapping[str, tuple[str, str]]) -> list[Record]:
        def value(key: str) -> int:
            word, unit = words.get(key, ("0", ""))
            return number(word, unit) or 0

        base, size, used = value("base"), value("size"), value("used")
        if base > 0xFFFF_FFFF_FFFF_FFFF or max(size, used) > U48_MAX:
            self.not_understood += 1
            return []
        fields = {"base": base, "size": size, "used": used, "peak": used}
        flags = value("flags")
        zone = {"time": 0, "arena": arena, **fields, "read_only": bool(flags & 1), "guard_ok": True}
        known = {"arena", *(key for key in ("base", "size", "used") if key in words)}
        return [knowing(Zone.model_validate(zone), known | ({"read_only"} if "flags" in words else set()))]

    def _event(self, text: str) -> list[Record]:
        head, _, message = text.partition("msg=")
        words = {match[1]: match[2] for match in _WORD.finditer(head)}
        cycles = number(words.get("tsc", "0")) or 0
        code = number(words.get("code", "")) if "code" in words else None
        arena = int(words["arena"]) if re.fullmatch(r"-?\d{1,3}", words.get("arena", "")) else -1
        first, second = number(words.get("ptr", "0")) or 0, number(words.get("size", "0")) or 0
        if code is None or max(first, second, cycles) > 0xFFFF_FFFF_FFFF_FFFF:
            self.not_understood += 1
            return []
        kind = CODES[code] if code < len(CODES) else LogCode.INFO
        record = Event(
            number=0,
            time=0,
            level=LogLevel.INFO if kind in (LogCode.INFO, LogCode.TOKEN) else LogLevel.ERROR,
            code=kind,
            arena=ARENAS[arena] if 0 <= arena < len(ARENAS) else Arena.NONE,
            first=first,
            second=second,
            message=plain(message.strip(), 47),
        )
        self.events.append(TextEvent(record, cycles))
        return [record]
