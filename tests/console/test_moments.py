"""A time that a person writes is found in what is kept, or refused with what was expected."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator

import pytest

from llmbm_console.core.state.moments import moment_of

WALL = float(calendar.timegm((2026, 3, 2, 0, 10, 0)))  # of the day on which the host's clock was 0
FIRST, LAST = 5.5, 1200.0  # 00:10:05.5 to 00:30:00


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:
    """And for the tests behind these the person's own zone again."""
    zone_is_told = getattr(time, "tzset", lambda: None)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "UTC")
        zone_is_told()
        yield
    zone_is_told()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("00:10:30", 30.0),
        (" 0:10:30.25 ", 30.25),
        ("00:12", 120.0),
        ("00:10", FIRST),  # that minute began before, and is kept in part
        ("00:10:05", FIRST),
        ("00:30:00", LAST),
        ("+0", FIRST),
        ("+1:30", FIRST + 90),
        ("+0:10:00.5", FIRST + 600.5),
        ("-90", LAST - 90),
        ("-1:30", LAST - 90),
    ],
)
def test_a_time_of_day_or_a_distance_from_an_end_is_a_moment(text: str, moment: float) -> None:
    assert moment_of(text, FIRST, LAST, WALL) == pytest.approx(moment)


def test_before_midnight_is_the_day_before() -> None:
    assert moment_of("23:59:30", -3600, 600, WALL) == pytest.approx(-630)
    assert moment_of("00:15", -3 * 86_400, 600, WALL) == pytest.approx(300), "the newest one"


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "12:60", "12:00:61", "1230", "+", "+x", "+-3", "12:00:00.", "+1:"]
)
def test_nonsense_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time of day \(14:02, 14:02:11\), \+m:ss from the beginning"):
        moment_of(text, FIRST, LAST, WALL)


def test_seconds_and_minutes_behind_larger_units_go_to_59() -> None:
    for text in ("+1:60", "+1:60:00"):
        with pytest.raises(ValueError, match="go to 59"):
            moment_of(text, FIRST, LAST, WALL)


@pytest.mark.parametrize("text", ["00:09:59", "00:30:01", "12:00"])
def test_a_time_of_which_nothing_is_kept_tells_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text}: nothing is kept of then, only 00:10:05 to 00:30:00"):
        moment_of(text, FIRST, LAST, WALL)


def test_a_distance_beyond_the_other_end_tells_how_much_is_kept() -> None:
    for text in ("+20:00", "-20:00"):
        with pytest.raises(ValueError, match=r"only 1194\.5 s are kept"):
            moment_of(text, FIRST, LAST, WALL)
