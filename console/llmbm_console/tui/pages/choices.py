"""How a token was chosen, in lines: its chance, what each rule left over, the likeliest tokens as bars, and what other
rules would keep of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from llmbm_console.core.answers.distribution import Cut, Distribution, Rules, distribution_of
from llmbm_console.core.state.state import State, TokenInfo, Turn
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import Piece, clip, flat, line

if TYPE_CHECKING:
    from llmbm_protocol.schema import Choice

LIKELY, FAIR, RARE = 0.5, 0.2, 0.05  # from which chance on a token is of a level; below the last it is a surprise
STYLES = ("$good", "$info", "$warn", "$bad")
WORD_WIDTH = 14


def level(chance: float) -> int:
    """0 for a token that was likely, 3 for a surprise."""
    return 0 if chance >= LIKELY else 1 if chance >= FAIR else 2 if chance >= RARE else 3


def chance_text(chance: float) -> str:
    """A probability with three places."""
    return f"{chance:.3f}" if chance >= 0.0005 or chance == 0 else "<.001"


def visible(text: str, glyphs: Glyphs) -> str:
    """A token's text with its blanks and line ends to be seen."""
    return flat(text.replace("\n", glyphs.line_end).replace(" ", glyphs.blank)) if text else "no text"


def word(words: Mapping[int, str], token: int, glyphs: Glyphs) -> str:
    """The text behind an id, or the id while the text is not known."""
    return visible(words[token], glyphs) if token in words else f"#{token}"


@lru_cache(maxsize=64)
def known(choice: Choice, vocab: int) -> Distribution | None:
    """As distribution_of; a frame is drawn many times from the same record."""
    return distribution_of(choice, vocab)


def vocab_of(state: State) -> int:
    """Tokens of the model, 0 when it is not known."""
    return state.model.vocab if state.model is not None else 0


def told_turn(state: State) -> Turn | None:
    """The newest turn with tokens, when it is known how one of its last ones was chosen."""
    turn = state.turn if state.turn is not None and state.turn.tokens else None
    if turn is None:
        turn = next((item for item in reversed(state.items) if isinstance(item, Turn) and item.tokens), None)
    return turn if turn is not None and any(token.choice for token in turn.tokens[-8:]) else None


def newest(state: State) -> TokenInfo | None:
    """The last token of which it is known how it was chosen, among the newest."""
    turn = told_turn(state)
    return next((token for token in reversed(turn.tokens) if token.choice), None) if turn is not None else None


# ---- one token ----------------------------------------------------------------------------------------------------


def chance_line(choice: Choice, distribution: Distribution | None) -> str:
    """Probability and rank; and the share it was drawn with, once the rules had cut."""
    text = f"{chance_text(choice.probability / 1e6)}, rank {choice.rank}"
    if choice.temperature == 0:
        return f"{text} at temperature 1; with temp 0 the likeliest is taken"
    kept = choice.kept[2] if len(choice.kept) == 3 else 0
    if distribution is None or not 0 < kept <= len(distribution.tokens):
        return text
    mass = sum(distribution.cut(Rules(choice.temperature / 1e6)).shares[:kept])
    if kept == 1:
        return f"{text}; the only one left"
    return f"{text}; drawn among {kept} as {chance_text(min(1.0, choice.probability / 1e6 / mass))}"


def rules_line(token: TokenInfo) -> str:
    """What each rule left over, with its value where that is known for sure."""
    choice, sampling = token.choice, token.sampling
    if choice is None or len(choice.kept) != 3:
        return ""
    sure = sampling is not None and sampling.temperature == choice.temperature
    values = ("", "", "")
    if sampling is not None and sure:
        values = (f" {sampling.min_p / 1e6:g}", f" {sampling.top_k}", f" {sampling.top_p / 1e6:g}")
    names = zip(("min_p", "top_k", "top_p"), values, choice.kept, strict=True)
    return " · ".join(f"{name}{value} left {kept}" for name, value, kept in names)


def before_line(choice: Choice, words: Mapping[int, str], glyphs: Glyphs) -> str:
    """What the n-gram ban and the repetition penalty did before."""
    parts = []
    if choice.banned:
        parts.append(f"the n-gram ban took out {choice.banned}")
    if choice.weakened:
        parts.append("the penalty weakened this token")
    if choice.otherwise is not None:
        parts.append(f"without them {word(words, choice.otherwise, glyphs)} would be the likeliest")
    return "; ".join(parts)


class Told(NamedTuple):
    """What is known of one choice."""

    token: int
    choice: Choice
    distribution: Distribution
    words: Mapping[int, str]


def bars(told: Told, width: int, rows: int, glyphs: Glyphs) -> list[Content]:
    """The likeliest tokens by rank with their shares before the cuts, in at most so many rows, and what the others have
    together. The chosen one is among them."""
    token, choice, distribution, words = told
    shares = distribution.cut(Rules(choice.temperature / 1e6)).shares
    kept = choice.kept[2] if len(choice.kept) == 3 else 1
    count = min(len(distribution.tokens), max(1, rows - 1))
    listed = list(range(count))
    place = next((place for place, one in enumerate(distribution.tokens) if one.token == token), None)
    if place is not None and place >= count:
        listed[-1] = place
    room = max(4, width - 4 - WORD_WIDTH - 1 - 6 - 1 - 10)
    lines = []
    for rank in listed:
        one, share = distribution.tokens[rank], shares[rank]
        chosen, out = rank == place, rank >= kept
        style = "bold $accent" if chosen else "$muted" if out else STYLES[level(share)]
        reason = "chosen" if chosen else _cut_by(choice, rank) if out else "weakened" if one.weakened else ""
        name = clip(word(words, one.token, glyphs), WORD_WIDTH, glyphs.ellipsis)
        lines.append(
            line(
                (f"{rank + 1:>3} ", "$muted"),
                (
                    name + " " * (WORD_WIDTH - cell_len(name) + 1),
                    "bold $accent" if chosen else "$foreground",
                ),
                (f"{chance_text(share):>5} ", "$foreground"),
                glyphs.bar(share / max(shares[0], 1e-9), room, style),
                (f" {reason:<9}", style if chosen else "$muted"),
            )
        )
    rest = max(0.0, 1.0 - sum(shares[rank] for rank in listed))
    lines.append(line(("    all others ".ljust(4 + WORD_WIDTH + 1), "$muted"), (f"{chance_text(rest):>5}", "$muted")))
    return lines[:rows]


def _cut_by(choice: Choice, rank: int) -> str:
    """The rule that took out the token of a rank, by the counts that the kernel told."""
    if len(choice.kept) != 3:
        return "temp 0"
    return "min_p" if rank >= choice.kept[0] else "top_k" if rank >= choice.kept[1] else "top_p"


# ---- what other rules would keep ------------------------------------------------------------------------------------


def slice_line(distribution: Distribution, cut: Cut, width: int, glyphs: Glyphs) -> Content:
    """A column for each listed token, its height the share; behind the mark is what the rules take out."""
    count = len(distribution.tokens)
    cell = max(1, min(3, (width - 1) // max(1, count)))
    kept = sum(not rule for rule in cut.cut_by)
    top = max(cut.shares[0], 1e-9)
    pieces: list[Piece] = []
    for rank in range(min(count, (width - 1) // cell)):
        if rank == kept:
            pieces.append((glyphs.separator, "$accent"))
        height = max(0, min(len(glyphs.levels) - 1, round(cut.shares[rank] / top * (len(glyphs.levels) - 1))))
        sign = glyphs.levels[height] * max(1, cell - 1) + (" " if cell > 1 else "")
        pieces.append((sign, STYLES[level(cut.shares[rank])] if rank < kept else "$faint"))
    return line(*pieces)


def slice_text(distribution: Distribution, cut: Cut, before: Cut, width: int) -> Content:
    """Among how many of the listed tokens the rules let it be drawn, and those in force do, and how uncertain that is;
    in as many words as there is room for."""
    moved = cut != before
    style = "bold $warn" if moved else "$foreground"
    now: Piece = (f" · now {before.count}" if moved else "", "$muted")
    listed = len(distribution.tokens)
    ways = [
        line(("draws among ", "$muted"), (cut.count, style), (f" of the {listed} likeliest", "$muted"), now),
        line((cut.count, style), (f" of the {listed} likeliest", "$muted"), now),
        line((cut.count, style), (f" of {listed}", "$muted"), now),
    ]
    if cut.entropy is not None:
        ways.insert(0, line(ways[0], (f" · {cut.entropy:.1f} bit uncertain", "$muted")))
    return next((way for way in ways if way.cell_length <= width), ways[-1])


# ---- all tokens of an answer ----------------------------------------------------------------------------------------


def chances(turn: Turn, width: int, glyphs: Glyphs) -> Content:
    """A column for each of the newest tokens: its probability; a dot where it is not known."""
    pieces: list[Piece] = []
    for token in turn.tokens[-width:]:
        if token.choice is None:
            pieces.append(("·", "$faint"))
            continue
        chance = token.choice.probability / 1e6
        height = max(0, min(len(glyphs.levels) - 1, int(chance * len(glyphs.levels))))
        pieces.append((glyphs.levels[height], STYLES[level(chance)]))
    return line(*pieces)


def times(turn: Turn, width: int, budget: int, glyphs: Glyphs) -> Content:
    """A column for each of the newest tokens: its cycles against the budget, or against the slowest of them."""
    tokens = turn.tokens[-width:]
    most = budget or max(token.cycles for token in tokens) or 1
    pieces: list[Piece] = []
    for token in tokens:
        share = token.cycles / most
        height = max(0, min(len(glyphs.levels) - 1, int(share * len(glyphs.levels))))
        pieces.append((glyphs.levels[height], "$bad" if share > 1 else "$warn" if share > 0.9 else "$muted"))
    return line(*pieces)
