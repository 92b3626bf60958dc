"""The two values of a kernel event in words, in full, by what they mean for its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.postmortem.known_fields import told
from llmbm_protocol.log_values import LOG_VALUES, LogValue
from llmbm_protocol.words import LogCode, LogLevel

if TYPE_CHECKING:
    from llmbm_protocol.schema import Event


def cycles_of(record: Event) -> int | None:
    """The counter of cycles of an event whose time is told by it alone (core/text_records.py)."""
    cycles: int | None = told(record, "cycles") if hasattr(record, "cycles") else None
    return cycles


def values_of(record: Event) -> list[tuple[str, str]]:
    """Name and value of what an event tells beside its text; nothing for what is not set."""
    if record.code is LogCode.PARAM and (record.level is LogLevel.INFO or not record.second):
        return []  # the parameter, or a line of repl.cfg: the text names it
    meanings = LOG_VALUES.get(record.code, ())
    return [
        (meaning.name, _text(meaning, value))
        for meaning, value in zip(meanings, (record.first, record.second), strict=False)
        if value
    ]


def _text(meaning: LogValue, value: int) -> str:
    if meaning.unit in ("address", "sum"):
        return f"0x{value:x}"
    unit = "" if meaning.unit == "rows" else meaning.unit
    one = value == 1 and unit in ("bytes", "cycles", "tokens")
    return f"{value:,} {unit[:-1] if one else unit}".rstrip()
