"""NO_COLOR (no-color.org): the terminal's own text on its own background, whatever the theme.

What colours told apart is told by what every terminal has: a ground of its own (cursor, selection, marked row, bar) is
drawn in reverse, and what a theme draws faintly (tracks, frames) is dim. Textual's own filters keep greys, which stay
dark on a light terminal, and make one colour of text and ground where a theme has the terminal's colours.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import ANSIToTruecolor, DimFilter, LineFilter, Monochrome, NoColor
from textual.theme import Theme

_OF_COLOURS = (ANSIToTruecolor, DimFilter, Monochrome, NoColor)
_FAINT = ("faint", "border")


def unwanted() -> bool:
    """Whether the person asked for no colours: the variable counts when it is not empty."""
    return bool(os.environ.get("NO_COLOR"))


def _same(one: RichColor, other: RichColor) -> bool:
    """Whether two colours are drawn alike; their names do not count."""
    return (one.type, one.number, one.triplet) == (other.type, other.number, other.triplet)


def _rich(name: str | None) -> RichColor:
    return Color.parse(name).rich_color if name else RichColor.default()


class NoColours(LineFilter):
    """Draws every line without colours. `theme` says which grounds mean nothing, and what is faint."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._grounds = (RichColor.default(), _rich(theme.background), _rich(theme.surface))
        self._faint = tuple(_rich(theme.variables.get(role)) for role in _FAINT if role in theme.variables)
        self._style = lru_cache(maxsize=1024)(self._make_style)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same text in the same cells."""
        ground = background.rich_color
        return [
            Segment(text, None if style is None else self._style(style, ground), control)
            for text, style, control in segments
        ]

    def _make_style(self, style: Style, ground: RichColor) -> Style:
        marked = style.bgcolor is not None and not any(_same(style.bgcolor, one) for one in (ground, *self._grounds))
        both = marked and bool(style.reverse)  # what was found in a row that is marked
        faint = style.color is not None and any(_same(style.color, one) for one in self._faint)
        return Style(
            bold=style.bold,
            dim=(style.dim or faint) and not marked,
            italic=style.italic,
            underline=style.underline or both,
            blink=style.blink,
            reverse=style.reverse or marked,
            strike=style.strike,
            overline=style.overline,
            link=style.link,
            meta=style.meta,
        )


class ColourChoice:
    """Remembers the filter of the theme that is drawn with."""

    def __init__(self) -> None:
        self._of = ("", NoColours(Theme("none", primary="#ffffff")))

    def filters(self, given: Sequence[LineFilter], theme: Theme) -> list[LineFilter]:
        """Textual's filters, those of colours replaced."""
        if self._of[0] != theme.name:
            self._of = (theme.name, NoColours(theme))
        return [*(one for one in given if not isinstance(one, _OF_COLOURS)), self._of[1]]
