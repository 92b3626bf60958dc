"""What a letter of an action that is of no pane means, it means in every pane: no widget keeps it for itself."""

from __future__ import annotations

import pytest
from driving import burst, scripted, settled, wait_until

from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.core.actions.table import ACTIONS

#: In a slider they begin a number, as the help of the pane says.
NUMBERS = frozenset("0123456789.")
LETTERS = {key: action.id for action in ACTIONS for key in action.keys if len(key) == 1 and not action.pane}


async def test_a_letter_of_an_action_of_no_pane_reaches_it_in_every_pane(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted() as (app, pilot):
        reached: list[str] = []
        monkeypatch.setattr(app, "action_press", lambda _key, names: reached.extend(names))
        for pane in (name for name, _title in (*PANES, *VIEW_PANES) if name != "prompt"):
            app.main.focus_pane(pane)
            await settled(pilot)
            assert app.main.focused_pane == pane
            reached.clear()
            letters = [key for key in LETTERS if pane != "sampling" or key not in NUMBERS]
            burst(pilot, "".join(letters) + "y")  # which comes twice: behind it all were taken
            await wait_until(pilot, lambda: reached.count(LETTERS["y"]) == 2, "typed")
            assert [(key, pane) for key in letters if LETTERS[key] not in reached] == []


async def test_load_and_the_hex_lens_move_no_slider() -> None:
    """L asks whether a saved state is to be loaded: it must not set another temperature on the way."""
    async with scripted() as (app, pilot):
        await pilot.press("escape", "7")
        slider = app.main.sampling.sliders["temp"]
        assert slider.has_focus
        before = slider.value
        await pilot.press("L", "H", "l")
        assert slider.value == before
        await pilot.press("h")
        await wait_until(pilot, lambda: app.main.focused_pane == "hex", "the hex lens")
        assert slider.value == before
