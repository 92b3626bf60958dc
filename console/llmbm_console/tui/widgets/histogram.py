"""When things happened: the log as columns along its time, as high as there are lines, in the colour of the worst."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import line

SEVERITIES = ("info", "warn", "error")
STYLES = ("$muted", "$warn", "$bad")
LEAST_LINES, LEAST_SECONDS = 6, 1.0  # below, there is nothing to see


def buckets(log: Sequence[LogLine], columns: int) -> list[tuple[int, int]]:
    """For each of `columns` equal parts of the log's time: its lines, and the worst severity among them (0 to 2).
    Empty when the log is too short for it."""
    if len(log) < LEAST_LINES or columns < 4:
        return []
    first, last = min(entry.at for entry in log), max(entry.at for entry in log)
    if last - first < LEAST_SECONDS:
        return []
    counts, worst = [0] * columns, [0] * columns
    for entry in log:
        place = min(columns - 1, int((entry.at - first) / (last - first) * columns))
        counts[place] += 1
        worst[place] = max(worst[place], SEVERITIES.index(entry.severity))
    return list(zip(counts, worst, strict=True))


def histogram(log: Sequence[LogLine], columns: int, glyphs: Glyphs) -> Content:
    """The columns, on one row."""
    found = buckets(log, columns)
    most = max((count for count, _worst in found), default=1)
    levels = glyphs.levels
    return line(
        *(
            (levels[0], "$faint") if not count else (levels[max(1, count * (len(levels) - 1) // most)], STYLES[worst])
            for count, worst in found
        )
    )
