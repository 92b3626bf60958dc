"""The start screen: what could be opened now, to choose from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from llmbm_console.core.kept_files import saved_folder
from llmbm_console.core.session.choices import GROUPS, Choice, choices
from llmbm_console.core.session.targets import Target
from llmbm_console.core.settings.themes import DEFAULT_THEME, ThemeFile
from llmbm_console.tui.glyphs import BLOCKS, Glyphs, draws_ascii
from llmbm_console.tui.pages.help import HelpScreen
from llmbm_console.tui.pages.palette import Options
from llmbm_console.tui.terminal.terminal_app import TerminalApp
from llmbm_console.tui.text import clip, line, middle, wrap
from llmbm_console.tui.theme import textual_name, textual_theme

EMPTY = {
    GROUPS[1]: "none found: plug a USB serial adapter in, then press r",
    GROUPS[2]: "none found: a QEMU is listed here that was started with\n-qmp unix:PATH,server,nowait",
    GROUPS[3]: "none yet: /save_dump writes a dump, w records a session",
}
INDENT = 4
OTHER_ROWS = 8
NARROW = 70


def found_now() -> list[Choice]:
    """What there is at this moment, files of the current folder included."""
    return choices((saved_folder(), Path.cwd()), time.time())


class StartApp(TerminalApp[Target | None]):
    """Ends with the target that was chosen, or None."""

    TITLE = "llmbm-console"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+q,ctrl+c", "leave", "Quit", show=False, priority=True),
        Binding("f1,question_mark", "help", "Help", show=False, priority=True),
        Binding("r", "look_again", "Look again", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]
    CSS = """
    Screen { align: center middle; background: $background; }
    #start {
        width: 100; max-width: 98%; height: auto; max-height: 96%; padding: 1 2 0 2;
        border: round $focus; background: $surface; border-title-color: $accent; border-subtitle-color: $muted;
    }
    #start.-ascii { border: ascii $focus; }
    #start OptionList, #start OptionList:focus {
        height: auto; max-height: 75vh; border: none; padding: 0; background: $surface; scrollbar-size: 1 1;
        background-tint: $surface 0%;
    }
    #start OptionList > .option-list--option-disabled { color: $muted; }
    #start OptionList:focus > .option-list--option-highlighted { background: $accent 30%; text-style: none; }
    #start Static { height: auto; background: $surface; color: $bad; }
    """

    def __init__(
        self,
        themes: dict[str, ThemeFile],
        theme: str,
        look: Callable[[], list[Choice]] = found_now,
        glyphs: Glyphs = BLOCKS,
    ) -> None:
        self._style = themes.get(theme) or themes.get(DEFAULT_THEME) or next(iter(themes.values()))
        super().__init__()
        self._look = look
        self._choices: list[Choice] = []
        self.glyphs = glyphs
        self.register_theme(textual_theme(self._style))
        self.theme = textual_name(self._style.name, 0)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The theme's roles."""
        return textual_theme(self._style).variables

    def compose(self) -> ComposeResult:
        """A list in a frame, and a line for what is wrong."""
        with Vertical(id="start", classes="-ascii" if draws_ascii(self) else "") as box:
            box.border_title = line(("LLM-BM ", "bold"), ("what shall be opened?", ""))
            box.border_subtitle = line(("Enter opens   r looks again   Esc leaves", ""))
            yield Options(markup=False)
            yield Static(markup=False)

    def on_mount(self) -> None:
        """Looks around."""
        self.action_look_again()

    def on_resize(self) -> None:
        """What fits depends on the width; the list leaves rows for its frame and for what is wrong with a choice."""
        self.query_one(OptionList).styles.max_height = max(4, self.size.height - OTHER_ROWS)
        self._fill(self.query_one(OptionList).highlighted)

    def action_look_again(self) -> None:
        """What there is may have changed."""
        self._choices = self._look()
        self._fill(None)

    @property
    def _width(self) -> int:
        """Cells of a row."""
        return max(24, min(100, self.size.width) - 10)

    def _fill(self, highlighted: int | None) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(self._options(self._width))
        first = next((i for i in range(options.option_count) if not options.get_option_at_index(i).disabled), None)
        options.highlighted = first if highlighted is None else min(highlighted, options.option_count - 1)
        options.focus()

    def _options(self, width: int) -> Iterable[Option]:
        for group in GROUPS:
            members = [(i, choice) for i, choice in enumerate(self._choices) if choice.group == group]
            yield Option(line((group, "bold $foreground")), disabled=True)
            if not members:
                text = EMPTY.get(group, "")  # it holds what is to be copied: never cut
                for start, end in wrap(text, width - INDENT):
                    yield Option(line((" " * INDENT + text[start:end], "$muted")), disabled=True)
            for index, choice in members:
                yield Option(self._line(choice, width), id=str(index))
            yield Option(line(), disabled=True)

    def _line(self, choice: Choice, width: int) -> Content:
        style = "$muted" if choice.reason else "$accent"
        room = self._name_room(width)
        title = middle(choice.title, room, self.glyphs.ellipsis)
        if width < NARROW:
            return line((" " * INDENT + title, style))
        note = choice.reason or choice.detail
        gap = " " * (room + 2 - cell_len(title))
        text = clip(note, self._note_room(width), self.glyphs.ellipsis)
        return line((" " * INDENT + title, style), (gap, ""), (text, "$warn" if choice.reason else "$muted"))

    @staticmethod
    def _name_room(width: int) -> int:
        """Cells of a row for the name; on a narrow one nothing stands beside it."""
        return width - INDENT if width < NARROW else min(48, width * 2 // 5)

    def _note_room(self, width: int) -> int:
        """Cells of a row for what stands beside the name."""
        return width - INDENT - self._name_room(width) - 2

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        """What the row has no room for is told below."""
        choice, width = self._choice(message.option), self._width
        notes: list[str] = []
        if choice is not None:
            cut = cell_len(choice.title) > self._name_room(width)
            notes = [choice.title] if cut else []
            note = choice.reason or choice.detail
            notes += [note] if width < NARROW or cell_len(note) > self._note_room(width) else []
        self.query_one(Static).update(line(("\n".join(notes), "$muted")))

    def _choice(self, option: Option) -> Choice | None:
        return self._choices[int(option.id)] if option.id is not None else None

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Opens it, or says why that cannot be."""
        choice = self._choice(message.option)
        if choice is None:
            return
        if choice.reason:
            self.query_one(Static).update(line((f"{choice.title}: {choice.reason}", "$bad")))
            return
        self.exit(choice.target)

    def action_move(self, step: int) -> None:
        """Up and down with the keys of the home row."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_leave(self) -> None:
        """Nothing was chosen; the help is only closed."""
        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        else:
            self.exit(None)

    def action_help(self) -> None:
        """What the list is, and its keys."""
        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        else:
            self.push_screen(HelpScreen("start", ()))
