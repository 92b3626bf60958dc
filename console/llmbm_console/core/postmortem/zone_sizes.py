"""An arena's sizes in words, as exactly as its source told them and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.sizes import size, size_pair

if TYPE_CHECKING:
    from llmbm_protocol.schema import Zone

UNTOLD = "-"


def unit_of(zone: Zone | None) -> int:
    """Bytes to which an arena's sizes were rounded down (core/text_records.py); 1 for exact ones."""
    unit: int = getattr(zone, "unit", 1)
    return unit


def size_text(zone: Zone, name: str, exact: bool = False) -> str:
    """One size of an arena: "952 KiB", "32 MiB" and "<1 MiB" where it was rounded, "-" where it is not told; with
    `exact` in bytes, where it was not rounded."""
    value, unit = told(zone, name), unit_of(zone)
    if value is None:
        return UNTOLD
    if unit > 1:
        return size(value).replace(".0 ", " ") if value else f"<{size(unit).replace('.0 ', ' ')}"
    return f"{value:,}" if exact else size(value)


def use_text(zone: Zone) -> str:
    """What is used of an arena, and its size: "58.0/60.0 MiB", "<1/32 MiB"."""
    used, whole = size_text(zone, "used"), size_text(zone, "size")
    if used == whole == UNTOLD:
        return UNTOLD
    if UNTOLD in (used, whole) or unit_of(zone) > 1:
        number, _, unit = used.partition(" ")
        return f"{number if whole.endswith(f' {unit}') else used}/{whole}"
    return size_pair(zone.used, zone.size)
