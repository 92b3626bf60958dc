"""A time as people write it, found in what was recorded: of day, from its beginning, or before its end."""

from __future__ import annotations

import math
import re
import time

DAY = 86_400.0  # s
EXPECTED = "expected a time of day (14:02, 14:02:11), +m:ss from the beginning, or -m:ss before the end"

_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(\.\d{1,6})?)?")
_SPAN = re.compile(r"([+-])(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d{1,6})?)")


def moment_of(text: str, first: float, last: float, wall: float) -> float:
    """The moment between `first` and `last`, in seconds of the host's clock, that a text means; `wall` is what that
    clock lacks to the time of day. Raises ValueError that says what was expected, or what is kept."""
    text = text.strip()
    if match := _SPAN.fullmatch(text):
        sign, hours, minutes, seconds = match.groups()
        if (minutes and float(seconds) >= 60) or (hours and int(minutes) >= 60):
            raise ValueError(f"{text!r:.40}: minutes and seconds go to 59; {EXPECTED}")
        span = float(hours or 0) * 3600 + float(minutes or 0) * 60 + float(seconds)
        if span > last - first:
            raise ValueError(f"{text}: only {last - first:.1f} s are kept, {_between(first, last, wall)}")
        return first + span if sign == "+" else last - span
    match = _CLOCK.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        raise ValueError(f"{text!r:.40} is no time; {EXPECTED}")
    length = 60.0 if match[3] is None else 1.0 if match[4] is None else 0.0
    for day in range(math.ceil((last - first) / DAY) + 2):  # the newest one that is kept
        moment = _on_day(match, last + wall - day * DAY) - wall
        if first <= moment + length and moment <= last:
            return max(first, moment)
    raise ValueError(f"{text}: nothing is kept of then, only {_between(first, last, wall)}")


def _on_day(match: re.Match[str], of_day: float) -> float:
    day = time.localtime(of_day)
    clock = (int(match[1]), int(match[2]), int(match[3] or 0))
    return time.mktime((*day[:3], *clock, 0, 0, -1)) + float(match[4] or 0)


def _between(first: float, last: float, wall: float) -> str:
    begin, end = (time.strftime("%H:%M:%S", time.localtime(moment + wall)) for moment in (first, last))
    return f"{begin} to {end}"
