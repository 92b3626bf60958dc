"""Prompts on their way: sent, and waited for to the ends of their answers; and why an answer ended with a trip."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from llmbm_console.core.link.dialogue import Dialogue
from llmbm_console.core.link.requests import RequestError
from llmbm_console.core.postmortem.verdict import is_trip, trip_cause
from llmbm_console.core.session.session import Outcome
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.state import State, Turn
from llmbm_console.core.state.trips import was_drill
from llmbm_protocol.schema import Event, Finished, Response, StopReason, Stream

TRIP_LOGGED = 2.0  # s that the log entry of a trip may come behind the answer's end


class Prompts:
    """One session's: `state` tells what it is now, `wait_for` waits for what it will be."""

    def __init__(
        self,
        state: Callable[[], State],
        emit: Callable[[ev.Event], None],
        wait_for: Callable[[Callable[[], bool], float], Awaitable[bool]],
    ) -> None:
        self._state, self._emit, self._wait_for = state, emit, wait_for
        self._waiting: dict[int, asyncio.Future[Finished]] = {}  # for the end of a generation

    async def run(self, dialogue: Dialogue, line: str) -> Outcome:
        """One prompt, to the end of its answer. Raises RequestError."""
        ends: list[asyncio.Future[Finished]] = []
        logged = newest_logged(self._state())

        def started(response: Response) -> None:
            if response.generation is not None:
                ends.append(self._expect(response.generation))
                self._emit(ev.PromptSent(time.monotonic(), line, response.generation))

        await dialogue.generate(line, started)
        if not ends:
            raise RequestError("internal", "the kernel accepted the prompt and named no generation")
        end = await ends[0]
        turn = _turn(self._state(), end.generation)
        text = turn.text if turn is not None else ""
        if end.reason is StopReason.TRIP:
            why = await self._why_tripped(dialogue, logged)
            return Outcome(line, ok=False, output=text, error=why, error_code="trip", turn=turn)
        return Outcome(line, ok=True, output=text, turn=turn)

    def _expect(self, generation: int) -> asyncio.Future[Finished]:
        future: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        # Who was cancelled before it could wait leaves its end alone: no fault to be told at the end of the program.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting[generation] = future
        return future

    def finished(self, record: Finished) -> None:
        """A generation's end was released."""
        future = self._waiting.pop(record.generation, None)
        if future is not None and not future.done():
            future.set_result(record)

    def fail(self, message: str, code: str) -> None:
        """No end will come any more."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(RequestError(code, message))

    async def _why_tripped(self, dialogue: Dialogue, logged: int) -> str:
        """What made the sentinel trip. Its record and its log entry, of a number above `logged`, come behind the end of
        the answer; one that is lost on the line is not waited for without end."""

        def entry() -> Event | None:
            records = (line.record for line in self._state().log if line.record is not None)
            return next((one for one in records if one.number > logged and is_trip(one)), None)

        with contextlib.suppress(RequestError):
            await dialogue.fetch(Stream.SENTINEL)
        await self._wait_for(lambda: entry() is not None, TRIP_LOGGED)
        trip, state = entry(), self._state()
        newest_first = (line.record for line in reversed(state.log) if line.record is not None)
        how = "tripped in a drill (/test_failsafe)" if was_drill(trip, newest_first) else "tripped"
        return f"sentinel {how}: {trip_cause(trip, state.sentinel)}; /reset goes on"


def newest_logged(state: State) -> int:
    """Number of the newest entry of the kernel's log that is here, -1 for none."""
    numbers = (line.record.number for line in state.log if line.record and line.at >= state.boot_at)
    return max(numbers, default=-1)


def _turn(state: State, generation: int) -> Turn | None:
    for item in reversed(state.items):
        if isinstance(item, Turn) and item.number == generation:
            return item
    return None
