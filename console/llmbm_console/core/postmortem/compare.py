"""What is different between two post-mortem files: section by section, old and new, and the events of only one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.kernel_text import TextEvent
from llmbm_console.core.postmortem.known_fields import knows
from llmbm_console.core.postmortem.verdict import last_of, zones_of
from llmbm_protocol.fields import is_micro
from llmbm_protocol.schema import KvCache, Model, Record, Sample, SamplingState, Sentinel, Version, Zone

SECTIONS: tuple[tuple[str, type[Sample]], ...] = (
    ("kernel", Version),
    ("model", Model),
    ("sampling", SamplingState),
    ("context", KvCache),
    ("sentinel", Sentinel),
)
#: bookkeeping, and what differs from boot to boot without meaning anything
UNCOMPARED = frozenset({"kind", "stream", "number", "dropped", "time", "boot", "base"})
MILLION = 1_000_000
PERCENTILES = ("p50", "p95", "p99")  # of the cycles of decode passes
NOT_HERE = "not in this file"
NOTHING = "none"  # how a value that is empty is shown: a dash beside the arrow would be a part of it
UNLEARNT = frozenset({"prefill_budget", "decode_budget"})  # 0 until passes have taught the kernel one
LABELS = {"turns": "turns at row"}  # of values whose name alone does not tell what they are


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is not the same, NOT_HERE where a file does not tell it. `by` is new - old for figures."""

    name: str
    old: str
    new: str
    by: str = ""

    @property
    def label(self) -> str:
        """The name for people."""
        return LABELS.get(self.name, self.name.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the files. `absent` names the file that does not have it at all: "", "old", "new" or "both"."""

    name: str
    changes: tuple[Change, ...]
    same: int  # values that are the same
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two files beside each other, the older one first as given."""

    old: PostMortem
    new: PostMortem
    sections: tuple[Section, ...]
    only_old: tuple[TextEvent, ...]  # newest first
    only_new: tuple[TextEvent, ...]
    common_events: int

    @property
    def names(self) -> tuple[str, str]:
        """What to call the two files: their names, and which is which when those are the same."""
        if self.old.name != self.new.name:
            return self.old.name, self.new.name
        return f"{self.old.name} (old)", f"{self.new.name} (new)"

    @property
    def equal(self) -> bool:
        """Nothing that is compared differs."""
        differ = any(section.changes or section.absent in ("old", "new") for section in self.sections)
        return not (differ or self.only_old or self.only_new)

    @property
    def unchanged(self) -> list[str]:
        """The sections that say the same in both files."""
        return [section.name for section in self.sections if not section.changes and not section.absent]

    @property
    def sentence(self) -> str:
        """What the comparison comes to."""
        if self.equal:
            return "The two files say the same."
        changed = [section.name for section in self.sections if section.changes]
        alone = [f"{s.name} (only in the {other(s.absent)} file)" for s in self.sections if s.absent in ("old", "new")]
        events = len(self.only_old) + len(self.only_new)
        parts = ([f"different: {', '.join(changed + alone)}"] if changed or alone else []) + (
            [f"{events} log event{' is' if events == 1 else 's are'} in one of them only"] if events else []
        )
        text = "; ".join(parts)
        return text[0].upper() + text[1:] + "."


def other(which: str) -> str:
    """The file that does have what `which` lacks."""
    return "new" if which == "old" else "old"


def _text(kind: type[Record], name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if name in UNLEARNT and value == 0:
        return "not learnt yet"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        if name == "schema_id":
            return f"{value:08x}"
        return f"{value / MILLION:g}" if is_micro(kind, name) else f"{value:,}"
    if isinstance(value, tuple):
        return ", ".join(f"{item:,}" if isinstance(item, int) else str(item) for item in value)
    return str(value)


def _difference(kind: type[Record], name: str, old: object, new: object) -> str:
    plain = all(isinstance(value, int) and not isinstance(value, bool) for value in (old, new))
    if not plain or name == "schema_id" or (name in UNLEARNT and 0 in (old, new)):
        return ""
    assert isinstance(old, int)
    assert isinstance(new, int)
    by = new - old
    return f"{by / MILLION:+g}" if is_micro(kind, name) else f"{by:+,}"


def _compare(name: str, kind: type[Record], old: Record | None, new: Record | None) -> Section:
    if old is None or new is None:
        absent = "both" if old is new else "old" if old is None else "new"
        return Section(name, (), 0, absent)
    changes, same = [], 0
    for field in kind.model_fields:
        if field in UNCOMPARED:
            continue
        before, after = getattr(old, field), getattr(new, field)
        if field == "percentiles" and len(before or ()) == len(after or ()) == len(PERCENTILES):
            found = _percentiles(before, after)
            changes += found
            same += not found
            continue
        told = knows(old, field), knows(new, field)
        if told == (False, False):
            continue
        if not all(told):
            texts = (
                _text(kind, field, value) if here else NOT_HERE
                for value, here in zip((before, after), told, strict=True)
            )
            changes.append(Change(field, *texts))
        elif before == after:
            same += 1
        else:
            by = _difference(kind, field, before, after)
            changes.append(Change(field, _text(kind, field, before), _text(kind, field, after), by))
    return Section(name, tuple(changes), same)


def _percentiles(old: tuple[int, ...], new: tuple[int, ...]) -> list[Change]:
    """Those that differ, each by its name."""
    values = zip(PERCENTILES, old, new, strict=True)
    return [
        Change(f"decode {name}", f"{before:,}", f"{after:,}", f"{after - before:+,}")
        for name, before, after in values
        if before != after
    ]


def _same_event(entry: TextEvent) -> tuple[object, ...]:
    """What makes two log entries the same: what they say. Their times and cycle counts are those of two runs."""
    record = entry.record
    return (record.level, record.code, record.arena, record.message)


def _missing(of: tuple[TextEvent, ...], beside: tuple[TextEvent, ...]) -> tuple[TextEvent, ...]:
    left = Counter(map(_same_event, beside))
    alone = []
    for entry in of:
        key = _same_event(entry)
        if left[key]:
            left[key] -= 1
        else:
            alone.append(entry)
    return tuple(alone)


def compare(old: PostMortem, new: PostMortem) -> Comparison:
    """Two files, as they were read; a part that one of them lacks (another kernel, a torn file) is said so."""
    sections = [_compare(name, kind, last_of(old.records, kind), last_of(new.records, kind)) for name, kind in SECTIONS]
    zones_old, zones_new = zones_of(old.records), zones_of(new.records)
    for arena in dict.fromkeys((*zones_old, *zones_new)):
        sections.append(_compare(f"zone {arena.value.upper()}", Zone, zones_old.get(arena), zones_new.get(arena)))
    only_old, only_new = _missing(old.events, new.events), _missing(new.events, old.events)
    kept = tuple(section for section in sections if section.absent != "both")
    return Comparison(old, new, kept, only_old, only_new, len(new.events) - len(only_new))
