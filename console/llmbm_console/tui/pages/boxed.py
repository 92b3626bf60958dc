"""A text in a box over the main screen, to be scrolled through: what such a page looks like, and the keys that close
it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from llmbm_console.tui.glyphs import draws_ascii
from llmbm_console.tui.text import line


class Boxed(ModalScreen[None]):
    """Holds one Static, which is filled where its width is known; how wide the box is says the page's own style."""

    box_title = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "leave", "Close", show=False)]
    DEFAULT_CSS = """
    Boxed { align: center middle; background: $background 60%; }
    Boxed:ansi, Boxed:nocolor { background: transparent; }
    Boxed > VerticalScroll {
        max-width: 96%; height: auto; max-height: 92%; padding: 1 2; border: round $focus; background: $surface;
        border-title-color: $accent; border-subtitle-color: $muted; scrollbar-size: 1 1;
    }
    Boxed.-ascii > VerticalScroll { border: ascii $focus; }
    Boxed Static { width: 1fr; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        self.set_class(draws_ascii(self.app), "-ascii")
        with VerticalScroll() as box:
            box.border_title = line((self.box_title, "bold"))
            box.border_subtitle = line(("Esc closes", ""))
            yield Static(markup=False)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss()
