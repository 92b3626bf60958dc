"""The tour: cards beside what they are about, left at any time, offered once and never to a watcher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import make_app, screen_text, scripted, settled, simulated, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedSession, rich_state
from textual.geometry import Region, Size

from llmbm_console.core.actions.table import ACTIONS
from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.events import ConsoleText
from llmbm_console.core.state.state import Text, Turn
from llmbm_console.tui.pages.help import help_text
from llmbm_console.tui.pages.tour import STEPS, TourScreen, place

OFFER = "New here? F9 shows you around."


@given(
    st.integers(20, 46),
    st.integers(5, 14),
    st.integers(0, 100),
    st.integers(0, 40),
    st.integers(1, 200),
    st.integers(1, 60),
)
def test_a_card_is_always_on_the_screen(
    width: int, height: int, x: int, y: int, target_width: int, target_height: int
) -> None:
    screen = Size(120, 36)
    offset = place(Size(width, height), Region(x, y, target_width, target_height), screen)
    assert 0 <= offset.x <= screen.width - width
    assert 0 <= offset.y <= screen.height - height


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20), (200, 60)], ids=str)
async def test_every_card_is_whole_and_names_a_part_that_is_there(size: tuple[int, int]) -> None:
    async with scripted(size=size) as (app, pilot):
        app.do("view.tour")
        for number, step in enumerate(STEPS, 1):
            await wait_until(pilot, lambda n=number: f"{n} of {len(STEPS)}" in screen_text(app), step.title)
            assert any(pane in app.main.deck.regions for pane in step.panes)
            assert ("ends it" if number == len(STEPS) else "leaves the tour") in screen_text(app)
            await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.main, "ended")


@pytest.mark.parametrize("size", [(80, 24), (120, 24)], ids=str)
async def test_a_part_that_is_not_on_the_screen_is_brought_there_while_its_card_is_shown(size: tuple[int, int]) -> None:
    async with scripted(size=size) as (app, pilot):
        app.do("view.tour")
        for number, step in enumerate(STEPS, 1):
            await wait_until(pilot, lambda n=number: f"{n} of {len(STEPS)}" in screen_text(app), step.title)
            if step.panes[0] in ("sampling", "events"):
                region = app.main.deck.regions[step.panes[0]]
                mark = app.screen.query_one(".tour--mark")
                await wait_until(
                    pilot, lambda m=mark, r=region: m.region.x == r.x and r.contains_region(m.region), "mark"
                )
            await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.main, "ended")
        assert (app.main.shape.tab, app.main.focused_pane) == ("chat", "prompt")


async def test_the_mark_leaves_the_frame_of_what_it_points_at_whole() -> None:
    async with scripted() as (app, pilot):
        app.do("view.tour")
        await wait_until(pilot, lambda: f"1 of {len(STEPS)}" in screen_text(app), "the tour")
        prompt = app.main.deck.regions["prompt"]
        rows = screen_text(app).splitlines()
        assert rows[prompt.y].startswith("╭─ 3 Prompt ")
        assert rows[prompt.y + 1].startswith("█")
        assert rows[prompt.bottom - 1].startswith("╰─")


async def test_one_may_go_back_and_leave_at_any_time() -> None:
    async with scripted(size=(120, 36), notifications=True) as (app, pilot):
        app.do("view.tour")
        await wait_until(pilot, lambda: isinstance(app.screen, TourScreen), "the tour")
        await pilot.press("right", "right", "left")
        await wait_until(pilot, lambda: f"2 of {len(STEPS)}" in screen_text(app), "the second card")
        await pilot.press("escape")
        assert app.screen is app.main


async def test_it_is_offered_once_and_takes_no_key_from_the_prompt(tmp_path: Path) -> None:
    for offered in (True, False):
        app = make_app(memory=tmp_path, first_visit=True)
        async with app.run_test(size=(120, 36), notifications=True) as pilot:
            await settled(pilot)
            if offered:
                await wait_until(pilot, lambda: OFFER in screen_text(app), "the offer")  # noqa: B023
            assert (OFFER in screen_text(app)) is offered
            await pilot.press(*"no queen")
            assert app.main.prompt.text == "no queen"
            await pilot.press("f9")
            await wait_until(pilot, lambda: isinstance(app.screen, TourScreen), "the tour")  # noqa: B023


async def test_the_offer_goes_when_the_tour_comes(tmp_path: Path) -> None:
    async with scripted(memory=tmp_path, first_visit=True, size=(120, 36), notifications=True) as (app, pilot):
        await wait_until(pilot, lambda: OFFER in screen_text(app).splitlines()[-1], "in the place of the keys")
        await pilot.press("f9")
        await wait_until(pilot, lambda: f"1 of {len(STEPS)}" in screen_text(app), "the tour")
        assert OFFER not in screen_text(app)


@pytest.mark.parametrize(
    ("session", "options"),
    [
        (ScriptedSession(rich_state(), read_only=True), {}),
        (ScriptedSession(rich_state(), failure="the cable is not plugged in"), {}),
        (ScriptedSession(rich_state()), {"settings": Settings(tour="off")}),
        (ScriptedSession(rich_state()), {"first_visit": False}),
    ],
    ids=["watching", "failed", "switched off", "not asked for"],
)
async def test_nobody_who_cannot_use_it_or_does_not_want_it_is_offered_it(
    tmp_path: Path, session: ScriptedSession, options: dict[str, Any]
) -> None:
    app = make_app(session, **{"memory": tmp_path, "first_visit": True, **options})
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        assert app.screen is app.main
        await pilot.press("x")
        assert OFFER not in screen_text(app)


async def test_the_session_goes_on_below_it() -> None:
    session = ScriptedSession(rich_state())
    async with scripted(session, size=(120, 36), notifications=True) as (app, pilot):
        app.do("view.tour")
        await wait_until(pilot, lambda: isinstance(app.screen, TourScreen), "the tour")
        session.push(ConsoleText(0.0, "below"), items=(Text("text that came below the tour", 0.0),), turn=None)
        await wait_until(pilot, lambda: "text that came below the tour" in screen_text(app), "drawn below the card")


async def test_as_long_as_nothing_was_asked_it_is_named_and_help_and_palette_have_it_always() -> None:
    assert "F9 shows a newcomer around." in help_text("transcript", ACTIONS).plain.partition("Console")[0]
    async with simulated() as (app, pilot):
        await until(pilot, lambda: "shows you around" in screen_text(app), "named")
        await until(pilot, lambda: "Loaded stories700K.bin" in screen_text(app), "below what the kernel printed")
        await pilot.press(*"Tim", "enter")
        await until(pilot, lambda: any(isinstance(item, Turn) for item in app.state.items), "asked")
        await until(pilot, lambda: "beginning of a story" not in screen_text(app), "no more in the way")
        await pilot.press("escape", "f9")
        await until(pilot, lambda: isinstance(app.screen, TourScreen), "the tour")
