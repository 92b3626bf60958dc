"""An application whose themes are files: read at the start and again when they change, and tried out in the palette."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.command import CommandPalette

from llmbm_console.core.settings.themes import (
    DEFAULT_THEME,
    ThemeFile,
    load_themes,
    theme_in_force,
    theme_stamps,
    why_no_theme,
)
from llmbm_console.tui.terminal.terminal_app import TerminalApp
from llmbm_console.tui.text import plain
from llmbm_console.tui.theme import textual_name, textual_theme


class ThemedApp(TerminalApp[int]):
    """`themes` are those that can be used, by name; `problems` say what is wrong with others."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        # Textual asks for the variables of the theme while it is set up.
        self.themes, self.problems = load_themes(self._folders)
        self.theme_name = DEFAULT_THEME if DEFAULT_THEME in self.themes else next(iter(self.themes))
        self._stamps = theme_stamps(self._folders)
        self._revision = 0
        super().__init__()

    def choose_theme(self, wanted: str, kept: str) -> None:
        """Shows the wanted theme, else the one of the last run, else the house's."""
        self._register_themes()
        if wanted and wanted not in self.themes:
            self.problems += (plain(why_no_theme(wanted, self.themes, self._folders)),)
        self.show_theme(theme_in_force(self.themes, wanted, kept))

    def _register_themes(self) -> None:
        for theme in self.themes.values():
            self.register_theme(textual_theme(theme, self._revision))

    def show_theme(self, name: str) -> None:
        """Draws everything in a theme, one of `themes`."""
        self.theme_name = name
        self._try_theme(name)

    def _try_theme(self, name: str) -> None:
        self.theme = textual_name(name, self._revision)

    def read_themes_again(self) -> tuple[str, ...] | None:
        """Takes over what changed in the theme files; a broken one leaves what was there. What is wrong with them, None
        where nothing changed."""
        stamps = theme_stamps(self._folders)
        if stamps == self._stamps:
            return None
        self._stamps = stamps
        themes, problems = load_themes(self._folders)
        self.themes = {self.theme_name: self.themes[self.theme_name], **themes}
        self._revision += 1
        self._register_themes()
        self.show_theme(self.theme_name)
        return tuple(problems)

    def on_command_palette_option_highlighted(self, message: CommandPalette.OptionHighlighted) -> None:
        """A theme is shown while it is only looked at in the palette."""
        option = message.highlighted_event.option
        text = getattr(getattr(option, "hit", None), "text", None) or ""
        titles = {f"Theme: {title}": name for name, title, _about in self.theme_entries()}
        self.screen.set_class(text in titles, "-themes")  # which is drawn as it will be
        self._try_theme(titles.get(text, self.theme_name))

    def on_command_palette_closed(self, message: CommandPalette.Closed) -> None:
        """Without a choice the theme is the one of before."""
        if not message.option_selected:
            self._try_theme(self.theme_name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The house theme's roles, so that a style never names a variable that is not there."""
        theme: ThemeFile = self.themes[self.theme_name]
        return textual_theme(theme).variables

    def theme_entries(self) -> list[tuple[str, str, str]]:
        """Name, title and description of each theme, for the palette."""
        return [(theme.name, plain(theme.title), plain(theme.about)) for theme in self.themes.values()]
