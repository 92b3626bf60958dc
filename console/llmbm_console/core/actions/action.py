"""One verb that a person can do, and when it is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llmbm_console.core.reading import only_reads

#: nothing, a live session, one that takes prompts (at whichever moment is shown), a machine that can be controlled
#: beside its line, one that can be looked at, a recorded past, a live session that waits behind a file
Need = Literal["", "line", "prompt", "machine", "sight", "past", "aside"]


@dataclass(frozen=True, slots=True)
class Action:
    """One verb. `danger` says what it does, after "X again": such an action is armed by the first press and fired by
    the second."""

    id: str
    title: str
    category: str
    description: str
    keys: tuple[str, ...] = ()
    danger: str = ""
    need: Need = ""
    line: str = ""  # REPL line that carries it out
    pane: str = ""  # belongs to this pane's own help; its keys act only there
    beside: str = ""  # a pane that shows what is selected in that one: its keys act there, too
    footer: str = ""  # short word for the footer, empty: not shown there
    everywhere: bool = False  # acts even while the prompt has the focus
    takes: str = ""  # what is written behind its name where there is no screen to ask
    leader: str = ""  # the key behind the leader key that does it too; empty: it is not in that list

    def acts_in(self, pane: str) -> bool:
        """Whether its keys act while that pane has the focus."""
        return not self.pane or pane in (self.pane, self.beside)


#: ends what runs now, whichever moment is shown: nobody should have to look for the way to now first
AT_ANY_MOMENT = ("chat.stop",)
#: there is nothing left to lose by it when the machine has ended
STARTS_AGAIN = "machine.reset"
#: nor by this one where there is no session
ENDS_SESSION = "session.open"
LOADS_STATE = "machine.load_state"

WATCHES = "this session only watches (--read-only)"
RECORDED = "this is a recording: open a running kernel for that"
WRITTEN = "this is a file: open a running kernel for that"


def unavailable(
    action: Action,
    *,
    read_only: bool,
    controllable: bool,
    seen: bool = False,
    file: bool = False,
    recorded: bool = False,
    not_now: str = "",
    live: bool = False,
    ended: str = "",
    aside: str = "",
) -> str:
    """Why the action cannot be done now, in words to show; empty when it can. `seen`: who only watches sees the
    machine beside its line. `file`: a post-mortem file is shown.
    `recorded`: a recording is. `not_now`: that another moment than now is shown, and the way back. `live`: there is a
    kernel that can be asked, if only to read. `ended`: that the machine is no more, and what starts it again.
    `aside`: that a live session goes on while a file is shown, and the way back to it."""
    if action.need == "aside":
        return "" if aside else "no live session waits behind what is shown"
    if action.need == "past":
        return "a file is one moment: nothing moves in it, and it has no past" if file else ""
    looks = action.need == "sight" and seen and not (file or recorded)
    if action.need and read_only and not looks and not (live and only_reads(action.line)):
        if file or recorded:
            return aside or (WRITTEN if file else RECORDED)
        return WATCHES
    if action.need == "prompt":
        return ""  # who writes is brought to now
    if action.need in ("machine", "sight") and not (controllable or looks):
        return "a serial line carries no power switch: a machine is controlled with --qemu, --qmp or --sim"
    if action.need in ("machine", "sight") and ended and action.id != STARTS_AGAIN:
        return ended
    if action.need and not_now and action.id not in AT_ANY_MOMENT:
        return not_now  # it would act on a machine in another state than the one that is shown
    return ""
