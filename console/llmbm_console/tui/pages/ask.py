"""One line of input in a frame at the lower edge: for finding, filtering, names and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from llmbm_console.core.errors import SessionError
from llmbm_console.tui.pages.lower_line import LowerLine
from llmbm_console.tui.text import common_start, line, safe

T = TypeVar("T")


class Remark(str):
    """What there is to say about a text that can be taken all the same."""


class Told(Remark):
    """What a text leads to, where nothing is wrong with it."""


class AskLine(LowerLine[T | None], Generic[T]):
    """Enter gives what `read` makes of the text; as long as it raises SessionError or ValueError, the line stays open
    with what that says.

    Each state of the text is shown to `changed`, which returns a problem, a Remark, or an empty string; without it the
    problem is what `read` raises. Tab completes one of `names`. Up (-1) and down (1) go through what the text leads to,
    where that can be: `step` returns what there is to say then. Esc goes back to what was there before (None).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
        Binding("up", "step(-1)", "Before", show=False),
        Binding("down", "step(1)", "Next", show=False),
    ]
    DEFAULT_CSS = """
    AskLine.-tight .ask--hint { max-height: 1; }
    AskLine .ask--hint { width: 1fr; height: auto; min-height: 1; max-height: 3; background: $surface; }
    """

    def __init__(
        self,
        label: str,
        text: str,
        hint: str,
        read: Callable[[str], T | None],
        *,
        changed: Callable[[str], str] | None = None,
        does: str = "keeps it",
        names: Sequence[str] = (),
        step: Callable[[int], str] | None = None,
    ) -> None:
        super().__init__()
        self._label, self._before, self._hint, self._read = label, text, hint, read
        self._changed = self._problem_of if changed is None else changed
        self._does, self._names, self._step = does, names, step
        self._problem = ""

    def _problem_of(self, text: str) -> str:
        try:
            self._read(text)
        except (SessionError, ValueError) as error:
            return str(error)
        return ""

    def compose(self) -> ComposeResult:
        """The text, and below it a hint or what is wrong."""
        with Vertical() as box:
            box.border_title = line((self._label, ""))
            tab = "Tab completes   " if self._names else ""
            box.border_subtitle = line((f"Enter {self._does}   {tab}Esc leaves", ""))
            yield Input(safe(self._before), placeholder=self._label, select_on_focus=True, compact=True)
            yield Static(line((self._hint, "$muted")), classes="ask--hint", markup=False)

    def on_input_changed(self, message: Input.Changed) -> None:
        """Each key is answered at once."""
        self._tell(self._changed(safe(message.value)))

    def _tell(self, said: str) -> None:
        self._problem = "" if isinstance(said, Remark) else said
        quiet = not said or isinstance(said, Told)
        style = "$muted" if quiet else "$bad" if self._problem else "$warn"
        self.query_one(".ask--hint", Static).update(line((said or self._hint, style)))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Kept, unless there is something wrong with it."""
        text = safe(message.value)
        self._tell(self._changed(text))
        if self._problem:
            return
        try:
            value = self._read(text)
        except (SessionError, ValueError) as error:
            self._tell(str(error))
        else:
            self.dismiss(value)

    def action_complete(self) -> None:
        """The text extended as far as all names agree that begin with it."""
        field = self.query_one(Input)
        found = [name for name in self._names if name.startswith(field.value)]
        if found:
            field.value = common_start(found)
            field.cursor_position = len(field.value)

    def action_step(self, direction: int) -> None:
        """To what is next, or before."""
        if self._step is not None and self.query_one(Input).value and not self._problem:
            self._tell(self._step(direction))

    def action_leave(self) -> None:
        """As it was."""
        self._changed(self._before)
        self.dismiss(None)
