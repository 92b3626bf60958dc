"""The palette: the first line that is found is the one that is meant, and themes are looked at before one is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import make_app, screen_text, settled, wait_until
from scripted import ScriptedSession, machine_of, rich_state
from textual.command import CommandPalette

from llmbm_console.core.actions.key_labels import key_labels
from llmbm_console.core.actions.table import BY_ID
from llmbm_console.core.machine.control import NO_PORT
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.palette_entries import KNOWN_AS, ActionProvider
from llmbm_protocol.schema import SentinelState


async def found(app: ConsoleApp, query: str) -> list[str]:
    return [str(hit.text) async for hit in ActionProvider(app.main).search(query)]


def test_every_action_that_is_known_by_another_word_is_there() -> None:
    assert set(KNOWN_AS) <= set(BY_ID)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("theme", "View: Choose a theme"),
        ("temp", "Sampling: Set temp"),
        ("temperature", "Sampling: Set temp"),
        ("seed", "Sampling: Set seed"),
        ("stop", "Console: Stop the answer"),
        ("dump", "Kernel: Save a dump"),
        ("dumps", "View: Dumps view"),
        ("save", "Kernel: Save a dump"),
        ("pause", "Machine: Pause or resume the machine"),
        ("resume", "Machine: Pause or resume the machine"),
        ("reset", "Machine: Reset the machine"),
        ("quit", "Session: Quit  "),
        ("help", "View: Help"),
        ("HELP", "View: Help"),
        ("back", "Time: Back in time"),
        ("rewind", "Time: Back in time"),
        ("live", "Time: To now"),
        ("record", "Time: Record the session"),
        ("clip", "Time: Save a clip"),
        ("mark", "Time: Set a mark"),
        ("search", "View: Find"),
        ("find", "View: Find, or filter"),
        ("history", "Console: Find an earlier prompt"),
        ("log", "View: Log view"),
        ("memory", "View: Memory view"),
        ("sampling", "Panes: Go to Sampling"),
        ("prompt", "Console: Write a prompt"),
        ("copy", "Console: Copy the last answer"),
        ("open", "Session: Open something else"),
        ("clear", "Console: Forget the conversation"),
        ("reset sentinel", "Sentinel: Reset the sentinel"),
        ("trip", "Sentinel: "),
        ("sentinel trip", "Sentinel: "),
        ("go back", "Time: Back in time"),
        ("back 30", "Time: Back in time"),
        ("30 s ago", "Time: Back in time"),
        ("undo", "Sampling: Undo a change"),
        ("new chat", "Console: Forget the conversation"),
        ("clear chat", "Console: Forget the conversation"),
        ("start over", "Console: Forget the conversation"),
        ("save chat", "Chat: Export the conversation"),
        ("regenerate", "Chat: Ask the last prompt again"),
        ("retry", "Chat: Ask the last prompt again"),
        ("kill", "Machine: Power the machine off"),
        ("shut down", "Machine: Power the machine off"),
        ("load model", "Kernel: The model"),
        ("dark", "View: Choose a theme"),
        ("light", "View: Choose a theme"),
        ("dark mode", "View: Choose a theme"),
        ("bigger", "View: Zoom the pane"),
        ("wider", "View: Zoom the pane"),
        ("font", "View: Zoom the pane"),
        ("full screen", "View: Zoom the pane"),
        ("disconnect", "Session: Open something else"),
        ("crash", "View: Dumps view"),
        ("why", "Log: Next warning or error"),
        ("plug pulling", "Machine: Power the machine off"),  # said in what it does
    ],
)
async def test_the_first_line_is_what_a_person_means(query: str, first: str) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert (await found(app, query))[0].startswith(first)


async def test_what_an_action_does_is_searched_behind_the_names() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        trips = await found(app, "trip")
        assert {title.partition("  (")[0] for title in trips} >= {
            "Sentinel: Fail-safe drill",
            "Sentinel: Reset the sentinel",
            "Sentinel: Strict budgets on or off",
            "Panes: Go to Sentinel",
        }
        themes = ["theme" in title.casefold() for title in await found(app, "theme")]
        assert themes == sorted(themes, reverse=True), "names first"
        assert not all(themes)


@pytest.mark.parametrize("query", ["", "time"])
async def test_the_palette_writes_the_keys_as_footer_and_help_do(query: str) -> None:
    """A bracket is a key, and no markup, whether something is looked for or not."""
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        provider = ActionProvider(app.main)
        hits = [hit async for hit in (provider.search(query) if query else provider.discover())]
        shown = {str(hit.text): str(hit.prompt) for hit in hits}
        assert all(text == prompt for text, prompt in shown.items())
        labels = key_labels(app.actions)
        for action in app.actions:
            title = f"{action.category}: {action.title}"
            if action.keys and action.id != "view.palette" and query in title.casefold():
                (text,) = [text for text in shown if text.startswith(f"{title}  (")]
                keys = text.removeprefix(f"{title}  (").removesuffix(")").split(" ")
                assert keys[0] == labels[action.id], "as footer and help write it"
        if not query:
            assert "Time: Back in time  ([)" in shown
            assert "Time: Previous mark  ({)" in shown


async def test_reset_means_the_sentinel_after_a_trip_and_where_the_machine_cannot_be_reset() -> None:
    state = rich_state()
    assert state.sentinel is not None
    tripped = replace(state, sentinel=state.sentinel.model_copy(update={"state": SentinelState.TRIPPED}))
    for session in (ScriptedSession(tripped), ScriptedSession(controllable=False)):
        app = make_app(session)
        async with app.run_test(size=(120, 36)) as pilot:
            await settled(pilot)
            assert (await found(app, "reset"))[0].startswith("Sentinel: Reset the sentinel")


async def test_the_slider_that_is_chosen_takes_the_keys_and_its_line_says_the_value_in_force() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p", *"temperature")
        await wait_until(pilot, lambda: "0.85 now: randomness" in screen_text(app), "the value")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.focused is app.main.sampling.sliders["temp"], "the slider")


async def test_what_only_a_serial_port_has_is_marked_on_another_line() -> None:
    session = ScriptedSession()
    machine_of(session).lacks.update(NO_PORT)
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        hits = [str(hit.help) async for hit in ActionProvider(app.main).search("send break")]
        assert hits == ["not possible: this line has no break; only a serial port has"]


async def test_two_keys_of_an_action_do_not_read_as_one() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert (await found(app, "earlier answer as a"))[0] == "Compare: Earlier answer as A  (a or shift+left)"


async def test_a_slider_of_a_recording_says_why_it_cannot_be_moved() -> None:
    app = make_app(ScriptedSession(read_only=True))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.do("slider.temp")
        await wait_until(pilot, lambda: any("only watches" in notice.message for notice in app._notifications), "told")


async def test_theme_and_enter_lead_to_a_list_in_which_each_theme_is_shown_before_one_is_kept() -> None:
    app = make_app(theme="teranga")
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p", *"theme")
        await wait_until(pilot, lambda: "View: Choose a theme" in screen_text(app), "found")
        await pilot.press("enter")
        await wait_until(pilot, lambda: "Theme: " in screen_text(app) and "View: " not in screen_text(app), "the list")
        assert isinstance(app.screen, CommandPalette)
        before = app.theme
        await pilot.press("down")
        await wait_until(pilot, lambda: app.theme != before, "another one is shown")
        assert app.theme_name == "teranga", "and not kept"
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main and app.theme == before, "as before")
        app.do("view.themes")
        await wait_until(pilot, lambda: "Theme: " in screen_text(app), "the list again")
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: app.theme_name != "teranga" and app.theme != before, "kept")
