"""Why a machine's memory cannot be looked at now, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

from llmbm_console.core.state.events import MachineStatus
from llmbm_console.tui.frame import Frame


class Unreached(NamedTuple):
    """A sentence that says why, one that says what to do, and both in a few words; all are empty when it can be."""

    reason: str = ""
    advice: str = ""
    brief: str = ""


def unreached(frame: Frame) -> Unreached:
    """What stands between the hex lens and memory; nothing when the machine stands still and can be asked."""
    keys = frame.keys
    if frame.post_mortem:
        reason = "A dump holds the numbers of the arenas, not what was in them."
        return Unreached(reason, f"Open a running kernel for that: {keys['session.open']}.", "a dump has no memory")
    if frame.recorded:
        return Unreached(
            "A recording holds what came over the line, not the memory behind it.", "", "a recording has no memory"
        )
    if frame.held:
        return _held(frame)
    if frame.opening:
        return Unreached("The session is being opened.", "", "the session is being opened")
    status, retry = frame.state.machine.status, keys["session.retry"]
    if frame.failure or status.over:
        ended = "the machine has ended" if status.over else "there is no session"
        return Unreached(f"T{ended[1:]}: there is no memory to look at.", f"{retry}: {frame.again}.", ended)
    watches = frame.read_only and frame.state.machine.controllable
    if not frame.controllable and not watches:
        brief = "a serial line does not reach the memory"
        return Unreached(
            "A serial line does not reach the machine's memory.", "With --qemu, --qmp or --sim it can be read.", brief
        )
    if status is MachineStatus.PAUSED:
        return Unreached()
    if watches:
        return Unreached(
            "The machine runs, and what is in its memory changes while one looks.",
            "This session only watches (--read-only): who controls the machine can pause it.",
            "the machine runs, and this session only watches (--read-only)",
        )
    pause = keys["machine.pause"]
    return Unreached(
        "The machine runs, and what is in its memory changes while one looks.",
        f"{pause} pauses it: then this shows what is in it. Nothing is lost; {pause} again lets it run on.",
        f"pause the machine first ({pause})",
    )


def _held(frame: Frame) -> Unreached:
    if frame.past:
        live = frame.keys["time.live"]
        reason, advice = "This is the past, and memory is only there now.", f"{live} goes back to now."
    else:
        reason = "The view is held, and memory is only there now."
        advice = f"{frame.keys['view.hold']} lets it go."
    return Unreached(reason, advice, frame.not_now)
