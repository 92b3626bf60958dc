"""Real pixels where the terminal is known to have them and the optional package is there; else half blocks."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
from driving import screen_text, scripted, wait_until
from scripted import ScriptedSession, rich_state
from test_pictures import ppm

from llmbm_console.core.machine.ppm import parse_ppm
from llmbm_console.core.settings.settings import Settings
from llmbm_console.tui.glyphs import ASCII, BLOCKS
from llmbm_console.tui.terminal import pixels
from llmbm_console.tui.widgets.picture import Picture

PIXMAP = parse_ppm(ppm(64, 48, (5, 7)))


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230800"}, "sixel"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, ""),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"}, ""),
        ({}, ""),
    ],
)
def test_a_terminal_is_known_by_its_name_and_a_multiplexer_lets_no_picture_through(
    environment: dict[str, str], protocol: str
) -> None:
    assert pixels.protocol_of(environment) == protocol


def test_the_setting_overrules_the_name_and_a_browser_shows_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "find_spec", lambda name: name)
    kitty = {"TERM": "xterm-kitty"}
    assert pixels.way_of("auto", kitty) == "kitty"
    assert pixels.way_of("blocks", kitty) == "blocks"
    assert pixels.way_of("sixel", {}) == "sixel"
    assert pixels.way_of("auto", kitty, web=True) == "blocks"


def test_without_the_package_there_are_half_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "find_spec", lambda name: None)
    for setting in ("auto", "kitty", "sixel", "blocks"):
        widget, how = pixels.picture_widget(PIXMAP, BLOCKS, setting)
        assert isinstance(widget, Picture)
        assert how == "half blocks"
    assert pixels.picture_widget(PIXMAP, ASCII)[1] == "signs"


def test_a_package_that_cannot_be_used_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "find_spec", lambda name: name)
    for name in [name for name in sys.modules if name.startswith("textual_image")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual_image", None)
    assert isinstance(pixels.picture_widget(PIXMAP, BLOCKS, "sixel")[0], Picture)


def test_importing_it_asks_the_terminal_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its questions begin with an escape; what it would ask with is the process's own output."""
    pytest.importorskip("textual_image._terminal")

    class Terminal:
        written = ""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> None:
            self.written += text

        def flush(self) -> None: ...

        def fileno(self) -> int:
            raise OSError

    for name in [name for name in sys.modules if name.startswith("textual_image")]:
        monkeypatch.delitem(sys.modules, name)
    terminal = Terminal()
    monkeypatch.setattr(sys, "__stdout__", terminal)
    pixels.picture_widget(PIXMAP, BLOCKS, "sixel")
    assert terminal.written == ""
    assert sys.__stdout__ is terminal


@pytest.mark.skipif(not find_spec("textual_image"), reason="the optional package is not installed")
async def test_sixels_are_drawn_where_they_are_asked_for() -> None:
    session = ScriptedSession(rich_state())
    assert session.machine is not None
    session.machine.picture = ppm(64, 48, (5, 7))
    async with scripted(session, settings=Settings(pictures="sixel")) as (app, pilot):
        await pilot.press("escape", "S")
        await wait_until(pilot, lambda: "64 x 48  sixel" in screen_text(app), "the picture")

        def drawn() -> bool:
            strips = app.screen._compositor.render_strips()
            return any("\x1bP" in segment.text for strip in strips for segment in strip)

        await wait_until(pilot, drawn, "sixels")


async def test_in_another_terminal_the_same_picture_is_in_half_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERM_PROGRAM", "KITTY_WINDOW_ID", "KONSOLE_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    session = ScriptedSession(rich_state())
    assert session.machine is not None
    session.machine.picture = ppm(64, 48, (5, 7))
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "S")
        await wait_until(pilot, lambda: "64 x 48  half blocks" in screen_text(app), "the picture")
        await wait_until(pilot, lambda: "▀" in screen_text(app), "blocks")
