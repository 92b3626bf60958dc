"""What a post-mortem file says, once it has been read."""

from __future__ import annotations

from dataclasses import dataclass

from llmbm_console.core.postmortem.kernel_text import TextEvent
from llmbm_console.core.postmortem.serial_log import SerialLog
from llmbm_protocol.schema import Record


@dataclass(frozen=True)
class PostMortem:
    """What a file says."""

    name: str
    kind: str  # "dump", "log", "failsafe" or "serial log"
    origin: str  # "llmk", "earlier kernel", or "unknown": a log in which the firmware speaks, and no kernel
    complete: bool  # whole as far as one can know
    problems: tuple[str, ...]
    header: dict[str, str]
    records: tuple[Record, ...]  # in the order of the file, the last of a kind counts
    events: tuple[TextEvent, ...]  # newest first, as in the file
    reason: str
    verdict: str = ""
    serial: SerialLog | None = None  # what was said, of a log of a terminal
    zone_b: int | None = None  # bytes of the kernel's whole memory, where they are told

    @property
    def writer(self) -> str:
        """Whose file it is, for people."""
        return {"llmk": "this kernel", "earlier kernel": "an earlier kernel"}.get(self.origin, "an unknown kernel")
