"""An application on a terminal: which characters and colours leave in a line, and that nothing is drawn while the
terminal is lent or stands still."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from textual.app import App
from textual.filter import LineFilter
from textual.screen import Screen

from llmbm_console.tui.glyphs import BLOCKS, draws_ascii
from llmbm_console.tui.sure_width import own
from llmbm_console.tui.terminal.ascii_filter import AsciiFilter
from llmbm_console.tui.terminal.no_colours import ColourChoice, unwanted
from llmbm_console.tui.text import ControlFilter

R = TypeVar("R")

LOOK_AGAIN = 0.1  # s until it is looked whether a terminal takes something again


class TerminalApp(App[R], Generic[R]):
    """`glyphs` are the signs that it draws with; `lent` is for lent.py."""

    def __init__(self) -> None:
        super().__init__()
        self.glyphs = BLOCKS
        self.no_color, self._no_colours = unwanted(), ColourChoice()
        self._control_filter, self._ascii_filter = ControlFilter(), AsciiFilter()
        self.lent = False  # the terminal, to another program
        self._undrawn = False  # a terminal that stood still has not got the newest picture

    @property
    def has_terminal(self) -> bool:
        """Whether there is a terminal that another program can be given for a while."""
        return self._driver is not None and self._driver.can_suspend

    def copy_to_clipboard(self, text: str) -> None:
        """What was laid out is copied as it was before."""
        super().copy_to_clipboard(own(text))

    def get_line_filters(self) -> list[LineFilter]:
        """Nothing is drawn in colours for somebody who wants none. No control character leaves in a line, whatever drew
        it, and with ASCII signs nothing else than ASCII."""
        filters = list(super().get_line_filters())
        if self.no_color:
            filters = self._no_colours.filters(filters, self.current_theme)
        return [*filters, self._control_filter, *([self._ascii_filter] if draws_ascii(self) else [])]

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Draws nothing on a terminal that is behind; when it is not any more, it gets a whole picture. Textual (8.2.8;
        this is no public name of it) would wait for it, and so would the kernel's line."""
        if self.lent:
            return  # the whole picture is drawn when it is taken back
        if not getattr(self._driver, "behind", False):
            super()._display(screen, renderable)
        elif not self._undrawn:
            self._undrawn = True
            self.set_timer(LOOK_AGAIN, self._draw_what_was_left_out)

    def _draw_what_was_left_out(self) -> None:
        if getattr(self._driver, "behind", False):
            self.set_timer(LOOK_AGAIN, self._draw_what_was_left_out)
        else:
            self._undrawn = False
            self.refresh(layout=True)
