"""What the log can be filtered by: the values that its lines have, how many have each, and which are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.content import Content

from llmbm_console.core.log_filter import LEVELS, field, words_of
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import clip, line
from llmbm_console.tui.widgets.events import EventList
from llmbm_console.tui.widgets.panel import Panel

NAMES = ("level", "source", "code", "arena")
STYLES = {"warn": "$warn", "error": "$bad"}
BAR = 8


class Facet(NamedTuple):
    """One value of a field, and how many lines have it."""

    name: str
    value: str
    lines: int

    @property
    def term(self) -> str:
        """What the filter calls it."""
        return f"{self.name}:{'=' * (self.name == 'level')}{self.value}"  # level:warn would be errors too


def facets(log: Sequence[LogLine]) -> list[Facet]:
    """The values of each field, those of most lines first; levels by their severity."""
    found: list[Facet] = []
    for name in NAMES:
        counts = Counter(value for entry in log if (value := field(entry, name)) and " " not in value)
        values = [(level, counts[level]) for level in LEVELS if counts[level]] if name == "level" else []
        found += [Facet(name, value, count) for value, count in values or sorted(counts.items(), key=_most_first)]
    return found


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def toggled(query: str, facet: Facet) -> str:
    """The filter with a value asked for, then excluded, then neither. Another value of the same field gives way: no
    line has two."""
    words = words_of(query)
    if facet.term in words:
        words[words.index(facet.term)] = f"!{facet.term}"
    elif f"!{facet.term}" in words:
        words.remove(f"!{facet.term}")
    else:
        words = [word for word in words if not word.startswith(f"{facet.name}:")] + [facet.term]
    return " ".join(words)


class FacetPanel(Panel):
    """One row a value; Enter or a click filters by it."""

    pane, number, title_text = "facets", 0, "Filter"

    def __init__(self, events: EventList, *, id: str) -> None:
        super().__init__(id=id)
        self._events = events
        self._selected = 0
        self._facets: list[Facet] = []
        self._log: Sequence[LogLine] | None = None
        self._rows: list[int] = []  # the facet on each row, -1 for a title

    def heading(self, frame: Frame) -> Content:
        return line((f"/{self._events.wanted}", "$accent")) if self._events.wanted else line(("everything", "$muted"))

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        if frame.state.log is not self._log:
            self._log, self._facets = frame.state.log, facets(frame.state.log)
        if not self._facets:
            return [
                line(("Nothing happened yet: what lines have in common", "$muted")),
                line(("is listed here.", "$muted")),
            ]
        self._selected = min(self._selected, len(self._facets) - 1)
        words = words_of(self._events.wanted)
        rows: list[tuple[int, Content]] = []
        for index, facet in enumerate(self._facets):
            if index == 0 or self._facets[index - 1].name != facet.name:
                rows += [(-1, line())] if rows else []
                rows.append((-1, line((facet.name, "$muted"))))
            rows.append((index, self._row(facet, index, words, width, frame)))
        self._rows = [index for index, _row in rows]
        self._marked = self._rows.index(self._selected) if self.has_focus else -1
        if self._selected == 0:
            self._top = 0  # with the title above it
        return [row for _index, row in rows]

    def _row(self, facet: Facet, index: int, words: list[str], width: int, frame: Frame) -> Content:
        chosen = index == self._selected and self.has_focus
        state = "+" if facet.term in words else "-" if f"!{facet.term}" in words else " "
        style = {"+": "bold $accent", "-": "$faint"}.get(state, STYLES.get(facet.value, "$foreground"))
        most = max(other.lines for other in self._facets if other.name == facet.name)
        count = f"{facet.lines:>6} "
        name = clip(facet.value, width - BAR - len(count) - 4, frame.glyphs.ellipsis)
        gap = " " * (width - BAR - len(count) - 3 - len(name))
        return line(
            (frame.glyphs.prompt if chosen else " ", "bold $focus"),
            (f"{state} ", "bold $accent"),
            (name + gap, f"bold {style.removeprefix('bold ')}" if chosen else style),
            (count, "$muted"),
            frame.glyphs.bar(facet.lines / most, BAR, style.removeprefix("bold ")),
        )

    def step(self, direction: int) -> bool:
        """The next or previous value; False where there is none."""
        if not 0 <= self._selected + direction < len(self._facets):
            return False
        self._selected += direction
        self._draw()
        return True

    def toggle(self) -> None:
        """Filters by the selected value."""
        if self._facets:
            self._events.filter(toggled(self._events.wanted, self._facets[self._selected]))
            self._draw()

    def on_click(self, event: events.Click) -> None:
        """Selects a value and filters by it."""
        offset = event.get_content_offset(self)
        row = self._top + offset.y if offset is not None else -1
        if 0 <= row < len(self._rows) and self._rows[row] >= 0:
            self._selected = self._rows[row]
            self.toggle()
