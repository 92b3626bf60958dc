"""Verbs on the machine behind the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from llmbm_console.core.counted import counted
from llmbm_console.core.defaults import SPEEDS
from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.keys import Chord, parse_keys, told
from llmbm_console.core.machine.qmp_command import QmpCommand, parse_command
from llmbm_console.core.machine.states import about, ago
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.tui.pages.ask import AskLine
from llmbm_console.tui.verbs.base import VerbGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from llmbm_console.core.machine.control import MachineControl, MachineSight

T = TypeVar("T")

BREAK = 0.25  # s
KEYS_TOLD = 6  # before they are typed


class MachineVerbs(VerbGroup):
    """Pause, reset, quit, looks at its screen and registers, its keyboard and its monitor."""

    @property
    def _machine(self) -> MachineControl | None:
        return self.app.session.machine if self.app.session is not None else None

    @property
    def _sight(self) -> MachineSight | None:
        return self.app.session.sight if self.app.session is not None else None

    def machine_pause(self) -> None:
        """Pauses or resumes the machine."""
        machine = self._machine
        if machine is not None:
            paused = self.app.state.machine.status is MachineStatus.PAUSED
            self.background(machine.resume() if paused else machine.pause())

    def machine_reset(self) -> None:
        """Restarts the machine; one that has ended is started again, as by connecting again."""
        machine = self._machine
        if self.app.machine_ended:
            self.app.connect()
        elif machine is not None:
            self.background(machine.reset())

    def machine_save_state(self) -> None:
        """Keeps the machine's state."""
        session = self.app.session
        if session is None:
            return

        async def run() -> None:
            saved = await session.save_state()
            self.say(f"saved: {about(saved)}; {self.key('machine.load_state')} goes back to it")

        self.background(run())

    def machine_load_state(self) -> None:
        """Goes on from a saved state: the only one, or one that is chosen."""
        from llmbm_console.tui.pages.history_search import HistorySearch

        session = self.app.session
        if session is None:
            return
        states = {f"{about(saved)}, {ago(saved)}": saved.number for saved in session.states}

        async def run(number: int) -> None:
            saved = await session.load_state(number)
            text = f"loaded: {about(saved)}"
            if self.app.state.machine.status is MachineStatus.PAUSED:
                text += f"; paused: change seed or temperature, then {self.key('machine.pause')} lets it go on"
            self.say(text)

        def chosen(text: str | None) -> None:
            if text is not None:
                self.background(run(states[text]))

        if len(states) == 1:
            chosen(next(iter(states)))
        else:
            self.app.push_screen(HistorySearch(tuple(states), "", "saved states", "no saved state has that"), chosen)

    def machine_nmi(self) -> None:
        """Interrupts every processor."""
        machine = self._machine
        if machine is not None:
            self.background(machine.nmi())

    def machine_keys(self) -> None:
        """Types on the machine's own keyboard."""
        machine = self._machine
        if machine is None:
            return

        async def type_keys(chords: list[Chord]) -> None:
            await machine.press(chords)
            look = self.app.key_labels["machine.screen"]
            self.say(f"{counted(len(chords), 'key was', 'keys were')} typed; {look} shows the machine's screen")

        def danger(chords: list[Chord]) -> str:
            first = ", ".join(map(told, chords[:KEYS_TOLD])) + (" and more" if len(chords) > KEYS_TOLD else "")
            return f"presses {first} on the machine's keyboard: whatever runs there acts on it"

        hint = 'keys and text as   esc   ctrl-alt-delete   down down ret   "/version" ret'

        async def begin() -> None:
            await machine.press(())  # where nothing can be typed, nothing is asked
            self._ask_twice("keys", hint, parse_keys, danger, type_keys, "types them", ())

        self.background(begin())

    def machine_qmp(self) -> None:
        """A command of QEMU's monitor; its answer is in the pane of the registers."""
        machine, pane = self._machine, self.app.main.views.registers
        if machine is None:
            return

        async def ask(command: QmpCommand) -> None:
            self.app.main.focus_pane("registers")
            try:
                pane.show_answer(command.name, await machine.command(command), self.app.frame())
            except SessionError as error:
                pane.fail(str(error), command.name)

        def danger(command: QmpCommand) -> str:
            return "" if command.only_reads else f"gives QEMU {command.name}, which may change or end the machine"

        async def begin() -> None:
            names = await machine.command_names()
            hint = 'query-cpus-fast   NAME {"key": 1}   {"execute": "NAME"}   what only asks begins with query-'
            self._ask_twice("QMP", hint, parse_command, danger, ask, "sends it", names)

        self.background(begin())

    def _ask_twice(
        self,
        label: str,
        hint: str,
        parse: Callable[[str], T],
        danger: Callable[[T], str],
        do: Callable[[T], Coroutine[Any, Any, None]],
        does: str,
        names: Sequence[str],
    ) -> None:
        """Asks for a line that `parse` reads or raises SessionError; `danger` is what it would do."""
        from llmbm_console.tui.asked_twice import AskedTwice

        def answered(value: T | None) -> None:
            if value is not None:
                self.background(do(value))

        asked = AskedTwice(parse, danger, self.app.clock, self.app.call_after_refresh)
        line = AskLine(label, "", hint, asked.read, changed=asked.changed, does=does, names=names)
        self.app.push_screen(line, answered)

    def machine_break(self) -> None:
        """A break on a serial line."""
        session = self.app.session
        if session is not None:
            self.background(session.send_break(BREAK))

    def machine_speed(self) -> None:
        """Another speed of the serial line."""
        names = tuple(map(str, SPEEDS))
        self._ask_line(
            "speed", names[0], f"bits per second: {', '.join(names)}", names, lambda text: ("baud", int(text))
        )

    def machine_lines(self) -> None:
        """A modem line of the serial port."""

        def read(text: str) -> tuple[str, int]:
            name, _, value = text.lower().partition(" ")
            return ("dtr", "rts")[("dtr", "rts").index(name)], ("0", "1").index(value.strip())

        names = ("dtr 0", "dtr 1", "rts 0", "rts 1")
        self._ask_line("line", "dtr 1", "dtr or rts, and 0 or 1", names, read)

    def _ask_line(
        self, label: str, text: str, hint: str, names: tuple[str, ...], read: Callable[[str], tuple[str, int]]
    ) -> None:
        """Asks for a setting of the serial port, which `read` takes from the text or raises ValueError."""
        session = self.app.session
        if session is None:
            return

        def setting_of(text: str) -> tuple[str, int]:
            try:
                return read(text.strip())
            except ValueError:
                raise SessionError(f"{text.strip() or 'nothing'}: expected {hint}") from None

        def answered(setting: tuple[str, int] | None) -> None:
            if setting is not None:
                self.background(session.set_line(*setting))

        self.app.push_screen(AskLine(label, text, hint, setting_of, does="sets it", names=names), answered)

    def machine_quit(self) -> None:
        """Ends the machine."""
        machine = self._machine
        if machine is not None:
            self.background(machine.quit())

    def machine_screen(self) -> None:
        """A picture of the machine's own screen, in its pane."""
        from llmbm_console.core.machine.ppm import PixmapError, parse_ppm

        machine, display = self._sight, self.app.main.views.display
        if machine is None:
            return
        self.app.main.focus_pane("display")

        async def run() -> None:
            try:
                display.show_picture(parse_ppm(await machine.screenshot()), self.app.frame())
            except (SessionError, PixmapError) as error:
                if display.pixmap is not None:  # the pane goes on showing the picture of before
                    self.say(str(error), "warning")
                display.fail(str(error))

        self.background(run())

    def machine_registers(self) -> None:
        """The processors' registers, in their pane."""
        machine, registers = self._sight, self.app.main.views.registers
        if machine is None:
            return
        self.app.main.focus_pane("registers")

        async def run() -> None:
            try:
                registers.show_text(await machine.registers(), self.app.frame())
            except SessionError as error:
                registers.fail(str(error))

        self.background(run())
