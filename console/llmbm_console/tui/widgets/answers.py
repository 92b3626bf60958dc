"""The panes of the compare view: what differs between two answers, and their texts, which scroll together."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content

from llmbm_console.core.answers.compare import Outcome
from llmbm_console.core.answers.pairs import Key, answers
from llmbm_console.core.counted import counted
from llmbm_console.tui.answers.lines import compared_lines, empty_lines, newest_hint
from llmbm_console.tui.answers.pair import AnswerPair
from llmbm_console.tui.answers.rows import answer_rows
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import line, wrap
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_console.tui.widgets.panel import Panel


class Differences(Panel):
    """What two answers have in common, what was not the same for them, and their numbers."""

    pane, number, title_text = "differences", 0, "Compare"

    def __init__(self, pair: AnswerPair, *, id: str) -> None:
        super().__init__(id=id)
        self._pair = pair

    def heading(self, frame: Frame) -> Content:
        look = self._pair.look(frame.state)
        return line((counted(len(look.turns), "answer"), "$muted")) if look is not None else line()

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        look = self._pair.look(frame.state)
        if look is None:
            return empty_lines(frame, answers(frame.state), width)
        return compared_lines(look, frame, width)

    def hint(self, frame: Frame) -> Content:
        look = self._pair.look(frame.state)
        return newest_hint(look, self._pair.pairing, frame) if look is not None else line()


class Answers(LineView):
    """The two texts, from the same token on."""

    pane, number, title_text = "answers", 0, "Answers"
    END = "the end"
    ALLOW_SELECT = False  # a row is of two texts: each can be copied in the transcript

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "answers--text", "answers--same", "answers--first", "answers--head", "answers--edge", "answers--note",
    }  # fmt: skip

    DEFAULT_CSS = """
    Answers > .answers--text { color: $foreground; }
    Answers > .answers--same { color: $muted; }
    Answers > .answers--first { color: $warn; text-style: bold reverse; }
    Answers > .answers--head { color: $accent; text-style: bold; }
    Answers > .answers--edge { color: $border; }
    Answers > .answers--note { color: $muted; }
    """

    def __init__(self, pair: AnswerPair, *, id: str) -> None:
        super().__init__(id=id)
        self.following = False
        self._pair = pair
        self._parting = -1  # the row with the first token that differs
        self._keys: tuple[Key, Key] | None = None  # of the answers that are shown

    def on_resize(self) -> None:
        """Rows depend on the width."""
        self._draw()

    def follow_changed(self) -> None:
        """The lower edge says how much is below."""
        self._note_below()

    def _note_below(self) -> None:
        self.set_heading(bottom=line((self.below_words(), "$warn")))

    def _draw(self) -> None:
        width = self.window.width
        if width <= 0 or not self.display:
            return
        look = self._pair.look(self._frame.state)
        if look is None:
            text = "The texts of two answers stand here." if width else ""
            rows, self._parting = [Line(text[a:b], "answers--note") for a, b in wrap(text, width)], -1
        else:
            rows, self._parting = answer_rows(look, width, self.glyphs)
        same = next((at for at, (old, new) in enumerate(zip(self.rows, rows, strict=False)) if old != new), None)
        same = min(len(self.rows), len(rows)) if same is None else same
        if same < len(rows) or len(rows) != len(self.rows):
            self.set_rows(same, rows[same:])
        keys = look.keys if look is not None else None
        if keys != self._keys:
            self._keys = keys
            self.following = look is not None and look.found.outcome is Outcome.RUNS
            self.call_after_refresh(self._show_new)
        self._note_below()

    def _show_new(self) -> None:
        """Two other answers: their beginning, and where they part if that is further down; the end of one that runs."""
        if self.following:
            self.follow()
        elif not self.go_to_parting():
            self.top()

    def go_to_parting(self) -> bool:
        """Brings the first token that differs into view; False where nothing differs."""
        if self._parting < 0:
            return False
        height = self.window.height
        top = 0 if self._parting < height else self._parting - height // 3
        self.following = False
        self.scroll_to(y=top, animate=False, immediate=True)
        self.follow_changed()
        return True

    def action_scroll_home(self) -> None:
        """A scroll view's own key animates."""
        self.top()

    def action_scroll_end(self) -> None:
        """See action_scroll_home."""
        self.follow()
