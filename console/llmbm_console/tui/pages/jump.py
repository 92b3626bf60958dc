"""Jump: a letter for every pane, slider and view; pressing it goes there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Static

from llmbm_console.tui.text import line

#: The letters in the order of the places that they lead to, the usual ones first: on the home row.
LETTERS = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"


@dataclass(frozen=True, slots=True)
class Target:
    """A place to go to. `place` is where its letter stands on the screen, None for what is not in sight."""

    title: str
    go: Callable[[], None]
    place: Offset | None = None


class JumpScreen(ModalScreen[Target | None]):
    """Letters over the main screen, and at its lower edge what is not in sight. `targets` are the places by their
    letters. Dismissed with the target that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "leave", "Leave", show=False)]
    DEFAULT_CSS = """
    JumpScreen { background: $background 40%; }
    JumpScreen .jump--letter {
        position: absolute; width: auto; height: 1; background: $focus; color: $background; text-style: bold;
    }
    JumpScreen #jump--others {
        dock: bottom; width: 100%; height: auto; padding: 0 1; background: $surface; text-wrap: nowrap;
    }
    """

    def __init__(self, targets: dict[str, Target]) -> None:
        super().__init__()
        self._targets = targets

    def compose(self) -> ComposeResult:
        """A label at each target in sight, and a list of the others."""
        others, seen = self._split()
        for letter, target in seen.items():
            if target.place is not None:
                label = Static(line((f"[{letter}]", "")), classes="jump--letter", markup=False)
                label.styles.offset = (target.place.x, target.place.y)
                yield label
        listed = Static(
            Content("\n").join(self._rows(others, self.app.size.width - 2)), id="jump--others", markup=False
        )
        listed.auto_links = False
        yield listed

    def _split(self) -> tuple[dict[str, Target], dict[str, Target]]:
        """What the list at the lower edge has, and what has a label. Where the list covers a label, the list has it."""
        width, height = self.app.size
        others: dict[str, Target] = {}
        while True:
            rows = len(self._rows(others, width - 2))
            more = {
                letter: target
                for letter, target in self._targets.items()
                if target.place is None or target.place.y >= height - rows
            }
            if len(more) == len(others):
                return others, {letter: one for letter, one in self._targets.items() if letter not in others}
            others = more

    @staticmethod
    def _rows(targets: dict[str, Target], width: int) -> list[Content]:
        """What to do, and a letter with its title for each target; a row ends behind a title only."""
        rows = [line(("Jump: a letter goes there, Esc leaves", "bold $accent"))]
        for letter, target in targets.items():
            part = line((f"[{letter}] ", "bold $focus"), (target.title, "$foreground"))
            part = part.stylize(Style.from_meta({"@click": f"screen.choose('{letter}')"}))
            if rows[-1].cell_length + 2 + part.cell_length <= width:
                rows[-1] = line(rows[-1], ("  ", ""), part)
            else:
                rows.append(part)
        return rows

    async def _on_key(self, event: events.Key) -> None:
        if (event.character or "") in self._targets:
            event.stop()
            self.action_choose(event.character or "")

    def action_choose(self, letter: str) -> None:
        """There."""
        self.dismiss(self._targets[letter])

    def action_leave(self) -> None:
        """Nowhere."""
        self.dismiss(None)
