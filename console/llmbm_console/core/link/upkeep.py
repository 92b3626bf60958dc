"""What the link does by itself: subscriptions, pings, heartbeat supervision, repair of gaps, statistics."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from llmbm_console.core.link.requests import RequestError
from llmbm_console.core.link.streams import SKIP_EVENTS, SKIP_TOKENS
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.events import LinkPhase
from llmbm_protocol.schema import Stream

if TYPE_CHECKING:
    from llmbm_console.core.link.link import Link

TICK = 0.05  # s
IDLE_TICK = 0.5  # s, while nothing is under way, and with something that came: each wake-up of its own costs
PING_EVERY = 4.0  # s; machine mode would end after 10 s without a frame from us, and one that is lost is sent again
SLOW, SILENT, GIVE_UP = 1.0, 5.0, 12.0  # s without any frame
SURELY_SLOW = 1.01  # s after something came, when a look finds that nothing did since
STATISTICS_EVERY = 1.0
SUBSCRIPTIONS = (
    (Stream.PERF, 5),
    (Stream.KV, 2),
    (Stream.ZONES, 2),
    (Stream.SENTINEL, 2),
)  # sampling and the others come by themselves when they change
RETRY_QUERY = 3


class Upkeep:
    """Runs beside the reading of one connection."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.began = asyncio.Event()  # a session stands
        self.ready = asyncio.Event()  # and the first records of this session are there
        self._tasks: set[asyncio.Task[None]] = set()
        self._pinged_at = 0.0
        self._told_at = 0.0
        self._told: tuple[int, ...] = ()
        self._credit_at: float | None = None
        self._repairing = False
        self._next: asyncio.TimerHandle | None = None  # look
        self._calm = False  # it will be when something comes, or when nothing did for too long
        self._looked_at = 0.0

    async def run(self) -> None:
        """Until the connection ends."""
        self._plan()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._next is not None:
                self._next.cancel()
                self._next = None
            self.session_ended()
            for task in self._tasks:
                task.cancel()

    def _plan(self) -> None:
        """The next look: in a moment, or when the kernel has missed its heartbeats."""
        if self._next is not None:
            self._next.cancel()
        self._calm = not self._has_work
        self._next = asyncio.get_running_loop().call_later(SURELY_SLOW if self._calm else TICK, self._look)

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        self._tick(self._looked_at)
        self._plan()

    def heard(self, now: float) -> None:
        """Something came. While nothing is under way that is when to look, since we are awake."""
        if self._next is None or not self._calm:
            return
        if now - self._looked_at >= IDLE_TICK:
            self._look()
        else:
            self._plan()

    @property
    def _has_work(self) -> bool:
        """Something is under way that must not wait for a slow tick."""
        link = self._link
        settled = link.phase is LinkPhase.MACHINE and self.ready.is_set() and not link.busy
        held = link.decoder.holds_text or link.streams.waiting or link.streams.tokens.following
        return not settled or held or bool(link.requests.waiting)

    def _spawn(self, coroutine: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(coroutine)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def session_began(self) -> None:
        """A hello was answered: ask for everything once, and for what is to come."""
        self._credit_at = None
        self._repairing = False
        self._pinged_at = time.monotonic()
        self.ready.clear()
        self.began.set()
        self._spawn(self._begin())

    def session_ended(self) -> None:
        """Who asks now waits for the next one."""
        self.began.clear()
        self.ready.clear()

    async def _begin(self) -> None:
        link = self._link
        try:
            await link.request("ping")
            for stream, rate in SUBSCRIPTIONS:
                await link.request("sub", stream=stream, rate=rate)
            await link.choices.begin()
            for _ in range(RETRY_QUERY):
                info = await link.request("info")
                if info.response.count is None or len(info.samples) >= info.response.count:
                    break
        except RequestError as error:
            if error.code not in ("lost", "rebooted"):
                text = f"the kernel did not answer the first questions: {error}"
                link.emit(ev.Notice(time.monotonic(), "warn", text))
                self.ready.set()
            return
        self.ready.set()

    # ---- the tick ----------------------------------------------------------------------------------------------------

    def on_credit(self, now: float) -> None:
        """Learns how long the kernel goes between two heartbeats."""
        link = self._link
        if self._credit_at is not None:
            link.slowest_gap = max(now - self._credit_at, link.slowest_gap * 0.9)
        self._credit_at = now

    def _tick(self, now: float) -> None:
        link = self._link
        link.flush_quiet_text(now)
        self._tell(now)
        if link.frozen:
            self._credit_at = None
            return
        if link.phase not in (LinkPhase.MACHINE, LinkPhase.SLOW, LinkPhase.SILENT):
            return
        self._supervise(now)
        link.requests.check(now, link.busy, min(link.slowest_gap, SLOW))
        if link.requests.has_output:
            link.sending.wake()
        if now - self._pinged_at > PING_EVERY:
            self._pinged_at = now
            self._spawn(self._ping())
        if not self._repairing:
            self._repair(now)

    def _supervise(self, now: float) -> None:
        link = self._link
        silence = now - link.heard_at
        if silence > GIVE_UP:
            link.forget_session("lost", f"nothing was heard for {silence:.0f} s; saying hello again")
        elif link.requests.starved and link.credits.quiet(now) > GIVE_UP:
            have, taken = link.credits.sent, link.credits.consumed
            what = f"{have} octets were sent, it counts {taken} taken and has a window of {link.credits.window}"
            link.forget_session(
                "lost", f"the kernel gave no room to send for {GIVE_UP:g} s ({what}); saying hello again"
            )
        elif silence > SILENT and link.phase is not LinkPhase.SILENT:
            link.set_phase(LinkPhase.SILENT, "no heartbeat for 5 s: the kernel hangs, is paused, or the line is cut")
        elif SLOW < silence <= SILENT and link.phase is LinkPhase.MACHINE:
            link.set_phase(LinkPhase.SLOW, "no heartbeat for 1 s")

    async def _ping(self) -> None:
        with contextlib.suppress(RequestError):  # supervision says what silence means
            await self._link.request("ping")

    def _tell(self, now: float) -> None:
        link = self._link
        figures = (
            link.received_bytes,
            link.sent_bytes,
            link.decoder.rejected_lines,
            link.decoder.lost_frames,
            link.requests.retries,
        )
        if now - self._told_at < STATISTICS_EVERY or figures == self._told:
            return
        self._told_at, self._told = now, figures
        trip = link.round_trip * 1000 if link.round_trip is not None else None
        link.emit(ev.LineStatistics(now, *figures, trip))

    # ---- repair ------------------------------------------------------------------------------------------------------

    def _repair(self, now: float) -> None:
        """One question at a time for what did not arrive."""
        streams = self._link.streams
        tokens, events = streams.tokens.missing(now), streams.log.missing(now)
        if tokens is not None:
            question = self._ask_tokens(*tokens)
        elif streams.tokens.end_missing(now):
            question = self._ask("last")
        elif events is not None:
            question = self._ask_events(*events)
        else:
            return
        self._repairing = True
        self._spawn(question)

    async def _ask(self, op: str, **arguments: Any) -> None:
        try:
            with contextlib.suppress(RequestError):
                await self._link.request(op, **arguments)
        finally:
            self._repairing = False

    async def _ask_tokens(self, first: int, count: int) -> None:
        await self._ask("tok", generation=self._link.streams.tokens.generation, index=first, count=count)
        if self._link.streams.tokens.asked():
            self._link.give_up(SKIP_TOKENS)

    async def _ask_events(self, first: int, count: int) -> None:
        await self._ask("log", index=first, count=count)
        if self._link.streams.log.asked(first):
            self._link.give_up(f"{SKIP_EVENTS} {first} {count}")
