"""A picture over the whole screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from llmbm_console.core.machine.ppm import Pixmap
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.terminal.direct_screen import DirectScreen
from llmbm_console.tui.terminal.pixels import picture_widget
from llmbm_console.tui.text import flat, line


class PicturePage(DirectScreen[None]):
    """One file, in as many pixels as the terminal can; any of its keys leaves it."""

    help_page = "picture"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Leave", show=False)]
    DEFAULT_CSS = """
    PicturePage { background: $background; }
    PicturePage Static { dock: bottom; height: 1; background: $surface; color: $muted; }
    """

    def __init__(self, file: str, pixmap: Pixmap, glyphs: Glyphs, pictures: str) -> None:
        super().__init__()
        self._file, self._pixmap, self._glyphs, self._pictures = file, pixmap, glyphs, pictures

    def compose(self) -> ComposeResult:
        """The picture above what it is."""
        picture, how = picture_widget(self._pixmap, self._glyphs, self._pictures, web=self.app.is_web)
        yield picture
        size = f"{self._pixmap.width} x {self._pixmap.height}"
        yield Static(line((f" {flat(self._file)}   {size}   {how}   Esc leaves", "$muted")), markup=False)

    async def action_dismiss(self, result: None = None) -> None:
        """Back to what is below."""
        self.dismiss(result)
