"""Saved states of the machine of a session: made, listed, loaded, forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.control import MachineControl
from llmbm_console.core.machine.states import SavedState, about, ago
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import MAX_SAVES, State, turn_of_boot


class States:
    """One session's. `goes_back` is called when the machine has its earlier state and does not run yet; `line` tells
    how many entries of the kernel's log are here, and whether it speaks in frames."""

    def __init__(
        self,
        machine: Callable[[], MachineControl | None],
        state: Callable[[], State],
        emit: Callable[[ev.Event], None],
        goes_back: Callable[[SavedState], None],
        line: Callable[[], tuple[int, bool]],
    ) -> None:
        self._machine, self._state, self._emit, self._goes_back = machine, state, emit, goes_back
        self._line = line
        self._loaded: SavedState | None = None  # which the machine goes on from
        self.kept: tuple[SavedState, ...] = ()  # the oldest first
        self._number = 0
        self._turn = asyncio.Lock()  # one after the other

    def _control(self) -> MachineControl:
        machine = self._machine()
        if machine is None:
            raise SessionError("there is no machine whose state could be saved or loaded")
        return machine

    def lose(self) -> int:
        """The machine has ended, and its folder goes with the session: no state can be loaded any more. How many were
        kept."""
        lost, self.kept = len(self.kept), ()
        return lost

    async def save(self) -> SavedState:
        """Keeps the machine's state; it stands still meanwhile. Raises SessionError, and then it goes on all the
        same."""
        machine = self._control()
        async with self._turn:
            status = self._state().machine.status
            if status not in (MachineStatus.RUNNING, MachineStatus.PAUSED):
                raise SessionError(f"the machine is {status}: the state of one that runs or is paused can be saved")
            if status is MachineStatus.RUNNING:
                await machine.pause()
            try:
                size = await machine.save_state(self._number + 1)
                saved = self._describe(self._number + 1, size, paused=status is MachineStatus.PAUSED)
                self._emit(ev.StateSaved(saved.at, saved.number))
            finally:
                if status is MachineStatus.RUNNING:
                    await machine.resume()
            self._number = saved.number
            self.kept = (*self.kept, saved)
            for old in self.kept[:-MAX_SAVES]:
                machine.forget_state(old.number)
            gone = f"; state {self.kept[0].number} was forgotten" if len(self.kept) > MAX_SAVES else ""
            self.kept = self.kept[-MAX_SAVES:]
            self._emit(ev.Notice(time.monotonic(), "info", f"the machine's state was saved: {about(saved)}{gone}"))
            return saved

    def _describe(self, number: int, size: int, *, paused: bool) -> SavedState:
        """Of the machine while it stands still. All that it said before is here: writing its memory took longer than
        that."""
        state = self._state()
        turn, last = state.turn, turn_of_boot(state)
        loaded = self._loaded
        unheard = loaded.boot if loaded is not None else 0  # it may not have said hello since
        boot = 0 if state.restarting else state.hello.boot if state.hello is not None else unheard
        before = loaded.after if loaded is not None and loaded.boot == boot else 0
        logged, in_frame = self._line() if boot else (0, False)
        return SavedState(
            number=number,
            at=time.monotonic(),
            size=size,
            boot=boot,
            generation=turn.number if turn is not None else 0,
            tokens=len(turn.tokens) if turn is not None else 0,
            prompt=turn.prompt if turn is not None else "",
            logged=logged,
            in_frame=in_frame,
            paused=paused,
            after=last.number if last is not None else before,
        )

    async def load(self, number: int) -> SavedState:
        """Ends the machine, and goes on with one that has the state of that number: it runs, unless it was saved while
        it was paused, or the one that ends is. Raises SessionError."""
        machine = self._control()
        async with self._turn:
            saved = next((one for one in self.kept if one.number == number), None)
            if saved is None:
                have = ", ".join(str(one.number) for one in self.kept)
                why = f"kept are {have}" if have else "none was saved yet"
                raise SessionError(f"there is no state {number}: {why}")
            stays = saved.paused or self._state().machine.status is MachineStatus.PAUSED
            await machine.load_state(number)
            now = "stands here, paused" if stays else "goes on"
            detail = f"the state of {ago(saved)} {now}: {about(saved)}"
            self._emit(ev.MachineChanged(time.monotonic(), MachineStatus.LOADING, detail, saved=number))
            self._loaded = saved
            self._goes_back(saved)
            if stays:
                self._emit(ev.MachineChanged(time.monotonic(), MachineStatus.PAUSED, "as it was loaded"))
            else:
                await machine.resume()
            return saved
