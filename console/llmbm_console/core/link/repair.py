"""Streams that must be whole: tokens and log events in their order, with what is missing to be asked for again."""

from __future__ import annotations

from llmbm_protocol.schema import Choice, Credit, Event, Finished, Record, Token

GRACE = 0.1  # s before a gap is asked for: what is on the line already may fill it
MOST_AT_ONCE = 32  # frames asked for with one request
MAX_TRIES = 12  # questions in a row that bring nothing
MOST_HELD = 512  # choices that wait for their tokens: as many as the kernel keeps to be asked for again
MOST_AHEAD = 4 * MOST_HELD  # tokens, in parts, behind a gap: what fills it is not kept by the kernel any more
RING = 128  # the kernel keeps so many events


class TokenStream:
    """Tokens of one generation after the other. Released in order; a token that came twice is released once. A choice
    is released behind its token, and not waited for."""

    def __init__(self) -> None:
        self.generation = 0
        self.following = False  # a generation runs whose end was not released yet
        self._next = (0, 0)  # index and part
        self._ahead: dict[tuple[int, int], Token] = {}
        self._choices: dict[int, Choice] = {}  # of tokens that were not released yet
        self._end: Finished | None = None
        self._total = 0  # tokens the kernel says there are
        self._idle = False
        self._missing_since: float | None = None
        self._tries = 0

    def begin(self, generation: int) -> list[Record]:
        """A generation starts: what is left of the one before is released as it is."""
        if self.following and generation == self.generation:
            return []
        rest = self._rest()
        self.generation, self.following = generation, True
        self._next, self._ahead, self._end, self._total, self._idle = (0, 0), {}, None, 0, False
        self._choices = {}
        self._missing_since, self._tries = None, 0
        return rest

    def join(self, generation: int, tokens: int) -> None:
        """Nothing is known of a generation that runs, and its first `tokens` will not come."""
        self.generation, self.following, self._next = generation, True, (tokens, 0)

    def abandon(self) -> None:
        """The machine restarted: nothing of this will come any more."""
        self.following = False
        self._ahead.clear()
        self._end = None

    def on_token(self, token: Token) -> list[Record]:
        """Returns what can be released now."""
        released: list[Record] = []
        if token.generation != self.generation or not self.following:
            if token.generation <= self.generation:
                return []
            released = self.begin(token.generation)
        place = (token.index, token.part)
        if place < self._next:
            return released
        self._ahead[place] = token
        released += self._drain()
        return released + self.skip() if len(self._ahead) > MOST_AHEAD else released

    def on_choice(self, choice: Choice) -> list[Record]:
        """Returns what can be released now."""
        if not self.following or choice.generation != self.generation or choice.index < self._next[0]:
            return [choice]
        if len(self._choices) < MOST_HELD:
            self._choices[choice.index] = choice
        return []

    def on_finished(self, record: Finished) -> list[Record]:
        """The end is released behind the last token."""
        released: list[Record] = []
        if record.generation != self.generation or not self.following:
            if record.generation <= self.generation:
                return []
            released = self.begin(record.generation)
        self._end = record
        self._total = max(self._total, record.tokens)
        return released + self._drain()

    def on_credit(self, credit: Credit) -> list[Record]:
        """The totals in a credit frame show losses that nothing else would show."""
        released: list[Record] = []
        busy = credit.phase in ("prefill", "decode")
        if credit.generation > self.generation and busy:
            released = self.begin(credit.generation)
        if self.following and credit.generation == self.generation:
            self._total = max(self._total, credit.tokens)
            self._idle = not busy
        return released

    def missing(self, now: float) -> tuple[int, int] | None:
        """First index and count of the tokens to ask for, after a moment of grace."""
        first = self._next[0]
        until = min((index for index, _ in self._ahead), default=self._total)
        if not self.following or until <= first - (1 if self._next[1] else 0):
            self._missing_since = None if self._end is not None else self._missing_since
            return None
        if not self._waited(now):
            return None
        return first, min(max(1, until - first), MOST_AT_ONCE)

    def end_missing(self, now: float) -> bool:
        """True when all tokens are there, the kernel is idle, and the end did not come."""
        if not self.following or self._end is not None or not self._idle or self._ahead or self._next[0] < self._total:
            return False
        return self._waited(now)

    def asked(self) -> bool:
        """A request for what is missing was answered. True after some tries without success: time to `skip`."""
        self._tries += 1
        self._missing_since = None
        return self._tries > MAX_TRIES

    @property
    def waiting(self) -> bool:
        """Tokens are held back behind a gap."""
        return bool(self._ahead)

    def skip(self) -> list[Record]:
        """The gap stays: goes on behind it."""
        self._tries = 0
        if self._ahead:
            self._next = min(self._ahead)
        else:
            self._next = (self._total, 0)
        return self._drain()

    def _waited(self, now: float) -> bool:
        if self._missing_since is None:
            self._missing_since = now
        return now - self._missing_since >= GRACE

    def _drain(self) -> list[Record]:
        released: list[Record] = []
        while (token := self._ahead.pop(self._next, None)) is not None:
            released.append(token)
            self._next = (token.index, token.part + 1) if token.more else (token.index + 1, 0)
            self._missing_since, self._tries = None, 0
            if not token.more and (choice := self._choices.pop(token.index, None)) is not None:
                released.append(choice)
        if self._end is not None and self._next[0] >= self._end.tokens:
            released.append(self._end)
            self.following, self._end = False, None
            self._ahead.clear()
        return released

    def _rest(self) -> list[Record]:
        rest: list[Record] = [self._ahead[place] for place in sorted(self._ahead)] if self.following else []
        rest += [self._choices[index] for index in sorted(self._choices)] if self.following else []
        if self.following and self._end is not None:
            rest.append(self._end)
        return rest


class EventStream:
    """Events of the log ring by their number; the numbers that are missing below the kernel's total are asked for."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Another boot counts from 0 again."""
        self._next = 0
        self._ahead: dict[int, Event] = {}
        self._total = 0
        self._missing_since: float | None = None
        self._tries = 0

    @property
    def known(self) -> int:
        """Entries that were released or given up: the number of the next one."""
        return self._next

    def on_event(self, event: Event) -> list[Event]:
        """Returns what can be released now, in order."""
        if event.number < self._next:
            return []
        self._ahead[event.number] = event
        released = self._drain()
        return released + self.skip(0, 0) if len(self._ahead) > RING else released  # what is missing was overwritten

    def on_credit(self, credit: Credit) -> None:
        """The kernel says how many events there are."""
        self._total = max(self._total, credit.events)
        # What the ring has overwritten cannot be asked for.
        if self._total - RING > self._next:
            self._next = self._total - RING

    def missing(self, now: float) -> tuple[int, int] | None:
        """First number and count of the events to ask for, after a moment of grace."""
        until = min(self._ahead, default=self._total)
        if until <= self._next:
            self._missing_since = None
            return None
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since < GRACE:
            return None
        return self._next, min(until - self._next, MOST_AT_ONCE)

    def asked(self, first: int) -> bool:
        """A request was answered. True after some tries that did not bring number `first`: time to `skip`."""
        self._missing_since = None
        self._tries += 1
        return self._tries > MAX_TRIES and self._next <= first

    @property
    def waiting(self) -> bool:
        """Events are held back behind a gap."""
        return bool(self._ahead)

    def skip(self, first: int, count: int) -> list[Event]:
        """Those `count` numbers stay missing: goes on behind them."""
        self._tries = 0
        self._next = min(self._ahead, default=first + count)
        return self._drain()

    def _drain(self) -> list[Event]:
        released = []
        while (event := self._ahead.pop(self._next, None)) is not None:
            released.append(event)
            self._next += 1
            self._missing_since, self._tries = None, 0
        return released
