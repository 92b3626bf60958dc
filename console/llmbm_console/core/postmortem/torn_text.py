"""The end of a text that was cut: what stands there may be the beginning of another value."""

from __future__ import annotations

import re

#: A key with its value, or with a number whose unit is being written.
_PAIR = re.compile(r"(?<!\S)[A-Za-z_0-9]{1,80}=\S{0,4096}(?: (?:[KMG]i?)?)?\Z")
_PROSE = re.compile(r"(?:^|\s)(?:msg|reason)=")


def without_torn_pair(text: str) -> str:
    """A torn text without a pair at its very end, of whose value signs may be missing; prose stays as it is: it says
    what it says."""
    line = text[text.rfind("\n") + 1 :]
    if _PROSE.search(line):
        return text
    match = _PAIR.search(line[-5000:])
    return text if match is None else text[: len(text) - (match.end() - match.start())]
