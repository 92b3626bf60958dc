"""The rows of what was said: prompts and answers, commands and what they printed, boot text and seams."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from llmbm_console.core.answers.pairs import runs
from llmbm_console.core.state.state import Command, Seam, Text, TranscriptItem, Turn
from llmbm_console.core.state.turns import decode_rate, parts_of, why_ended
from llmbm_console.tui import figures
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import flat, plain, wrap, wrap_table
from llmbm_console.tui.tint import Mark, Tint, marks
from llmbm_console.tui.widgets.lines import Line
from llmbm_protocol.words import StopReason

GUTTER = 4  # columns left of the text: the turn's number and the prompt sign
MAX_CHARACTERS = 100_000  # of one item that are laid out

SHOWN = 0.001  # s of decoding that are told of a lone token
SEAMS = {"info": "transcript--statistics", "warn": "transcript--warn", "error": "transcript--bad"}


def wrapped(
    text: str, width: int, style: str, first: str, gutter_style: str, marked: Sequence[Mark] = ()
) -> list[Line]:
    """Text in rows behind a gutter, the first one with an ornament. `marked` are parts of the text in styles of their
    own."""
    text = plain(text[:MAX_CHARACTERS])
    pad = " " * GUTTER
    spans = wrap(text, width - GUTTER)
    rows: list[Line] = []
    place = 0
    for number, (start, end) in enumerate(spans):
        head = f"{first:<{GUTTER}}"[-GUTTER:] if number == 0 else pad
        soft = number + 1 < len(spans) and text[end : end + 1] != "\n"
        rows.append(Line(head + text[start:end], style, GUTTER, gutter_style, soft))
        if marked:
            place, marks_here = _marks_between(marked, place, start, end)
            rows[-1] = rows[-1]._replace(marks=marks_here)
    return rows


def _marks_between(
    marked: Sequence[Mark], place: int, start: int, end: int
) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """The marks of one row, counted from its gutter's left edge, and the first mark that later rows may still need."""
    while place < len(marked) and marked[place][1] <= start:
        place += 1
    here = []
    for first, last, name in islice(marked, place, None):
        if first >= end:
            break
        here.append((GUTTER + max(first, start) - start, GUTTER + min(last, end) - start, name))
    return place, tuple(here)


def statistics(turn: Turn, width: int) -> str:
    """The line under a finished answer; what matters least is left out where there is no room."""
    done = turn.finished
    if done is None:
        return ""
    parts: list[tuple[int, str]] = [(0, f"{done.tokens} tok")]
    if done.decode_us:
        seconds = done.decode_us / figures.MILLION
        if done.tokens > 1 or seconds >= SHOWN:  # a lone first token is of the prompt's last pass, not of decoding
            parts.append((2, figures.duration(seconds)))
        if (speed := decode_rate(done)) is not None:
            parts.append((0, figures.rate(speed)))
            if done.decode_mb_s:
                parts.append((3, figures.throughput(done.decode_mb_s, done.read_mb_s)))
    if done.prompt_tokens:
        parts.append((4, f"prefill {done.prompt_tokens} tok {figures.duration(done.prefill_us / figures.MILLION)}"))
    if turn.slowest and done.reason is not StopReason.TRIP:  # the pass that tripped it took more, and gave no token
        parts.append((5, f"slowest token {figures.cycles(turn.slowest)} cycles"))
    if turn.changes:
        parts.append((2, f"settings changed at token {turn.changes[0].token:,}"))
    parts.append((1, why_ended(done)))
    if turn.lost_tokens:
        parts.append((0, f"{turn.lost_tokens} tokens lost on the line"))
    for weight in (5, 4, 3, 2, 1):
        if len(" · ".join(text for _weight, text in parts)) > width:
            parts = [part for part in parts if part[0] != weight]
    return " · ".join(text for _weight, text in parts)


def prompt_rows(turn: Turn, width: int, glyphs: Glyphs) -> list[Line]:
    """The rows of a turn's prompt."""
    number = f"{turn.number % 100:>2}{glyphs.prompt} "
    if not turn.prompt:  # it did not go over this line
        whole = bool(turn.tokens) and turn.tokens[0].index == 0
        why = "(typed at the machine)" if whole else "(its prompt is not known)"
        return wrapped(why, width, "transcript--statistics", number, "transcript--number")
    return wrapped(turn.prompt, width, "transcript--prompt", number, "transcript--number")


def closed_rows(turn: Turn, width: int, glyphs: Glyphs, tint: Tint = Tint()) -> list[Line]:  # noqa: B008
    """The rows of a turn that stay what they are while it runs: those of its prompt, and of its answer up to the last
    seam in it."""
    rows = prompt_rows(turn, width, glyphs)
    for begin, end, seam in parts_of(turn)[0]:
        rows += _part_rows(turn, begin, end, width, tint)
        rows += _seam_rows(seam, width, glyphs)
    return rows


def _part_rows(turn: Turn, begin: int, end: int, width: int, tint: Tint, cursor: str = "") -> list[Line]:
    text = turn.text[begin : min(end, MAX_CHARACTERS)].removeprefix(" ") + cursor
    if not text:
        return []
    return wrapped(text, width, "transcript--answer", "", "transcript--answer", marks(turn, tint, begin))


def layout_item(item: TranscriptItem, width: int, glyphs: Glyphs, tint: Tint = Tint()) -> list[Line]:  # noqa: B008
    """The rows of one item."""
    if isinstance(item, Turn):
        return _turn_rows(item, width, glyphs, tint)
    if isinstance(item, Command):
        rows = _command_rows(item, width, glyphs)
    elif isinstance(item, Seam):
        rows = _seam_rows(item, width, glyphs)
    else:
        rows = _text_rows(item, width)
    return [*rows, Line("", "")]


def _turn_rows(turn: Turn, width: int, glyphs: Glyphs, tint: Tint) -> list[Line]:
    begin = parts_of(turn)[1]
    rows = closed_rows(turn, width, glyphs, tint)
    rows += _part_rows(turn, begin, len(turn.text), width, tint, glyphs.cursor if runs(turn) else "")
    if runs(turn):
        return rows
    bad = turn.cut or turn.lost_tokens or (turn.finished is not None and turn.finished.reason is StopReason.TRIP)
    style = "transcript--warn" if bad else "transcript--statistics"
    end = f"cut: {turn.cut}" if turn.cut else turn.told or statistics(turn, width - GUTTER - 2)
    return [*rows, *wrapped(f"{glyphs.rule} {end}", width, style, "", style), Line("", "")]


def _command_rows(item: Command, width: int, glyphs: Glyphs) -> list[Line]:
    rows = wrapped(item.line, width, "transcript--command", f"  {glyphs.output} ", "transcript--number")
    if item.output.strip():
        rows += _table_rows(item.output.rstrip("\n"), width)
    if item.error:
        rows += wrapped(item.error, width, "transcript--bad", "", "transcript--bad")
    return rows


def _seam_rows(item: Seam, width: int, glyphs: Glyphs) -> list[Line]:
    style = SEAMS[item.severity]
    rows = wrapped(f"{glyphs.rule * 2} {flat(item.text)}", width + GUTTER, style, "", style)
    rows = [row._replace(text=row.text[GUTTER:], gutter=0) for row in rows]
    if len(rows) == 1:
        rows = [rows[0]._replace(text=rows[0].text + " " + glyphs.rule * max(0, width - len(rows[0].text) - 1))]
    return rows


def _table_rows(output: str, width: int) -> list[Line]:
    text, style = plain(output[:MAX_CHARACTERS]), "transcript--output"
    return [
        Line(
            " " * (GUTTER + indent) + text[start:end],
            style,
            GUTTER + indent,
            style,
            text[end : end + 1] not in ("\n", ""),
        )
        for start, end, indent in wrap_table(text, width - GUTTER)
    ]


def _text_rows(item: Text, width: int) -> list[Line]:
    text = plain(item.text[-MAX_CHARACTERS:].rstrip("\n"))
    return [
        Line(text[start:end], "transcript--output", soft=text[end : end + 1] == " ") for start, end in wrap(text, width)
    ]
