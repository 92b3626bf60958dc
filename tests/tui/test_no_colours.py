"""NO_COLOR: the terminal's own colours alone, in every theme and view; what is marked is in reverse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, scripted, settled, simulated, until, wait_until
from rich.segment import Segment
from textual.widgets import OptionList

from llmbm_console.core.machine.ppm import Pixmap
from llmbm_console.core.session.choices import GROUPS, Choice
from llmbm_console.core.session.targets import Target
from llmbm_console.core.settings.themes import load_themes, theme_folder
from llmbm_console.tui.glyphs import BLOCKS
from llmbm_console.tui.pages.start import StartApp
from llmbm_console.tui.widgets.picture import Picture

THEMES = [*load_themes([theme_folder()])[0], "mine"]


@pytest.fixture(autouse=True)
def _no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, ...]:
    """The console's themes, and one of the person's own that has the terminal's colours by name, black among them."""
    text = (theme_folder() / "sixteen.toml").read_text("utf-8")
    mine = text.replace('"sixteen"', '"mine"').replace('background = "ansi_default"', 'background = "ansi_black"')
    (tmp_path / "mine.toml").write_text(mine.replace('surface = "ansi_default"', 'surface = "ansi_blue"'), "utf-8")
    return theme_folder(), tmp_path


def segments_of(app: Any) -> list[Segment]:
    """What goes to the terminal, behind all filters."""
    return [segment for strip in app.screen._compositor.render_strips() for segment in strip]


def assert_no_colours(app: Any, where: str) -> None:
    segments = segments_of(app)
    assert any(segment.text.strip() for segment in segments), where
    coloured = [one for one in segments if one.style is not None and (one.style.color or one.style.bgcolor)]
    assert not coloured, f"{where}: {coloured[:3]}"


def reversed_text(app: Any) -> str:
    return "".join(one.text for one in segments_of(app) if one.style is not None and one.style.reverse)


@pytest.mark.parametrize("theme", THEMES)
async def test_no_view_and_no_page_has_colours_in_any_theme(theme: str, folders: tuple[Path, ...]) -> None:
    async with scripted(theme=theme, theme_folders=folders, size=(120, 36), notifications=True) as (app, pilot):
        assert app.theme_name == theme
        for view in ("f6", "f2", "f3", "f4", "f5", "f7", "f6"):
            await pilot.press("escape", view)
            await settled(pilot)
            assert_no_colours(app, view)
        for key in ("ctrl+p", "f1", "g"):
            before = app.screen
            await pilot.press(key)
            await wait_until(pilot, lambda before=before: app.screen is not before, key)
            await pilot.pause()
            assert_no_colours(app, key)
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.screen is app.main, f"{key} left")
        app.verbs.say("a notice", "error")
        await wait_until(pilot, lambda: "a notice" in screen_text(app), "notice")
        assert_no_colours(app, "a notice")


@pytest.mark.parametrize("theme", ["teranga", "sixteen", "paper"])
async def test_cursor_selection_and_the_marked_row_are_in_reverse(theme: str) -> None:
    async with simulated(theme=theme) as (app, pilot):
        await pilot.press(*"Once", "left")
        await wait_until(pilot, lambda: reversed_text(app) and "e" in reversed_text(app), "the cursor")
        await pilot.press("escape", "2", "up")
        await wait_until(pilot, lambda: app.main.event_list.selected is not None, "a row")
        row = app.main.event_list.selected
        assert row is not None
        await until(pilot, lambda: row.text[:8] in reversed_text(app), "the marked row")
        await pilot.press("ctrl+p")
        first = app.actions[0].title
        await until(pilot, lambda: first in screen_text(app), "the palette")
        await until(pilot, lambda: len(reversed_text(app).strip()) > 20, "its mark")
        assert_no_colours(app, "palette")


async def test_the_page_of_choices_marks_one_in_reverse() -> None:
    some = [Choice(GROUPS[3], f"run-{at}.llcap", "a recording", Target("file", str(at))) for at in range(3)]
    for theme in ("teranga", "sixteen"):
        app = StartApp(load_themes([theme_folder()])[0], theme, lambda: some)
        async with app.run_test(size=(80, 24)) as pilot:
            await wait_until(pilot, lambda app=app: app.query_one(OptionList).highlighted is not None, "a list")
            await wait_until(pilot, lambda app=app: "run-0.llcap" in reversed_text(app), "the mark")
            assert "run-1.llcap" not in reversed_text(app)
            assert_no_colours(app, theme)


async def test_a_picture_is_drawn_in_signs() -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        await app.main.mount(Picture(Pixmap(2, 2, bytes([0, 0, 0] * 2 + [255, 255, 255] * 2)), BLOCKS))
        await pilot.pause()
        strip = app.main.query_one(Picture).render_line(0)
        assert "▀" not in strip.text


async def test_an_empty_variable_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    async with scripted(size=(80, 24)) as (app, _pilot):
        assert any(one.style is not None and one.style.color for one in segments_of(app))
