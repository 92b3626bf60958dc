"""Textual's lists where their lines have no room, or were not laid out yet: a page of nothing is no page. And its
palette as one that shows themes as they are.

Textual 8.2 ends with a KeyError on such a page: its lists know their lines only once they have a size.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandList, CommandPalette
from textual.theme import Theme
from textual.widgets import OptionList


def page(options: OptionList, direction: int) -> None:
    """The mark a page up (-1) or down (1), where there is one."""
    if options.scrollable_content_region:
        OptionList._move_page(options, 1 if direction > 0 else -1)


class Options(OptionList):
    """A list that takes the page keys at any size."""

    def action_page_up(self) -> None:
        """A page up."""
        page(self, -1)

    def action_page_down(self) -> None:
        """A page down."""
        page(self, 1)


class Palette(CommandPalette):
    """The palette; its page keys may be pressed at any size, and before it knows what it found.

    While a theme is looked at, nothing dims what is behind, and the palette itself has its colours, too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page(1)", "Next page", show=False),
        Binding("pageup", "page(-1)", "Previous page", show=False),
    ]

    def on_mount(self) -> None:
        """Textual gives another theme's colours to every screen but to one of its own, such as this."""
        self.app.theme_changed_signal.subscribe(self, self._take_colours)

    def _take_colours(self, _theme: Theme) -> None:
        self.app.stylesheet.update(self, animate=False)

    def action_page(self, direction: int) -> None:
        """A page up (-1) or down (1)."""
        page(self.query_one(CommandList), direction)
