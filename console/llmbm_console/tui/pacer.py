"""When to draw: what streams 30 ms after it came at the latest, gauges every quarter of a second, every two seconds
while the kernel idles, and nothing while nothing happens.

What comes after a time of quiet is drawn at once. What comes soon after that waits, and what comes while it waits is
drawn with it: few pictures, and none of them late. An end is never left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from llmbm_console.core.state.events import (
    ClockEstimated,
    CommandDone,
    ConsoleText,
    Event,
    FileOpened,
    Gap,
    LineStatistics,
    LinkChanged,
    MachineChanged,
    Notice,
    ParameterAccepted,
    ParameterRefused,
    ParameterRequested,
    PromptSent,
    RecordReceived,
    TurnRead,
)
from llmbm_protocol.words import Stream

LATEST = 0.030  # s from the arrival of what streams to its drawing
GAUGE_PERIOD = 1 / 4
IDLE_PERIOD = 2.0  # while the kernel waits for a prompt: its samples say the same again and again

_STREAMING = (
    CommandDone,
    ConsoleText,
    FileOpened,
    Gap,
    Notice,
    ParameterAccepted,
    ParameterRefused,
    ParameterRequested,
    PromptSent,
    TurnRead,
)
_ROUTINE = "SKR"  # kinds of frames that come all the time: samples, credits, answers
_TEXT = "TFE"  # tokens, ends and log events
_PROMPT_NEWS = (LinkChanged, MachineChanged, FileOpened)  # rare and important: the gauges follow at once


class Pacer:
    """Collects changes and calls `draw(gauges)` once for many, or `routine()` when they are no more than an idle
    kernel's routine. `run` does the drawing until it is cancelled."""

    def __init__(self, draw: Callable[[bool], None], routine: Callable[[], None]) -> None:
        self._draw = draw
        self._routine = routine
        self._text = asyncio.Event()  # something that streams waits to be drawn
        self._any = asyncio.Event()  # something that a gauge may show
        self._news = asyncio.Event()  # and that is more than the routine of an idle kernel
        self._gauges_soon = False
        self._gauged_at = -IDLE_PERIOD

    def note(self, event: Event, *, idle: bool = False) -> None:
        """Something happened; it is drawn when its turn comes. `idle` is true while the kernel waits for a prompt."""
        record = event.record if isinstance(event, RecordReceived) else None
        if record is not None:
            if record.kind in _TEXT or getattr(record, "stream", None) is Stream.SAMPLING:
                self._text.set()
        elif isinstance(event, _PROMPT_NEWS):
            self._gauges_soon = True
            self._text.set()
        elif isinstance(event, _STREAMING):
            self._text.set()
        self._any.set()
        routine = record.kind in _ROUTINE if record is not None else isinstance(event, LineStatistics | ClockEstimated)
        if not (idle and routine):
            self._news.set()

    def flush(self) -> None:
        """Draws everything now."""
        self._drawn()
        self._draw(True)

    def _drawn(self) -> None:
        for waiting in (self._text, self._any, self._news):
            waiting.clear()
        self._gauges_soon = False
        self._gauged_at = time.monotonic()

    async def run(self) -> None:
        """Draws what was noted, until it is cancelled."""
        await asyncio.gather(self._run_text(), self._run_gauges())

    async def _run_text(self) -> None:
        drawn_at = -LATEST
        while await self._text.wait():
            if time.monotonic() - drawn_at < LATEST:
                await asyncio.sleep(LATEST)
            self._text.clear()
            drawn_at = time.monotonic()
            if self._gauges_soon or (self._any.is_set() and drawn_at + LATEST > self._gauged_at + GAUGE_PERIOD):
                self.flush()
            else:
                self._draw(False)

    async def _run_gauges(self) -> None:
        while await self._any.wait():
            early = self._gauged_at + GAUGE_PERIOD - time.monotonic()
            calm = self._gauged_at + IDLE_PERIOD - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
            elif calm > 0 and not self._news.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(calm):
                        await self._news.wait()
            elif self._news.is_set():
                self.flush()
            else:
                self._drawn()
                self._routine()
