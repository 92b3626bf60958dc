"""The transcript: prompts and answers as they stream, commands and what they printed, boot text and seams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from textual.content import Content

from llmbm_console.core.events import LinkPhase
from llmbm_console.core.key_labels import spelt
from llmbm_console.core.state import Command, Seam, State, Text, TranscriptItem, Turn, newest_turn, turn_of_boot
from llmbm_console.tui import figures
from llmbm_console.tui.firmware_text import folded
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import flat, line, plain, wrap, wrap_table
from llmbm_console.tui.tint import LEVELS, UNKNOWN, Mark, Tint, marks
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_console.tui.widgets.running import RunningRows
from llmbm_protocol.words import StopReason

GUTTER = 4  # columns left of the text: the turn's number and the prompt sign
MAX_ROWS = 50_000  # rows kept; the oldest go first
MAX_CHARACTERS = 100_000  # of one item that are laid out

REASONS = {
    StopReason.EOS: "end of story",
    StopReason.MAX_TOKENS: "max_tokens",
    StopReason.STOPPED: "stopped",
    StopReason.PATTERN: "stop pattern",
    StopReason.CONTEXT: "context full",
    StopReason.TRIP: "sentinel trip",
}


def _wrapped(
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
        parts.append((2, figures.duration(seconds)))
        if done.tokens > 1:
            parts.append((0, figures.rate((done.tokens - 1) / seconds)))
            if done.decode_mb_s:
                parts.append((3, figures.throughput(done.decode_mb_s, done.read_mb_s)))
    if done.prompt_tokens:
        parts.append((4, f"prefill {done.prompt_tokens} tok {figures.duration(done.prefill_us / figures.MILLION)}"))
    if turn.slowest:
        parts.append((5, f"slowest token {figures.cycles(turn.slowest)} cycles"))
    parts.append((1, REASONS.get(done.reason, str(done.reason))))
    if turn.lost_tokens:
        parts.append((0, f"{turn.lost_tokens} tokens lost on the line"))
    for weight in (5, 4, 3, 2, 1):
        if len(" · ".join(text for _weight, text in parts)) > width:
            parts = [part for part in parts if part[0] != weight]
    return " · ".join(text for _weight, text in parts)


def prompt_rows(turn: Turn, width: int, glyphs: Glyphs) -> list[Line]:
    """The rows of a turn's prompt."""
    number = f"{turn.number % 100:>2}{glyphs.prompt} "
    return _wrapped(turn.prompt, width, "transcript--prompt", number, "transcript--number")


def layout_item(item: TranscriptItem, width: int, glyphs: Glyphs, tint: Tint = Tint()) -> list[Line]:  # noqa: B008
    """The rows of one item."""
    if isinstance(item, Turn):
        marked = marks(item, tint)
        rows = prompt_rows(item, width, glyphs)
        if item.finished is None and not item.cut and not item.told:
            rows += _wrapped(
                item.text.removeprefix(" ") + glyphs.cursor,
                width,
                "transcript--answer",
                "",
                "transcript--answer",
                marked,
            )
            return rows
        if item.text:
            rows += _wrapped(item.text.removeprefix(" "), width, "transcript--answer", "", "transcript--answer", marked)
        bad = item.cut or item.lost_tokens or (item.finished is not None and item.finished.reason is StopReason.TRIP)
        style = "transcript--warn" if bad else "transcript--statistics"
        end = f"cut: {item.cut}" if item.cut else item.told or statistics(item, width - GUTTER - 2)
        rows += _wrapped(f"{glyphs.rule} {end}", width, style, "", style)
    elif isinstance(item, Command):
        rows = _wrapped(item.line, width, "transcript--command", f"  {glyphs.output} ", "transcript--number")
        if item.output.strip():
            rows += _table_rows(item.output.rstrip("\n"), width)
        if item.error:
            rows += _wrapped(item.error, width, "transcript--bad", "", "transcript--bad")
    elif isinstance(item, Seam):
        style = {"info": "transcript--statistics", "warn": "transcript--warn", "error": "transcript--bad"}[
            item.severity
        ]
        text = f"{glyphs.rule * 2} {flat(item.text)}"
        rows = _wrapped(text, width + GUTTER, style, "", style)
        rows = [row._replace(text=row.text[GUTTER:], gutter=0) for row in rows]
        if len(rows) == 1:
            rows = [rows[0]._replace(text=rows[0].text + " " + glyphs.rule * max(0, width - len(rows[0].text) - 1))]
    else:
        rows = _text_rows(item, width)
    rows.append(Line("", ""))
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


def guide(frame: Frame) -> list[tuple[str, str]]:
    """What an empty transcript says: what is going on, and what to do."""
    link = frame.state.link
    load = frame.state.load
    loading = load is not None and load.total > 0 and load.done < load.total
    if frame.failure:
        return []
    if frame.post_mortem:
        return [
            (
                "This file is shown as a text: its lines are all there is."
                if frame.state.file_kind == "text"
                else "This file holds what the kernel knew, not what was said.",
                "transcript--answer",
            ),
            (
                spelt(
                    "{0[log.previous_error]} and {0[log.next_error]} go through its warnings and errors, "
                    "{0[view.next_pane]} to the next pane, {0[view.zoom]} zooms one, {0[session.leave]} quits.",
                    frame.keys,
                ),
                "transcript--output",
            ),
        ]
    if loading:
        return [("The kernel loads its model.", "transcript--answer")]
    if link.phase is LinkPhase.CLOSED and link.detail:
        return [
            (f"{frame.state.target or 'The target'} was not opened.", "transcript--answer"),
            (link.detail, "transcript--warn"),
            (
                spelt(
                    "{0[session.retry]} tries again, {0[session.open]} opens something else, {0[session.quit]} quits.",
                    frame.keys,
                ),
                "transcript--output",
            ),
        ]
    if link.phase in (LinkPhase.CLOSED, LinkPhase.OPENING) or (frame.opening and not frame.live):
        return [
            (f"Opening {frame.state.target or 'the target'} …", "transcript--answer"),
            (link.detail, "transcript--warn"),
            (
                spelt(
                    "It is tried again by itself; {0[view.leave]} and {0[session.retry]} try at once, "
                    "{0[session.quit]} quits.",
                    frame.keys,
                )
                if link.detail
                else "",
                "transcript--output",
            ),
        ]
    if link.phase is LinkPhase.WAITING:
        return [
            ("Waiting for the kernel to answer.", "transcript--answer"),
            (
                link.detail or "What the firmware and the boot print appears here. Nothing is needed from you.",
                "transcript--output",
            ),
        ]
    if link.phase is LinkPhase.PLAIN:
        return [
            ("No kernel answered: this is a plain terminal.", "transcript--warn"),
            (
                "What you send goes to the line as it is. Gauges stay empty until a kernel answers.",
                "transcript--output",
            ),
        ]
    return [
        ("Write the beginning of a story below and press Enter.", "transcript--answer"),
        ("The model continues it, and everything beside this pane shows what that costs.", "transcript--output"),
        (
            spelt(
                "/help lists the kernel's commands, {0[view.palette]} the console's actions, {0[view.help]} explains "
                "a pane, {0[view.tour]} shows you around.",
                frame.keys,
            ),
            "transcript--output",
        ),
    ]


def failure_lines(frame: Frame) -> list[tuple[str, str]]:
    """Why there is no session, and which keys help."""
    if not frame.failure:
        return []
    return [
        (f"{frame.state.target or 'The target'}: there is no session", "transcript--bad"),
        (frame.failure, "transcript--answer"),
        ("", ""),
        (f"{frame.press('session.retry')}  try again      {frame.press('session.quit')}  quit", "transcript--command"),
    ]


class Transcript(LineView):
    """Lays out items once, the running turn as it grows, and follows the end."""

    pane, number, title_text = "transcript", 1, "Transcript"

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "transcript--number", "transcript--prompt", "transcript--answer", "transcript--statistics",
        "transcript--command", "transcript--output", "transcript--warn", "transcript--bad",
        UNKNOWN, *(f"transcript--tint-{level}" for level in range(LEVELS)),
    }  # fmt: skip

    DEFAULT_CSS = """
    Transcript > .transcript--number { color: $muted; }
    Transcript > .transcript--prompt { color: $prompt; text-style: bold; }
    Transcript > .transcript--answer { color: $foreground; }
    Transcript > .transcript--statistics { color: $muted; }
    Transcript > .transcript--command { color: $info; }
    Transcript > .transcript--output { color: $muted; }
    Transcript > .transcript--warn { color: $warn; }
    Transcript > .transcript--bad { color: $bad; }
    Transcript > .transcript--tint-none { color: $muted; }
    Transcript > .transcript--tint-0 { color: $good; }
    Transcript > .transcript--tint-1 { color: $info; }
    Transcript > .transcript--tint-2 { color: $warn; }
    Transcript > .transcript--tint-3 { color: $bad; text-style: underline; }
    Transcript:nocolor > .transcript--tint-0 { text-style: dim; }
    Transcript:nocolor > .transcript--tint-2 { text-style: bold; }
    Transcript:nocolor > .transcript--tint-3 { text-style: bold underline; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._laid: list[tuple[TranscriptItem, int]] = []  # items laid out and their numbers of rows
        self._laid_rows = 0
        self._dropped = 0
        self._width = 0
        self._tail: list[Line] = []
        self._growing = RunningRows(GUTTER)
        self._items: Sequence[TranscriptItem] = ()  # the state's own, as they were laid out
        self._told: tuple[object, ...] = ()  # what the frame says
        self._laid_with = ("", "", False)
        self.firmware_shown = False  # what the firmware printed before the kernel began
        self._tint = Tint()

    def on_resize(self) -> None:
        """Rows depend on the width."""
        self._draw()

    def follow_changed(self) -> None:
        """The lower edge says whether the end is followed."""
        self._note_follow()

    def found_changed(self) -> None:
        """The lower edge says which place of how many."""
        self._note_follow()

    def _note_follow(self) -> None:
        below = len(self.rows) - self.scroll_offset.y - self.window.height
        state = self._frame.state
        told = (
            self.following or below,
            state.turn and state.turn.number,
            state.items,
            state.sampling,
            self.glyphs,
            self._tint,
            self.found,
        )
        if told == self._told:
            return
        self._told = told
        edge = f" {self.glyphs.separator} ".join(filter(None, (self.found, self.below_words())))
        self.set_heading(self._heading(), line((edge, "$warn")))

    def _heading(self) -> Content:
        state = self._frame.state
        turn = turn_of_boot(state)
        sampling = state.sampling
        seeded = sampling is not None and (not state.file_kind or "seed" in sampling.model_fields_set)
        parts = [f"seed {sampling.seed}"] if sampling is not None and seeded else []
        parts += [f"turn {turn.number}"] if turn is not None else []
        parts += [f"tint {self._tint.mode}"] if self._tint.mode else []
        if state.dropped_items:
            parts.append(f"the newest {len(state.items):,} of {state.dropped_items + len(state.items):,} entries")
        return line((" · ".join(parts), "$muted"))

    def _draw(self) -> None:
        width = self.window.width
        if width <= 0 or not self.display:
            return
        state = self._frame.state
        self._tint = Tint(self._frame.tint, state.sentinel.decode_budget if state.sentinel is not None else 0)
        laid_with = self.glyphs.name, self._tint.mode, self.firmware_shown
        if width != self._width or laid_with != self._laid_with:
            self._width, self._laid_with = width, laid_with
            self._laid, self._laid_rows, self._tail, self._items = [], 0, [], ()
            self._dropped = state.dropped_items
            self.rows.clear()
        removed = self._forget(state)
        same = len(self._laid) if state.items is self._items else self._common(state.items)
        self._items = state.items
        keep = sum(count for _item, count in islice(self._laid, same)) if same < len(self._laid) else self._laid_rows
        fresh: list[Line] = []
        known = self._known_rows(same, keep) if same < len(self._laid) else {}
        del self._laid[same:]
        for item in state.items[same:]:
            rows = known.get(id(item)) or layout_item(self._folded(item), width, self.glyphs, self._tint)
            self._laid.append((item, len(rows)))
            fresh += rows
        self._laid_rows = keep + len(fresh)
        if self._laid_rows > MAX_ROWS:
            self._trim(keep, fresh, removed)
            return
        tail = self._tail_rows(width)
        if fresh or removed or tail != self._tail or self._laid_rows + len(tail) != len(self.rows):
            first = keep
            if not fresh and not removed and len(self.rows) >= keep:
                first += _common_prefix(self._tail, tail)
            self.set_rows(first, [*fresh, *tail][first - keep :], removed=removed)
            self._tail = tail
        self._note_follow()

    def _folded(self, item: TranscriptItem) -> TranscriptItem:
        if self.firmware_shown or not isinstance(item, Text):
            return item
        return replace(item, text=folded(item.text, self._frame.keys["view.palette"]))

    def _known_rows(self, first: int, row: int) -> dict[int, list[Line]]:
        """The rows of the items that are laid out from `first` on, at `row`, by what is them: another moment has many
        of them too, at other places."""
        known = {}
        for item, count in self._laid[first:]:
            known[id(item)] = self.rows[row : row + count]
            row += count
        return known

    def _trim(self, keep: int, fresh: list[Line], removed: int) -> None:
        """Lays down the new rows and takes the oldest items off the screen until a tenth of the room is free."""
        surplus = 0
        for index, (item, count) in enumerate(self._laid):
            if self._laid_rows - surplus <= MAX_ROWS * 9 // 10 or index == len(self._laid) - 1:
                break
            surplus += count
            self._laid[index] = (item, 0)
        self.set_rows(keep, fresh, removed=removed)
        self._laid_rows -= surplus
        self._tail = []
        self.set_rows(self._laid_rows, [], removed=surplus)
        self._draw()

    def _forget(self, state: State) -> int:
        """Removes the items that left the state at its beginning; returns their rows."""
        gone = min(len(self._laid), max(0, state.dropped_items - self._dropped))
        self._dropped = state.dropped_items
        rows = sum(count for _item, count in self._laid[:gone])
        del self._laid[:gone]
        self._laid_rows -= rows
        return rows

    def _common(self, items: Sequence[TranscriptItem]) -> int:
        """How many laid out items are still the same, from the beginning."""
        for index, ((laid, _count), item) in enumerate(zip(self._laid, items, strict=False)):
            if laid is not item:
                return index
        return min(len(self._laid), len(items))

    def _tail_rows(self, width: int) -> list[Line]:
        """Rows that are made anew each time: the running turn, the guide of an empty transcript, a failure."""
        state = self._frame.state
        rows: list[Line] = []
        if state.turn is not None:
            rows = self._running_rows(state.turn, width)
            if state.behind or self._frame.failure:
                rows.append(Line("", ""))
            for item in state.behind:
                rows += layout_item(self._folded(item), width, self.glyphs, self._tint)
            if not self._frame.failure:
                return rows
        notes = failure_lines(self._frame)
        if not state.items and state.turn is None:
            notes = guide(self._frame) + notes
            rows.append(Line("", ""))
        for text, style in notes:
            if text or not style:
                rows += [row._replace(gutter=0) for row in _wrapped(text, width, style, "", style)]
        return rows

    def _running_rows(self, turn: Turn, width: int) -> list[Line]:
        if turn.finished is not None or turn.cut or len(turn.text) > MAX_CHARACTERS or self._tint.mode:
            return layout_item(turn, width, self.glyphs, self._tint)
        head = None if self._growing.knows(turn, width, self.glyphs) else prompt_rows(turn, width, self.glyphs)
        return self._growing.rows(turn, head, width, self.glyphs)

    @property
    def last_answer(self) -> str:
        """Text of the newest answer, for copying."""
        turn = newest_turn(self._frame.state)
        return plain(turn.text) if turn is not None else ""


def _common_prefix(old: list[Line], new: list[Line]) -> int:
    for index, (a, b) in enumerate(zip(old, new, strict=False)):
        if a is not b and a != b:
            return index
    return min(len(old), len(new))
