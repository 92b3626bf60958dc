"""The filter of the event list: a few words that every shown line must match.

A word matches anywhere in the line's level, source, code, arena or text, whatever its case. `!word` shows what does not
match. `level:warn`, `source:kernel`, `code:budget`, `arena:kv` and `text:word` look at one field only; `level:warn`
means warnings and worse, `level:=warn` warnings alone, and a level may be shortened as lists print it: `level:err`.
`kind:` is another name of `code:`. `took>1M` compares one of a kernel event's numbers, see NUMBERS: also with <, >=, <=
and =, and with k, M and G for thousands. A field without a word looks for nothing yet. Words in double quotes may hold
blanks; what is in them is no field and no number.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from llmbm_console.core.state.state import LogLine
from llmbm_protocol.log_values import LOG_VALUES
from llmbm_protocol.words import Arena

FIELDS = ("level", "source", "code", "arena", "text")
LEVELS = ("info", "warn", "error")
ALSO = {"kind": "code"}  # other names of fields
#: What is compared: the number of an event since boot, and the values that go with its code.
NUMBERS = ("number", *sorted({one.name for values in LOG_VALUES.values() for one in values if " " not in one.name}))
COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
SCALE = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}

_COMPARED = re.compile(r"([a-z]+)(>=|<=|>|<|=)(.*)")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kKmMgG]?)")
_WORD = re.compile(r'(!?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))')
_UNFINISHED = frozenset(f"{name}:" for name in (*FIELDS, *ALSO))


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


def _compared(word: str) -> Callable[[LogLine], bool] | None:
    """The test that a word such as took>1M is; None for another word, which is looked for."""
    match = _COMPARED.fullmatch(word)
    if match is None or (match[1] not in NUMBERS and not _NUMBER.fullmatch(match[3])):
        return None
    name, sign, said = match.groups()
    if name not in NUMBERS:
        raise FilterError(f"{name}: events have no such number; expected one of {', '.join(NUMBERS)}")
    if not said:
        return lambda _entry: True  # it is being written
    number = _NUMBER.fullmatch(said)
    if number is None:
        raise FilterError(f"{word}: expected a number behind {sign}, such as {name}{sign}1000 or {name}{sign}1.5M")
    compare, limit = COMPARE[sign], float(number[1]) * SCALE[number[2].lower()]
    return lambda entry: any(compare(value, limit) for value in _numbers(entry, name))


def _numbers(entry: LogLine, name: str) -> list[int]:
    """What a line has under the name of a number; values that are not set are not there."""
    record = entry.record
    if record is None:
        return []
    if name == "number":
        return [record.number]
    values = zip(LOG_VALUES.get(record.code, ()), (record.first, record.second), strict=False)
    return [value for meaning, value in values if meaning.name == name and value]


def words_of(query: str) -> list[str]:
    """The words of a filter as they are written, but for another name of a field, for which its own stands."""
    words = []
    for match in _WORD.finditer(query):
        sign, name = match[1], match[2]
        rest = match[0][len(sign) + len(name or "") :]
        words.append(f"{sign}{ALSO.get(name or '', name or '')}{rest}")
    return words


def log_filter(query: str, text: Callable[[LogLine], str] = message) -> Callable[[LogLine], bool]:
    """A test for lines; `text` gives what is looked through as a line's text. Every line passes an empty query. Raises
    FilterError."""
    terms: list[tuple[bool, Callable[[LogLine], bool]]] = []
    for negated, written, quoted, bare in _WORD.findall(query):
        name = ALSO.get(written, written)
        if name and name not in FIELDS:
            raise FilterError(f"{name}: there is no such field; expected one of {', '.join(FIELDS)}")
        word = quoted or bare
        if bare and not name and (compared := _compared(bare)) is not None:
            terms.append((not negated, compared))
        elif word and not (bare in _UNFINISHED and not name):
            terms.append((not negated, _term(word, name, text)))
    return lambda entry: all(test(entry) is wanted for wanted, test in terms)
