"""What is asked for about choices: how many of the likeliest tokens go with each token, and the texts behind their ids.

The kernel tells ids only. Their texts are asked for as the line has room: at once while it is idle, a few at a time
while it computes, those of the newest choice first.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from llmbm_console.core.link.asking import SESSION
from llmbm_console.core.link.requests import RequestError
from llmbm_console.core.state import events as ev
from llmbm_protocol.choice import Choice, Word
from llmbm_protocol.likeliest import read
from llmbm_protocol.schema import Model, Record

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link

AT_ONCE = 8  # ids in one question: 56 octets hold eight of six digits
BUSY_PAUSE = 0.5  # s between two questions while the kernel computes: 3 % of a line of 115200 bit/s
MOST_TRIES = 4
MOST_UNKNOWN = 4096  # ids that wait to be asked for; the oldest are forgotten


class Choices:
    """One link's choices."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.wanted = 0  # of the likeliest tokens with each token, 0: no choices
        self._known: set[int] = set()
        self._unknown: dict[int, int] = {}  # and how often they were asked for; in the order in which they were seen
        self._model = ("", 0)
        self._learning: asyncio.Task[None] | None = None

    def clear(self) -> None:
        """Another vocabulary: no id means what it meant."""
        self._known.clear()
        self._unknown.clear()

    def note(self, record: Record) -> None:
        """A record that came."""
        if isinstance(record, Choice):
            for one in reversed(read(record.likeliest)):
                if one.token not in self._known:
                    self._unknown[one.token] = self._unknown.pop(one.token, 0)
            while len(self._unknown) > MOST_UNKNOWN:
                del self._unknown[next(iter(self._unknown))]
            if self._unknown and (self._learning is None or self._learning.done()):
                self._learning = asyncio.create_task(self._learn())
        elif isinstance(record, Word):
            self._known.add(record.token)
            self._unknown.pop(record.token, None)
        elif isinstance(record, Model) and (record.file, record.vocab) != self._model:
            self._model = (record.file, record.vocab)
            self.clear()

    async def ask(self) -> int:
        """Tells the kernel how many are wanted; returns how many it grants. Raises RequestError."""
        value = (await self._link.request("prob", count=self.wanted)).response.value or "0"
        return int(value) if value.isdigit() else 0

    async def begin(self) -> None:
        """In a new session; an older kernel does not know how, and that is no failure."""
        if not self.wanted:
            return
        try:
            await self.ask()
        except RequestError as error:
            if error.code != "op":
                raise
            text = "this kernel does not tell how likely its tokens are: it is older than this console"
            self._link.emit(ev.Notice(time.monotonic(), "warn", text))

    async def _learn(self) -> None:
        """Asks until nothing is unknown."""
        failures = 0
        while self._unknown and failures < MOST_TRIES and self._link.phase in SESSION:
            ids = list(self._unknown)[-AT_ONCE:][::-1]
            try:
                await self._link.request("word", text=" ".join(map(str, ids)).encode()[:56])
            except RequestError as error:
                if error.code not in ("arg", "state"):
                    failures += 1
                    continue
            for token in ids:
                if token in self._unknown:  # its frame was lost on the line
                    self._unknown[token] += 1
                    if self._unknown[token] == MOST_TRIES:
                        del self._unknown[token]
            if self._link.busy:
                await asyncio.sleep(BUSY_PAUSE)

    def end(self) -> None:
        """The connection ended."""
        if self._learning is not None:
            self._learning.cancel()
