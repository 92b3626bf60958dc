"""The memory view on the whole screen: arenas by address, every number of theirs, and what is broken."""

from __future__ import annotations

import pytest
from driving import make_app, screen_text, settled, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedSession, rich_state

from llmbm_console.tui.widgets.memory_map import by_address, shares
from llmbm_protocol.words import Arena


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=6), st.integers(6, 300))
def test_every_arena_has_a_cell_and_the_ribbon_its_width(sizes: list[int], width: int) -> None:
    cells = shares(sizes, width)
    assert min(cells) >= 1
    assert sum(cells) == max(width, sum(cells))
    assert sum(cells) <= width + len(sizes)


@pytest.mark.parametrize("size", [(120, 36), (200, 60)])
async def test_f2_shows_every_arena_by_its_address(size: tuple[int, int]) -> None:
    state = rich_state()
    app = make_app(ScriptedSession(state))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("f2")
        await wait_until(pilot, lambda: "guard" in screen_text(app), "the table")
        text = screen_text(app)
        for zone in by_address(state):
            assert f"{zone.base:#x}" in text
            assert f"{zone.peak:,}" in text


async def test_broken_guard_bytes_cannot_be_overlooked() -> None:
    state = rich_state()
    broken = dict(state.arenas)
    broken[Arena.KV] = broken[Arena.KV].model_copy(update={"guard_ok": False})
    app = make_app(ScriptedSession(rich_state(arenas=broken)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f2")
        await wait_until(pilot, lambda: "BROKEN" in screen_text(app), "in the table")
        assert "guard bytes broken behind KV" in screen_text(app)
