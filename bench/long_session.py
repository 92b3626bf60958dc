"""A session of any length: a real one of the simulator, recorded, and its answers again and again, with the numbers
that they would have and the times that they would take on a line of 115200 bit/s."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from llmbm_console.core.recording.capture import Capture, Entry
from llmbm_console.core.state.events import CommandDone, PromptSent
from llmbm_protocol.codec import UnknownFrame, from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder, Rejected
from llmbm_protocol.schema import Credit, Event, Record

LINES = ("/max_tokens 200", "Once upon a time", "The cat", "/ctx", "A dog", "/zones", "One day")
TEXT = b"BdsDxe: what a firmware says between two answers\r\n"

RATE = 11_520  # octets a second of such a line

Part = Record | PromptSent | CommandDone | bytes  # octets are a line that is no frame


def record_one(folder: Path) -> Capture:
    """A session of the simulator with a few answers."""
    path = folder / "one.llcap"
    command = [sys.executable, "-m", "llmbm_console", "exec", "--sim", "--record", str(path), "--", *LINES]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Capture(path)


def parts_of(capture: Capture) -> tuple[list[Part], list[Part]]:
    """What came before its first prompt, and from there on."""
    before: list[Part] = []
    answers: list[Part] = []
    held = b""
    for entry in capture.entries():
        into = answers if answers or isinstance(entry.data, PromptSent) else before
        if isinstance(entry.data, PromptSent | CommandDone):
            into.append(entry.data)
        elif isinstance(entry.data, bytes) and entry.kind == "i":
            *lines, held = (held + entry.data).split(b"\n")
            into += [heard(line + b"\n") for line in lines]
    return before, answers


def heard(line: bytes) -> Record | bytes:
    """A line as a record, where it is one."""
    for piece in FrameDecoder().feed(line):
        if isinstance(piece, Frame):
            record = from_frame(piece)
            if not isinstance(record, UnknownFrame | Rejected):
                return record
    return line


def long_session(capture: Capture, lines: int) -> Iterator[Entry]:
    """So many lines of the kernel's, one an entry, with the prompts between them."""
    before, answers = parts_of(capture)
    generations = sum(isinstance(part, PromptSent) for part in answers)
    events = sum(isinstance(part, Event) for part in answers)
    sent = sequence = written = 0
    for turn in count(-1):
        for part in before if turn < 0 else answers:
            at, data = sent / RATE, part
            if isinstance(data, PromptSent | CommandDone):
                data = replace(data, at=capture.header.clock + at)
                if isinstance(data, PromptSent):
                    data = replace(data, generation=data.generation + turn * generations)
                yield Entry(at, "e", data)
                data = TEXT
            elif isinstance(data, Record):
                later = moved(data, max(0, turn) * generations, max(0, turn) * events, at)
                data = to_frame(later, sequence & 0xFFFF)
                sequence += 1
            yield Entry(at, "i", data)
            sent += len(data)
            written += 1
            if written == lines:
                return


def moved(record: Record, generations: int, events: int, at: float) -> Record:
    """A record with later numbers and another time."""
    changes: dict[str, object] = {}
    if isinstance(getattr(record, "time", None), int):
        changes["time"] = int(at * 1000)
    if generation := getattr(record, "generation", None):
        changes["generation"] = generation + generations
    if isinstance(record, Event):
        changes["number"] = record.number + events
    if isinstance(record, Credit):
        changes["events"] = record.events + events
    return record.model_copy(update=changes)
