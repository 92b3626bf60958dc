"""One line of input over the keys at the lower edge: for finding, filtering and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from llmbm_console.tui.text import line, plain


class AskLine(ModalScreen[bool]):
    """Calls `changed` with each state of the text, which returns a problem to show or an empty string.

    Enter keeps the text (the result is True), unless it has a problem and `refuses`: then the line stays open. Esc goes
    back to what was there before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]
    DEFAULT_CSS = """
    AskLine { background: transparent; }
    AskLine > Horizontal { dock: bottom; height: 1; background: $surface; }
    AskLine .ask--label { width: auto; color: $accent; text-style: bold; padding: 0 1; background: $surface; }
    AskLine .ask--hint { width: auto; max-width: 60%; color: $muted; padding: 0 1; background: $surface; }
    AskLine Input, AskLine Input:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $surface; color: $foreground;
    }
    """

    def __init__(
        self, label: str, text: str, hint: str, changed: Callable[[str], str], *, refuses: bool = False
    ) -> None:
        super().__init__()
        self._label, self._before, self._hint, self._changed = label, text, hint, changed
        self._refuses, self._problem = refuses, ""

    def compose(self) -> ComposeResult:
        """Label, text, hint."""
        with Horizontal():
            yield Static(line((self._label, "")), classes="ask--label", markup=False)
            yield Input(plain(self._before), select_on_focus=True, compact=True)
            yield Static(line((self._hint, "$muted")), classes="ask--hint", markup=False)

    def on_input_changed(self, message: Input.Changed) -> None:
        """Each key is answered at once."""
        self._problem = problem = self._changed(plain(message.value))
        self.query_one(".ask--hint", Static).update(line((problem or self._hint, "$bad" if problem else "$muted")))

    def on_input_submitted(self) -> None:
        """Kept."""
        if not (self._refuses and self._problem):
            self.dismiss(True)

    def action_leave(self) -> None:
        """As it was."""
        self._changed(self._before)
        self.dismiss(False)
