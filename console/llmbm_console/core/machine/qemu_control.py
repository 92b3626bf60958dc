"""What can be done to a QEMU by its monitor, whoever started it."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.keys import Chord
from llmbm_console.core.machine.qmp import QmpConnection
from llmbm_console.core.machine.qmp_command import QmpCommand, answer_text
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state.events import Event, MachineStatus, Notice

HOLD = 0.05  # s that a key is held down
BETWEEN = 0.05  # s from its release to the next: a PS/2 keyboard keeps 16 octets, and firmware looks at it 50 times a s


class QemuControl(ABC):
    """Base of the machines in QEMU: the verbs of MachineControl that need nothing but the monitor."""

    _monitor: QmpConnection
    _emit: Callable[[Event], None]

    @property
    def lacks(self) -> Mapping[str, str]:
        """See MachineSight."""
        return {}

    async def pause(self) -> None:
        """Stops the processors; the machine's clock stops with them."""
        await self._monitor.execute("stop")

    async def resume(self) -> None:
        """Goes on."""
        await self._monitor.execute("cont")

    async def screenshot(self) -> bytes:
        """What the machine's own screen shows."""
        return await self._monitor.screenshot()

    async def registers(self) -> str:
        """The processors' registers."""
        return await self._monitor.registers()

    async def read_memory(self, address: int, length: int) -> bytes:
        """Octets of its memory, by physical address: UEFI maps every page to itself."""
        return await self._monitor.memory.read(address, length)

    async def memory_around(self, address: int) -> tuple[int, int] | None:
        """The memory that an address lies in."""
        return await self._monitor.memory.around(address)

    async def slow_memory(self) -> str:
        """Why memory is read slowly; empty when it is not."""
        return await self._monitor.memory.why_slow()

    async def nmi(self) -> None:
        """A non-maskable interrupt to every processor."""
        await self._monitor.execute("inject-nmi")
        self._emit(Notice(time.monotonic(), "warn", "an NMI was sent to every processor"))

    async def press(self, chords: Sequence[Chord]) -> None:
        """Types on its keyboard, one chord after the other. A paused machine would keep a few and lose the rest."""
        if (await self._monitor.status())[0] is not MachineStatus.RUNNING:
            raise SessionError("the machine does not run, and would not hear its keyboard: resume it first")
        for chord in chords:
            keys = [{"type": "qcode", "data": name} for name in chord]
            await self._monitor.execute("send-key", keys=keys, **{"hold-time": int(HOLD * 1000)})
            await asyncio.sleep(HOLD + BETWEEN)

    async def command(self, command: QmpCommand) -> str:
        """A command of the monitor; its answer as text."""
        if command.name == "quit":
            await self.quit()  # its answer may not come any more
            return answer_text({})
        return clean(answer_text(await self._monitor.execute(command.name, **command.arguments)))

    async def command_names(self) -> tuple[str, ...]:
        """The commands that this QEMU's monitor has."""
        said = await self._monitor.execute("query-commands")
        names = (one.get("name") for one in said if isinstance(one, dict)) if isinstance(said, list) else ()
        return tuple(sorted(name for name in names if isinstance(name, str)))

    @abstractmethod
    async def quit(self) -> None:
        """Ends QEMU."""
