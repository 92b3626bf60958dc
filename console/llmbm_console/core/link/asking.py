"""Requests and their answers: whose turn it is, and what came with an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmbm_console.core.link.requests import OPERATION, Pending, RequestError
from llmbm_console.core.sanitise import decode_text
from llmbm_console.core.state.events import LinkPhase
from llmbm_protocol.schema import Request, Response, Sample

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link

SESSION = (LinkPhase.MACHINE, LinkPhase.SLOW, LinkPhase.SILENT)
#: waits for no turn: a stop must not queue behind what it stops
UNQUEUED = ("stop", "bye")
#: one at a time: they change something, or answer from the one buffer of the last output
MUTATING = ("text", "gen", "run", "open", "set", "reboot", "dict", "out")
ASK_AGAIN = 6


@dataclass
class Answer:
    """A positive response, and the frames that came for it."""

    response: Response
    outputs: dict[int, bytes]  # pieces of text by their number
    samples: list[Sample]
    data: dict[int, bytes]  # pieces of a file by their offset


def joined(pieces: dict[int, bytes]) -> str:
    """The text of O frames, clean."""
    data = b"".join(pieces[index] for index in sorted(pieces))
    return decode_text(b"", data.replace(b"\r\n", b"\n"), final=True)[0]


class Asking:
    """At most one request that changes something and two others are under way."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._mutating = asyncio.Lock()
        self._queries = asyncio.Semaphore(2)

    async def request(self, op: str, on_response: Callable[[Response], None] | None = None, **arguments: Any) -> Answer:
        """Sends one request and waits for its answer.

        `on_response` is called the moment a positive answer is read, before anything that follows it on the line.
        Raises RequestError when it is refused or cannot be answered.
        """
        if self._link.phase not in SESSION:
            raise RequestError("lost", f"no kernel is connected ({self._link.phase})")
        request = Request(id=1, op=op, **arguments)
        if op in UNQUEUED:
            return await self._ask(request, on_response)
        turn: Any = self._mutating if op in MUTATING else self._queries
        async with turn:
            return await self._ask(request, on_response)

    async def _ask(self, request: Request, on_response: Callable[[Response], None] | None) -> Answer:
        pending = await self._answered(request, on_response)
        answer = pending.answer.result()
        if not answer.ok:
            raise RequestError(str(answer.error or "internal"), await self._reason(pending), answer.field or "")
        outputs = pending.outputs
        if request.op == "run" and answer.count:
            outputs = await self._complete(pending.request.id, answer.count, outputs)
        return Answer(answer, outputs, pending.samples, pending.data)

    async def _answered(self, request: Request, on_response: Callable[[Response], None] | None) -> Pending:
        if self._link.phase not in SESSION:
            raise RequestError("lost", f"no kernel is connected ({self._link.phase})")
        pending = self._link.requests.add(request, on_response)
        self._link.sending.wake()
        await pending.answer
        return pending

    async def _reason(self, pending: Pending) -> str:
        """Why it was refused. A long reason comes as output; what the line lost of it is asked for again."""
        answer = pending.answer.result()
        short = answer.message or "refused without a reason"
        if not answer.count:
            return short
        try:
            pieces = await self._complete(pending.request.id, answer.count, pending.outputs)
        except RequestError:
            return f"{short} (the rest of the reason was lost on the line)"
        return joined(pieces)

    async def _complete(self, of: int, count: int, pieces: dict[int, bytes]) -> dict[int, bytes]:
        """All `count` pieces of the output of request `of`, those that did not arrive asked for again: in the same
        turn, since the next command overwrites them."""
        again = self._link.requests.again.setdefault(of, {})
        try:
            for _ in range(ASK_AGAIN):
                missing = [index for index in range(count) if index not in pieces]
                if not missing:
                    return pieces
                wanted = {"of": of, "index": missing[0], "count": missing[-1] - missing[0] + 1}
                await self._ask(Request(id=1, op="out", **wanted), None)
                pieces = {**again, **pieces}
        finally:
            self._link.requests.again.pop(of, None)
        missing = [index for index in range(count) if index not in pieces]
        if missing:
            raise RequestError("lost", f"{len(missing)} of {count} pieces of the output were lost on the line")
        return pieces


assert set(MUTATING) | set(UNQUEUED) <= set(OPERATION)
