"""What a line of the REPL is: a command or not, and whether it only reads, as what a session sends that watches
(--read-only)."""

from __future__ import annotations

from llmbm_protocol.parameters import PARAMETERS

#: Commands that show something when nothing stands behind their name, whatever else they can do.
SHOWS = frozenset(
    {"budget", "cpu", "ctx", "help", "log", "model", "models", "preset", "sampling", "version", "zones"}
    | {one.name for one in PARAMETERS if not one.boot_only}
)
#: Those that change nothing with a word behind them either.
ASKS = frozenset({"help", "log"})

COMMANDS_WITHOUT_SLASH = ("quit", "exit")


def is_command(line: str) -> bool:
    """The kernel's own rule: a slash, or exactly quit or exit; blanks around it do not count."""
    return line.lstrip().startswith("/") or line.strip() in COMMANDS_WITHOUT_SLASH


def only_reads(line: str) -> bool:
    """Whether a line changes nothing in the kernel and keeps it from nothing: `/zones verify` reads only, too, but
    holds everybody up while it reads all weights."""
    words = line.split()
    if not words or not words[0].startswith("/"):
        return False
    name = words[0][1:]
    return name in (SHOWS if len(words) == 1 else ASKS)
