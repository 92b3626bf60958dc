"""On which line of a TOML file a key stands: the parser gives values without their places."""

from __future__ import annotations

import re

PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.?)""")
TABLE = re.compile(r"\s*\[{1,2}([^\[].*?)\]{1,2}\s*(?:#.*)?$")


def _name(text: str) -> tuple[tuple[str, ...], str]:
    """A dotted name at the start of a text, and what is behind it."""
    parts: list[str] = []
    at, more = 0, True
    while more and (found := PART.match(text, at)):
        parts.append(next((part for part in found.group(1, 2, 3) if part is not None), ""))
        at, more = found.end(), bool(found.group(4))
    return tuple(parts), text[at:]


def line_of(text: str, name: tuple[str, ...]) -> int:
    """The line, from 1, of a key or of the first thing inside it, where it is a table; else of what holds it. 1 where
    nothing of it is to be found."""
    table: tuple[str, ...] = ()
    nearest, shared = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := TABLE.match(line):
            table = found = _name(header.group(1))[0]
        else:
            key, rest = _name(line)
            if not key or not rest.startswith("="):
                continue
            found = (*table, *key)
        if found[: len(name)] == name:
            return number
        if found == name[: len(found)] and len(found) > shared:
            nearest, shared = number, len(found)
    return nearest
