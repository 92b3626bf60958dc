"""When to draw: what streams 30 times a second, gauges 4 times a second at most, every two seconds while the kernel
idles, and nothing while nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.timer import Timer

from llmbm_console.core.events import (
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
)
from llmbm_protocol.words import Stream

STREAM_PERIOD = 1 / 30
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
)
_ROUTINE = "SKR"  # kinds of frames that come all the time: samples, credits, answers
_TEXT = "TFE"  # tokens, ends and log events
_PROMPT_NEWS = (LinkChanged, MachineChanged, FileOpened)  # rare and important: the gauges follow at once


class Pacer:
    """Collects changes and calls `draw(gauges)` once for many. A timer runs only while something waits to be drawn."""

    def __init__(self, set_timer: Callable[[float, Callable[[], None]], Timer], draw: Callable[[bool], None]) -> None:
        self._set_timer = set_timer
        self._draw = draw
        self._stream: Timer | None = None
        self._gauges: Timer | None = None
        self._gauges_soon = False
        self._calm = False  # the gauges' timer is the slow one

    def note(self, event: Event, *, idle: bool = False) -> None:
        """Something happened; it is drawn when its turn comes. `idle` is true while the kernel waits for a prompt."""
        calm = idle and (
            isinstance(event, LineStatistics | ClockEstimated)
            or (isinstance(event, RecordReceived) and event.record.kind in _ROUTINE)
        )
        if isinstance(event, _PROMPT_NEWS):
            self._gauges_soon = True
            self._start_stream()
        elif isinstance(event, _STREAMING) or (
            isinstance(event, RecordReceived)
            and (event.record.kind in _TEXT or getattr(event.record, "stream", None) is Stream.SAMPLING)
        ):
            self._start_stream()
        if self._gauges is not None and self._calm and not calm:
            self._gauges.stop()
            self._gauges = None
        if self._gauges is None:
            self._calm = calm
            self._gauges = self._set_timer(IDLE_PERIOD if calm else GAUGE_PERIOD, self._fire_gauges)

    def flush(self) -> None:
        """Draws everything now."""
        self._stop()
        self._draw(True)

    def _start_stream(self) -> None:
        if self._stream is None:
            self._stream = self._set_timer(STREAM_PERIOD, self._fire_stream)

    def _fire_stream(self) -> None:
        self._stream = None
        if self._gauges_soon:
            self.flush()
        else:
            self._draw(False)

    def _fire_gauges(self) -> None:
        self.flush()

    def _stop(self) -> None:
        for timer in (self._stream, self._gauges):
            if timer is not None:
                timer.stop()
        self._stream = self._gauges = None
        self._gauges_soon = False
