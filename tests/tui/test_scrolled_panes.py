"""Panes of ready-made rows that have no room for all of them: they say so, and can be gone through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from driving import make_app, screen_text, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state
from textual.events import MouseScrollDown
from textual.pilot import Pilot

from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.words import Arena


def pane(app: ConsoleApp, title: str) -> list[str]:
    """The rows on the screen from a pane's upper edge on."""
    rows = screen_text(app).splitlines()
    return rows[next(number for number, row in enumerate(rows) if f" {title} " in row and "─" in row) :]


async def reached(pilot: Pilot[Any], shown: Callable[[], bool]) -> None:
    await wait_until(pilot, shown, "in view")


@pytest.mark.parametrize("size", [(120, 24), (60, 20), (50, 20)])
async def test_the_machine_pane_says_how_many_rows_are_not_in_sight_and_goes_to_them(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f4")
        machine = app.main.machine
        await wait_until(pilot, lambda: "more below" in pane(app, "Machine")[0], "told")
        below = machine.hidden[1]
        assert f"{below} more below" in pane(app, "Machine")[0]
        assert "state" in pane(app, "Machine")[1]
        assert "no line errors" not in screen_text(app)
        await pilot.press("down")
        await reached(pilot, lambda: f"1 above, {below - 1} below" in pane(app, "Machine")[0].replace(" more", ""))
        await pilot.press("pagedown", "pagedown")
        await reached(pilot, lambda: "no line errors" in screen_text(app))
        assert f"{below} more above" in pane(app, "Machine")[0]
        assert "more below" not in pane(app, "Machine")[0]
        await pilot.press("home")
        await reached(pilot, lambda: "state" in pane(app, "Machine")[1])
        machine.post_message(MouseScrollDown(machine, 2, 2, 0, 1, 0, False, False, False))
        await reached(pilot, lambda: "1 above" in pane(app, "Machine")[0].replace(" more", ""))


async def test_with_room_for_all_rows_nothing_is_said_and_nothing_moves() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f4", "down", "pagedown")
        await settled(pilot)
        assert "more" not in pane(app, "Machine")[0]
        assert "state" in pane(app, "Machine")[1]


async def test_what_the_log_can_be_filtered_by_is_gone_through_to_its_end() -> None:
    log = tuple(LogLine(NOW - 20 + at, "kernel", "info", f"code{at}", "text") for at in range(20))
    app = make_app(ScriptedSession(rich_state(log=log)))
    async with app.run_test(size=(120, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f3")
        await wait_until(pilot, lambda: "more below" in pane(app, "Filter")[0], "told")
        app.main.focus_pane("facets")
        await pilot.press(*["down"] * 30)
        await reached(pilot, lambda: "more below" not in pane(app, "Filter")[0])
        assert "more above" in pane(app, "Filter")[0]
        await pilot.press(*["up"] * 30)
        await reached(pilot, lambda: "more above" not in pane(app, "Filter")[0])


async def test_bars_mark_the_arena_that_enter_looks_into() -> None:
    app = make_app()
    async with app.run_test(size=(50, 20)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f2")
        await wait_until(pilot, lambda: "WEIGHTS❯" in screen_text(app), "the first one")
        await pilot.press("down")
        await wait_until(pilot, lambda: "KV     ❯" in screen_text(app), "the next one")
        assert "WEIGHTS❯" not in screen_text(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.main.views.hex.span.name == "kv", "that one")


@pytest.mark.parametrize("size", [(50, 14), (80, 24), (100, 20)])
async def test_broken_guard_bytes_are_told_however_low_the_pane_is(size: tuple[int, int]) -> None:
    arenas = dict(rich_state().arenas)
    arenas[Arena.KEEP] = arenas[Arena.KEEP].model_copy(update={"guard_ok": False})
    app = make_app(ScriptedSession(rich_state(arenas=arenas)))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f2")
        await wait_until(pilot, lambda: "guard bytes broken behind KEEP" in screen_text(app), "told")
