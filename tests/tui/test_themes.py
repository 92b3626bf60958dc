"""Themes while the console runs: looked at in the palette, changed or broken on disk, the terminal's own colours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from driving import make_app, screen_text, scripted, settled, wait_until
from rich.style import Style
from textual.color import Color
from textual.command import CommandPalette

from llmbm_console.core.settings.themes import load_themes, theme_folder
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.glyphs import BLOCKS


def written(folder: Path, name: str, old: str, new: str) -> Path:
    """A theme of the person's own: the house theme with something else in it."""
    text = (theme_folder() / "teranga.toml").read_text("utf-8")
    assert old in text
    path = folder / f"{name}.toml"
    path.write_text(text.replace(old, new).replace('name = "teranga"', f'name = "{name}"'), "utf-8")
    return path


def styles_of(app: ConsoleApp) -> list[tuple[int, Style]]:
    """Row and style of each piece of text on the screen; columns of charts apart, of which the top is what counts."""
    strips = app.screen._compositor.render_strips()
    return [
        (y, segment.style)
        for y, strip in enumerate(strips)
        for segment in strip
        if segment.style is not None and segment.text.strip(" " + BLOCKS.levels)
    ]


def colours_of(app: ConsoleApp) -> set[str]:
    """The colours that something on the screen is drawn in."""
    return {style.color.name for _y, style in styles_of(app) if style.color is not None}


async def test_a_theme_is_shown_while_the_palette_points_at_it_and_gone_without_a_choice() -> None:
    async with scripted() as (app, pilot):
        before = app.theme
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: isinstance(app.screen, CommandPalette), "palette")
        await pilot.press(*"theme paper")
        await wait_until(pilot, lambda: "paper" in app.theme, "shown while it is looked at")
        assert app.theme_name == "teranga"
        paper = app.themes["paper"].roles
        await wait_until(
            pilot,
            lambda: app.screen.query_one("#--container").styles.background.hex == paper.surface.upper(),
            "the palette, too",
        )
        assert paper.foreground.lower() in colours_of(app), "undimmed"
        await pilot.press(*["backspace"] * 11, *"zoom")
        await wait_until(pilot, lambda: app.theme == before, "not looked at any more")
        assert app.themes["teranga"].roles.foreground.lower() not in {
            style.color.name for y, style in styles_of(app) if y == 0 and style.color is not None
        }, "dimmed behind the palette"
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main and app.theme == before, "as it was")


async def test_a_changed_file_is_seen_and_a_broken_one_is_a_notice(tmp_path: Path) -> None:
    path = written(tmp_path, "mine", "#0b1014", "#102030")
    app = make_app(theme="mine", theme_folders=(theme_folder(), tmp_path))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        assert app.main.styles.background.hex == "#102030"
        written(tmp_path, "mine", "#0b1014", "#403020")
        app._tick()
        await wait_until(pilot, lambda: app.main.styles.background.hex != "#102030", "another colour")
        assert app.current_theme.background == "#403020"
        path.write_text("name = ", "utf-8")
        app._tick()
        await wait_until(pilot, lambda: "is not TOML" in screen_text(app), "the notice")
        assert app.current_theme.background == "#403020"
        written(tmp_path, "mine", "#0b1014", "#102030")
        app._tick()
        await wait_until(pilot, lambda: app.current_theme.background == "#102030", "mended")
        await wait_until(pilot, lambda: not app._notifications, "and no complaint lies over the prompt any more")


def test_terminal_colours_do_not_mix_with_others(tmp_path: Path) -> None:
    written(tmp_path, "mixed", "#0b1014", "ansi_black")
    themes, problems = load_themes([tmp_path])
    assert "mixed" not in themes
    assert len(problems) == 1
    assert "cannot stand beside the terminal's own colours" in problems[0]


async def test_the_terminals_own_colours_stay_its_own() -> None:
    async with scripted(theme="sixteen") as (app, _pilot):
        colours = colours_of(app)
        assert colours
        assert not any(name.startswith("#") for name in colours), colours


#: Roles that text is written in; the least contrast is that of WCAG 2.2, criterion 1.4.3 (AA).
TEXT = (
    "foreground", "muted", "focus", "accent", "prompt", "good", "warn", "bad", "info", "weights", "kv", "scratch",
    "acts", "zonec", "keep",
)  # fmt: skip
LEAST = 4.5


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2: 1 for the same colour, 21 for black and white."""

    def luminance(text: str) -> float:
        parts = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in Color.parse(text).normalized
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", [path.stem for path in sorted(theme_folder().glob("*.toml"))])
def test_text_can_be_read_in_every_theme(name: str) -> None:
    themes, problems = load_themes([theme_folder()])
    assert problems == ()
    theme = themes[name]
    if theme.terminal_colours:
        return  # what they look like is the terminal's own affair
    ratios = {role: contrast(getattr(theme.roles, role), theme.roles.background) for role in TEXT}
    assert {role: ratio for role, ratio in ratios.items() if ratio < LEAST} == {}
    assert contrast(theme.roles.foreground, theme.roles.selection) >= LEAST


@pytest.mark.parametrize("view", ["f6", "f2", "f3", "f4", "f5", "f7"])
async def test_a_theme_that_promises_a_contrast_has_it_in_everything_that_is_drawn(view: str) -> None:
    app = make_app(theme="contrast")
    promised = re.search(r"at least (\d+):1", app.themes["contrast"].about)
    assert promised is not None
    async with app.run_test(size=(160, 44)) as pilot:
        await settled(pilot)
        await pilot.press("escape", view)
        await settled(pilot)
        drawn = {
            (style.color.name, style.bgcolor.name)
            for _y, style in styles_of(app)
            if style.color is not None and style.bgcolor is not None
        }
        ratios = {pair: contrast(*pair) for pair in drawn}
        assert {pair: ratio for pair, ratio in ratios.items() if ratio < int(promised[1])} == {}
