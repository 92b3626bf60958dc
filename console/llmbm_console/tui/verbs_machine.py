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
        """A picture of the machine's own screen, in its pane."""
        from llmbm_console.core.ppm import PixmapError, parse_ppm

        machine, display = self._machine, self.app.main.views.display
        if machine is None:
            return
        self.app.main.focus_pane("display")

        async def run() -> None:
            try:
                display.show_picture(parse_ppm(await machine.screenshot()))
            except (SessionError, PixmapError) as error:
                if display.pixmap is not None:  # the pane goes on showing the picture of before
                    self.say(str(error), "warning")
                display.fail(str(error))

        self.background(run())

    def machine_registers(self) -> None:
        """The processors' registers, in their pane."""
        machine, registers = self._machine, self.app.main.views.registers
        if machine is None:
            return
        self.app.main.focus_pane("registers")

        async def run() -> None:
            try:
                registers.show_text(await machine.registers())
            except SessionError as error:
                registers.fail(str(error))

        self.background(run())
