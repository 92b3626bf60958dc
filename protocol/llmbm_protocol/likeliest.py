"""The list of the likeliest tokens in a record C. It imports nothing heavy: interfaces need it before a record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

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
