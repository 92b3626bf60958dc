"""A window of fifty columns: what matters most stays, the rest leaves whole, and nothing ends in the middle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import make_app, screen_text, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state

from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import LinkState, MachineState
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.widgets.hud import Hud
from llmbm_console.tui.widgets.status_line import StatusLine
from llmbm_protocol.words import Phase

WIDTHS = (48, 58, 78)  # of a strip in windows of 50, 60 and 80 columns


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.DECODE])
@pytest.mark.parametrize("status", [MachineStatus.RUNNING, MachineStatus.PAUSED])
def test_the_header_says_whether_the_machine_runs_and_what_it_does(
    status: MachineStatus, phase: Phase, width: int
) -> None:
    state = rich_state(machine=MachineState(status, "", NOW, True), phase=phase, target="qemu:stories700K")
    told = StatusLine(id="status").content_for(Frame(state, now=NOW), width).plain
    assert len(told) <= width
    assert {status.value, phase.value} <= set(told.split())
    assert "qemu:stories700K" in told


@pytest.mark.parametrize("width", WIDTHS)
def test_errors_of_the_line_are_told_before_that_there_are_none(width: int) -> None:
    link = replace(rich_state().link, rejected_lines=3)
    told = StatusLine(id="status").content_for(Frame(rich_state(link=link, phase=Phase.IDLE), now=NOW), width).plain
    assert "3 err" in told
    calm = rich_state(link=LinkState(link.phase), phase=Phase.IDLE)
    assert ("0 err" in StatusLine(id="status").content_for(Frame(calm, now=NOW), width).plain) == (width >= 60)


@pytest.mark.parametrize("width", range(20, 90, 3))
def test_an_arena_without_room_in_the_line_of_memory_is_left_out_whole(width: int) -> None:
    hud, frame = Hud(id="hud"), Frame(rich_state(), now=NOW)
    row = hud._memory_row(frame, width).plain
    assert len(row) <= width
    whole = hud._memory_row(frame, 200).plain.removeprefix("MEM ").split("  ")
    arenas = row.removeprefix("MEM ").removesuffix(" …").split("  ")
    assert arenas == whole[: len(arenas)]
    assert row.endswith(" …") == (arenas != whole), "and a sign says so"


@pytest.mark.parametrize(
    ("size", "keys"), [((50, 20), "b shows that moment  y copies  Esc closes"), ((80, 24), "b shows that moment")]
)
async def test_the_page_of_an_event_says_whole_how_it_is_left(size: tuple[int, int], keys: str) -> None:
    app = make_app(ScriptedSession(rich_state()))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f3", "E", "enter")
        await wait_until(pilot, lambda: " Event " in screen_text(app), "its page")
        await wait_until(pilot, lambda: f"{keys}" in screen_text(app), "its keys")
        assert "Esc closes ─╯" in screen_text(app)


async def test_the_columns_on_the_edge_of_the_events_are_as_many_as_fit_another_width() -> None:
    app = make_app(ScriptedSession(rich_state()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f3")
        await settled(pilot)
        await pilot.resize_terminal(50, 20)
        await settled(pilot)
        assert "…" not in app.main.event_list._border_subtitle.plain  # type: ignore[union-attr]
