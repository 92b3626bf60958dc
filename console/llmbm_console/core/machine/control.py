"""What can be seen of a machine beside its serial line, and what can be done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmbm_console.core.machine.keys import Chord
    from llmbm_console.core.machine.qmp_command import QmpCommand

_ONLY_PORTS = "this line has no {}; only a serial port has"
#: What a machine lacks whose line is a socket, by the action of the table that would use it, and why.
NO_PORT = {
    "machine.break": _ONLY_PORTS.format("break"),
    "machine.speed": _ONLY_PORTS.format("speed"),
    "machine.lines": _ONLY_PORTS.format("DTR and RTS"),
}


class MachineSight(Protocol):
    """What is seen of a machine beside its serial line, which looking at does not change: memory, screen, registers."""

    @property
    def lacks(self) -> Mapping[str, str]:
        """What this kind of machine never has, by the action of the table that would use it, and why."""

    async def read_memory(self, address: int, length: int) -> bytes:
        """Octets of its memory, to be trusted while it is paused. Raises SessionError for what is no memory."""

    async def memory_around(self, address: int) -> tuple[int, int] | None:
        """The memory that an address lies in: its first octet and the one behind its last; None where there is none.
        Raises SessionError where it cannot be told."""

    async def screenshot(self) -> bytes:
        """What the machine's own screen shows, as a portable pixmap. Raises SessionError where there is no screen."""

    async def registers(self) -> str:
        """The processors' registers, as text for people. Raises SessionError where they cannot be seen."""

    async def slow_memory(self) -> str:
        """Why memory is read slowly, as the end of a sentence; empty when it is not. Raises SessionError."""


class MachineControl(MachineSight, Protocol):
    """A machine that can be controlled beside its serial line (QEMU by QMP, or the simulator's process)."""

    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def reset(self) -> None: ...
    async def quit(self) -> None: ...
    async def nmi(self) -> None:
        """Interrupts every processor by a non-maskable interrupt. Raises SessionError where that cannot be."""

    async def press(self, chords: Sequence[Chord]) -> None:
        """Types on its own keyboard, and returns when all was typed. Raises SessionError where it has none, or where
        nobody would hear it: also when there is nothing to type."""

    async def command(self, command: QmpCommand) -> str:
        """A command of QEMU's monitor; its answer as clean text. Raises SessionError with QEMU's words."""

    async def save_state(self, number: int) -> int:
        """Keeps the state of the whole machine, which has to be paused, under a number; the octets that it takes.
        Raises SessionError."""

    async def load_state(self, number: int) -> None:
        """Ends the machine; another one has that state then, paused, and its line is open. Raises SessionError."""

    def forget_state(self, number: int) -> None:
        """Gives the room of a state back."""

    async def command_names(self) -> tuple[str, ...]:
        """The commands that `command` takes. Raises SessionError where there is no monitor."""
