"""A command for QEMU's monitor as a person writes it, and its answer as text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from llmbm_console.core.errors import SessionError

NAME = re.compile(r"[A-Za-z_][\w.+-]*")
READS = "query-"  # what only asks begins so, by QEMU's own rule for names
MEMBERS = frozenset({"execute", "arguments", "id"})
EXPECTED = 'expected a name as query-status, a name and its arguments as NAME {"key": 1}, or {"execute": "NAME"}'


@dataclass(frozen=True, slots=True)
class QmpCommand:
    """One command and its arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing, as far as its name tells."""
        return self.name.startswith(READS)


def parse_command(line: str) -> QmpCommand:
    """A line: a name, a name and a JSON object of arguments, or the whole as JSON. Raises SessionError."""
    line = line.strip()
    if not line:
        raise SessionError(f"no command: {EXPECTED}")
    if line.startswith("{"):
        whole = _object(line, "the command")
        if odd := sorted(whole.keys() - MEMBERS):
            raise SessionError(f"{odd[0][:40]!r} is no member of a command: {EXPECTED}")
        name, arguments = whole.get("execute"), whole.get("arguments", {})
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise SessionError(f'"execute" has to be the name of a command: {EXPECTED}')
        if not isinstance(arguments, dict):
            raise SessionError(f'"arguments" has to be an object, as {{"key": 1}}, and is {json.dumps(arguments)[:40]}')
        return QmpCommand(name, arguments)
    name, _blank, rest = line.partition(" ")
    if not NAME.fullmatch(name):
        raise SessionError(f"{name[:40]}: {EXPECTED}")
    return QmpCommand(name, _object(rest.strip(), f"what stands behind {name[:40]}") if rest.strip() else {})


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (character {error.pos + 1}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise SessionError(f"{what} is no JSON{where}; {EXPECTED}") from None
    if not isinstance(value, dict):
        raise SessionError(f"{what} is no JSON object: {EXPECTED}")
    return value


def answer_text(answer: Any) -> str:
    """An answer over several lines. A text is shown as it is: the human monitor's answers are texts."""
    if isinstance(answer, str):
        return answer.replace("\r\n", "\n").rstrip("\n")
    return json.dumps(answer, indent=2, ensure_ascii=False)
