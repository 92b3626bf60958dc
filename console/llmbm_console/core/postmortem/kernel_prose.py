"""What a kernel says in sentences, where its reports have numbers: that the context was cleared, that the sentinel
tripped or was armed again. Of our kernel in human mode, and of the earlier one.
"""

from __future__ import annotations

import re
from enum import Enum


class Told(Enum):
    """What a sentence means."""

    ROWS = "rows"  # rows of the context in use, and how many there are
    CLEARED = "cleared"
    TRIPPED = "tripped"
    RESET = "reset"  # the sentinel is armed again, and remembers no error


_SENTENCES = (
    (Told.ROWS, re.compile(r"^\[[0-9]{1,10} tokens, .* ([0-9]{1,10}) of ([0-9]{1,10}) rows\]$")),
    # A boot, and three ways of a kernel to forget.
    (Told.CLEARED, re.compile(r"KV cache cleared|, clearing KV cache|^The conversation is forgotten: |^\[1/[0-9]\] ")),
    (Told.TRIPPED, re.compile(r"^\[llmk\]\[fail-safe\] (.*)$|^\[sentinel tripped: ?([^;\]]*)")),
    (Told.RESET, re.compile(r"^Resetting runtime state|^The sentinel is armed again\.")),
)
LONGEST = 512  # characters of such a sentence


def meaning(text: str) -> tuple[Told, tuple[str, ...]] | None:
    """What a line means, with its words; None for any other."""
    if len(text) > LONGEST:
        return None
    for told, pattern in _SENTENCES:
        if match := pattern.search(text):
            return told, tuple(word for word in match.groups() if word is not None)
    return None
