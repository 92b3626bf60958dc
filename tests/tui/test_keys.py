"""What keys do: panes, tabs, errors, help, palette and jumps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import (
    make_app,
    messages,
    screen_text,
    scripted,
    settled,
    simulated,
    slow_simulator,
    until,
    wait_until,
)
from scripted import NOW, ScriptedSession, machine_of, rich_state

from llmbm_console.core.actions.panes import PANES
from llmbm_console.core.actions.table import ACTIONS
from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import LogLine, MachineState, Turn
from llmbm_console.tui.arrange import VIEWS
from llmbm_console.tui.pages.jump import JumpScreen
from llmbm_console.tui.pages.jump_targets import jump_targets
from llmbm_protocol.schema import Phase, StopReason


async def test_numbers_and_tab_go_through_the_panes() -> None:
    async with scripted() as (app, pilot):
        assert app.main.focused_pane == "prompt"
        await pilot.press("escape")
        assert app.main.focused_pane == "transcript"
        for key, pane in (("2", "events"), ("4", "memory"), ("5", "sentinel"), ("6", "context"), ("7", "sampling")):
            app.main.focus_pane("transcript")
            await pilot.press(key)
            assert app.main.focused_pane == pane
        await pilot.press("tab")
        assert app.main.focused_pane == "transcript"
        await pilot.press("shift+tab")
        assert app.main.focused_pane == "sampling"


async def test_letters_in_the_prompt_are_text() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("R", "P", "space", "4", "z", "q")
        assert app.main.prompt.text == "RP 4zq"
        assert app.main.focused_pane == "prompt"


async def test_a_pane_that_is_not_on_a_narrow_screen_opens_its_tab() -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        await pilot.press("escape", "5")
        assert app.main.focused_pane == "sentinel"
        assert app.main.shape.tab == "memory"
        await pilot.press("2")
        assert app.main.shape.tab == "log"
        await pilot.press("1")
        assert app.main.shape.tab == "chat"
        assert app.main.focused_pane == "transcript"


async def test_a_tab_can_be_clicked() -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        column = screen_text(app).splitlines()[1].index("Sampling")
        await pilot.click(offset=(column + 1, 1))
        await wait_until(pilot, lambda: app.main.shape.tab == "sampling", "tab")


async def test_zoom_and_back() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "4", "z")
        assert set(app.main.deck.regions) == {"status", "memory", "keys"}
        await settled(pilot)
        assert "60,816,028" in screen_text(app)  # exact where there is room
        await pilot.press("escape")
        assert "transcript" in app.main.deck.regions
        await pilot.press("f3")
        assert "memory" not in app.main.deck.regions
        assert app.main.focused_pane == "events"
        await pilot.press("f3")
        assert "memory" in app.main.deck.regions


async def test_pause_and_resume_need_no_confirmation() -> None:
    session = ScriptedSession()
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "P")
        await wait_until(pilot, lambda: machine_of(session).calls == ["pause"], "pause")
        session.push(machine=MachineState(MachineStatus.PAUSED, "", NOW, True))
        await wait_until(pilot, lambda: "paused" in screen_text(app), "shown")
        await pilot.press("P")
        await wait_until(pilot, lambda: machine_of(session).calls == ["pause", "resume"], "resume")


async def test_a_machine_without_control_says_why() -> None:
    session = ScriptedSession(controllable=False)
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "P")
        await wait_until(pilot, lambda: any("power switch" in text for text in messages(app)), "reason")


async def test_control_c_stops_a_running_answer_from_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_simulator(tmp_path, monkeypatch, 50_000)
    async with simulated() as (app, pilot):
        await pilot.press(*"/max_tokens 256", "enter", *"Once upon a time", "enter")
        await until(pilot, lambda: app.state.turn is not None and len(app.state.turn.tokens) > 2, "an answer runs")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.state.turn is None and app.state.phase is Phase.IDLE, "ended")
        item = app.state.items[-1]
        assert isinstance(item, Turn)
        assert item.finished is not None
        assert item.finished.reason is StopReason.STOPPED
        await until(pilot, lambda: "stopped" in screen_text(app), "the transcript says so")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: any("^q quits" in text for text in messages(app)), "hint")
        assert app.is_running


async def test_control_c_that_is_bound_to_nothing_else_quits_nothing() -> None:
    app = make_app(
        ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)), settings=Settings(bindings={"chat.break": ()})
    )
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "ctrl+c")
        await wait_until(pilot, lambda: any("nothing runs" in text for text in messages(app)), "what it always does")


async def test_e_selects_warnings_and_errors_and_nothing_else() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "E")
        assert app.main.event_list.row_line(app.main.event_list.selected_row).style == "events--error"
        await pilot.press("E")
        assert app.main.event_list.row_line(app.main.event_list.selected_row).style == "events--warn"
        await pilot.press("E")
        await wait_until(pilot, lambda: any("no further" in text for text in messages(app)), "end")
        await pilot.press("e")
        assert app.main.event_list.row_line(app.main.event_list.selected_row).style == "events--error"


async def test_e_says_when_there_is_no_warning_at_all_and_when_the_filter_hides_them() -> None:
    fine = LogLine(NOW, "kernel", "info", "token", "pass 1")
    async with scripted(ScriptedSession(rich_state(log=(fine,)))) as (app, pilot):
        await pilot.press("escape", "e")
        await wait_until(pilot, lambda: messages(app) == ["there is no warning and no error in this session"], "none")
    async with scripted(ScriptedSession(rich_state(log=(fine, replace(fine, severity="error"))))) as (app, pilot):
        app.main.event_list.filter("level:=info")
        await pilot.press("escape", "e")
        said = "the filter hides every warning and error: Esc shows all events"
        await wait_until(pilot, lambda: messages(app) == [said], "hidden")


async def test_help_is_about_the_focused_pane() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "7", "f1")
        await wait_until(pilot, lambda: "Help" in screen_text(app), "help")
        text = screen_text(app)
        assert "The kernel's sampling parameters" in text
        assert "Sampling to the defaults" in text
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main, "closed")


async def test_the_palette_has_every_action_and_says_what_is_not_possible() -> None:
    from llmbm_console.tui.pages.palette_entries import ActionProvider

    async with scripted(ScriptedSession(controllable=False), size=(120, 50)) as (app, pilot):
        hits: dict[str, Any] = {}
        provider = ActionProvider(app.main)
        async for hit in provider.discover():
            hits[str(hit.text)] = hit
        assert len(hits) == len(ACTIONS) - 1 + len(app.main.sampling.sliders) + len(app.themes)
        reset = next(hit for text, hit in hits.items() if "Reset the machine" in text)
        assert "not possible" in str(reset.help)
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: len(app.screen_stack) == 2, "palette")
        await pilot.press(*"theme paper")
        await wait_until(pilot, lambda: "Theme: Paper" in screen_text(app), "found")
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: app.theme_name == "paper", "theme")


async def test_the_palette_finds_words_and_beginnings_of_them_in_any_order_and_no_strewn_letters() -> None:
    from llmbm_console.tui.pages.palette_entries import ActionProvider

    async with scripted() as (app, pilot):
        provider = ActionProvider(app.main)
        found = [f"{hit.text} {hit.help}" async for hit in provider.search("theme")]
        assert found, "themes and the actions on them"
        assert all("theme" in text.casefold() for text in found), found
        swapped = [str(hit.text) async for hit in provider.search("paper THEME")]
        assert swapped == ["Theme: Paper"]
        begun = [str(hit.text) async for hit in provider.search("mach res")]
        assert any(title.startswith("Machine: Reset the machine") for title in begun)
        await pilot.press("ctrl+p", *"rstmch")
        await wait_until(pilot, lambda: "No matches found" in screen_text(app), "a title has these letters")


async def test_a_question_mark_is_help_where_single_keys_act() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("?")
        assert app.main.prompt.text == "?"
        await pilot.press("escape", "4", "?")
        await wait_until(pilot, lambda: "Help" in screen_text(app), "help")
        assert "The kernel's arenas" in screen_text(app)
        await pilot.press("?")
        await wait_until(pilot, lambda: app.screen is app.main, "closed by what opened it")


async def test_pane_actions_act_only_in_their_pane() -> None:
    session = ScriptedSession()
    async with scripted(session) as (_app, pilot):
        await pilot.press("escape", "s")
        await pilot.pause()
        assert session.parameters == []
        await pilot.press("5", "s")
        await wait_until(pilot, lambda: session.parameters == [("strict_budget", "1")], "strict")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("X", "Reset the sentinel: X acts in Sentinel (5)"),
        ("D", "Sampling to the defaults: D acts in Sampling (7)"),
        ("d", "d acts in Hex lens (h), Answers (F7)"),
        ("s", "s acts in Answers (F7), Sampling (7), Sentinel (5)"),
        ("alt+y", "Reset the sentinel: alt+y acts in Sentinel (5)"),
        ("enter", "no key Enter here: i writes a prompt, F1 shows the keys"),
        ("left", "no key left here: i writes a prompt, F1 shows the keys"),
    ],
)
async def test_a_key_of_another_pane_says_where_it_acts(key: str, told: str) -> None:
    session = ScriptedSession()
    async with scripted(session, settings=Settings(bindings={"sentinel.reset": ("X", "alt+y")})) as (app, pilot):
        await pilot.press("escape", key)
        assert messages(app) == [told]
        assert app.arming.action is None
        assert session.submitted == []


@pytest.mark.parametrize("key", ["T", "X"])
async def test_what_trips_the_sentinel_and_what_resets_it_say_how_the_chat_goes_on(key: str) -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "5", key)
        await wait_until(pilot, lambda: f"{key} again" in screen_text(app), "asked")
        assert {"T": "/reset brings the chat back", "X": "the chat goes on"}[key] in screen_text(app)


async def test_retry_opens_the_session_again() -> None:
    session = ScriptedSession(failure="the cable is not plugged in")
    async with scripted(session, size=(100, 30)) as (app, pilot):
        assert "the cable is not plugged in" in screen_text(app)
        session.failure = ""
        await pilot.press("r")
        await wait_until(pilot, lambda: session.opened == 2 and "no session" not in screen_text(app), "opened again")


async def test_q_leaves_a_failed_session_and_control_q_any() -> None:
    async with scripted(ScriptedSession(failure="gone"), size=(100, 30)) as (app, pilot):
        await pilot.press("q")
        await wait_until(pilot, lambda: app._exit, "left")
    idle = rich_state(turn=None, phase=Phase.IDLE)
    async with scripted(ScriptedSession(idle), size=(100, 30)) as (app, pilot):
        await pilot.press("ctrl+q")
        await wait_until(pilot, lambda: app._exit, "left")
    assert app.return_value == 0


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (200, 60), (60, 18)])
@pytest.mark.parametrize("glyphs", ["blocks", "ascii"])
async def test_jump_has_a_letter_for_every_pane_slider_and_view_at_every_size(
    size: tuple[int, int], glyphs: str
) -> None:
    async with scripted(glyphs=glyphs, size=size) as (app, pilot):
        targets = jump_targets(app.main)
        titles = [target.title for target in targets.values()]
        assert len(titles) == len(set(titles))
        assert {title for _name, title in PANES if _name != "sampling"} <= set(titles)
        assert set(app.main.sampling.sliders) <= set(titles)
        assert "Dumps view" in titles
        before = screen_text(app).splitlines()
        await pilot.press("ctrl+o")
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "letters")
        await wait_until(pilot, lambda: "Esc leaves" in screen_text(app), "what to do")
        text = screen_text(app)
        assert all(f"[{letter}]" in text for letter in targets)
        for name, slider in app.main.sampling.sliders.items():
            if slider in app.main.focus_chain and app.main.region.contains_region(slider.region):
                row = text.splitlines()[slider.region.y]
                assert row[slider.region.x :].startswith(f"{name} "), "its name stays readable"
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main, "left")
        assert screen_text(app).splitlines()[1:] == before[1:]


async def test_a_place_keeps_its_letter_at_every_size_and_in_every_view() -> None:
    letters: dict[str, set[str]] = {}
    async with scripted(size=(120, 36)) as (app, pilot):
        for size, view in itertools.product(((50, 20), (80, 24), (120, 36), (200, 60)), VIEWS):
            await pilot.resize_terminal(*size)
            app.main.show_view(view)
            await settled(pilot)
            for letter, target in jump_targets(app.main).items():
                letters.setdefault(target.title, set()).add(letter)
    assert {title: found for title, found in letters.items() if len(found) > 1} == {}
    assert letters["Transcript"] == {"a"}
    assert {"Hex lens", "Registers", "Explained"} <= set(letters)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
@pytest.mark.parametrize("title", ["temp", "Context", "Events", "Dumps view"])
async def test_a_letter_goes_to_what_is_in_sight_and_to_what_is_not(size: tuple[int, int], title: str) -> None:
    async with scripted(size=size) as (app, pilot):
        letters = {target.title: letter for letter, target in jump_targets(app.main).items()}
        await pilot.press("ctrl+o")
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "letters")
        await pilot.press(letters[title])
        reached = {
            "temp": lambda: app.main.sampling.sliders["temp"].has_focus,
            "Context": lambda: app.main.focused_pane == "context",
            "Events": lambda: app.main.focused_pane == "events",
            "Dumps view": lambda: app.main.shape.tab == "dumps",
        }[title]
        await wait_until(pilot, lambda: app.screen is app.main and reached(), "there")
