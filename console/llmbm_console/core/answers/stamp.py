"""The determinism stamp: a short name for the tokens of an answer. Two answers of the same tokens have the same one, on
whatever machine and in whatever session they were given."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha256

from llmbm_console.core.answers.pairs import before, called, runs
from llmbm_console.core.counted import counted
from llmbm_console.core.state.state import Turn

DIGITS = 8  # hexadecimal: 32 bits tell the answers of a session apart


def stamp(turn: Turn) -> str:
    """The first 8 hexadecimal digits of the SHA-256 of the answer's token ids, each as 4 octets with the lowest first,
    in their order: of the ids alone, not of prompt, settings, model or text. Empty where `why_no_stamp` says why."""
    if why_no_stamp(turn):
        return ""
    return sha256(b"".join(struct.pack("<I", token.token) for token in turn.tokens)).hexdigest()[:DIGITS]


def why_no_stamp(turn: Turn) -> str:
    """Why an answer has no stamp; empty when it has one."""
    if runs(turn):
        return "the answer runs"
    if turn.lost_tokens:
        return f"{counted(turn.lost_tokens, 'token')} lost on the line"
    if turn.before:
        return f"the first {counted(turn.before, 'token')} came before this clip"
    if not turn.tokens:
        return "its token ids are not known" if turn.text else "the answer has no token"
    return ""


def ids(turn: Turn) -> list[int]:
    """The token ids of an answer."""
    return [token.token for token in turn.tokens]


def same_tokens(one: Turn, other: Turn) -> bool:
    """Whether two answers are of the same tokens, as far as they came."""
    if len(one.tokens) != len(other.tokens):
        return False
    return all(own.token == there.token for own, there in zip(one.tokens, other.tokens, strict=True))


def likeness(turn: Turn, turns: Sequence[Turn]) -> str:
    """What an answer has in common with an earlier one of a session's `turns`: with the newest of the same tokens, else
    where it left the newest to the same prompt. Empty when there is neither, and for an answer without a stamp."""
    if why_no_stamp(turn):
        return ""
    own = ids(turn)
    known = [other for other in before(turn, turns) if not why_no_stamp(other)]
    same = next((other for other in known if same_tokens(turn, other)), None)
    if same is not None:
        another = "" if same.prompt == turn.prompt else ", which had another prompt"
        return f"the same {counted(len(own), 'token')} as {called(same, turns)}{another}"
    asked = next((other for other in known if turn.prompt and other.prompt == turn.prompt), None)
    if asked is None:
        return ""
    name, there = called(asked, turns), ids(asked)
    parted = next((at for at, (one, other) in enumerate(zip(own, there, strict=False)) if one != other), None)
    if parted is not None:
        return f"diverged from {name} at token {parted + 1}"
    if len(own) > len(there):
        return f"begins with the {counted(len(there), 'token')} of {name}, and goes on"
    return f"is the beginning of {name}, which has {counted(len(there), 'token')}"
