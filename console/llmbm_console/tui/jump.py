"""Jump: a letter on every pane and slider; pressing it goes there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from llmbm_console.tui.text import line

#: The letters in the order in which they are given out: the home row first.
LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class JumpScreen(ModalScreen[Widget | None]):
    """Letters over the main screen. Dismissed with the widget that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "leave", "Leave", show=False)]
    DEFAULT_CSS = """
    JumpScreen { background: $background 40%; }
    JumpScreen Static {
        position: absolute; width: auto; height: 1; background: $focus; color: $background; text-style: bold;
    }
    """

    def __init__(self, targets: list[tuple[Widget, Region]]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """A label on the upper left of each target."""
        for letter, (_widget, region) in self._targets.items():
            slim = region.height == 1  # a row of text: the letter stands before it
            label = Static(line((letter if slim else f" {letter} ", "")), markup=False)
            label.styles.offset = (max(0, region.x - slim), region.y)
            yield label

    async def _on_key(self, event: events.Key) -> None:
        if (event.character or "") in self._targets:
            event.stop()
            self.dismiss(self._targets[event.character or ""][0])

    def action_leave(self) -> None:
        """Nowhere."""
        self.dismiss(None)
