"""The conversation as Markdown, and asking its last prompt again.

What people and models wrote stands in fences that are longer than any run of backticks in it: nothing of it is read as
Markdown or HTML, and it can be taken out again as it was. An answer in which the context became full has a block for
each part, and between them what was done then.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmbm_console.core.answers.compare import moved
from llmbm_console.core.answers.stamp import stamp
from llmbm_console.core.errors import SessionError
from llmbm_console.core.parameter_text import value_text
from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state.state import Command, Seam, State, Turn, newest_turn
from llmbm_console.core.state.turns import decode_rate, parts_of, why_ended
from llmbm_protocol.parameters import PARAMETERS

if TYPE_CHECKING:
    from llmbm_protocol.schema import SamplingState

SEEDS = 1_000_000  # what is drawn is short enough to be told and typed again
MILLION = 1_000_000  # microseconds in a second
NAME = "conversation.md"
_BY_NAME = {one.name: one for one in PARAMETERS}


def last_prompt(state: State) -> str:
    """The prompt to ask again. Raises SessionError that says why there is none, or why it cannot be asked now."""
    return prompt_of(state, newest_turn(state))


def prompt_of(state: State, turn: Turn | None) -> str:
    """The prompt of an answer, to ask it again. Raises SessionError as `last_prompt` does."""
    if state.turn is not None:
        raise SessionError("an answer runs: stop it, or wait for its end")
    if turn is None:
        raise SessionError("nothing was asked yet")
    if not turn.prompt.strip():
        which = "the last prompt" if turn is newest_turn(state) else f"the prompt of turn {turn.number}"
        raise SessionError(f"{which} is not known: it was asked before this console came to the line")
    return turn.prompt


def another_seed(state: State) -> int:
    """A seed that is not the one in force."""
    before = state.sampling.seed if state.sampling is not None else None
    return next(seed for seed in iter(lambda: secrets.randbelow(SEEDS), None) if seed != before)


def settings_text(record: SamplingState) -> str:
    """The sampling parameters in force, in one line."""
    return ", ".join(f"{name} {value_text(_BY_NAME[name], getattr(record, field))}" for name, field in FIELDS.items())


def fenced(text: str) -> str:
    """Text as a block of code, whatever is in it."""
    text = clean(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}\n"


def turn_markdown(turn: Turn) -> str:
    """A prompt, its answer, what it cost, and the settings it was begun with where they are known."""
    parts = ["Prompt:\n", fenced(turn.prompt), "Answer:\n", *_answer(turn), f"{_statistics(turn)}\n"]
    if turn.settings is not None:
        changed = "".join(f"; {name} {how}" for name, how in moved(turn))
        parts.append(f"Settings: {settings_text(turn.settings)}{changed}\n")
    return "\n".join(parts)


def _answer(turn: Turn) -> Iterator[str]:
    closed, last = parts_of(turn)
    for start, end, seam in closed:
        yield fenced(turn.text[start:end])
        yield f"{_inline(seam.text)}\n"
    yield fenced(turn.text[last:])


def conversation(state: State, wall: float) -> str:
    """All that was said, as far as it is kept. `wall` is what the host's clock lacks to the time of day, in seconds.
    Raises SessionError when nothing was asked yet."""
    if newest_turn(state) is None:
        raise SessionError("there is no conversation yet: nothing was asked")
    return "\n".join(_parts(state, wall))


def _parts(state: State, wall: float) -> Iterator[str]:
    yield f"# Conversation with {_inline(state.target or 'a kernel')}\n"
    told = (("Kernel", state.version and state.version.version), ("Model", state.model and state.model.file))
    facts = [f"- {label}: {_inline(str(value))}" for label, value in told if value]
    if state.sampling is not None:
        facts.append(f"- Settings in force at the end: {settings_text(state.sampling)}")
    facts.append(f"- Written: {_clock(state.now + wall, '%Y-%m-%d %H:%M:%S')}")
    if state.dropped_items:
        facts.append(f"- {state.dropped_items:,} older entries were let go and are not in it")
    yield "\n".join(facts) + "\n"
    for item in (*state.items, *((state.turn,) if state.turn is not None else ()), *state.behind):
        if isinstance(item, Turn):
            yield f"## Turn {item.number}, {_clock(item.started_at + wall)}\n"
            yield turn_markdown(item)
        elif isinstance(item, Command):
            yield f"Command, {_clock(item.at + wall)}:\n"
            yield fenced("\n".join(text for text in (item.line, item.output.rstrip("\n"), item.error) if text))
        elif isinstance(item, Seam):
            yield f"{_clock(item.at + wall)}: {_inline(item.text)}\n"


def _statistics(turn: Turn) -> str:
    """What is known of the end of an answer, in one line."""
    done, lost = turn.finished, f"; {turn.lost_tokens:,} tokens lost on the line" if turn.lost_tokens else ""
    if done is None:
        if turn.cut or turn.told:
            return _inline(turn.cut or turn.told) + lost
        return f"{len(turn.tokens):,} tokens so far; the answer runs{lost}"
    parts = [f"{done.tokens:,} tokens"]
    if done.decode_us:
        parts.append(f"{done.decode_us / MILLION:.3g} s")
    if (speed := decode_rate(done)) is not None:
        parts.append(f"{speed:.3g} tokens/s")
    if done.prompt_tokens:
        parts.append(f"prefill {done.prompt_tokens:,} tokens in {done.prefill_us / MILLION:.3g} s")
    if turn.slowest:
        parts.append(f"slowest token {turn.slowest:,} cycles")
    parts.append(why_ended(done))
    if known := stamp(turn):
        parts.append(f"stamp {known}")
    return ", ".join(parts) + lost


def _inline(text: str) -> str:
    """Text in a line, as code: nothing in it is read as Markdown."""
    text = " ".join(clean(text).split()) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _clock(seconds: float, shape: str = "%H:%M:%S") -> str:
    return time.strftime(shape, time.localtime(seconds))
