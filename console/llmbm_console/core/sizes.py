"""Sizes as people read them: three significant digits in binary units."""

from __future__ import annotations

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    """Bytes in binary units: 58.0 MiB, 952 KiB, 1.9 KiB, 12 B."""
    value, unit = scaled(float(count), 1024, UNITS)
    return f"{count} B" if unit == UNITS[0] else f"{short(value)} {unit}"


def size_pair(used: int, whole: int) -> str:
    """Two sizes in the unit of the larger: 58.0/60.0 MiB."""
    power = 0
    while power < len(UNITS) - 1 and max(used, whole) >= 1024 ** (power + 1):
        power += 1
    if power == 0:
        return f"{used}/{whole} B"
    return f"{short(used / 1024**power)}/{short(whole / 1024**power)} {UNITS[power]}"


def short(value: float) -> str:
    """Three digits, or as many as there are before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def scaled(value: float, base: int, units: tuple[str, ...]) -> tuple[float, str]:
    """The value in the largest of the units, each `base` times the one before, of which it is one at least."""
    power = 0
    while power < len(units) - 1 and value >= base:
        value /= base
        power += 1
    return value, units[power]
