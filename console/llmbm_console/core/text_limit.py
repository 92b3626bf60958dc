"""How long a text may be that is sent to a kernel."""

from __future__ import annotations

MOST_TEXT = 4095  # octets that a kernel takes at once, in all pieces (protocol/SPEC.md, long texts)


def too_long(text: str) -> str:
    """Why this prompt or command cannot be sent; empty when it can."""
    octets = len(text.encode("utf-8", "replace"))
    return f"{octets:,} bytes: at most {MOST_TEXT:,} can be sent at once" if octets > MOST_TEXT else ""
