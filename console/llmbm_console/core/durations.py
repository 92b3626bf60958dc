"""Time spans as people read them. 12:11 would be read as a time of day."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time span, finer below 10 s: 380 ms, 4.9 s, 12 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else whole_seconds(seconds)


def whole_seconds(seconds: float) -> str:
    """A time span in the whole seconds that have passed: 0 s, 12 s, 3 min 20 s, 2 h 05 min."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
