"""Verbs that look for octets in the memory of a paused machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.memory_search import CHUNK, Found, Search, legs
from llmbm_console.core.machine.needle import WRITTEN, Needle, NeedleError, parse_needle
from llmbm_console.tui import figures
from llmbm_console.tui.pages.ask import AskLine, Told
from llmbm_console.tui.verbs.lens import LensVerbs

if TYPE_CHECKING:
    from llmbm_console.tui.app import ConsoleApp

SLOW_CHUNK = 1 << 14  # octets read at a time where memory comes as text
SLOW_MOST = 1 << 24  # of those, before one is asked whether to go on


class SearchVerbs(LensVerbs):
    """Looks through what the lens shows, and then through the memory around it."""

    def __init__(self, app: ConsoleApp) -> None:
        super().__init__(app)
        self._needle: Needle | None = None
        self._unfinished: Search | None = None  # a search that was stopped, to be gone on with
        self._search: Search | None = None
        self._known: int | None = None  # where the search began, a place that was found before

    def hex_find(self) -> None:
        """Asks what to look for."""
        if not self._readable("hex.find"):
            return
        if self.app.main.focused_pane != "hex":
            self.app.main.focus_pane("hex")
        view = self._hex

        def read(text: str) -> tuple[str, Needle | None]:
            written = text.strip()
            return written, parse_needle(written) if written else None

        def changed(text: str) -> str:
            try:
                _, needle = read(text)
            except NeedleError as error:
                return str(error)
            return Told(f"{needle.told}   then {self._on()}") if needle is not None else ""

        def answered(sought: tuple[str, Needle | None] | None) -> None:
            if sought is not None:
                written, self._needle = sought
                view.look_for(written)
                if self._needle is not None:
                    self._begin(1, view.place, None)

        ask = AskLine("find in memory", view.sought, WRITTEN, read, changed=changed, does="looks for it from here on")
        self.app.push_screen(ask, answered)

    def _on(self) -> str:
        return f"{self.key('view.find_next')} and {self.key('view.find_previous')} go on"

    def find_on(self, direction: int) -> None:
        """The next (1) place in memory, or the one before (-1)."""
        name = "view.find_next" if direction > 0 else "view.find_previous"
        if not self._readable(name):
            return
        left, needle = self._unfinished, self._needle
        if needle is None:
            self.hex_find()
        elif self._search is not None:
            self.say(f"it is still being looked for: {self.key('view.leave')} stops that")
        elif left is not None and left.direction == direction and left.octets == needle.octets:
            self.background(self._look_through(left))
        else:
            place = self._hex.place
            known = place if place == self._hex.mark else None
            self._begin(direction, place if known is None else place + direction, known)

    def stop_search(self) -> bool:
        """Stops looking; False when nothing is looked for."""
        running, self._search = self._search, None
        if running is not None:
            self._unfinished = running
            self._hex.tell_search("")
            on = self.key("view.find_next" if running.direction > 0 else "view.find_previous")
            self.say(f"stopped at {running.place:#x}, {_share(running)}: {on} goes on from there")
        return running is not None

    def _begin(self, direction: int, start: int, known: int | None) -> None:
        async def run() -> None:
            span, needle, memory = self._hex.span, self._needle, self._memory
            if needle is None or memory is None:
                return
            around = await self._around(span.first)
            chunk = SLOW_CHUNK if await memory.slow_memory() else CHUNK
            way = legs((span.first, span.end), around, start, len(needle.octets), direction, span.name)
            await self._look_through(Search(needle.octets, way, direction, chunk))

        self._search, self._unfinished, self._known = None, None, known
        self.background(run())

    async def _look_through(self, search: Search) -> None:
        """Goes on with a search until something is found, nothing is left, or it is stopped."""
        memory, began, from_there = self._memory, search.done, search.place
        needle = self._needle
        if memory is None or needle is None:
            return
        self._search, self._unfinished = search, None
        try:
            slow = await memory.slow_memory()
            most = SLOW_MOST if slow else search.size
            found = None
            while found is None and not search.over and search.done - began < most:
                self._hex.tell_search(f"looking at {search.place:#x}, {_share(search)}")
                found = await search.step(memory.read_memory)
                if self._search is not search:
                    return  # stopped, or something else is looked for
                if brief := self._unreadable():
                    raise SessionError(f"stopped at {search.place:#x}: {brief}")
            if found is not None:
                await self._show_place(found, needle)
            elif search.over:
                self.say(f"not found between {search.first:#x} and {search.end:#x} ({figures.size(search.size)})")
            else:
                self._unfinished = search
                on = self.key("view.find_next" if search.direction > 0 else "view.find_previous")
                way = f"{from_there:#x} {'on' if search.direction > 0 else 'back'}"
                words = (
                    f"not found in {figures.size(search.done - began)} from {way}; {on} goes on at {search.place:#x}"
                )
                self.say(f"{words}. Memory is read slowly: {slow}", "warning")
        finally:
            if self._search is search:
                self._search = None
                self._hex.tell_search("")

    async def _show_place(self, found: Found, needle: Needle) -> None:
        span = self._hex.span
        await self._go(found.address, len(needle.octets))
        place = self._hex.place_name(found.address)
        askew = f", not at a multiple of {needle.grid} octets, as numbers are" if found.address % needle.grid else ""
        if found.address == self._known and span.first <= found.address < span.end:  # all round
            self.say(f"{place} is the only one in {span.name}{askew}")
            return
        word = f", {found.word}" if found.word else ""
        self.say(f"found at {place}{word}{askew}   {self._on()}")


def _share(search: Search) -> str:
    return f"{search.done * 100 // max(1, search.size)}% of {figures.size(search.size)}"
