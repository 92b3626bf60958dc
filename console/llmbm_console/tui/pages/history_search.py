"""Looking for an earlier prompt, as shells do it: what is typed filters, the key again goes to an older one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key, Resize
from textual.fuzzy import FuzzySearch
from textual.widgets import Input, Static

from llmbm_console.core.actions.key_labels import key_label
from llmbm_console.tui.glyphs import glyphs_of
from llmbm_console.tui.pages.lower_line import LowerLine
from llmbm_console.tui.text import clip, line, plain, safe

ROWS = 8  # of what was found, on a screen that has room for them
AROUND = 6  # rows of a screen that stay for the field, its frame and the picture behind


def found_in(entries: Sequence[str], sought: str) -> list[str]:
    """The entries, each once, the newest first, that contain every word of what is sought, in any case and order. When
    none does, those that have its letters in their order, the best first."""
    newest = list(dict.fromkeys(reversed(entries)))
    words = sought.casefold().split()
    found = [entry for entry in newest if all(word in entry.casefold() for word in words)]
    if found:
        return found
    search = FuzzySearch()
    letters = "".join(words)
    scores = {entry: search.match(letters, entry)[0] for entry in newest}
    return sorted((entry for entry in newest if scores[entry] > 0), key=lambda entry: -scores[entry])


class Field(Input):
    """A field in which one key does something else than writing, whatever an Input does with it."""

    def __init__(self, key: str, pressed: Callable[[], None], *, placeholder: str, compact: bool) -> None:
        super().__init__(placeholder=placeholder, compact=compact)
        self._key, self._pressed = key, pressed

    async def _on_key(self, event: Key) -> None:
        if event.key == self._key:
            event.stop()
            event.prevent_default()
            self._pressed()


class HistorySearch(LowerLine[str | None]):
    """A field, and above it the earlier prompts that match. The result is the one that was taken, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave", show=False),
        Binding("up", "go(1)", "Older", show=False, priority=True),
        Binding("down", "go(-1)", "Newer", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    HistorySearch Static { width: 1fr; height: auto; background: $surface; }
    """

    def __init__(
        self,
        entries: Sequence[str],
        key: str,
        title: str = "earlier prompts",
        nothing: str = "no earlier prompt has that",
    ) -> None:
        super().__init__()
        self._title, self._nothing = title, nothing
        self._entries, self._key = entries, key
        self._found = found_in(entries, "")
        self._at = 0  # of the found ones, the newest is 0

    def compose(self) -> ComposeResult:
        """What was found, the chosen one next to the field."""
        with Vertical() as box:
            box.border_title = line((self._title, ""))
            older = f"{key_label(self._key)} older   " if self._key else ""
            box.border_subtitle = line((f"Enter takes it   {older}Esc leaves", ""))
            yield Static(markup=False)
            yield Field(self._key, lambda: self.action_go(1), placeholder="a word of it", compact=True)

    def on_resize(self, event: Resize) -> None:
        """Few rows have room for few prompts."""
        self.call_after_refresh(self._draw)

    @property
    def chosen(self) -> str | None:
        """The one that Enter takes."""
        return self._found[self._at] if self._found else None

    def on_input_changed(self, message: Input.Changed) -> None:
        """Another word: the newest that matches."""
        self._found, self._at = found_in(self._entries, safe(message.value)), 0
        self._draw()

    def on_input_submitted(self) -> None:
        """It is taken. Where nothing was found, it stays open."""
        if self.chosen is not None:
            self.dismiss(self.chosen)

    def action_go(self, direction: int) -> None:
        """To an older one (1) or a newer one (-1)."""
        self._at = max(0, min(self._at + direction, len(self._found) - 1))
        self._draw()

    def _draw(self) -> None:
        shown = self.query_one(Static)
        rows = max(1, min(ROWS, self.size.height - AROUND))
        first = max(0, min(self._at - rows // 2, len(self._found) - rows))
        width = max(10, shown.size.width or self.size.width - 4)
        lines = [self._row(place, width) for place in range(first, min(first + rows, len(self._found)))]
        shown.update(Content("\n").join(reversed(lines)) if lines else line((self._nothing, "$warn")))

    def _row(self, place: int, width: int) -> Content:
        chosen = place == self._at
        text = clip(" ".join(plain(self._found[place]).split()), width - 2, glyphs_of(self.app).ellipsis)
        return line(("> " if chosen else "  ", "$accent"), (text, "bold $foreground" if chosen else "$muted"))
