"""A dump or a recording in a few lines, the meaning first."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from llmbm_console.core.capture import Capture, is_capture
from llmbm_console.core.counted import counted
from llmbm_console.core.dump import read_post_mortem
from llmbm_console.core.events import PromptSent
from llmbm_console.core.post_mortem_file import PostMortem
from llmbm_console.core.sizes import size_pair
from llmbm_console.core.verdict import is_tripped, last_of, rows_of, zones_of
from llmbm_protocol.schema import KvCache, Model, Sentinel

MOST_PROMPTS = 20


def summary(found: PostMortem) -> list[str]:
    """The file in a few lines, the meaning first."""
    lines = [found.verdict, ""]
    lines.append(f"file      {found.name}: {found.kind} of {found.writer}")
    lines += [f"problem   {problem}" for problem in found.problems]
    if (model := last_of(found.records, Model)) is not None:
        lines.append(
            f"model     {model.file}: dim {model.dim}, {model.layers} layers, {model.heads} heads "
            f"({model.kv_heads} kv), vocab {model.vocab}, context {model.seq_len}"
        )
    if (kv := last_of(found.records, KvCache)) is not None:
        lines.append(f"context   {rows_of(found) or f'{kv.rows} rows used'}")
    if (sentinel := last_of(found.records, Sentinel)) is not None:
        lines.append(
            f"sentinel  {sentinel.state.value}, strict {'on' if sentinel.strict else 'off'}, "
            f"last error {sentinel.error.value}; "
            f"budgets: prefill {sentinel.prefill_budget:,}, decode {sentinel.decode_budget:,} cycles; "
            f"overruns: {sentinel.prefill_overruns} and {sentinel.decode_overruns}"
            # It counts the passes of the last answer that went on all the same.
            + (" besides the trip" if is_tripped(sentinel) and found.origin != "llmk" else "")
        )
    for zone in zones_of(found.records).values():
        lines.append(f"zone      {zone.arena.value.upper():7} {size_pair(zone.used, zone.size):>13} at 0x{zone.base:x}")
    if found.serial is not None:
        lines += _some("error", [f"line {error.number:,}: {error.text}" for error in found.serial.errors])
    if found.events:
        lines.append(f"log       {counted(len(found.events), 'event')}, newest first:")
    lines += [
        f"          {entry.record.level.value:5} {entry.record.code.value:10} {entry.record.message}"
        for entry in found.events[:10]
    ]
    return lines


def recording_summary(capture: Capture) -> list[str]:
    """A recording in a few lines: how long, what was asked, how much came."""
    octets, kinds, prompts, marks, end = Counter[str](), Counter[str](), list[str](), list[str](), 0.0
    for entry in capture.entries():
        end = entry.at
        kinds[entry.kind] += 1
        if isinstance(entry.data, bytes):
            octets[entry.kind] += len(entry.data)
        elif isinstance(entry.data, PromptSent):
            prompts.append(f"{_minutes(entry.at)}  {entry.data.text}")
        elif entry.kind == "m":
            marks.append(f"{_minutes(entry.at)}  {entry.data}")
    begin = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(capture.header.wall))
    count = f"{len(prompts)} prompt{'s' if len(prompts) != 1 else ''}"
    lines = [f"A recording of {_minutes(end)} of {capture.header.target or 'a session'} with {count}.", ""]
    lines += [f"file      {capture.path.name}", f"begun     {begin}"]
    if capture.header.view is not None:
        first, last = capture.header.view
        lines.append(f"clip      shows {_minutes(first)} to {_minutes(last)}")
    lines.append(f"line      {octets['i']:,} octets received, {octets['o']:,} sent, {kinds['e']} other events")
    lines += [f"problem   {problem}" for problem in capture.problems]
    lines += _some("prompt", prompts)
    return lines + _some("mark", marks)


def _some(what: str, texts: list[str]) -> list[str]:
    shown = [f"{what:<9} {text}" for text in texts[:MOST_PROMPTS]]
    more = len(texts) - len(shown)
    return shown + ([f"          and {more} more"] if more else [])


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def file_summary(path: Path) -> list[str]:
    """Any file that the console can open. Raises DumpError or CaptureError."""
    return recording_summary(Capture(path)) if is_capture(path) else summary(read_post_mortem(path))
