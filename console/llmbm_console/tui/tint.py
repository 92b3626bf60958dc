"""Answers tinted by how likely each of their tokens was, or by the time it took."""

from __future__ import annotations

from typing import NamedTuple

from llmbm_console.core.state.state import TokenInfo, Turn
from llmbm_console.tui.pages.choices import level

MODES = ("", "probability", "time")
LEVELS = 4
UNKNOWN = "transcript--tint-none"
#: shares of the budget up to which a pass is of a level
TIMES = (0.6, 0.9, 1.0)

Mark = tuple[int, int, str]  # first character, the one behind the last, component class


class Tint(NamedTuple):
    """What answers are tinted by, and the budget of a decode pass in cycles (0: not known)."""

    mode: str = ""
    budget: int = 0


def style_of(token: TokenInfo, tint: Tint, slowest: int) -> str:
    """The component class of one token."""
    if tint.mode == "probability":
        return f"transcript--tint-{level(token.choice.probability / 1e6)}" if token.choice is not None else UNKNOWN
    most = tint.budget or slowest
    if not token.cycles or not most:
        return UNKNOWN
    share = token.cycles / most
    return f"transcript--tint-{sum(share > limit for limit in TIMES)}"


def marks(turn: Turn, tint: Tint, begin: int = 0) -> list[Mark]:
    """The tinted parts of an answer from a character of its text on, counted as it is laid out from there: without a
    blank at its beginning, with four blanks for a tab."""
    if not tint.mode:
        return []
    first = begin + turn.text.startswith(" ", begin)
    tabs = "\t" in turn.text
    found: list[Mark] = []
    for token in turn.tokens:
        start, end = max(0, token.start - first), max(0, token.end - first)
        if tabs:
            start += 3 * turn.text.count("\t", begin, token.start)
            end += 3 * turn.text.count("\t", begin, token.end)
        if end > start:
            found.append((start, end, style_of(token, tint, turn.slowest)))
    return found
