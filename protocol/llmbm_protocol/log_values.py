"""What the two values of a log event mean: it goes with the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from llmbm_protocol.words import LogCode

Unit = Literal["address", "sum", "bytes", "cycles", "ms", "rows", "tokens", ""]


class LogValue(NamedTuple):
    """A value of a log event: a word to stand before it, what it is, and its unit."""

    name: str
    meaning: str
    unit: Unit


#: The first and the second value of the codes whose events have any; a value of 0 is not set. `param` has them where a
#: value was reduced.
LOG_VALUES: Mapping[LogCode, tuple[LogValue, ...]] = {
    LogCode.BUDGET: (
        LogValue("took", "what the pass took", "cycles"),
        LogValue("budget", "what it was allowed", "cycles"),
    ),
    LogCode.ALLOC_FAIL: (
        LogValue("arena at", "where the arena begins", "address"),
        LogValue("asked for", "what it could not give", "bytes"),
    ),
    LogCode.OOB: (LogValue("row", "the row that was meant", "rows"), LogValue("rows", "rows that there are", "rows")),
    LogCode.RO_WRITE: (
        LogValue("found", "checksum of the arena", "sum"),
        LogValue("loaded", "checksum of what was loaded into it", "sum"),
    ),
    LogCode.GUARD: (
        LogValue("guard at", "where the overwritten guard bytes begin", "address"),
        LogValue("guard", "how many there are", "bytes"),
    ),
    LogCode.LOAD: (LogValue("size", "size of the file", "bytes"), LogValue("took", "time of loading", "ms")),
    LogCode.FILE: (LogValue("size", "size of the file", "bytes"),),
    LogCode.PARAM: (LogValue("before", "value that was too large", ""), LogValue("now", "value in force", "")),
    LogCode.CONTEXT: (
        LogValue("before", "tokens in the full context, BOS included", "tokens"),
        LogValue("kept", "tokens that were kept, BOS included", "tokens"),
    ),
}
