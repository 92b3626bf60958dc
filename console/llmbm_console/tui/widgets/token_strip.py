"""The newest tokens of an answer, a column each."""

from __future__ import annotations

from textual.content import Content

from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.pages.choices import chance_text, chances, newest, times, told_turn
from llmbm_console.tui.text import line, shortened
from llmbm_console.tui.widgets.strips import Strip


class TokenStrip(Strip):
    """The newest tokens of the answer, a column each: how likely they were, and how long they took."""

    DEFAULT_CSS = "TokenStrip { height: 2; }"
    NAME = 5

    def content_for(self, frame: Frame, width: int) -> Content:
        turn, token = told_turn(frame.state), newest(frame.state)
        if turn is None or token is None or token.choice is None:
            key = frame.keys["chat.probabilities"]
            text = "nothing is told yet: the next answer is" if frame.choices else f"{key} asks for them"
            told = line((f"{'p':<{self.NAME}}", "$muted"), (f"token probabilities: {text}", "$muted"))
            return shortened(told, width, frame.glyphs.ellipsis)
        room = max(4, width - self.NAME - 8)
        chance = token.choice.probability / figures.MILLION
        budget = frame.state.sentinel.decode_budget if frame.state.sentinel is not None else 0
        share = token.cycles / budget if budget else 0.0
        ends = (chance_text(chance), figures.percent(share) if budget else "")
        strips = (chances(turn, room, frame.glyphs), times(turn, room, budget, frame.glyphs))
        names = ("p", "time")
        rows = [
            line(
                (f"{name:<{self.NAME}}", "$muted"),
                strip,
                (" " * (room - strip.cell_length) + f" {end:>6}", "$foreground"),
            )
            for name, strip, end in zip(names, strips, ends, strict=True)
        ]
        return Content("\n").join(rows)
