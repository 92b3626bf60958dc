"""The token under the glass."""

from __future__ import annotations

from driving import make_app, screen_text, settled, wait_until
from scripted import ScriptedSession, rich_state, turn

from llmbm_console.tui.xray import TokenXRay


async def test_x_shows_a_token_and_the_arrows_go_through_the_answer() -> None:
    app = make_app(
        ScriptedSession(rich_state(items=(turn(1, "One", "Once upon a time"),), turn=turn(2, "Two", "The end")))
    )
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "x")
        await wait_until(pilot, lambda: isinstance(app.screen, TokenXRay), "the glass")
        glass = app.screen
        assert isinstance(glass, TokenXRay)
        last = glass.index
        await wait_until(pilot, lambda: "turn 2" in screen_text(app), "the newest turn first")
        await pilot.press("up", "home")
        assert glass.index == 0
        await wait_until(pilot, lambda: "turn 1" in screen_text(app), "the turn before")
        await pilot.press("right")
        assert glass.index == 1
        await pilot.press("w")
        assert glass.token.cycles == max(token.cycles for token in turn(1, "One", "Once upon a time").tokens)
        await pilot.press("down", "end")
        assert glass.index == last
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main, "closed")


async def test_without_an_answer_there_is_nothing_to_look_at() -> None:
    app = make_app(ScriptedSession(rich_state(items=(), turn=None)))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "x")
        await wait_until(pilot, lambda: "no answer yet" in screen_text(app), "it says so")
