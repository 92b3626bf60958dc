"""What may follow the leader key: a short list at the lower edge, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Static

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label, pressed_label
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import clip, line

COLUMN = 26  # cells of one entry
NARROWEST = 16  # where a low screen needs more columns
KEY = 4
NOTHING = "no key "

Reason = Callable[[Action], str]


def followers(actions: tuple[Action, ...]) -> dict[str, Action]:
    """The actions behind the leader key, by their second key: views first, then panes, then what else there is."""
    behind = [action for action in actions if action.leader]
    return {action.leader: action for action in sorted(behind, key=_rank)}


def _rank(action: Action) -> int:
    if action.id.startswith("view.") and action.title.endswith(" view"):
        return 0
    return 1 if action.category in ("Panes", "Memory") else 2


def _title(action: Action) -> str:
    return action.title.removeprefix("Go to ")


def _own(action: Action) -> str:
    return next((key_label(name) for name in action.keys), "")


def _cells(action: Action, own: bool) -> int:
    """What the entry of an action takes, whole."""
    return KEY + len(_title(action)) + (len(_own(action)) if own else 0) + 3


def shared(wanted: Sequence[int], room: int) -> list[int]:
    """A width for each column: the same share of the room, of which one that needs less leaves the rest to others."""
    widths = [0] * len(wanted)
    narrow_first = sorted(range(len(wanted)), key=lambda at: wanted[at])
    for done, at in enumerate(narrow_first):
        widths[at] = min(wanted[at], room // (len(wanted) - done))
        room -= widths[at]
    return widths


class LeaderScreen(ModalScreen[str | None]):
    """Dismissed with the id of the action that was chosen, with NOTHING and a key that stands for none, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]
    DEFAULT_CSS = """
    LeaderScreen { background: transparent; align: right bottom; }
    LeaderScreen > Static {
        width: auto; max-width: 100%; height: auto; margin: 0 0 1 0; padding: 0 1; border: round $focus;
        background: $surface; border-title-color: $accent; border-subtitle-color: $muted;
    }
    LeaderScreen > Static.-ascii { border: ascii $focus; }
    """

    def __init__(self, actions: tuple[Action, ...], reason: Reason, glyphs: Glyphs) -> None:
        super().__init__()
        self._followers, self._reason, self._glyphs = followers(actions), reason, glyphs

    def compose(self) -> ComposeResult:
        """The list in a frame."""
        box = Static(markup=False, classes="-ascii" if self._glyphs.border == "ascii" else "")
        box.auto_links = False
        box.border_title = line(("Go to", "bold"))
        box.border_subtitle = line(("Esc leaves", ""))
        yield box

    def on_mount(self) -> None:
        """As many columns as fit."""
        self._fill()

    def on_resize(self) -> None:
        """As many columns as fit."""
        self._fill()

    def _fill(self) -> None:
        entries = list(self._followers.items())
        room = max(NARROWEST, self.size.width - 4)
        columns = max(1, min(3, room // COLUMN))
        needed = -(-len(entries) // max(1, self.size.height - 4))
        columns = max(columns, min(needed, room // NARROWEST))
        rows = -(-len(entries) // columns)
        own = room // columns >= COLUMN
        stacks = [entries[at : at + rows] for at in range(0, len(entries), rows)]
        widths = shared([max(_cells(action, own) for _key, action in stack) for stack in stacks], room)
        lines = [
            Content("").join(
                self._entry(*stack[row], width, own)
                for stack, width in zip(stacks, widths, strict=True)
                if row < len(stack)
            )
            for row in range(rows)
        ]
        self.query_one(Static).update(Content("\n").join(lines))

    def _entry(self, key: str, action: Action, width: int, with_own: bool) -> Content:
        possible = not self._reason(action)
        own = _own(action) if with_own else ""
        room = width - KEY - len(own) - 3
        title = clip(_title(action), room, self._glyphs.ellipsis)
        text = line(
            (f" {key:<{KEY - 1}}", "bold $accent" if possible else "$muted"),
            (f"{title:<{room}}", "$foreground" if possible else "$muted strike"),
            (f" {own}  ", "$muted"),
        )
        return text.stylize(Style.from_meta({"@click": f"screen.choose('{action.id}')"}))

    async def _on_key(self, event: events.Key) -> None:
        action = self._followers.get(event.character or "")
        if action is not None:
            event.stop()
            self.dismiss(action.id)
        elif event.key != "escape":
            event.stop()
            self.dismiss(f"{NOTHING}{pressed_label(event.key, event.character)}")

    def action_choose(self, name: str) -> None:
        """One was clicked."""
        self.dismiss(name)

    def action_leave(self) -> None:
        """Nowhere."""
        self.dismiss(None)
