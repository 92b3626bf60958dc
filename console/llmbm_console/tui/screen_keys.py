"""The main screen with the keys of a table of actions: Textual reads bindings from the class."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label, over_text
from llmbm_console.tui.memory import History
from llmbm_console.tui.screen import MainScreen


def main_screen(actions: tuple[Action, ...], history: History) -> MainScreen:
    """A main screen, not yet shown."""
    names: dict[str, list[str]] = {}
    for action in actions:
        for key in action.keys:
            if (key, action.id) != ("ctrl+p", "view.palette"):  # Textual binds that one itself
                names.setdefault(key, []).append(action.id)

    class Bound(MainScreen):
        BINDINGS: ClassVar[list[BindingType]] = [
            *(
                Binding(key, f"app.press({key!r}, {ids!r})", show=False, priority=over_text(key_label(key)))
                for key, ids in names.items()
            ),
            *(
                Binding(f"alt+{key}", f"app.leave_for_pane({key!r}, {ids!r})", show=False, priority=True)
                for key, ids in names.items()
                if key in "0123456789" and f"alt+{key}" not in names
            ),
        ]

    return Bound(actions, history)
