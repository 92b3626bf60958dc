"""What a session's records become on their way to those who listen: in order, each once, with their holes waited for.

The live link and the replay of a recording go through here, so that both show the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from llmbm_console.core.link.repair import EventStream, TokenStream
from llmbm_protocol.schema import Choice, Credit, Event, Finished, Record, Response, Token

#: octets received, octets sent, and what the link did by itself: all that a recording has of a line
Way = Literal["i", "o", "x"]
#: what the link did by itself, as a recording has it: gave up tokens, or events; showed a line that has no end yet;
#: began on a line on which the rest of a frame comes first; opened a line again whose next octets join the last ones
SKIP_TOKENS, SKIP_EVENTS, FLUSH_TEXT, IN_FRAME, JOINS = "tokens", "events", "text", "frame", "joins"

#: what is taken of octets that came while nobody was connected; all else was true only then
RECOVERED = (Token, Finished, Event)


class Streams:
    """Tokens and log events of one boot of a kernel."""

    def __init__(self) -> None:
        self.tokens = TokenStream()
        self.log = EventStream()

    def restart(self) -> None:
        """Another boot: its numbers begin again."""
        self.log.clear()
        self.tokens = TokenStream()

    def take(self, record: Record) -> Iterable[Record]:
        """A record as it came; returns what can be passed on now. An answer is only for whoever asked."""
        if isinstance(record, Token):
            return self.tokens.on_token(record)
        if isinstance(record, Choice):
            return self.tokens.on_choice(record)
        if isinstance(record, Finished):
            return self.tokens.on_finished(record)
        if isinstance(record, Event):
            return self.log.on_event(record)
        if isinstance(record, Credit):
            released = self.tokens.on_credit(record)
            self.log.on_credit(record)
            return [*released, record]
        if isinstance(record, Response):
            if record.generation is not None and record.ok and record.busy:
                return self.tokens.begin(record.generation)
            return []
        return [record]

    @property
    def waiting(self) -> bool:
        """Something is held back, because what comes before it is missing."""
        return self.tokens.waiting or self.log.waiting

    def settle(self) -> list[Record]:
        """Passes on everything that is held back: what is missing will not come."""
        released: list[Record] = []
        while self.tokens.waiting:
            released += self.tokens.skip()
        while self.log.waiting:
            released += self.log.skip(0, 0)
        return released

    def give_up(self, what: str) -> Iterable[Record]:
        """What is missing will not come: SKIP_TOKENS, or SKIP_EVENTS with the first number and their count. Returns
        what was waiting behind it. Raises ValueError for other words."""
        name, *numbers = what.split()
        if name == SKIP_TOKENS and not numbers:
            return self.tokens.skip()
        if name == SKIP_EVENTS and len(numbers) == 2:
            return self.log.skip(int(numbers[0]), int(numbers[1]))
        raise ValueError(f"{what[:40]!r} names nothing that could be given up")
