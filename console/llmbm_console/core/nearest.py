"""The words that were probably meant: only what is near enough to be a slip of the finger."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NEAR = 0.7  # share of the letters that two words have in common, in order; `bogus` and `log` have half


def nearest(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """At most so many of the known words that are spelled much as `word` is, the nearest first. What says nothing about
    the spelling is left out: the dashes of an option, and a group before a point that is the same or was not given."""
    shares = [(-_share(word.lower(), name), name) for name in known]
    return [name for share, name in sorted(shares)[:most] if -share >= NEAR]


def _share(word: str, name: str) -> float:
    word, name = word.lstrip("-"), name.lstrip("-")
    group, _, last = word.rpartition(".")
    if name.startswith(f"{group}.") or (not group and "." in name):
        word, name = last, name.rpartition(".")[2]
    return difflib.SequenceMatcher(None, word, name).ratio()
