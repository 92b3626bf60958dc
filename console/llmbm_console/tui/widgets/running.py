"""The rows of an answer while it grows: only the row that is being written is made anew. What is before the last seam
in it is as a longer prompt."""

from __future__ import annotations

from llmbm_console.core.state.state import Turn
from llmbm_console.core.state.turns import parts_of
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import plain, wrap
from llmbm_console.tui.transcript_rows import GUTTER, closed_rows
from llmbm_console.tui.widgets.lines import Line

ANSWER, PAD = "transcript--answer", " " * GUTTER


class RunningRows:
    """Lays out one running turn after the other; the same rows as a layout of the whole turn gives."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._text = ""  # of the part behind the last seam, laid out so far
        self._open = ""  # its last row, which may go on
        self._rows: list[Line] = []  # those that stay, and those of that part that are full

    def rows(self, turn: Turn, width: int, glyphs: Glyphs) -> list[Line]:
        """The rows of a turn in `width` columns, with the cursor behind."""
        closed, begin = parts_of(turn)
        text = turn.text[begin:].removeprefix(" ")
        key = turn.number, turn.prompt, closed, width, glyphs.name
        if key != self._key or not text.startswith(self._text):
            self._key, self._text, self._open, self._rows = key, "", "", closed_rows(turn, width, glyphs)
        self._open += plain(text[len(self._text) :])
        self._text = text
        spans = wrap(self._open, width - GUTTER)
        for start, end in spans[:-1]:
            self._rows.append(self._row(self._open, start, end))
        self._open = self._open[spans[-1][0] :]
        last = self._open + glyphs.cursor
        rows = [self._row(last, start, end) for start, end in wrap(last, width - GUTTER)]
        return [*self._rows, *rows]

    def _row(self, text: str, start: int, end: int) -> Line:
        soft = end < len(text) and text[end] != "\n"
        return Line(PAD + text[start:end], ANSWER, GUTTER, ANSWER, soft)
