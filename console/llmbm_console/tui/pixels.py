"""Which way a terminal can show a picture. Half blocks always work; real pixels need the optional textual-image."""

from __future__ import annotations

from textual.widget import Widget

from llmbm_console.core.ppm import Pixmap
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.widgets.picture import Picture


def picture_widget(pixmap: Pixmap, glyphs: Glyphs) -> tuple[Widget, str]:
    """A widget that shows the pixmap, and how it does in a word."""
    return Picture(pixmap, glyphs), "half blocks"
