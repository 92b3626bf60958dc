"""The filter of the event list: a few words that every shown line must match.

A word matches anywhere in the line's level, source, code, arena or text, whatever its case. `!word` shows what does not
match. `level:warn`, `source:kernel`, `code:budget`, `arena:kv` and `text:word` look at one field only; `level:warn`
means warnings and worse, `level:=warn` warnings alone, and a level may be shortened as lists print it: `level:err`. A
field without a word looks for nothing yet. Words in double quotes may hold blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmbm_console.core.state import LogLine
from llmbm_protocol.words import Arena

FIELDS = ("level", "source", "code", "arena", "text")
LEVELS = ("info", "warn", "error")

_WORD = re.compile(r'(!?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))')
_UNFINISHED = frozenset(f"{name}:" for name in FIELDS)


class FilterError(ValueError):
    """A filter that cannot be understood; the message says which word and what was expected."""


def message(entry: LogLine) -> str:
    """The text of a line as the log keeps it."""
    return entry.text


def field(entry: LogLine, name: str, text: Callable[[LogLine], str] = message) -> str:
    """One field of a line, as it is searched."""
    if name == "level":
        return entry.severity
    if name == "source":
        return entry.source
    if name == "code":
        return entry.code
    if name == "arena":
        return "" if entry.record is None or entry.record.arena is Arena.NONE else str(entry.record.arena)
    return text(entry)


def _term(word: str, name: str, text: Callable[[LogLine], str]) -> Callable[[LogLine], bool]:
    wanted = word.casefold()
    if name == "level":
        alone, wanted = wanted.startswith("="), wanted.removeprefix("=")
        named = [at for at, level in enumerate(LEVELS) if wanted and level.startswith(wanted.removesuffix("ing"))]
        if not named:
            raise FilterError(f"level:{word}: expected one of {', '.join(LEVELS)}")
        if alone:
            return lambda entry: LEVELS.index(entry.severity) == named[0]
        return lambda entry: LEVELS.index(entry.severity) >= named[0]
    if name:
        return lambda entry: wanted in field(entry, name, text).casefold()
    return lambda entry: any(wanted in field(entry, name, text).casefold() for name in FIELDS)


def words_of(query: str) -> list[str]:
    """The words of a filter, as they are written."""
    return [match[0] for match in _WORD.finditer(query)]


def log_filter(query: str, text: Callable[[LogLine], str] = message) -> Callable[[LogLine], bool]:
    """A test for lines; `text` gives what is looked through as a line's text. Every line passes an empty query. Raises
    FilterError."""
    terms: list[tuple[bool, Callable[[LogLine], bool]]] = []
    for negated, name, quoted, bare in _WORD.findall(query):
        if name and name not in FIELDS:
            raise FilterError(f"{name}: there is no such field; expected one of {', '.join(FIELDS)}")
        word = quoted or bare
        if word and not (bare in _UNFINISHED and not name):
            terms.append((not negated, _term(word, name, text)))
    return lambda entry: all(test(entry) is wanted for wanted, test in terms)
