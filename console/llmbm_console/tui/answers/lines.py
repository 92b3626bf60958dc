"""What two answers have in common and what not, in lines."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from llmbm_console.core.answers.compare import (
    Chance,
    Found,
    Outcome,
    chances,
    in_common,
    moved,
    settings_known,
    why_not_repeated,
)
from llmbm_console.core.answers.pairs import Pairing, called, key_of, runs
from llmbm_console.core.answers.stamp import stamp, why_no_stamp
from llmbm_console.core.state.state import TokenInfo, Turn
from llmbm_console.core.state.turns import decode_rate, why_ended
from llmbm_console.tui import figures
from llmbm_console.tui.answers.pair import Look
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.pages import choices
from llmbm_console.tui.text import Piece, clip, common_start, flat, line, shorten, wrap

LABEL = 9  # columns of a name
GAP = 3  # columns between two numbers of an answer
UNKNOWN = "?"
#: Verbs, with what they do in the words that there is room for.
VERBS = (
    ("swap", "swap", "swap"),
    ("parting", "where they part", "part"),
    ("again", "ask A again", "again"),
    ("again_seed", "another seed", "seed"),
    ("repeat", "repeat A", "repeat"),
)
NEEDED = "Two answers are needed to compare them"
SIDES = {"a": "bold $info", "b": "bold $accent"}


def empty_lines(frame: Frame, turns: list[Turn], width: int) -> list[Content]:
    """What there is to see, and what to do, where there are fewer than two answers."""
    there = "there is none yet" if not turns else "there is one so far"
    if frame.post_mortem or frame.recorded:
        how = f"{frame.watcher} has what was said until then, and no more."
    elif frame.read_only:
        how = "This session only watches (--read-only): whoever asks there gives them."
    elif not turns:
        how = f"{frame.keys['chat.prompt']} writes a prompt."
    else:
        again, seed, repeat = (frame.keys[f"compare.{name}"] for name in ("again", "again_seed", "repeat"))
        anew = "" if why_not_repeated(turns[-1]) else f", {repeat} in a new conversation"
        how = f"{again} asks its prompt again, {seed} with another seed{anew}."
    text = f"{NEEDED}: {there}. {how}"
    return [line((text[start:end], "$muted")) for start, end in wrap(text, width)]


def compared_lines(look: Look, frame: Frame, width: int) -> list[Content]:
    """All that is told of the two, in lines of at most `width` columns."""
    rows = [*_choosers(look, frame, width), *_prompts(look.found, width, frame)]
    if which := _which(look, frame):
        rows += _wrapped("which", which, width, "$foreground")
    rows += _wrapped("tokens" if look.found.by_ids else "text", _sentence(look), width, "bold $foreground")
    rows += _wrapped("differs", _differs(look), width, "$foreground")
    if look.before.equal is not False:
        rows += _wrapped("before", look.before.words, width, "$foreground")
    if look.verdict.words:
        rows += _wrapped("so", look.verdict.words, width, "$warn" if look.verdict.odd else "$foreground")
    if look.found.tokens is not None:
        rows += _wrapped("parting", _parting(look.found, look.found.tokens, frame), width, "$foreground")
    return [*rows, *_table(look, frame, width)]


def _wrapped(name: str, text: str, width: int, style: str) -> list[Content]:
    text = flat(text)
    return [
        line((f"{'' if number else name:<{LABEL}}", "$muted"), (text[start:end], style))
        for number, (start, end) in enumerate(wrap(text, max(8, width - LABEL)))
    ]


# ---- which two


def _button(label: str, action: str, style: str = "$foreground") -> Content:
    return line((label, style)).stylize(Style.from_meta({"@click": f"app.do('{action}')"}))


def _choosers(look: Look, frame: Frame, width: int) -> Iterator[Content]:
    """Which answers they are, and what can be done with them, to be clicked: in one row where there is room, if need
    be in fewer words, else in two."""
    sides: list[Content] = []
    for side, turn in (("a", look.found.a), ("b", look.found.b)):
        name = f" {called(turn, look.turns)} "
        sides.append(
            line(
                (f"{side.upper()} ", SIDES[side]),
                _button("<", f"compare.{side}_earlier", "bold $accent"),
                _button(name, f"compare.go_{side}"),
                _button(">", f"compare.{side}_later", "bold $accent"),
            )
        )
    full, short = _verbs(look, frame)
    for verbs in (full, short):
        if (row := _joined([*sides, *verbs], GAP)).cell_length <= width:
            yield row
            return
    yield _joined(sides, GAP)
    yield next((row for verbs in (full, short) if (row := _joined(verbs, GAP)).cell_length <= width), _joined(short, 1))


def _joined(parts: list[Content], gap: int) -> Content:
    row = line()
    for part in parts:
        row = line(row, (" " * gap, ""), part) if row.cell_length else part
    return row


def _verbs(look: Look, frame: Frame) -> tuple[list[Content], list[Content]]:
    """What can be done with the two, in full and in fewer words; not what would be refused."""
    full, short = list[Content](), list[Content]()
    for name, word, brief in VERBS:
        key = frame.keys[f"compare.{name}"]
        asks = name in ("again", "again_seed", "repeat")
        if not key or (asks and (frame.read_only or frame.not_now)):
            continue
        if name == "repeat" and why_not_repeated(look.found.a):
            continue
        for buttons, what in ((full, word), (short, brief)):
            button = line((key, "bold $accent"), (f" {what}", "$muted"))
            buttons.append(button.stylize(Style.from_meta({"@click": f"app.do('compare.{name}')"})))
    return full, short


def newest_hint(look: Look, pairing: Pairing, frame: Frame) -> Content:
    """That others are the newest two, and the key that goes to them; nothing where these are."""
    newest, key = Pairing().of(look.turns), frame.keys["compare.newest"]
    if pairing == Pairing() or newest is None or not key:
        return line()
    if {key_of(turn) for turn in newest} == set(look.keys):
        return line()
    names = " and ".join(called(turn, look.turns) for turn in newest)
    return line((key, "bold $accent"), (f" the newest: {names}", "$warn"))


def _which(look: Look, frame: Frame) -> str:
    """When each began, where one has a number that another answer has, too, or goes on from a saved state."""
    pair = (look.found.a, look.found.b)
    if not any(turn.resumed or called(turn, look.turns).endswith(")") for turn in pair):
        return ""
    told = []
    for side, turn in zip("AB", pair, strict=True):
        what = f"went on from a saved state, behind its token {turn.resumed:,}," if turn.resumed else "began"
        told.append(f"{side} {what} at {frame.clock(turn.started_at)[:8]}")
    return "; ".join(told)


def _prompts(found: Found, width: int, frame: Frame) -> list[Content]:
    """The prompt, or both of them from where they differ."""
    a, b = flat(found.a.prompt), flat(found.b.prompt)
    room, ellipsis = max(8, width - LABEL), frame.glyphs.ellipsis
    if found.a.prompt == found.b.prompt:
        return [line((f"{'prompt':<{LABEL}}", "$muted"), (clip(a, room, ellipsis) or UNKNOWN, "$prompt"))]
    if cell_len(a) > room or cell_len(b) > room:
        begins = max(0, len(common_start((a, b))) - room // 3)
        a, b = ((ellipsis if begins else "") + text[begins:] for text in (a, b))
    return [
        line((f"{f'prompt {side}':<{LABEL}}", "$muted"), (clip(text, room, ellipsis) or UNKNOWN, "$prompt"))
        for side, text in (("A", a), ("B", b))
    ]


# ---- what was found


def _sentence(look: Look) -> str:
    found = look.found
    if found.by_ids or found.outcome is Outcome.NOTHING:
        return in_common(found)
    return f"{in_common(found)}; compared by its characters, as the token ids are not known of both"


def _parting(found: Found, tokens: tuple[TokenInfo, TokenInfo], frame: Frame) -> str:
    """What each said where they part, and how likely that and the other's word were to it."""
    words = tuple(
        f'"{choices.visible(turn.text[token.start : token.end], frame.glyphs)}"'
        for turn, token in zip((found.a, found.b), tokens, strict=True)
    )
    told = chances(found, choices.vocab_of(frame.state))
    said = [
        f"{side} {own}{_chance(chance, other)}"
        for side, own, other, chance in zip("AB", words, reversed(words), told, strict=True)
    ]
    return ", ".join(said)


def _chance(chance: Chance | None, other: str) -> str:
    if chance is None:
        return ""
    unlisted = f"{other} less than those that were told"
    of_other = f"{other} {choices.chance_text(chance.other)}" if chance.other is not None else unlisted
    return f" (p {choices.chance_text(chance.own)}, {of_other})"


def _differs(look: Look) -> str:
    """What was not the same for both: the values, A's first, the prompt, and what came before it."""
    a, b = look.found.a, look.found.b
    parts = [f"{one.name} {one.a} > {one.b}" for one in look.changed]
    parts += [f"{name} of {side} {how}" for side, turn in (("A", a), ("B", b)) for name, how in moved(turn)]
    if not settings_known(a, b):
        parts.append("the sampling values are not known of both")
    if a.model is None or b.model is None:
        parts.append("the model is not known of both")
    others = ["the prompt"] if a.prompt != b.prompt else []
    others += [f"what was said before: {look.before.words}"] if look.before.equal is False else []
    if not parts and not others:
        return "nothing: the same model and sampling values"
    return "; ".join([", ".join(parts), *others] if parts else [*others, "model and sampling values are the same"])


# ---- numbers


def _table(look: Look, frame: Frame, width: int) -> list[Content]:
    """The numbers of both: an answer a row where there is room, else a number a row."""
    pair = (look.found.a, look.found.b)
    rows = [(name, *(value(turn, frame) for turn in pair)) for name, value in NUMBERS]
    columns = [max(cell_len(text) for text in row) for row in rows]
    if LABEL + sum(columns) + GAP * (len(columns) - 1) > width:
        return [_number(name, a, b, width, frame) for name, a, b in rows]
    lines = []
    for at, (side, style) in enumerate((("", "$muted"), ("A", SIDES["a"]), ("B", SIDES["b"]))):
        cells: list[Piece] = [
            (row[at] + " " * (column - cell_len(row[at]) + GAP), "$muted" if at == 0 else _style(row, at))
            for row, column in zip(rows, columns, strict=True)
        ]
        lines.append(line((f"{side:<{LABEL}}", style), *cells))
    return lines


def _style(row: tuple[str, ...], at: int) -> str:
    """A stamp that both have is to be seen at once."""
    if row[0] != "stamp" or row[1] != row[2] or len(row[at].split()) > 1:
        return "$foreground"
    return "bold $good"


def _number(name: str, a: str, b: str, width: int, frame: Frame) -> Content:
    room = max(6, (width - LABEL - 2) // 2)
    one = shorten(a, room, frame.glyphs.ellipsis)
    row = (name, a, b)
    return line(
        (f"{name:<{LABEL}}", "$muted"),
        (one + " " * (room - cell_len(one) + 2), _style(row, 1)),
        (shorten(b, room, frame.glyphs.ellipsis), _style(row, 2)),
    )


def _tokens(turn: Turn, _frame: Frame) -> str:
    count = turn.finished.tokens if turn.finished is not None else turn.before + len(turn.tokens)
    return f"{count:,}" if count or turn.finished is not None else UNKNOWN


def _speed(turn: Turn, _frame: Frame) -> str:
    done = turn.finished
    if done is not None:
        measured = decode_rate(done)
        return figures.rate(measured) if measured is not None else UNKNOWN
    if len(turn.tokens) < 2 or turn.tokens[-1].time_ms <= turn.tokens[0].time_ms:
        return UNKNOWN
    return figures.rate((len(turn.tokens) - 1) * 1000 / (turn.tokens[-1].time_ms - turn.tokens[0].time_ms))


def _first_token(turn: Turn, _frame: Frame) -> str:
    """From the prompt's beginning: the kernel's own time where it told it, else what the host saw."""
    if turn.finished is not None and turn.finished.prefill_us:
        return figures.duration(turn.finished.prefill_us / figures.MILLION)
    if turn.before or not turn.tokens:
        return UNKNOWN
    return figures.duration(max(0.0, turn.tokens[0].at - turn.started_at))


def _slowest(turn: Turn, _frame: Frame) -> str:
    """The token that took most, against the budget that was in force then."""
    if not turn.slowest:
        return UNKNOWN
    share = f" {figures.percent(turn.slowest / turn.budget)} of budget" if turn.budget else ""
    return figures.cycles(turn.slowest) + share


def _end(turn: Turn, _frame: Frame) -> str:
    if turn.finished is not None:
        return why_ended(turn.finished)
    return "runs" if runs(turn) else flat(turn.cut or turn.told)


def _stamp(turn: Turn, _frame: Frame) -> str:
    return stamp(turn) or f"none: {why_no_stamp(turn)}"


NUMBERS = (
    ("tokens", _tokens),
    ("stamp", _stamp),
    ("speed", _speed),
    ("first in", _first_token),
    ("slowest", _slowest),
    ("end", _end),
)
