"""`llmbm-console --jsonl`: everything that happens, one JSON document a line, for programs.

Each document has `at` (seconds since 1970) and `event`, the name of the event; a record from the kernel is in `record`
under the names of the schema, with its kind. A line that does not open is tried again for as long as --wait says: the
reason is the `detail` of a `LinkChanged` of the phase `opening`, and `Failed` is the last document when no kernel was
reached. Each line of standard input is a prompt, a command or `:ACTION`, as with
--plain.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.session.session import Session, wall_of
from llmbm_console.core.state.events import Event, RecordReceived, fields_of
from llmbm_console.core.state.state import State
from llmbm_console.core.text_records import kind_name
from llmbm_console.faces.actions import carry_out, is_action
from llmbm_console.faces.listening import run_lines
from llmbm_console.faces.records import record_json


def event_json(event: Event, wall: float) -> dict[str, Any]:
    """One event; `wall` is added to its monotonic time for seconds since 1970."""
    document: dict[str, Any] = {"at": round(event.at + wall, 6), "event": type(event).__name__}
    if isinstance(event, RecordReceived):
        return {**document, "kind": kind_name(event.record), "record": record_json(event.record)}
    return document | fields_of(event)


def _plain_value(value: object) -> object:
    """What json knows no form for."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, Path) else repr(value)


def _print(document: dict[str, Any]) -> None:
    print(json.dumps(document, default=_plain_value), flush=True)


async def run_jsonl(session: Session, timeout: float = 120.0) -> int:
    """Runs until the end of input; 0 when the session could be opened."""
    wall = wall_of(session)

    def listen(_state: State, event: Event) -> None:
        _print(event_json(event, wall))

    async def submit(line: str) -> None:
        try:
            outcome = await carry_out(session, line)
        except SessionError as error:
            _print({"at": time.time(), "event": "Refused", "line": line, "error": str(error)})
            return
        if is_action(line):
            done = {"line": line, "ok": outcome.ok, "output": outcome.output, "error": outcome.error}
            _print({"at": time.time(), "event": "ActionDone", **done})

    def failed(why: str) -> None:
        _print({"at": time.time(), "event": "Failed", "error": why})

    return await run_lines(session, listen, submit, timeout, failed=failed)
