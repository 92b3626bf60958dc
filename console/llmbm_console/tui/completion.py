"""Completion of REPL commands in the prompt, and the estimate of whether a prompt fits."""

from __future__ import annotations

from collections.abc import Sequence

from llmbm_console.core.state import State, Turn
from llmbm_protocol.parameters import PARAMETERS

#: Commands that are not parameters.
COMMANDS: tuple[str, ...] = (
    "bench", "budget", "clear", "cpu", "ctx", "exit", "help", "load", "log", "model", "models", "poweroff", "preset",
    "reboot", "reset", "sampling", "save_dump", "save_log", "test_failsafe", "threads", "version", "zones",
)  # fmt: skip

NAMES: tuple[str, ...] = tuple(
    sorted({*COMMANDS, *(p.name for p in PARAMETERS if not p.boot_only and p.name != "strict_budget")})
)


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


def common_start(names: Sequence[str]) -> str:
    """What all of them begin with; there is at least one."""
    first, last = min(names), max(names)  # all others are between these two, and begin as both do
    return first[: next((at for at, sign in enumerate(first) if not last.startswith(sign, at)), len(first))]


def complete(text: str) -> str:
    """The text extended as far as all candidates agree; a lone command gets a space for its value."""
    found = candidates(text)
    if not found:
        return text
    common = common_start(found)
    lone = len(found) == 1 and " " not in common and any(p.name == common[1:] for p in PARAMETERS)
    return max(common + (" " if lone else ""), text, key=len)


def characters_per_token(state: State) -> float:
    """How long this model's tokens are: from the prompts so far, else a guess from the size of its vocabulary."""
    known = [
        item
        for item in state.items[-20:]
        if isinstance(item, Turn) and item.finished is not None and item.finished.prompt_tokens > 1
    ]
    tokens = sum(turn.finished.prompt_tokens for turn in known if turn.finished is not None)
    length = sum(len(turn.prompt) for turn in known)
    if tokens and length:
        return max(0.5, length / tokens)
    vocabulary = state.model.vocab if state.model is not None else 0
    return 2.2 if 0 < vocabulary <= 1024 else 3.0 if 0 < vocabulary <= 8192 else 3.8


def fit_hint(state: State, text: str) -> tuple[str, bool]:
    """How the prompt fits into the context, and whether to worry; empty for commands and without a context."""
    if not text.strip() or text.startswith("/") or state.kv is None or not state.kv.capacity:
        return "", False
    tokens = max(1, round(len(text.encode("utf-8", "replace")) / characters_per_token(state)))
    rows, capacity = state.kv.rows, state.kv.capacity
    if rows + tokens >= capacity:
        return f"~{tokens} tok, {max(0, capacity - rows)} rows left: does not fit, /overflow decides", True
    answer = state.sampling.max_tokens if state.sampling is not None else 0
    if rows + tokens + answer > capacity:
        return f"context {rows}+{tokens}+{answer} > {capacity}: /overflow decides", True
    return f"~{tokens} tok, context {rows}+{tokens} of {capacity}", False
