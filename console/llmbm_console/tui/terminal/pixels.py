"""Which way a terminal can show a picture. Half blocks always work; real pixels need the optional textual-image.

textual-image finds out by asking the terminal, and reads the answer from the keyboard. By the time a picture is wanted
Textual reads the keyboard: the answer would be typed into the prompt, and waiting for it could wait for ever. So
nothing is asked here: a terminal is known by its name in the environment, and the setting `pictures` overrules that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from llmbm_console.core.machine.ppm import Pixmap
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.widgets.picture import Picture

if TYPE_CHECKING:
    from textual.widget import Widget

CELL = (10, 20)  # pixels of a cell, where the terminal does not tell: those of a VT340
EXTRA = "textual_image"

#: Terminals by what they put into TERM or TERM_PROGRAM, and the protocol that is known to work in them.
TERMINALS = {
    "xterm-kitty": "kitty",
    "xterm-ghostty": "kitty",
    "ghostty": "kitty",
    "foot": "sixel",
    "foot-extra": "sixel",
    "contour": "sixel",
    "mlterm": "sixel",
    "WezTerm": "sixel",
    "iTerm.app": "sixel",
}
#: Variables that only one terminal sets.
VARIABLES = {"KITTY_WINDOW_ID": "kitty", "KONSOLE_VERSION": "sixel"}


def protocol_of(environment: Mapping[str, str]) -> str:
    """ "kitty", "sixel", or "" where none is known to work: inside tmux and screen neither gets through."""
    if "TMUX" in environment or "STY" in environment or environment.get("TERM", "").startswith(("tmux", "screen")):
        return ""
    for name in (environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")):
        if name in TERMINALS:
            return TERMINALS[name]
    return next((protocol for variable, protocol in VARIABLES.items() if variable in environment), "")


def way_of(setting: str, environment: Mapping[str, str], *, web: bool = False) -> str:
    """ "kitty", "sixel" or "blocks". `setting` is one of core.settings.PICTURES; `web`: a browser shows the screen."""
    if setting in ("kitty", "sixel") and find_spec(EXTRA) is not None:
        return setting
    if setting == "blocks" or web or find_spec(EXTRA) is None:
        return "blocks"
    return protocol_of(environment) or "blocks"


def picture_widget(pixmap: Pixmap, glyphs: Glyphs, setting: str = "auto", *, web: bool = False) -> tuple[Widget, str]:
    """A widget that shows the pixmap, and how it does in a word."""
    way = way_of(setting, os.environ, web=web)
    if way != "blocks":
        try:
            return _pixels(pixmap, way), way
        except (ImportError, OSError, AttributeError, ValueError):
            pass  # another version, or one without its parts: blocks work everywhere
    return Picture(pixmap, glyphs), "half blocks" if glyphs.border != "ascii" else "signs"


def _pixels(pixmap: Pixmap, way: str) -> Widget:
    image = import_module("PIL.Image").frombytes("RGB", (pixmap.width, pixmap.height), pixmap.pixels)
    widgets = _unasked()
    widget: Widget = (widgets.TGPImage if way == "kitty" else widgets.SixelImage)(image)
    widget.styles.width = widget.styles.height = "auto"
    widget.styles.max_width = widget.styles.max_height = "100%"
    return widget


def _unasked() -> Any:
    """textual-image's widgets, imported without its questions to the terminal: it asks only what is one."""
    terminal = sys.__stdout__
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        sys.__stdout__ = nothing  # type: ignore[misc]
        try:
            widgets = import_module(f"{EXTRA}.widget")
        finally:
            sys.__stdout__ = terminal  # type: ignore[misc]
    known = import_module(f"{EXTRA}._terminal")
    known.get_cell_size._result = known.CellSize(*cell_size())
    return widgets


def cell_size() -> tuple[int, int]:
    """Pixels of a cell, as the system knows them of the terminal's window."""
    try:
        import fcntl
        import struct
        import termios

        answer = fcntl.ioctl(sys.__stdout__.fileno() if sys.__stdout__ else 1, termios.TIOCGWINSZ, bytes(8))
        rows, columns, width, height = struct.unpack("HHHH", answer)
    except (ImportError, OSError, ValueError):
        return CELL
    if not (rows and columns and width >= columns and height >= rows):
        return CELL
    return width // columns, height // rows
