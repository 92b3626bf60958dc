"""One token of an answer under the glass: where it stands, what it is, what it took, and what it was allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from llmbm_console.core.state import State, TokenInfo, Turn
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, flat, line
from llmbm_console.tui.widgets.sentinel import use_style

AROUND = 120  # characters of the answer shown on either side of the token


def turns_of(state: State) -> list[Turn]:
    """The turns that have tokens, oldest first."""
    items = (*state.items, state.turn)
    return [item for item in items if isinstance(item, Turn) and item.tokens]


def shown(text: str) -> str:
    """A token's text with its blanks and line ends visible."""
    return flat(text.replace("\n", "⏎").replace(" ", "␣")) if text else "no text of its own"


def strip(turn: Turn, chosen: int, budget: int, width: int, frame: Frame) -> Content:
    """A column for each token around the chosen one: its cycles against the budget, or against the slowest."""
    most = budget or max(token.cycles for token in turn.tokens) or 1
    first = max(0, min(chosen - width // 2, len(turn.tokens) - width))
    levels, pieces = frame.glyphs.levels, list[Piece]()
    for index, token in enumerate(turn.tokens[first : first + width], first):
        share = token.cycles / most
        sign = levels[max(0, min(len(levels) - 1, int(share * len(levels))))]
        pieces.append((sign, "bold reverse $accent" if index == chosen else use_style(share)))
    return line(*pieces)


def described(turn: Turn, index: int, frame: Frame, width: int) -> list[Content]:
    """The lines about one token."""
    token = turn.tokens[index]
    text = turn.text[token.start : token.end]
    before, after = turn.text[max(0, token.start - AROUND) : token.start], turn.text[token.end : token.end + AROUND]
    middle = flat(text) if text.strip() else shown(text)
    sentinel = frame.state.sentinel
    budget = sentinel.decode_budget if sentinel is not None else 0
    since = token.time_ms - turn.tokens[index - 1].time_ms if index else None
    rows = [
        line(
            (flat(before), "$muted"),
            (middle, "bold reverse $accent"),
            (flat(after), "$muted"),
        ),
        line(),
        strip(turn, index, budget, width, frame),
        line(),
        _row("text", shown(text)),
        _row("id", f"{token.token}, token {token.index + 1} of {len(turn.tokens)} in turn {turn.number}"),
        _row("bytes", " ".join(f"{byte:02x}" for byte in text.encode("utf-8", "replace")[:24]) or "none yet"),
        _row("time", _time(token, since)),
    ]
    if token.cycles:
        use = f", {figures.percent(token.cycles / budget)} of the budget now in force" if budget else ""
        rows.append(_row("cycles", f"{token.cycles:,}".replace(",", " ") + use))
        slower = sum(other.cycles > token.cycles for other in turn.tokens)
        rank = f"{slower} of {len(turn.tokens)} were slower" if slower else "the slowest of its answer"
        rows.append(_row("rank", rank))
    else:
        rows.append(_row("cycles", "it came out of the prefill: no decode pass of its own"))
    return rows


def _time(token: TokenInfo, since: int | None) -> str:
    text = f"{token.time_ms / 1000:.3f} s of the kernel's clock"
    return text if since is None else f"{text}, {since} ms after the one before"


def _row(name: str, value: str) -> Content:
    return line((f"{name:<8}", "$muted"), (flat(value), "$foreground"))


class TokenXRay(ModalScreen[None]):
    """Left and right go through the tokens, up and down through the turns; w goes to the slowest, b to its moment."""

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
    TokenXRay Static { width: 1fr; background: $surface; }
    """

    def __init__(self, frame: Frame, look: Callable[[float], None], copy: Callable[[str], None]) -> None:
        super().__init__()
        self._frame, self._look, self._copy = frame, look, copy
        self._turns = turns_of(frame.state)
        self._turn = len(self._turns) - 1
        self.index = len(self._turns[-1].tokens) - 1

    @property
    def token(self) -> TokenInfo:
        """The chosen one."""
        return self._turns[self._turn].tokens[self.index]

    def compose(self) -> ComposeResult:
        """A box at the lower edge."""
        with Vertical() as box:
            box.border_title = line(("Token", "bold"))
            past = "" if self._frame.read_only else "b its moment   "
            box.border_subtitle = line((f"← → token   ↑ ↓ turn   w slowest   {past}y copy   Esc", ""))
            yield Static("", markup=False)

    def on_mount(self) -> None:
        """Filled when its width is known."""
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """The strip has the width of the box."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        body = self.query_one(Static)
        rows = described(self._turns[self._turn], self.index, self._frame, max(10, body.size.width))
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
