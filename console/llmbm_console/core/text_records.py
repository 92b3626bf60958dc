"""Records as texts for people tell them: sizes in whole units, times of log entries in cycles of an unknown rate."""

from __future__ import annotations

from llmbm_protocol.schema import Event, Record, Zone


class RoundedZone(Zone):
    """An arena whose sizes were rounded down to multiples of `unit` bytes: 0 means less than one of them."""

    unit: int = 1


class CountedEvent(Event):
    """A log entry with the cycle counter in the place of a time."""

    cycles: int = 0


def kind_name(record: Record) -> str:
    """What a record is called, whoever told it."""
    return next(kind.__name__ for kind in type(record).__mro__ if kind not in (RoundedZone, CountedEvent))
