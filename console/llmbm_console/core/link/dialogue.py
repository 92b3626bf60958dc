"""What a person can ask of a kernel: a prompt, a command, a parameter, records; repeated where that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from llmbm_console.core.link.asking import ASK_AGAIN, Answer, joined
from llmbm_console.core.link.link import Link
from llmbm_console.core.link.requests import OPERATION, RequestError
from llmbm_console.core.text_limit import too_long
from llmbm_protocol.schema import Response, Sample, Stream

PIECE = 56  # bytes of text in one request
RECONNECT_WAIT = 10.0  # s that a harmless question waits for a lost line to come back


class Dialogue:
    """Requests made of smaller ones."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def ask(self, op: str, **arguments: Any) -> Answer:
        """A request that may be repeated under a new id when the connection was lost under it."""
        if not OPERATION[op].idempotent:
            raise ValueError(f"{op} must not be repeated")
        try:
            return await self._link.request(op, **arguments)
        except RequestError as error:
            if error.code != "lost":
                raise
            try:
                async with asyncio.timeout(RECONNECT_WAIT):
                    await self._link.upkeep.began.wait()
            except TimeoutError:
                raise error from None
            return await self._link.request(op, **arguments)

    async def _with_text(self, op: str, text: str, on_response: Callable[[Response], None] | None) -> Answer:
        """Stages what is too long for one request, then starts the work with the last piece. What no kernel takes is
        refused before any of it is sent: the kernel's refusal would come behind a second of pieces."""
        if why := too_long(text):
            raise RequestError("toolong", why)
        data = text.encode("utf-8", "replace")
        offset = 0
        while len(data) - offset > PIECE:
            await self._link.request("text", text=data[offset : offset + PIECE], offset=offset)
            offset += PIECE
        arguments: dict[str, Any] = {"text": data[offset:]}
        if offset:
            arguments["offset"] = offset
        return await self._link.request(op, on_response=on_response, **arguments)

    async def generate(self, prompt: str, started: Callable[[Response], None]) -> Response:
        """Starts a generation; `started` is called before its first token can be seen."""
        return (await self._with_text("gen", prompt, started)).response

    async def run(self, line: str) -> str:
        """Runs a REPL command; returns all that it printed, clean."""
        return joined((await self._with_text("run", line, None)).outputs)

    async def set_parameter(self, name: str, value: str) -> str:
        """Sets a parameter; returns the value as the kernel spells it."""
        accepted = (await self.ask("set", parameter=name, value=value)).response.value
        return accepted if accepted is not None else value

    async def fetch(self, stream: Stream) -> tuple[Sample, ...]:
        """The records of one stream, made for this question."""
        for _ in range(ASK_AGAIN):
            answer = await self.ask("stat", stream=stream)
            found = [sample for sample in answer.samples if sample.stream == stream]
            count = answer.response.count if answer.response.count is not None else len(found)
            if len(found) >= count:
                return tuple(found[len(found) - count :])
        raise RequestError("lost", f"the records of {stream} were lost on the line again and again")
