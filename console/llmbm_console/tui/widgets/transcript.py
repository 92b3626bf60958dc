"""The transcript: prompts and answers as they stream, commands and what they printed, boot text and seams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from textual.content import Content

from llmbm_console.core.answers.pairs import key_of
from llmbm_console.core.postmortem.known_fields import knows
from llmbm_console.core.state.state import Command, State, Text, TranscriptItem, Turn, newest_turn, turn_of_boot
from llmbm_console.tui.firmware_text import folded
from llmbm_console.tui.guide import failure_lines, first_steps, guide, unanswered
from llmbm_console.tui.text import line, plain
from llmbm_console.tui.tint import LEVELS, UNKNOWN, Tint
from llmbm_console.tui.transcript_rows import MAX_CHARACTERS, layout_item, wrapped
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_console.tui.widgets.running import RunningRows

MAX_ROWS = 50_000  # rows kept; the oldest go first


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
        self._growing = RunningRows()
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
        parts = [f"seed {sampling.seed}"] if sampling is not None and knows(sampling, "seed") else []
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
        if sent := unanswered(self._frame):
            notes = sent + notes
        elif not state.items and state.turn is None:
            notes = guide(self._frame) + notes
            rows.append(Line("", ""))
        elif self._nothing_asked(state):
            notes = first_steps(self._frame)
            rows.append(Line("", ""))
        for text, style in notes:
            if text or not style:
                rows += [row._replace(gutter=0) for row in wrapped(text, width, style, "", style)]
        return rows

    def _nothing_asked(self, state: State) -> bool:
        frame = self._frame
        usable = frame.live and not (frame.read_only or frame.recorded or frame.failure or state.dropped_items)
        return usable and not any(isinstance(item, Turn | Command) for item in state.items)

    def _running_rows(self, turn: Turn, width: int) -> list[Line]:
        if turn.finished is not None or turn.cut or len(turn.text) > MAX_CHARACTERS or self._tint.mode:
            return layout_item(turn, width, self.glyphs, self._tint)
        return self._growing.rows(turn, width, self.glyphs)

    def show_turn(self, turn: Turn) -> bool:
        """Selects the prompt of a turn; False where it is not laid out (any more)."""
        row, running = 0, self._frame.state.turn
        for item, count in self._laid:
            if isinstance(item, Turn) and key_of(item) == key_of(turn) and count:
                self.select(row)
                return True
            row += count
        if running is None or key_of(running) != key_of(turn):
            return False
        self.select(row)
        return True

    @property
    def last_answer(self) -> str:
        """Text of the newest answer, for copying, without blanks around it: a model's first token begins with one."""
        turn = newest_turn(self._frame.state)
        return plain(turn.text).strip() if turn is not None else ""


def _common_prefix(old: list[Line], new: list[Line]) -> int:
    for index, (a, b) in enumerate(zip(old, new, strict=False)):
        if a is not b and a != b:
            return index
    return min(len(old), len(new))
