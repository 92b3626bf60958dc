"""The filter of the event list: a few words that every shown line must match.

A word matches anywhere in the line's level, source, code, arena or text, whatever its case. `!word` shows what does not
match. `level:warn`, `source:kernel`, `code:budget`, `arena:kv` and `text:word` look at one field only; `level:warn`
means warnings and worse, `level:=warn` warnings alone. Words in double quotes may hold blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmbm_console.core.state import LogLine

FIELDS = ("level", "source", "code", "arena", "text")
LEVELS = ("info", "warn", "error")

_WORD = re.compile(r'(!?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))')


class FilterError(ValueError):
    """A filter that cannot be understood; the message says which word and what was expected."""


def field(entry: LogLine, name: str) -> str:
    """One field of a line, as it is searched."""
    if name == "level":
        return entry.severity
    if name == "source":
        return entry.source
    if name == "code":
        return entry.code
    if name == "arena":
        return str(entry.record.arena) if entry.record is not None and entry.record.arena is not None else ""
    return entry.text


def _term(word: str, name: str) -> Callable[[LogLine], bool]:
    wanted = word.casefold()
    if name == "level":
        alone, wanted = wanted.startswith("="), wanted.removeprefix("=")
        if wanted not in LEVELS:
            raise FilterError(f"level:{word}: expected one of {', '.join(LEVELS)}")
        if alone:
            return lambda entry: entry.severity == wanted
        return lambda entry: LEVELS.index(entry.severity) >= LEVELS.index(wanted)
    if name:
        return lambda entry: wanted in field(entry, name).casefold()
    return lambda entry: any(wanted in field(entry, name).casefold() for name in FIELDS)


def words_of(query: str) -> list[str]:
    """The words of a filter, as they are written."""
    return [match[0] for match in _WORD.finditer(query)]


def log_filter(query: str) -> Callable[[LogLine], bool]:
    """A test for lines. Every line passes an empty query. Raises FilterError."""
    terms: list[tuple[bool, Callable[[LogLine], bool]]] = []
    for negated, name, quoted, bare in _WORD.findall(query):
        if name and name not in FIELDS:
            raise FilterError(f"{name}: there is no such field; expected one of {', '.join(FIELDS)}")
        if word := quoted or bare:
            terms.append((not negated, _term(word, name)))
    return lambda entry: all(test(entry) is wanted for wanted, test in terms)
