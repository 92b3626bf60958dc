"""A short tour: a card beside each part of the screen in turn, with what it shows and what to press.

The session goes on below it. The first start offers it and never opens it: who begins to type wants an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Offset, Region, Size, Spacing
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Static

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label, key_labels, spelt
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import clip, line, wrap

WIDTH = 46  # columns of a card
FRAME = 4  # of its border and padding
KEY = 7  # columns of the keys at least
CORNERS = Spacing(1, 0, 1, 0)  # of what it points at: the mark leaves its title alone


@dataclass(frozen=True, slots=True)
class Step:
    """One card. `panes` are what it points at, the first of them that is on the screen; where none is, the first one is
    brought there. `keys` are actions by id, with a blank between two, or keys of a widget that stay what they are."""

    panes: tuple[str, ...]
    title: str
    text: str
    keys: tuple[tuple[str, str], ...] = ()


STEPS: tuple[Step, ...] = (
    Step(
        ("prompt",),
        "A kernel that answers",
        "A language model runs on a bare machine, without an operating system. Write the beginning of a story here; "
        "the model goes on with it.",
        (("Enter", "send"), ("^j", "new line"), ("/help", "the kernel's commands")),
    ),
    Step(
        ("transcript",),
        "What it says",
        "Answers come token by token, with what they cost below. {0[view.leave]} leaves the prompt: then single keys "
        "act.",
        (
            ("view.leave", "from the prompt to the panes"),
            ("chat.prompt", "back to it"),
            ("chat.break", "stops an answer"),
            ("chat.copy", "copies it"),
        ),
    ),
    Step(
        ("sentinel", "hud"),
        "What it costs",
        "Every token has a budget of processor cycles. The sentinel watches it, and the memory beside it is the "
        "machine's own.",
        (("view.memory", "memory, down to its octets"), ("machine.pause", "pauses the machine")),
    ),
    Step(
        ("sampling",),
        "How it chooses",
        "These sliders are the kernel's sampling parameters: more heat, more surprise. They act at once.",
        (
            ("pane.sampling", "goes there"),
            ("arrows", "move one"),
            ("sampling.undo", "takes a change back"),
            ("view.compare", "two answers side by side"),
        ),
    ),
    Step(
        ("events",),
        "What happened",
        "Kernel, line and machine on one clock. Nothing is lost: you can look back while it runs on.",
        (
            ("view.log", "the whole log"),
            ("log.next_error log.previous_error", "next warning, the one before"),
            ("time.back time.forward", "5 s back and forth"),
        ),
    ),
    Step(
        ("status",),
        "Where you are",
        "What is connected, how it is and what it does. If the line breaks, it is said here and mended by itself.",
        (("view.machine", "the machine's screen and registers"), ("view.dumps", "dumps and recordings")),
    ),
    Step(
        ("keys",),
        "Everything else",
        "You need not remember a key: these three find them all.",
        (
            ("view.palette", "every action by its name"),
            ("view.leader", "where one can go"),
            ("view.help", "help for the focused pane"),
        ),
    ),
)


#: what is said instead of a machine without a screen to look at
WITHOUT_SCREEN = {"view.machine": "the machine, and what became of it"}


def place(card: Size, target: Region, screen: Size) -> Offset:
    """Where a card stands: beside what it points at, not over it where that can be, and always on the screen."""
    room_right, room_left = screen.width - target.right, target.x
    below, above = screen.height - target.bottom, target.y
    if room_left >= card.width:
        offset = Offset(target.x - card.width, target.y)
    elif above >= card.height:
        offset = Offset(target.x, target.y - card.height)
    elif below >= card.height:
        offset = Offset(target.x, target.bottom)
    elif room_right >= card.width:
        offset = Offset(target.right, target.y + 1)
    else:
        offset = Offset(target.right - card.width - 3, target.bottom - card.height - 1)
    return Offset(max(0, min(offset.x, screen.width - card.width)), max(0, min(offset.y, screen.height - card.height)))


class Card(Static):
    """The text of a step in a frame."""

    DEFAULT_CSS = """
    Card {
        position: absolute; height: auto; padding: 0 1; border: round $focus; background: $surface;
        border-title-color: $accent;
    }
    Card.-ascii { border: ascii $focus; }
    """


class TourScreen(ModalScreen[bool]):
    """Dismissed with True when it was seen to its end, False when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave", show=False),
        Binding("right,down,enter,space,n", "step(1)", "Next", show=False),
        Binding("left,up,backspace,p", "step(-1)", "Back", show=False),
    ]
    DEFAULT_CSS = """
    TourScreen { background: transparent; }
    TourScreen > .tour--mark { position: absolute; width: 1; color: $focus; }
    """

    def __init__(
        self,
        bring: Callable[[tuple[str, ...]], dict[str, Region]],
        glyphs: Glyphs,
        actions: Mapping[str, Action],
        *,
        screen: bool = True,
    ) -> None:
        """`bring` has one of some panes on the screen, and returns where everything is then; `screen`: the machine has
        one, and registers, to look at."""
        super().__init__()
        self._screen = screen
        self._bring, self._glyphs, self._actions = bring, glyphs, actions
        self.number = 0

    def compose(self) -> ComposeResult:
        """One card."""
        card = Card(markup=False, classes="-ascii" if self._glyphs.border == "ascii" else "")
        card.auto_links = False
        yield Static(classes="tour--mark", markup=False)
        yield card

    def on_mount(self) -> None:
        """The first one."""
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """What it points at has moved."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        step, card = STEPS[self.number], self.query_one(Card)
        width = min(WIDTH, max(20, self.size.width - 2))
        room = width - FRAME
        text = spelt(step.text, key_labels(tuple(self._actions.values())))
        rows = [line((text[a:b], "$foreground")) for a, b in wrap(text, room)]
        words = step.keys if self._screen else tuple((key, WITHOUT_SCREEN.get(key, word)) for key, word in step.keys)
        told = [(key, word) for names, word in words if (key := self._key(names))]
        column = max([KEY, *(len(key) + 2 for key, _word in told)])
        keys = [
            line((f"{key:<{column}}", "bold $accent"), (clip(word, room - column, self._glyphs.ellipsis), "$muted"))
            for key, word in told
        ]
        lines = [*rows, line(), *keys, line(), self._foot()]
        card.border_title = line((step.title, "bold"), (f"  {self.number + 1} of {len(STEPS)}", "$muted"))
        card.styles.width, card.styles.max_height = width, self.size.height
        card.update(Content("\n").join(lines))
        regions = self._bring(step.panes)
        pane = next((pane for pane in step.panes if pane in regions), "")
        target = regions.get(pane, Region(0, 0, self.size.width, self.size.height))
        card.styles.offset = place(Size(width, len(lines) + 2), target, self.size)
        mark = self.query_one(".tour--mark", Static)
        inner = target.shrink(CORNERS) if target.height > 2 else target
        mark.styles.offset, mark.styles.height = Offset(target.x, inner.y), inner.height
        mark.update(Content("\n").join([line((self._glyphs.block, ""))] * inner.height))
        mark.display = bool(pane)

    def _key(self, names: str) -> str:
        """The keys that are bound to actions; empty where none is."""
        if names not in self._actions and " " not in names:
            return names
        keys = [self._actions[name].keys for name in names.split()]
        return " ".join(key_label(bound[0]) for bound in keys if bound)

    def _foot(self) -> Content:
        last = self.number == len(STEPS) - 1
        parts = (("Enter", "ends it" if last else "next", "step(1)"), ("Esc", "leaves the tour", "leave"))
        shown = [
            line((key, "bold $accent"), (f" {word}", "$muted")).stylize(Style.from_meta({"@click": f"screen.{action}"}))
            for key, word, action in (parts[:1] if last else parts)
        ]
        return Content("   ").join(shown)

    def action_step(self, direction: int) -> None:
        """The next card, or the one before; behind the last one it ends."""
        if self.number + direction >= len(STEPS):
            self.dismiss(True)
            return
        self.number = max(0, self.number + direction)
        self._show()

    def action_leave(self) -> None:
        """Enough."""
        self.dismiss(False)
