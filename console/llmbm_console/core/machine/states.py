"""The state of a whole machine, kept as files: its memory and devices, and its disk and firmware variables as they were
at that moment. QEMU keeps no snapshots inside raw images, so the memory goes where a migration would go: into a file.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from llmbm_console.core.durations import whole_seconds

CHUNK = 1 << 20  # octets
EMPTY = bytes(CHUNK)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """One that can be loaded, and what the session knew then."""

    number: int  # of the session, the first is 1
    at: float  # s, the host's monotonic clock
    size: int  # octets on the disk of this computer
    boot: int  # of the kernel, 0 for none
    generation: int  # turn that ran, 0 for none
    tokens: int  # of its answer
    prompt: str
    logged: int  # entries of the kernel's log
    in_frame: bool = False  # it was in machine mode: the first octets that come may be the rest of a frame
    paused: bool = False  # it stood still then
    after: int = 0  # the last turn that had ended, where none ran, 0 for none


def ago(saved: SavedState) -> str:
    """How long ago it was saved."""
    return f"{whole_seconds(time.monotonic() - saved.at)} ago"


def about(saved: SavedState) -> str:
    """A state in a few words: its number, where the conversation was, its size."""
    rest = f"after turn {saved.after}" if saved.after else "no answer ran"
    place = f"turn {saved.generation} at token {saved.tokens}" if saved.generation else rest
    return f"state {saved.number}, {place}, {saved.size / (1 << 20):.0f} MiB"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The files of one state."""

    path: Path

    @property
    def memory(self) -> Path:
        """What QEMU wrote: memory and devices."""
        return self.path / "memory"

    def keep(self, disk: Path | None, variables: Path) -> int:
        """Copies disk and variables beside the memory; returns the octets that all of it takes. Raises OSError."""
        if disk is not None:
            copy_sparse(disk, self.path / "disk")
        if variables.exists():  # firmware of one file has none
            copy_sparse(variables, self.path / "variables")
        return sum(file.stat().st_blocks * 512 for file in self.path.iterdir())

    def give_back(self, disk: Path | None, variables: Path) -> None:
        """Copies disk and variables to where a machine uses them; the state can be loaded again. Raises OSError."""
        if disk is not None:
            copy_sparse(self.path / "disk", disk)
        if (self.path / "variables").exists():
            copy_sparse(self.path / "variables", variables)

    def remove(self) -> None:
        """Forgets it."""
        shutil.rmtree(self.path, ignore_errors=True)


def copy_sparse(source: Path, target: Path) -> None:
    """A copy in which zeros take no room where the file system has holes: a disk image is mostly empty."""
    with source.open("rb") as read, target.open("wb") as write:
        while chunk := read.read(CHUNK):
            if chunk == EMPTY[: len(chunk)]:
                write.seek(len(chunk), 1)
            else:
                write.write(chunk)
        write.truncate()
