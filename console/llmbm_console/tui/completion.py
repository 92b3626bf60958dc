"""Completion of REPL commands in the prompt, and the estimate of whether a prompt fits."""

from __future__ import annotations

from llmbm_console.core.reading import is_command
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.state.state import Seam, State, Turn
from llmbm_console.core.text_limit import MOST_TEXT, too_long
from llmbm_console.tui.text import common_start, first_fitting
from llmbm_protocol.parameters import PARAMETERS

#: Commands that are not parameters.
COMMANDS: tuple[str, ...] = (
    "bench", "budget", "clear", "cpu", "ctx", "exit", "help", "load", "log", "model", "models", "poweroff", "preset",
    "reboot", "reset", "sampling", "save_dump", "save_img", "save_log", "test_failsafe", "threads", "version",
    "zones",
)  # fmt: skip

NAMES: tuple[str, ...] = tuple(
    sorted({*COMMANDS, *(p.name for p in PARAMETERS if not p.boot_only and p.name != "strict_budget")})
)

GUESSED = 32  # tokens of the conversation that the guess of their length counts for
SMALL = 8192  # tokens of a vocabulary
SURELY = 1.5  # times the context: an estimate of so much is not wrong by as much


def candidates(text: str) -> list[str]:
    """Whole lines that begin with what was typed: command names, then the values of a choice."""
    if not text.startswith("/") or "\n" in text:
        return []
    command, space, value = text[1:].partition(" ")
    if not space:
        return [f"/{name}" for name in NAMES if name.startswith(command)]
    parameter = next((p for p in PARAMETERS if p.name == command), None)
    if parameter is None or not parameter.choices:
        return []
    return [f"/{command} {choice}" for choice in parameter.choices if choice.startswith(value)]


def complete(text: str) -> str:
    """The text extended as far as all candidates agree; a lone command gets a space for its value."""
    found = candidates(text)
    if not found:
        return text
    common = common_start(found)
    lone = len(found) == 1 and " " not in common and any(p.name == common[1:] for p in PARAMETERS)
    return max(common + (" " if lone else ""), text, key=len)


def alone(state: State, text: str) -> int:
    """Octets that most likely are tokens by themselves: a small vocabulary has no others for what is not ASCII."""
    vocabulary = state.model.vocab if state.model is not None else 0
    if vocabulary > SMALL or text.isascii():
        return 0
    return len(text.encode("utf-8", "replace")) - sum(map(str.isascii, text))


def octets_per_token(state: State) -> float:
    """How long this model's tokens are: from the newest prompts, and while they are few more by a guess from the size
    of its vocabulary."""
    vocabulary = state.model.vocab if state.model is not None else 0
    guess = 2.2 if 0 < vocabulary <= 1024 else 3.0 if 0 < vocabulary <= SMALL else 3.8
    octets, tokens = guess * GUESSED, GUESSED
    items = state.items[-40:]
    for before, item in zip((None, *items), items, strict=False):
        if not isinstance(item, Turn) or item.finished is None or isinstance(before, Seam):
            continue  # what a context that slid before it has kept is counted with the prompt
        single = alone(state, item.prompt)
        octets += len(item.prompt.encode("utf-8", "replace")) - single
        tokens += max(0, item.finished.prompt_tokens - (item.finished.turn == 1) - single)  # BOS is no text
    return max(0.5, octets / tokens)


def fit_hint(state: State, text: str, room: int = 1000) -> tuple[str, bool]:
    """How the prompt fits into the context, in at most `room` columns if it can be said so, and whether to worry; empty
    for commands and without a context. What no kernel takes is said first: its context does not matter then."""
    ways: tuple[str, ...]
    octets = len(text.encode("utf-8", "replace"))
    if state.link.phase is not LinkPhase.PLAIN and (why := too_long(text)):
        ways = f"{why}: will be refused", f"{octets:,} bytes > {MOST_TEXT:,}: will be refused"
        return first_fitting(ways, room), True
    if not text.strip() or is_command(text) or state.kv is None or not state.kv.capacity:
        return "", False
    single = alone(state, text)
    tokens = max(1, round((octets - single) / octets_per_token(state)) + single)
    rows, capacity = state.kv.rows, state.kv.capacity
    answer = state.sampling.max_tokens if state.sampling is not None else 0
    worry = True
    if tokens >= capacity:  # the kernel takes as many as that with BOS
        refused = "will be" if tokens > SURELY * capacity else "may be"
        ways = (
            f"~{tokens} tok > the whole context of {capacity}: {refused} refused",
            f"~{tokens} > context of {capacity}: {refused} refused",
            f"~{tokens} > {capacity}: {refused} refused",
        )
    elif rows + tokens >= capacity:
        left = max(0, capacity - rows)
        ways = (
            f"~{tokens} tok, {left} rows left: does not fit, /overflow decides",
            f"~{tokens} tok > {left} left: /overflow decides",
            f"~{tokens} > {left} left: /overflow",
        )
    elif rows + tokens + answer > capacity:
        told = f"context {rows}+{tokens}+{answer} > {capacity}"
        ways = (f"{told}: /overflow decides", f"{told}: /overflow", told)
    else:
        ways, worry = (f"~{tokens} tok, context {rows}+{tokens} of {capacity}", f"~{tokens} tok"), False
    return first_fitting(ways, room), worry
