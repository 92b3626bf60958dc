"""Where panes lie: never over each other, never outside, and with the breakpoints that the design promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.tui.arrange import NARROW, SIDE_PANES, TABS, VIEWS, Shape, arrange, tab_of, view_of

shapes = st.builds(
    Shape,
    width=st.integers(1, 320),
    height=st.integers(1, 120),
    prompt_rows=st.integers(0, 6),
    banner_rows=st.integers(0, 4),
    key_rows=st.integers(1, 3),
    tab=st.sampled_from([name for name, _title, _panes in TABS]),
    zoom=st.sampled_from(["", *(name for name, _title in (*PANES, *VIEW_PANES))]),
    half=st.sampled_from(["", *(name for name, _title in PANES)]),
)


@given(shapes)
def test_regions_are_on_the_screen_and_apart(shape: Shape) -> None:
    regions = arrange(shape)
    taken = [[""] * shape.width for _ in range(shape.height)]
    for name, region in regions.items():
        assert region.x >= 0
        assert region.y >= 0
        assert region.right <= shape.width
        assert region.bottom <= shape.height
        for y in range(region.y, region.bottom):
            assert not any(taken[y][region.x : region.right]), f"{name} lies over {taken[y][region.x]}"
            taken[y][region.x : region.right] = [name] * region.width


@given(st.integers(40, 320), st.integers(10, 120), st.integers(1, 6))
def test_transcript_prompt_and_status_are_always_there(width: int, height: int, rows: int) -> None:
    regions = arrange(Shape(width, height, rows))
    assert {"status", "transcript", "prompt", "keys"} <= set(regions)
    assert regions["transcript"].height >= 3
    assert regions["prompt"].height >= 3


@given(st.integers(100, 320), st.integers(28, 120))
def test_from_100_columns_and_28_rows_everything_is_beside_the_transcript(width: int, height: int) -> None:
    assert {"events", "memory", "sentinel", "context", "sampling"} <= set(arrange(Shape(width, height)))


def test_below_100_columns_panes_are_tabs() -> None:
    assert "memory" not in arrange(Shape(99, 40))
    assert {"memory", "sentinel", "context"} <= set(arrange(Shape(99, 40, tab="memory")))
    assert "memory" in arrange(Shape(100, 40))


def test_below_28_rows_events_go_and_below_20_all_panes() -> None:
    assert "events" not in arrange(Shape(120, 27))
    assert "memory" in arrange(Shape(120, 20))
    assert set(arrange(Shape(120, 19))) == {"status", "tabs", "transcript", "hud", "prompt", "keys"}


@pytest.mark.parametrize(("width", "height"), [(200, 60), (168, 50), (320, 100)])
def test_on_a_wide_and_high_screen_events_have_the_rows_that_panes_do_not_fill(width: int, height: int) -> None:
    regions = arrange(Shape(width, height))
    events = regions["events"]
    assert events.height >= 10
    assert events.width == regions["memory"].width * 2
    assert regions["transcript"].height >= height - 6, "the transcript has all of its column"
    assert regions["sentinel"].height <= 20
    assert regions["machine"].height <= 23


@pytest.mark.parametrize(("width", "height"), [(120, 36), (160, 50), (160, 80), (200, 40)])
def test_on_others_events_are_below_the_transcript(width: int, height: int) -> None:
    regions = arrange(Shape(width, height))
    assert regions["events"].x == regions["transcript"].x == 0
    assert regions["events"].height >= height // 5


def test_a_long_prompt_takes_six_rows_and_not_more() -> None:
    assert arrange(Shape(120, 36, prompt_rows=6))["prompt"].height == 8
    assert arrange(Shape(120, 36, prompt_rows=60))["prompt"].height == 8


def test_zoom_gives_the_screen_to_one_pane() -> None:
    regions = arrange(Shape(120, 36, zoom="memory"))
    assert set(regions) == {"status", "memory", "keys"}
    assert regions["memory"].height == 34


def test_every_pane_has_a_tab() -> None:
    for name, _title in PANES:
        if name != "prompt":
            assert name in next(panes for tab, _text, panes in TABS if tab == tab_of(name))


@given(st.integers(NARROW, 320), st.integers(24, 120))
def test_every_pane_of_a_view_is_on_it(width: int, height: int) -> None:
    for view, panes in VIEWS.items():
        assert {"status", "tabs", "keys", *panes} == set(arrange(Shape(width, height, tab=view)))


def test_every_pane_without_a_number_belongs_to_a_view() -> None:
    for name, _title in VIEW_PANES:
        assert name in VIEWS[view_of(name)]
        assert tab_of(name) in VIEWS
    assert {view_of(name) for name, _title in PANES} == {"chat"}


@given(st.sampled_from(SIDE_PANES), st.integers(NARROW, 320), st.integers(24, 120))
def test_half_of_the_screen_is_half_of_its_width_and_of_its_height(pane: str, width: int, height: int) -> None:
    region = arrange(Shape(width, height, half=pane))[pane]
    assert region.width >= width // 2 - 1
    assert region.height * 2 >= height - 4
