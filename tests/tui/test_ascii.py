"""With ASCII signs no other character is drawn, on no page, by no widget, whatever is written or said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, scripted, settled, simulated, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from scripted import NOW, ScriptedSession, rich_state, turn
from textual.pilot import Pilot
from textual.widgets import OptionList

from llmbm_console.core.session.choices import GROUPS, Choice
from llmbm_console.core.session.targets import Target
from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.settings.themes import load_themes, theme_folder
from llmbm_console.core.state.state import LogLine, Turn
from llmbm_console.core.text_log import TextLog
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.glyphs import ASCII
from llmbm_console.tui.pages.start import StartApp
from llmbm_console.tui.pages.text import TextPage
from llmbm_console.tui.terminal.ascii_filter import nearest

FOREIGN = "Élodie · “naïve” 日本 🎈 e\u0301 \u200b… ±5 ✓ 👩\u200d🚀"
#: Keys that open a page over the main screen, and words on that page.
PAGES = {
    "f1": "Help",
    "ctrl+p": "Console: ",
    "g": "Go to",
    "ctrl+o": "",
    "f9": "1 of 7",
    "x": "token",
    "slash": "find",
    "O": "again",
}


def assert_ascii(app: Any, where: str) -> None:
    strange = {sign for sign in screen_text(app) if not sign.isascii()}
    assert not strange, f"{where}: {strange}\n{screen_text(app)}"


@given(st.text(max_size=60))
def test_the_nearest_text_is_ascii_and_as_wide(text: str) -> None:
    assert nearest(text).isascii()
    assert len(nearest(text)) == cell_len(text) or text.isascii()


def test_letters_lose_accents_and_what_has_no_likeness_is_a_question_mark() -> None:
    assert nearest("Élodie “naïve”…") == 'Elodie "naive".'
    assert nearest("日本") == "????"


def foreign() -> ScriptedSession:
    """A session in which everything that is told holds more than ASCII."""
    log = tuple(LogLine(NOW - at, "kernel", "warn", "load", f"{FOREIGN} {at}") for at in range(90, 0, -1))
    state = rich_state(log=log, turn=turn(2, FOREIGN, f"{FOREIGN} " * 40, running=True), target=FOREIGN)
    return ScriptedSession(state)


@pytest.mark.parametrize(("size", "no_colour"), [((120, 36), False), ((50, 20), True)], ids=["colours", "NO_COLOR"])
async def test_no_view_and_no_page_draws_anything_else(
    size: tuple[int, int], no_colour: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Élodie-llmk-dump.txt").write_text(FOREIGN)
    if no_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    async with scripted(foreign(), settings=Settings(glyphs="ascii"), size=size, notifications=True) as (app, pilot):
        await pilot.press(*"no ", "é")
        for view in ("f6", "f2", "f3", "f4", "f5", "f7"):
            await pilot.press("escape", view)
            await settled(pilot)
            app.verbs.say(FOREIGN, "error")
            await pilot.pause()
            assert_ascii(app, view)
            app.main.next_pane(1)
        await pilot.press("escape", "f6", "1")
        for key, words in PAGES.items():
            await _page(pilot, app, key, words)
        app.push_screen(TextPage(TextLog(tmp_path / "Élodie-llmk-dump.txt"), ASCII, ("Esc quits",)))
        await settled(pilot)
        assert_ascii(app, "a text")


async def _page(pilot: Pilot[Any], app: ConsoleApp, key: str, words: str) -> None:
    await pilot.press(key)
    await wait_until(pilot, lambda: words in screen_text(app), key)
    assert_ascii(app, key)
    await pilot.press("escape")
    await wait_until(pilot, lambda: app.screen is app.main, f"{key} left")


@pytest.mark.parametrize("no_colour", [False, True], ids=["colours", "NO_COLOR"])
async def test_the_first_page_too_with_its_scroll_bar(no_colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if no_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    some = [Choice(GROUPS[3], f"{FOREIGN} {at}", FOREIGN, Target("file", str(at))) for at in range(60)]
    themes, _problems = load_themes([theme_folder()])
    app = StartApp(themes, "sixteen", lambda: some, ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: "Elodie" in screen_text(app), "the list")
        for key in ("down", "pagedown", "end", "r"):
            await pilot.press(key)
            await pilot.pause()
            assert_ascii(app, key)
        assert app.query_one(OptionList).vertical_scrollbar.is_attached


async def test_the_signs_change_at_once_also_of_what_did_not_change() -> None:
    async with simulated() as (app, pilot):
        await pilot.press(*"/max_tokens 8", "enter", *"Élodie", "enter")
        await until(pilot, lambda: any(isinstance(item, Turn) and item.finished for item in app.state.items), "answer")
        await until(pilot, lambda: "Élodie" in screen_text(app), "drawn")
        app.do("view.glyphs")
        await until(pilot, lambda: screen_text(app).isascii(), "ASCII")
        assert "Elodie" in screen_text(app)
        assert any(isinstance(item, Turn) and item.prompt == "Élodie" for item in app.state.items), "only the picture"
        app.do("view.glyphs")
        await until(pilot, lambda: "Élodie" in screen_text(app), "back")
