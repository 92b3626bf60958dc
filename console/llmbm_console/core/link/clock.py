"""Two clocks: the kernel's milliseconds on the host's timeline, from the round trips of pings."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT = 16  # round trips; at one in two seconds they span half a minute, over which clocks do not drift


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One ping. Seconds; `offset` is host time minus kernel time, wrong by at most half the duration."""

    duration: float
    offset: float


class ClockFilter:
    """Takes the quickest of the last round trips: the others were only delayed more."""

    def __init__(self) -> None:
        self._trips: deque[RoundTrip] = deque(maxlen=KEPT)

    def add(self, sent: float, received: float, kernel_ms: int) -> RoundTrip:
        """A ping that was sent and answered at these host seconds; returns the best one so far."""
        duration = max(0.0, received - sent)
        self._trips.append(RoundTrip(duration, (sent + received) / 2 - kernel_ms / 1000))
        return min(self._trips, key=lambda trip: trip.duration)

    def clear(self) -> None:
        """Another boot has another clock."""
        self._trips.clear()
