"""The machine's own screen: a picture that was taken, or what to do to see one."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from llmbm_console.core.machine.ppm import Pixmap
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.taken import Taken
from llmbm_console.tui.terminal.pixels import picture_widget
from llmbm_console.tui.text import line
from llmbm_console.tui.widgets.framed import Framed


class DisplayPane(Framed, can_focus=True):
    """Shows one picture in as many pixels as the terminal can."""

    pane, number, title_text = "display", 0, "Screen"

    DEFAULT_CSS = """
    DisplayPane { border: round $border; padding: 0 1; background: $background; align: center middle; }
    DisplayPane:focus { border: round $focus; }
    DisplayPane.-ascii { border: ascii $border; }
    DisplayPane.-ascii:focus { border: ascii $focus; }
    DisplayPane > Static { width: 1fr; height: 1fr; }
    """

    def __init__(self, pictures: str, *, id: str) -> None:
        super().__init__(id=id)
        self._pictures = pictures  # the setting: how they are drawn
        self._picture: Widget | None = None
        self._words = Static(markup=False)
        self.pixmap: Pixmap | None = None
        self._taken: Taken | None = None
        self.reason = ""  # why there is no picture

    def compose(self) -> ComposeResult:
        """Words until there is a picture."""
        yield self._words

    def set_glyphs(self, glyphs: Glyphs) -> None:
        """Another set of signs, in which the picture may be drawn."""
        super().set_glyphs(glyphs)
        if self.pixmap is not None:
            self._show(self.pixmap)

    def _draw(self) -> None:
        if self._taken is not None and self._taken.is_over(self._frame):
            self._forget()
        if self.pixmap is None:
            self._words.update(Content("\n").join(self._advice()))
            self.set_heading(line(), line())

    def _advice(self) -> list[Content]:
        frame = self._frame
        if self.reason:
            return [line((self.reason, "$warn"))]
        if why := frame.lacks.get("machine.screen"):
            return [line((why, "$muted"))]
        if frame.read_only and not frame.seen:
            return [line((f"{frame.watcher} has no screen to look at.", "$muted"))]
        if not (frame.controllable or frame.seen):
            return [
                line(("A serial line carries text only.", "$foreground")),
                line(("With --qemu or --qmp the machine's own screen is shown here.", "$muted")),
            ]
        return [
            line((f"{frame.keys['machine.screen']} takes a picture of the machine's own screen.", "$foreground")),
            line(("The kernel boots with a picture and writes its text below it.", "$muted")),
        ]

    def show_picture(self, pixmap: Pixmap, now: Frame) -> None:
        """Another picture, which was taken just now."""
        self._taken = Taken.of(now)
        self._show(pixmap)

    def _forget(self) -> None:
        if self._picture is not None:
            self._picture.remove()
        self._picture = self.pixmap = self._taken = None
        self.reason = ""
        self._words.display = True

    def _show(self, pixmap: Pixmap) -> None:
        if self._picture is not None:
            self._picture.remove()
        self.pixmap, self.reason = pixmap, ""
        self._words.display = False
        self._picture, how = picture_widget(pixmap, self.glyphs, self._pictures, web=self.app.is_web)
        self.mount(self._picture)
        size = f"{pixmap.width} x {pixmap.height}  {how}"
        self.set_heading(
            line((f"{self._taken.when(self._frame)}  " if self._taken else "", "$foreground"), (size, "$muted")),
            line((self._frame.keys["machine.screen"], "$accent"), (" takes it again", "$muted")),
        )

    def fail(self, reason: str) -> None:
        """There is no picture, and why; an earlier one stays."""
        self.reason = reason
        self._draw()
