"""What every verb on the hex lens needs: the lens, the memory behind it, and whether that can be read now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.errors import SessionError
from llmbm_console.tui.verbs.base import VerbGroup

if TYPE_CHECKING:
    from llmbm_console.core.machine.control import MachineSight
    from llmbm_console.tui.widgets.hex_view import HexView


class LensVerbs(VerbGroup):
    """Base of the verbs on the hex lens."""

    @property
    def _hex(self) -> HexView:
        return self.app.main.views.hex

    @property
    def _memory(self) -> MachineSight | None:
        return self.app.session.sight if self.app.session is not None else None

    def _unreadable(self) -> str:
        """Why there is no memory to look at now; empty when there is."""
        from llmbm_console.tui.widgets.hex_reach import unreached

        return unreached(self.app.shown_frame()).brief

    def _readable(self, name: str) -> bool:
        """Whether there is memory to look at; where there is none it says why an action does nothing."""
        brief = self._unreadable()
        if brief:
            self.say(f"{self.app.by_id[name].title}: {brief}", "warning")
        return not brief

    async def _go(self, address: int, octets: int = 1) -> None:
        """Shows an address with so many octets marked. Raises SessionError where there is no memory."""
        if not self._hex.show_address(address, octets):
            self._hex.show_memory(await self._around(address), address, octets)

    async def _around(self, address: int) -> tuple[int, int]:
        """The memory that an address lies in. Raises SessionError where there is none."""
        memory = self._memory
        around = await memory.memory_around(address) if memory is not None else None
        if around is None:
            raise SessionError(f"{address:#x}: the machine has no memory there (a device, or nothing)")
        return around
