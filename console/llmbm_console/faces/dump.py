"""`llmbm-console dump FILE [NEWER]`: a post-mortem file, or what differs between two, in words or as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmbm_console.core.postmortem.compare import NOTHING, Comparison, compare
from llmbm_console.core.postmortem.dump import DumpError, read_post_mortem
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.kernel_text import TextEvent
from llmbm_console.core.postmortem.serial_log import SerialLog
from llmbm_console.core.postmortem.summary import summary
from llmbm_console.core.postmortem.verdict import last_of, zones_of
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state.events import fields_of
from llmbm_console.faces.output import json_line
from llmbm_console.faces.records import record_json
from llmbm_protocol.schema import KvCache, Model, SamplingState, Sentinel, Version


def events_json(entries: tuple[TextEvent, ...]) -> list[dict[str, Any]]:
    """Log entries with their raw time stamps."""
    return [record_json(entry.record) | {"cycles": entry.cycles} for entry in entries]


def dump_json(found: PostMortem) -> dict[str, Any]:
    """The whole file as one document; what the file does not hold is null or empty."""

    def one(kind: type[Any]) -> dict[str, Any] | None:
        record = last_of(found.records, kind)
        return None if record is None else record_json(record)

    return {
        "file": found.name,
        "kind": found.kind,
        "origin": found.origin,
        "complete": found.complete,
        "problems": list(found.problems),
        "verdict": found.verdict,
        "reason": found.reason,
        "header": found.header,
        "version": one(Version),
        "model": one(Model),
        "sampling": one(SamplingState),
        "kv": one(KvCache),
        "sentinel": one(Sentinel),
        "zones": [record_json(zone) for zone in zones_of(found.records).values()],
        "events": events_json(found.events),
        "serial": None if found.serial is None else serial_json(found.serial),
    }


def serial_json(log: SerialLog) -> dict[str, Any]:
    """What was said, in its order, and the lines of errors."""
    said = [{"event": type(event).__name__, **fields_of(event)} for event in log.events]
    return {"said": said, "errors": [asdict(error) for error in log.errors]}


def print_dump(path: Path, as_json: bool) -> int:
    """Prints the file's meaning; 1 when it is no post-mortem file."""
    try:
        found = read_post_mortem(path)
    except DumpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json_line(dump_json(found), 2) if as_json else "\n".join(summary(found)))
    return 0


def comparison_text(found: Comparison) -> list[str]:
    """What differs, the meaning first."""
    old, new = found.names
    lines = [found.sentence, "", f"- {old}: {found.old.verdict}", f"+ {new}: {found.new.verdict}"]
    for section in found.sections:
        if section.absent:
            lines += ["", f"{section.name}: only in {new if section.absent == 'old' else old}"]
        elif section.changes:
            lines += ["", f"{section.name}:"]
            lines += [
                f"  {change.label:<20} {change.old or NOTHING} > {change.new or NOTHING}"
                + (f"  ({change.by})" if change.by else "")
                for change in section.changes
            ]
    lines += ["", f"the same: {', '.join(found.unchanged)}"] if found.unchanged else []
    lines += ["", f"log: {found.common_events} events in both"]
    for sign, events in (("-", found.only_old), ("+", found.only_new)):
        lines += [f"{sign} {e.record.level.value:5} {e.record.code.value:10} {e.record.message}" for e in events]
    return lines


def comparison_json(found: Comparison) -> dict[str, Any]:
    """The same as one document."""
    return {
        "equal": found.equal,
        "sentence": found.sentence,
        "old": {"file": found.old.name, "verdict": found.old.verdict},
        "new": {"file": found.new.name, "verdict": found.new.verdict},
        "sections": [asdict(section) for section in found.sections],
        "only_old": events_json(found.only_old),
        "only_new": events_json(found.only_new),
        "common_events": found.common_events,
    }


def print_comparison(old: Path, new: Path, as_json: bool) -> int:
    """Prints what differs between two files; 1 when one of them is no post-mortem file."""
    try:
        found = compare(read_post_mortem(old), read_post_mortem(new))
    except DumpError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    document = json_line(comparison_json(found), 2) if as_json else ""
    print(document or clean("\n".join(comparison_text(found))))
    return 0
