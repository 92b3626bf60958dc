"""Two answers as rows: in two columns, or below each other where these would be too narrow."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from llmbm_console.core.answers.compare import Found, Outcome
from llmbm_console.core.answers.pairs import called, runs
from llmbm_console.core.state.state import Turn
from llmbm_console.core.state.turns import why_ended
from llmbm_console.tui.answers.pair import Look
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import clip, plain, wrap
from llmbm_console.tui.transcript_rows import MAX_CHARACTERS
from llmbm_console.tui.widgets.lines import Line

COLUMNS_FROM = 64  # cells from which the answers stand beside each other
LABEL = 5  # cells before rows that stand below each other
BETWEEN = 3  # cells between two columns
TEXT, SAME, FIRST, HEAD, EDGE, NOTE = (f"answers--{name}" for name in ("text", "same", "first", "head", "edge", "note"))


class Part(NamedTuple):
    """A row of one answer: its text, and parts of it in styles of their own."""

    text: str
    marks: tuple[tuple[int, int, str], ...] = ()


def answer_rows(look: Look, width: int, glyphs: Glyphs) -> tuple[list[Line], int]:
    """The rows for a width, and the first one with something that differs; -1 where nothing does."""
    if width < COLUMNS_FROM:
        return _below(look.found, width, glyphs)
    room = (width - BETWEEN) // 2
    found = look.found
    columns = [_column(turn, at, found, room, glyphs) for turn, at in zip((found.a, found.b), found.parts, strict=True)]
    names = [
        Part(clip(f"{side} {called(turn, look.turns)}", room, glyphs.ellipsis))
        for side, turn in (("A", found.a), ("B", found.b))
    ]
    rows = [_beside(names[0], names[1], room, glyphs, HEAD)]
    for row in range(max(map(len, columns))):
        left, right = (column[row] if row < len(column) else Part("") for column in columns)
        rows.append(_beside(left, right, room, glyphs))
    differs = found.outcome in (Outcome.DIVERGED, Outcome.A_ENDS, Outcome.B_ENDS)
    parting = next((at for at, pair in enumerate(zip(*columns, strict=False), 1) if pair[0] != pair[1]), -1)
    return rows, parting if differs else -1


def _pieces(turn: Turn, at: int, found: Found) -> tuple[str, str, int]:
    """What is the same and what follows, made harmless, and how many characters of that the first token has."""
    head = plain(turn.text[: min(at, MAX_CHARACTERS)])
    tail = plain(turn.text[at:MAX_CHARACTERS])
    if found.outcome is not Outcome.DIVERGED:
        return head, tail, 0
    token = found.tokens[turn is found.b] if found.tokens is not None else None
    return head, tail, len(plain(turn.text[token.start : token.end])) if token is not None else 1


def _ending(turn: Turn, glyphs: Glyphs) -> str:
    """What stands behind the text: how it ended."""
    if turn.finished is not None:
        return f"{glyphs.rule} {why_ended(turn.finished)}"
    return plain(f"{glyphs.rule} {turn.cut or turn.told}") if turn.cut or turn.told else ""


def _column(turn: Turn, at: int, found: Found, room: int, glyphs: Glyphs) -> list[Part]:
    head, tail, first = _pieces(turn, at, found)
    text = head + tail + (glyphs.cursor if runs(turn) else "")
    skipped = 1 if text.startswith(" ") else 0  # a model's first token begins with a blank
    marks = ((skipped, len(head), SAME), (len(head), len(head) + first, FIRST))
    rows = [
        Part(text[skipped + start : skipped + end], _within(marks, skipped + start, skipped + end))
        for start, end in wrap(text[skipped:], room)
    ]
    return rows + _note(turn, room, glyphs)


def _note(turn: Turn, room: int, glyphs: Glyphs) -> list[Part]:
    note = clip(_ending(turn, glyphs), room, glyphs.ellipsis)
    return [Part(note, ((0, len(note), NOTE),))] if note else []


def _within(marks: tuple[tuple[int, int, str], ...], start: int, end: int) -> tuple[tuple[int, int, str], ...]:
    """The marks of a row, counted from its own beginning."""
    cut = ((max(first, start) - start, min(last, end) - start, name) for first, last, name in marks)
    return tuple(mark for mark in cut if mark[0] < mark[1])


def _beside(left: Part, right: Part, room: int, glyphs: Glyphs, style: str = TEXT) -> Line:
    fill = " " * max(0, room - cell_len(left.text))
    edge = f" {glyphs.separator} "
    before = len(left.text) + len(fill)
    shift = before + len(edge)
    marks = (
        *left.marks,
        (before, shift, EDGE),
        *((start + shift, end + shift, name) for start, end, name in right.marks),
    )
    return Line(left.text + fill + edge + right.text, style, marks=marks)


def _below(found: Found, width: int, glyphs: Glyphs) -> tuple[list[Line], int]:
    """What is the same once, then how A goes on, then how B does."""
    room = width - LABEL
    pieces = [_pieces(turn, at, found) for turn, at in zip((found.a, found.b), found.parts, strict=True)]
    rows: list[Line] = []
    if same := pieces[0][0]:
        rows += _labelled("both", same.removeprefix(" "), room, ((0, len(same), SAME),))
    parting = len(rows)
    whole = found.outcome is Outcome.SAME
    for side, turn, (_same, tail, first) in zip("AB", (found.a, found.b), pieces, strict=True):
        text = tail + (glyphs.cursor if runs(turn) else "")
        lead = 1 if text.startswith(" ") and first != 1 else 0
        marks = ((0, first - lead, FIRST),) if first > lead else ()
        own = [] if whole else _labelled(side, text[lead:], room, marks) if text else []
        note = _note(turn, room, glyphs)
        for part in note:
            own.append(_labelled_row("" if own else side, part))
        rows += own
    differs = found.outcome in (Outcome.DIVERGED, Outcome.A_ENDS, Outcome.B_ENDS)
    return rows, parting if differs and parting < len(rows) else -1


def _labelled(label: str, text: str, room: int, marks: tuple[tuple[int, int, str], ...]) -> list[Line]:
    return [
        _labelled_row(label if number == 0 else "", Part(text[start:end], _within(marks, start, end)))
        for number, (start, end) in enumerate(wrap(text, room))
    ]


def _labelled_row(label: str, part: Part) -> Line:
    marks = tuple((start + LABEL, end + LABEL, name) for start, end, name in part.marks)
    return Line(f"{label:<{LABEL}}{part.text}", TEXT, LABEL, HEAD, marks=marks)
