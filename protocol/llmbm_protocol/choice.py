"""How a token was chosen: the record C, and the words behind the ids in its list of the likeliest tokens."""

from __future__ import annotations

from typing import Annotated, ClassVar

from llmbm_protocol.fields import U16, U20, U32, Flag, Micro21, PlainRest, Text, Uints
from llmbm_protocol.record import Record, key


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
