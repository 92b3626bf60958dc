"""How a token was chosen: the record C, its list of the likeliest tokens, and the words behind their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, ClassVar, NamedTuple

from llmbm_protocol.fields import U16, U20, U32, Flag, Micro21, PlainRest, Text, Uints
from llmbm_protocol.record import Record, key

MOST_LIKELIEST = 20  # tokens of one list
STEPS_PER_UNIT = 1024  # a logit is told in steps of 1/1024
MOST_BELOW = 0xFFFF  # 64 less one step: what is further below says this
HOTTEST = 2_000_000  # millionths: the second temperature for which the rest is told

_ITEM = re.compile(r"(0|[1-9][0-9]{0,6}):(0|[1-9][0-9]{0,4})(!?)").fullmatch


class Likely(NamedTuple):
    """One of the likeliest tokens."""

    token: int
    below: int  # how far its logit is below the highest one, in steps of 1/1024
    weakened: bool = False  # the repetition penalty acted on it


class Choice(Record):
    """How the token with the same `g` and `i` was chosen. Sent behind it to a host that asked with `prob`."""

    kind: ClassVar[str] = "C"
    generation: U32 = key("g", "number of the generation")
    index: U32 = key("i", "index of the token")
    dropped: U16 = key("dr", "choices not sent since the last one, for want of room", 0)
    temperature: Micro21 = key("te", "in force; with 0 (greedy) all shares are those at 1")
    probability: Micro21 = key("p", "of the token among all, before min_p, top_k and top_p")
    rank: U20 = key("r", "1 is the likeliest")
    kept: Annotated[tuple[int, ...], Uints(3, 0xF_FFFF)] = key(
        "c", "tokens that min_p, then top_k, then top_p left over; none of them applies to a greedy choice", ()
    )
    rest: Annotated[tuple[int, ...], Uints(2, 0xF_FFFF)] = key(
        "m", "millionths that all tokens outside the list have together, at this temperature and at 2"
    )
    banned: U16 = key("b", "tokens that the n-gram ban took out", 0)
    weakened: Flag = key("w", "1: the repetition penalty acted on the token", False)
    otherwise: U20 | None = key("u", "what would be the likeliest without ban and penalty, when it is another", None)
    likeliest: Annotated[str, PlainRest(199)] = key("a", "the likeliest tokens, see section 9")


class Word(Record):
    """The text of one token of the vocabulary, for a host that asked with `word`."""

    kind: ClassVar[str] = "W"
    token: U32 = key("id", "token id")
    text: Annotated[bytes, Text(40)] = key("s", "its bytes, the first 40 of a longer one")


def written(tokens: Iterable[Likely]) -> str:
    """The list as the record holds it: `id:below` by rank, `!` behind a weakened one, `;` between them."""
    return ";".join(f"{one.token}:{one.below}{'!' if one.weakened else ''}" for one in tokens)


def read(likeliest: str) -> tuple[Likely, ...]:
    """The tokens of a list. An empty one when it is not as a kernel writes it: the first token is 0 below itself, the
    others follow in their order, none comes twice."""
    tokens: list[Likely] = []
    for item in likeliest.split(";") if likeliest else ():
        match = _ITEM(item)
        below = int(match[2]) if match else 0
        out_of_order = below != 0 if not tokens else below < tokens[-1].below
        if match is None or below > MOST_BELOW or out_of_order or len(tokens) == MOST_LIKELIEST:
            return ()
        tokens.append(Likely(int(match[1]), below, bool(match[3])))
    return tuple(tokens) if len({one.token for one in tokens}) == len(tokens) else ()
