"""Verbs on the machine's memory: what the hex lens looks at, and reading it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.byte_classes import Sample, kinds_of
from llmbm_console.core.machine.guest_memory import PAGE
from llmbm_console.tui.verbs.lens import LensVerbs
from llmbm_protocol.words import Arena

if TYPE_CHECKING:
    from llmbm_console.core.state.state import State

PLACES = "hex or an arena: db02080, kv, kv+1c0"
AT_ONCE = 16  # samples of memory between two pictures of them
EXPECTED = "expected an address in hexadecimal, or an arena: 0xdb02080, kv, kv+1c0"
_PLACE = re.compile(r"(?:([a-z]+)|(?:0x)?([0-9a-f]{1,16}))(?:\s*\+\s*(?:0x)?([0-9a-f]{1,12}))?", re.IGNORECASE)


def address_of(text: str, state: State) -> int:
    """What a person means by a place in memory. Raises ValueError with what was expected."""
    match = _PLACE.fullmatch(text.strip())
    names = {zone.arena.value: zone.base for zone in state.arenas.values() if zone.size}
    if match is None:
        raise ValueError(EXPECTED)
    name, digits, offset = match.groups()
    if name is not None and name.lower() in names:
        start = names[name.lower()]
    elif name is not None and re.fullmatch("[0-9a-fA-F]+", name):
        start = int(name, 16)  # a word of hexadecimal letters alone
    elif name is not None:
        raise ValueError(f"{name}: there is no such arena; there are {', '.join(names) or 'none yet'}")
    else:
        start = int(digits, 16)
    address = start + int(offset or "0", 16)
    if address >= 1 << 63:
        raise ValueError(f"{address:#x}: no machine has so much memory")
    return address


class MemoryVerbs(LensVerbs):
    """The hex lens."""

    def view_hex(self) -> None:
        """The hex lens at the arena that is selected, or where it was."""
        self.app.main.focus_pane("hex")

    def memory_lens(self) -> None:
        """The hex lens at the selected arena."""
        arena = self.app.main.memory.selected
        if arena is None:
            self.say("the kernel has not said yet where its arenas are", "warning")
        else:
            self.look_into(arena)

    def look_into(self, arena: Arena) -> None:
        """The hex lens at an arena."""
        self.app.main.memory.select(arena)
        self.app.main.focus_pane("hex")
        self._hex.show_arena(arena)

    def hex_decode(self) -> None:
        """Other numbers."""
        if self._readable("hex.decode"):
            self._hex.decode_next()

    def hex_next(self) -> None:
        """The next arena."""
        self._step("hex.next", 1)

    def hex_previous(self) -> None:
        """The arena before."""
        self._step("hex.previous", -1)

    def _step(self, name: str, direction: int) -> None:
        if self._readable(name) and not self._hex.step_arena(direction):
            self.say("no further arena in this direction")

    def hex_change(self) -> None:
        """The next octet that changed."""
        if not self._readable("hex.change"):
            return
        pages = self._hex.pages
        found = pages.next_change(self._hex.mark)
        if found is not None and not self._hex.show_address(found):
            self.background(self._go(found))
        elif found is None and not pages.compared():
            self.say("there is nothing to compare with: what is read now is compared in the next pause")
        elif found is None:
            self.say("nothing of what was looked at differs from the pause before")

    def hex_address(self) -> None:
        """Asks for an address."""
        if not self._readable("hex.address"):
            return
        mark = self._hex.mark
        self._ask_address(f"{mark:#x}" if mark >= 0 else "", PLACES)

    def _ask_address(self, text: str, hint: str) -> None:
        from llmbm_console.tui.pages.ask import AskLine

        def read(text: str) -> int | None:
            return address_of(text, self.app.state) if text.strip() else None

        def answered(address: int | None) -> None:
            if address is not None:
                self.background(go(address))

        async def go(address: int) -> None:
            try:
                await self._go(address)
            except SessionError as error:
                self._ask_address(f"{address:#x}", str(error))

        names = [zone.arena.value for zone in self.app.state.arenas.values() if zone.size]
        self.app.push_screen(AskLine("address", text, hint, read, does="goes there", names=names), answered)

    def hex_whole(self) -> None:
        """From an arena to all memory around it, and back."""
        if not self._readable("hex.whole"):
            return
        view, place = self._hex, self._hex.place

        async def run() -> None:
            view.show_memory(await self._around(place), place)

        if view.span.role:
            self.background(run())
        elif not view.show_arena_at(place):
            self.say(f"{place:#x} is in no arena")

    def read_samples(self, key: object, places: list[Sample]) -> None:
        """Reads samples of a paused machine's memory for the line above the lens, a few at a time."""
        memory, strip = self._memory, self.app.main.views.bytes
        if memory is None:
            return

        async def run() -> None:
            try:
                if slow := await memory.slow_memory():
                    strip.fail(key, f"not looked at: memory is read slowly, as {slow}")
                    return
                for first in range(0, len(places), AT_ONCE):
                    numbers = range(first, min(first + AT_ONCE, len(places)))
                    data = {number: await memory.read_memory(*places[number]) for number in numbers}
                    if self._unreadable() or not strip.put(key, await asyncio.to_thread(kinds_of, data)):
                        return
            except SessionError as error:
                strip.fail(key, str(error))

        self.background(run())

    def read_page(self, page: int) -> None:
        """Reads a page of a paused machine for the hex lens."""
        memory, view = self._memory, self._hex
        if memory is None:
            return

        async def run() -> None:
            try:
                view.put(page, await memory.read_memory(page, PAGE))
            except SessionError as error:
                view.fail(page, str(error))

        self.background(run())
