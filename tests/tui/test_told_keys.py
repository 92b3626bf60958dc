"""Prose names the keys that are bound now: in the help, the tour, hints and notices."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from driving import screen_text, scripted, simulated, until
from scripted import NOW, ScriptedSession, rich_state

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label, over_text
from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.core.actions.table import ACTIONS
from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.state import Text
from llmbm_console.tui.page_help import PAGES
from llmbm_console.tui.pages.help import INDENT, HelpScreen, help_text


def test_no_prose_names_a_key_that_something_else_has() -> None:
    """Every action has another key than by default, F101 and so on: no other may be told."""
    actions = Settings(bindings={action.id: (f"f{101 + at}",) for at, action in enumerate(ACTIONS)}).actions()
    told = "\n".join(help_text(pane, actions).plain for pane, _title in (*PANES, *VIEW_PANES))
    assert not re.findall(
        r"\([a-zA-Z?/]\)|\bF[1-9]\d?\b|\^[a-ik-z]\b|(?<![\w'])[a-zA-Z] (?:asks|copies|goes|takes)\b", told
    )
    assert "{0[" not in told
    keys = {action.id: key_label(action.keys[0]) for action in actions}
    assert f"The memory view ({keys['view.memory']})" in told
    assert f"probabilities on ({keys['chat.probabilities']})" in told


@pytest.mark.parametrize("action", [action for action in ACTIONS if action.danger], ids=lambda action: action.id)
def test_what_a_dangerous_action_does_is_not_said_twice(action: Action) -> None:
    """The help says both: what it is for, and what cannot be taken back."""
    said, danger = (set(re.findall(r"[a-z]{4,}", text.lower())) for text in (action.description, action.danger))
    assert len(said & danger) < len(danger) / 3, said & danger


def test_a_key_that_is_gone_is_told_by_the_name_in_the_palette() -> None:
    actions = Settings(bindings={"view.memory": ()}).actions()
    assert 'The memory view ("Memory view")' in help_text("memory", actions).plain


@pytest.mark.parametrize("key", ["ctrl+p", "super+c", "alt+x", "f5", "f12"])
def test_a_key_that_no_text_would_take_acts_in_the_prompt_and_is_told_alone(key: str) -> None:
    assert over_text(key_label(key))


@pytest.mark.parametrize("key", ["f", "F", "escape", "left", "comma", "end"])
def test_a_key_that_a_text_would_take_is_told_with_the_way_out_of_it(key: str) -> None:
    assert not over_text(key_label(key))


async def test_help_and_tour_name_the_keys_that_are_bound_now() -> None:
    settings = Settings(keys="vim", bindings={"view.help": ("f7",), "view.palette": ("ctrl+k",), "chat.break": ()})
    async with simulated(settings=settings) as (app, pilot):
        await pilot.press("escape", "1", "f7")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help")
        assert 'drag to select, "Copy, or stop the answer" copies' in screen_text(app)
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen), "that key is free"
        await pilot.press("f7")
        assert app.screen is app.main, "what opened it closes it"
        app.do("view.tour")
        await until(pilot, lambda: "1 of" in screen_text(app), "the tour")
        await pilot.press("right")
        assert "stops an answer" not in screen_text(app), "nothing is told about no key"
        await pilot.press(*["right"] * 5)
        rows = screen_text(app).splitlines()
        assert any("^k" in row and "every action by its name" in row for row in rows), screen_text(app)
        assert any("F7" in row and "help for the focused pane" in row for row in rows)
        await pilot.press("escape", "i")
        assert "^k palette" in screen_text(app)


async def test_the_edge_of_what_was_scrolled_up_names_the_key_that_is_bound_to_the_way_back() -> None:
    session = ScriptedSession(rich_state(items=(Text("\n".join(f"row {n}" for n in range(80)), NOW),), turn=None))
    async with scripted(session, settings=Settings(bindings={"view.live": ("f9",)})) as (app, pilot):
        await pilot.press("pageup")
        assert app.main.focused_pane == "prompt", "where it scrolls the transcript, too"
        await until(pilot, lambda: "F9 to the newest" in screen_text(app), "scrolled")
        await pilot.press("escape", "1", "pageup")
        await until(pilot, lambda: "F9 to the newest" in screen_text(app), "the bound key is told")
        await pilot.press("f9")
        await until(pilot, lambda: "to the newest" not in screen_text(app), "and acts")


@pytest.mark.parametrize("width", [40, 70, 88])
@pytest.mark.parametrize("pane", [*PAGES, *(name for name, _title in (*PANES, *VIEW_PANES))])
def test_help_fits_its_page_and_what_goes_on_stands_below_what_it_belongs_to(pane: str, width: int) -> None:
    title, _about, *rows = help_text(pane, Settings().actions(), width).plain.split("\n")
    assert title
    for row, next_one in pairwise(rows):
        assert len(row) <= width, row
        assert re.match(rf" {{{INDENT}}}\S|  \S|\S|$", row), row
        assert row or next_one, "one empty line is enough"


async def test_buttons_that_have_no_room_are_left_out_whole() -> None:
    async with simulated(size=(200, 60)) as (app, pilot):
        await until(pilot, lambda: "R reset" in screen_text(app), "the machine pane")
        row = next(row for row in screen_text(app).splitlines() if "R reset" in row)
        assert "…" not in row[row.index("P pause") :], row
