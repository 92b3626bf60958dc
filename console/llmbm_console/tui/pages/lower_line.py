"""A field in a frame at the lower edge: what a line of input there looks like, whatever it is for."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.events import Resize
from textual.screen import ModalScreen

from llmbm_console.tui.glyphs import draws_ascii

R = TypeVar("R")

ROOMY = 10  # rows of a screen from which there is room for a frame


class LowerLine(ModalScreen[R], Generic[R]):
    """Holds a Vertical with an Input. The title and the keys stand on the edges of that."""

    help_page = "line"
    DEFAULT_CSS = """
    LowerLine { background: transparent; }
    LowerLine > Vertical {
        dock: bottom; height: auto; background: $surface; border: round $focus; padding: 0 1;
        border-title-color: $accent; border-title-style: bold; border-title-background: $surface;
        border-subtitle-color: $muted; border-subtitle-background: $surface;
    }
    LowerLine.-ascii > Vertical { border: ascii $focus; }
    LowerLine.-tight > Vertical { border: none; }
    LowerLine Input, LowerLine Input:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $surface; color: $foreground;
    }
    """

    def on_mount(self) -> None:
        """The frame is of the signs that the console draws with."""
        self.set_class(draws_ascii(self.app), "-ascii")

    def on_resize(self, event: Resize) -> None:
        """Few rows have no room for a frame."""
        self.set_class(event.size.height < ROOMY, "-tight")
