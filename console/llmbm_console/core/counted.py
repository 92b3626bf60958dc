"""A count and its noun, in a sentence."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """1 line, 2 lines; with another plural, 1 pass, 2 passes."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
