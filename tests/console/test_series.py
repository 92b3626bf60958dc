"""What a state shares with those before it never changes under them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.state.series import Series

STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "last"]), st.integers(0, 12), st.integers(1, 9), st.integers(0, 99))
)


@given(STEPS)
def test_every_version_keeps_its_elements_whatever_is_made_from_it(steps: list[tuple[str, int, int, int]]) -> None:
    versions: list[tuple[Series[int], tuple[int, ...]]] = [(Series(), ())]
    for kind, from_newest, most, value in steps:
        series, elements = versions[max(0, len(versions) - 1 - from_newest)]
        if kind == "append":
            versions.append((series.appended(value, most), (*elements, value)[-most:]))
        elif elements:
            versions.append((series.with_last(value), (*elements[:-1], value)))
    for series, elements in versions:
        assert tuple(series) == elements == tuple(reversed(tuple(reversed(series))))
        assert series == elements
        assert len(series) == len(elements)
        assert hash(series) == hash(elements)
        for index in range(-len(elements), len(elements)):
            assert series[index] == elements[index]
        for low in range(-3, 5):
            assert series[low:] == elements[low:]
            assert series[:low] == elements[:low]
            assert series[low : low + 3] == elements[low : low + 3]
        assert series[::-1] == elements[::-1]


def test_a_long_series_shares_one_list_and_forgets_what_nobody_sees() -> None:
    series: Series[int] = Series()
    shared = set()
    for number in range(10_000):
        series = series.appended(number, 100)
        shared.add(id(series._buffer))
        assert len(series._buffer) <= 202
    assert tuple(series) == tuple(range(9_900, 10_000))


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(IndexError, match="index 2 of a series of 2"):
        _ = Series([1, 2])[2]
    with pytest.raises(IndexError, match="no last element"):
        Series[int]().with_last(1)
    assert Series([1]) != [1]
    assert Series.of((1, 2)) == (1, 2)
    known = Series([1])
    assert Series.of(known) is known
