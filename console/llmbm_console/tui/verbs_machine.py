"""Verbs on the machine behind the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.events import MachineStatus
from llmbm_console.core.session import SessionError
from llmbm_console.tui.verbs_base import VerbGroup

if TYPE_CHECKING:
    from llmbm_console.core.session import MachineControl

BREAK = 0.25  # s


class MachineVerbs(VerbGroup):
    """Pause, reset, quit, and looks at its screen and registers."""

    @property
    def _machine(self) -> MachineControl | None:
        return self.app.session.machine if self.app.session is not None else None

    def machine_pause(self) -> None:
        """Pauses or resumes the machine."""
        machine = self._machine
        if machine is not None:
            paused = self.app.state.machine.status is MachineStatus.PAUSED
            self.background(machine.resume() if paused else machine.pause())

    def machine_reset(self) -> None:
        """Restarts the machine."""
        machine = self._machine
        if machine is not None:
            self.background(machine.reset())

    def machine_break(self) -> None:
        """A break on a serial line."""
        session = self.app.session
        if session is not None:
            self.background(session.send_break(BREAK))

    def machine_quit(self) -> None:
        """Ends the machine."""
        machine = self._machine
        if machine is not None:
            self.background(machine.quit())

    def machine_screen(self) -> None:
        """A picture of the machine's own screen."""
        from llmbm_console.core.ppm import Pixmap, PixmapError, parse_ppm
        from llmbm_console.tui.page import PicturePage

        machine = self._machine
        if machine is None:
            return

        async def take() -> Pixmap:
            try:
                return parse_ppm(await machine.screenshot())
            except PixmapError as error:
                raise SessionError(str(error)) from error

        async def again(page: PicturePage) -> None:
            page.show(await take())

        async def run() -> None:
            picture = await take()
            self.app.push_screen(PicturePage(picture, self.app.glyphs, lambda page: self.background(again(page))))

        self.background(run())

    def machine_registers(self) -> None:
        """The processors' registers."""
        from llmbm_console.tui.page import TextPage

        machine = self._machine
        if machine is None:
            return

        async def run() -> None:
            self.app.push_screen(TextPage("Registers", await machine.registers()))

        self.background(run())
