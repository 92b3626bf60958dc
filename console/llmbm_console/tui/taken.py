"""When something of the machine was looked at, and whether that machine is still the one that runs."""

from __future__ import annotations

from dataclasses import dataclass

from llmbm_console.core.state.events import MachineStatus
from llmbm_console.tui.frame import Frame

BEGINS = (MachineStatus.STARTING, MachineStatus.RESETTING, MachineStatus.LOADING)


@dataclass(frozen=True, slots=True)
class Taken:
    """A look at the machine."""

    at: float  # of the clock that frames have
    boot_at: float  # when the kernel of then began

    @classmethod
    def of(cls, now: Frame) -> Taken:
        """One that was taken just now."""
        return cls(now.now, now.state.boot_at)

    def is_over(self, frame: Frame) -> bool:
        """The machine has ended since, or began anew, or goes on from another state. While another moment is shown,
        nothing is said of that."""
        if frame.held or not frame.seen:
            return False
        machine = frame.state.machine
        return machine.status.over or machine.status in BEGINS or frame.state.boot_at != self.boot_at

    def when(self, frame: Frame) -> str:
        """When that was, for the edge of a pane."""
        return f"taken {frame.clock(self.at)[:8]}"
