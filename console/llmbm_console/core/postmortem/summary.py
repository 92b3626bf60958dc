"""A dump or a recording in a few lines, the meaning first."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from llmbm_console.core.counted import counted
from llmbm_console.core.durations import whole_seconds
from llmbm_console.core.postmortem.dump import read_post_mortem
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.postmortem.verdict import is_tripped, last_of, only_logged, overruns_of, rows_of, zones_of
from llmbm_console.core.postmortem.zone_sizes import use_text
from llmbm_console.core.recording.capture import Capture, is_capture
from llmbm_console.core.session.picture_session import is_picture, picture_verdict, read_picture
from llmbm_console.core.state.events import PromptSent
from llmbm_protocol.schema import Model, Sentinel

MOST_PROMPTS = 20


def summary(found: PostMortem) -> list[str]:
    """The file in a few lines, the meaning first."""
    lines = [found.verdict, ""]
    lines.append(f"file      {found.name}: {found.kind} of {found.writer}")
    lines += [f"problem   {problem}" for problem in found.problems]
    if (model := last_of(found.records, Model)) is not None:
        lines.append(f"model     {model_text(model)}")
    if rows := rows_of(found):
        lines.append(f"context   {rows}")
    if (sentinel := last_of(found.records, Sentinel)) is not None:
        # An earlier kernel counts the passes of the last answer that went on all the same.
        besides = " besides the trip" if is_tripped(sentinel) and found.origin != "llmk" else ""
        lines.append(f"sentinel  {sentinel_text(sentinel, besides)}")
    for zone in zones_of(found.records).values():
        base = told(zone, "base")
        place = f" at 0x{base:x}" if base is not None else ""
        lines.append(f"zone      {zone.arena.value.upper():7} {use_text(zone):>13}{place}")
    if found.serial is not None:
        lines += _some("error", [f"line {error.number:,}: {error.text}" for error in found.serial.errors])
    if found.events:
        lines.append(f"log       {counted(len(found.events), 'event')}, newest first:")
    lines += [
        f"          {entry.record.level.value:5} {entry.record.code.value:10} {entry.record.message}"
        for entry in found.events[:10]
    ]
    return lines


def model_text(model: Model) -> str:
    """The model, as far as it is told."""
    file = told(model, "file")
    if file == "":
        return "none was loaded"
    shape = (("dim", "dim {}"), ("layers", "{} layers"), ("heads", "{} heads"), ("vocab", "vocab {}"))
    parts = [form.format(value) for name, form in (*shape, ("seq_len", "context {}")) if (value := told(model, name))]
    if (kv_heads := told(model, "kv_heads")) and told(model, "heads"):
        at = next(place for place, part in enumerate(parts) if part.endswith(" heads"))
        parts[at] += f" ({kv_heads} kv)"
    return ": ".join(filter(None, (file or "its name is not in the file", ", ".join(parts))))


def sentinel_text(sentinel: Sentinel, besides: str = "") -> str:
    """The sentinel, as far as it is told; `besides` follows the overruns."""
    strict, state, error = told(sentinel, "strict"), told(sentinel, "state"), told(sentinel, "error")
    head = [state.value if state is not None else "its state is not in the file"]
    head += [] if strict is None else [f"strict {'on' if strict else 'off'}"]
    head += [] if error is None or only_logged(sentinel) else [f"last error {error.value}"]
    overruns = [count for count in overruns_of(sentinel) if count is not None]
    parts = [", ".join(head)]
    parts += [f"budgets: {budgets}"] if (budgets := budgets_text(sentinel)) else []
    parts += [f"overruns: {' and '.join(map(str, overruns))}{besides}"] if len(overruns) == 2 else []
    return "; ".join(parts)


def budgets_text(sentinel: Sentinel) -> str:
    """The budgets that are told. A kernel writes 0 until passes have taught it one: after its start and each /reset."""
    known = {phase: told(sentinel, f"{phase}_budget") for phase in ("prefill", "decode")}
    words = [f"{phase} {budget:,}" for phase, budget in known.items() if budget]
    unlearnt = [phase for phase, budget in known.items() if budget == 0]
    parts = [f"{', '.join(words)} cycles"] if words else []
    parts += [f"{' and '.join(unlearnt)} not learnt yet"] if unlearnt else []
    return ", ".join(parts)


def recording_summary(capture: Capture) -> list[str]:
    """A recording in a few lines: how long, what was asked, how much came."""
    octets, kinds, prompts, marks, end = Counter[str](), Counter[str](), list[str](), list[str](), 0.0
    for entry in capture.entries():
        end = entry.at
        kinds[entry.kind] += 1
        if isinstance(entry.data, bytes):
            octets[entry.kind] += len(entry.data)
        elif isinstance(entry.data, PromptSent):
            prompts.append(f"{whole_seconds(entry.at)}  {entry.data.text}")
        elif entry.kind == "m":
            marks.append(f"{whole_seconds(entry.at)}  {entry.data}")
    begin = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(capture.header.wall))
    count = f"{len(prompts)} prompt{'s' if len(prompts) != 1 else ''}"
    lines = [f"A recording of {whole_seconds(end)} of {capture.header.target or 'a session'} with {count}.", ""]
    lines += [f"file      {capture.path.name}", f"begun     {begin}"]
    if capture.header.view is not None:
        first, last = capture.header.view
        lines.append(f"clip      shows {whole_seconds(first)} to {whole_seconds(last)} of it")
    lines.append(f"line      {octets['i']:,} octets received, {octets['o']:,} sent, {kinds['e']} other events")
    lines += [f"problem   {problem}" for problem in capture.problems]
    lines += _some("prompt", prompts)
    return lines + _some("mark", marks)


def _some(what: str, texts: list[str]) -> list[str]:
    shown = [f"{what:<9} {text}" for text in texts[:MOST_PROMPTS]]
    more = len(texts) - len(shown)
    return shown + ([f"          and {more} more"] if more else [])


def picture_summary(path: Path) -> list[str]:
    """A picture in a few lines. Raises SessionError."""
    return [picture_verdict(read_picture(path)), "", f"file      {path.name}"]


def file_summary(path: Path) -> list[str]:
    """Any file that the console can open. Raises DumpError, CaptureError or SessionError."""
    if is_picture(path):
        return picture_summary(path)
    return recording_summary(Capture(path)) if is_capture(path) else summary(read_post_mortem(path))
