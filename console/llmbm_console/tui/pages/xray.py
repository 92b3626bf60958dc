"""One token of an answer under the glass: what it is, what it took, how it was chosen, and what was nearly said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from llmbm_console.core.answers.pairs import answers
from llmbm_console.core.answers.stamp import likeness, stamp, why_no_stamp
from llmbm_console.core.state.state import State, TokenInfo, Turn
from llmbm_console.core.state.turns import budget_of as pass_budget
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.pages import choices
from llmbm_console.tui.text import Piece, flat, line
from llmbm_console.tui.widgets.sentinel import broken, use_style
from llmbm_protocol.words import StopReason

if TYPE_CHECKING:
    from llmbm_protocol.schema import Sentinel

AROUND = 120  # characters of the answer shown on either side of the token


def turns_of(state: State) -> list[Turn]:
    """The turns that have tokens, oldest first."""
    items = (*state.items, state.turn)
    return [item for item in items if isinstance(item, Turn) and item.tokens]


def budget_of(token: TokenInfo, sentinel: Sentinel | None) -> int:
    """What the pass that led to a token may take: to the first one of an answer leads the last pass of its prompt."""
    return pass_budget(token.index, sentinel)


def _tripped_last(turn: Turn, state: State) -> bool:
    """Whether it is the newest answer, and the sentinel broke it off."""
    done, newest = turn.finished, turns_of(state)[-1:]
    return done is not None and done.reason is StopReason.TRIP and bool(newest) and newest[0].number == turn.number


def strip(turn: Turn, chosen: int, width: int, frame: Frame) -> Content:
    """A column for each token around the chosen one: its cycles against the budget, or against the slowest."""
    first = max(0, min(chosen - width // 2, len(turn.tokens) - width))
    levels, pieces = frame.glyphs.levels, list[Piece]()
    for index, token in enumerate(turn.tokens[first : first + width], first):
        share = token.cycles / (budget_of(token, frame.state.sentinel) or turn.slowest or 1)
        sign = levels[max(0, min(len(levels) - 1, int(share * len(levels))))]
        pieces.append((sign, "bold reverse $accent" if index == chosen else use_style(share)))
    return line(*pieces)


def described(
    turn: Turn, index: int, frame: Frame, width: int, height: int = 24, words: Mapping[int, str] | None = None
) -> list[Content]:
    """The lines about one token, at most `height` of them where that is possible."""
    token = turn.tokens[index]
    text = turn.text[token.start : token.end]
    before, after = turn.text[max(0, token.start - AROUND) : token.start], turn.text[token.end : token.end + AROUND]
    middle = flat(text) if text.strip() else choices.visible(text, frame.glyphs)
    budget = budget_of(token, frame.state.sentinel)
    since = token.time_ms - turn.tokens[index - 1].time_ms if index else None
    rows = [
        line(
            (flat(before), "$muted"),
            (middle, "bold reverse $accent"),
            (flat(after), "$muted"),
        ),
        line(),
        strip(turn, index, width, frame),
        line(),
        _row("text", choices.visible(text, frame.glyphs)),
        _row("id", f"{token.token}, token {token.index + 1} of {len(turn.tokens)} in turn {turn.number}"),
        _row("bytes", " ".join(f"{byte:02x}" for byte in text.encode("utf-8", "replace")[:24]) or "none yet"),
        _row("time", _time(token, since)),
        _row("answer", _stamp(turn, frame.state)),
    ]
    if token.cycles:
        of_prompt = "" if token.index else " a token, the prompt's last pass (prefill)"
        use = f", {figures.percent(token.cycles / budget)} of the budget now in force" if budget else ""
        rows.append(_row("cycles", f"{token.cycles:,}{of_prompt}{use}"))
        slower = sum(other.cycles > token.cycles for other in turn.tokens)
        speed = f"{slower} of {len(turn.tokens)} were slower" if slower else "the slowest of its answer"
        rows.append(_row("speed", speed))
    else:
        rows.append(_row("cycles", "it came out of the prefill: no decode pass of its own"))
    if index + 1 == len(turn.tokens) and _tripped_last(turn, frame.state) and (pair := broken(frame.state)):
        taken, allowed = (f"{count:,}" for count in pair)
        rows.append(_row("trip", f"the next pass took {taken} cycles of {allowed}, and gave no token"))
    return rows + _chosen(turn, index, frame, width, height - len(rows), frame.state.words if words is None else words)


def _chosen(turn: Turn, index: int, frame: Frame, width: int, height: int, words: Mapping[int, str]) -> list[Content]:
    """How the token was chosen, and what was nearly said."""
    token = turn.tokens[index]
    choice = token.choice
    if choice is None:
        if any(other.choice for other in turn.tokens):
            return [_row("chance", "not told: lost on the line, or left out for want of room")]
        key = frame.keys["chat.probabilities"]
        return [_row("chance", f"not asked for: {key}, outside of this box, asks for those of the next tokens")]
    distribution = choices.known(choice, choices.vocab_of(frame.state))
    rows = [_row("chance", choices.chance_line(choice, distribution))]
    if rules := choices.rules_line(token):
        rows.append(_row("rules", rules))
    if before := choices.before_line(choice, words, frame.glyphs):
        rows.append(_row("before", before))
    if distribution is not None and height - len(rows) > 1:
        told = choices.Told(token.token, choice, distribution, words)
        rows += choices.bars(told, width, height - len(rows), frame.glyphs)
    return rows


def _stamp(turn: Turn, state: State) -> str:
    """The stamp of the whole answer, and which earlier one it is like."""
    known = stamp(turn)
    like = likeness(turn, answers(state)) if known else why_no_stamp(turn)
    return f"stamp {known}{', ' if like else ''}{like}" if known else f"no stamp: {like}"


def _time(token: TokenInfo, since: int | None) -> str:
    text = f"{token.time_ms / 1000:.3f} s of the kernel's clock"
    return text if since is None else f"{text}, {since} ms after the one before"


def _row(name: str, value: str) -> Content:
    return line((f"{name:<8}", "$muted"), (flat(value), "$foreground"))


class TokenXRay(ModalScreen[None]):
    """Left and right go through the tokens, up and down through the turns; w goes to the slowest, b to its moment."""

    help_page = "xray"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,x,enter", "leave", "Close", show=False),
        Binding("left,h", "move(-1)", show=False),
        Binding("right,l", "move(1)", show=False),
        Binding("shift+left,H", "move(-10)", show=False),
        Binding("shift+right,L", "move(10)", show=False),
        Binding("home", "move(-100000)", show=False),
        Binding("end", "move(100000)", show=False),
        Binding("up,k", "turn(-1)", show=False),
        Binding("down,j", "turn(1)", show=False),
        Binding("w", "slowest", show=False),
        Binding("b", "look_back", show=False),
        Binding("y", "copy", show=False),
    ]
    DEFAULT_CSS = """
    TokenXRay { align: center bottom; background: transparent; }
    TokenXRay > Vertical {
        width: 100; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; margin-bottom: 1;
        border: round $focus; background: $surface; border-title-color: $accent; border-subtitle-color: $muted;
    }
    TokenXRay.-ascii > Vertical { border: ascii $focus; }
    TokenXRay Static { width: 1fr; background: $surface; }
    """

    def __init__(
        self,
        frame: Frame,
        look: Callable[[float], None],
        copy: Callable[[str], None],
        words: Callable[[], Mapping[int, str]],
    ) -> None:
        super().__init__()
        self._frame, self._look, self._copy, self._words = frame, look, copy, words
        self._known = 0
        self._turns = turns_of(frame.state)
        self._turn = len(self._turns) - 1
        self.index = len(self._turns[-1].tokens) - 1

    @property
    def token(self) -> TokenInfo:
        """The chosen one."""
        return self._turns[self._turn].tokens[self.index]

    def compose(self) -> ComposeResult:
        """A box at the lower edge."""
        ascii_only = self._frame.glyphs.name == "ascii"
        self.set_class(ascii_only, "-ascii")
        with Vertical() as box:
            box.border_title = line(("Token", "bold"))
            arrows = "left right token   up down turn" if ascii_only else "← → token   ↑ ↓ turn"
            past = "" if self._frame.read_only else "b its moment   "
            box.border_subtitle = line((f"{arrows}   w slowest   {past}y copy   Esc", ""))
            yield Static("", markup=False)

    def on_mount(self) -> None:
        """Filled when its width is known."""
        self.call_after_refresh(self._show)
        self.set_interval(0.5, self._learn)

    def _learn(self) -> None:
        """Texts of tokens come while one is looked at."""
        if len(self._words()) != self._known:
            self._show()

    def on_resize(self) -> None:
        """The strip has the width of the box."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        body = self.query_one(Static)
        words = self._words()
        self._known = len(words)
        turn = self._turns[self._turn]
        rows = described(turn, self.index, self._frame, max(10, body.size.width), self.size.height - 4, words)
        body.update(Content("\n").join(rows))

    def action_move(self, by: int) -> None:
        """Other tokens of this turn."""
        self.index = max(0, min(self.index + by, len(self._turns[self._turn].tokens) - 1))
        self._show()

    def action_turn(self, by: int) -> None:
        """Another turn, at its last token."""
        self._turn = max(0, min(self._turn + by, len(self._turns) - 1))
        self.index = len(self._turns[self._turn].tokens) - 1
        self._show()

    def action_slowest(self) -> None:
        """The token that took most cycles."""
        tokens = self._turns[self._turn].tokens
        self.index = max(range(len(tokens)), key=lambda index: tokens[index].cycles)
        self._show()

    def action_copy(self) -> None:
        """The token's text."""
        turn = self._turns[self._turn]
        self._copy(turn.text[self.token.start : self.token.end])

    def action_look_back(self) -> None:
        """Everything else as it was when the token came."""
        self.dismiss()
        if not self._frame.read_only:
            self._look(self.token.at)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()
