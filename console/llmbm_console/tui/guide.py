"""What stands where nothing was said yet, or nothing more can be: what is going on, and what to do."""

from __future__ import annotations

from llmbm_console.core.actions.key_labels import spelt
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame

LATE = 1.0  # s without an answer to a line, from which it is told
ANSWER, OUTPUT, WARN = "transcript--answer", "transcript--output", "transcript--warn"


def guide(frame: Frame) -> list[tuple[str, str]]:
    """What an empty transcript says: what is going on, and what to do."""
    link, load, target = frame.state.link, frame.state.load, frame.state.target
    if frame.failure:
        return []
    if frame.post_mortem:
        what = "This file holds what the kernel knew, not what was said."
        if frame.state.file_kind == "text":
            what = "This file is shown as a text: its lines are all there is."
        leaves = "{0[session.back]} goes back to the live session." if frame.aside else "{0[session.leave]} quits."
        moves = (
            "{0[log.previous_error]} and {0[log.next_error]} go through its warnings and errors, "
            f"{{0[view.next_pane]}} to the next pane, {{0[view.zoom]}} zooms one, {leaves}"
        )
        return [(what, ANSWER), (spelt(moves, frame.keys), OUTPUT)]
    if load is not None and load.total > 0 and load.done < load.total:
        return [("The kernel loads its model.", ANSWER)]
    if frame.recorded and not frame.opening:
        return _for_watchers(frame)
    if link.phase in (LinkPhase.CLOSED, LinkPhase.OPENING) or (frame.opening and not frame.live):
        ways = (
            "It is tried again by itself; {0[view.leave]} and {0[session.retry]} try at once, {0[session.quit]} quits."
        )
        return [
            (f"Opening {target or 'the target'}{frame.glyphs.ellipsis}", ANSWER),
            (link.detail, WARN),
            (spelt(ways, frame.keys) if link.detail else "", OUTPUT),
        ]
    if link.phase is LinkPhase.WAITING:
        nothing = "What the firmware and the boot print appears here. Nothing is needed from you."
        return [("Waiting for the kernel to answer.", ANSWER), (link.detail or nothing, OUTPUT)]
    if link.phase is LinkPhase.PLAIN:
        return [
            ("No kernel answered: this is a plain terminal.", WARN),
            ("What you send goes to the line as it is. Gauges stay empty until a kernel answers.", OUTPUT),
        ]
    return first_steps(frame)


def first_steps(frame: Frame) -> list[tuple[str, str]]:
    """What somebody new can do now: as long as nothing was asked, also below what the kernel printed."""
    if frame.read_only:
        return _for_watchers(frame)
    ways = (
        "/help lists the kernel's commands, {0[view.palette]} the console's actions, {0[view.help]} explains "
        "a pane, {0[view.tour]} shows you around."
    )
    return [
        ("Write the beginning of a story below and press Enter.", ANSWER),
        ("The model continues it, and the other panes show what that costs.", OUTPUT),
        (spelt(ways, frame.keys), OUTPUT),
    ]


def _for_watchers(frame: Frame) -> list[tuple[str, str]]:
    """What an empty transcript says where there is no prompt."""
    if frame.recorded:
        leaves = "{0[session.back]} goes back to the live session." if frame.aside else "{0[session.leave]} quits."
        moves = (
            "{0[view.hold]} plays and pauses, {0[time.back]} and {0[time.forward]} go by 5 s, {0[time.previous_mark]} "
            f"and {{0[time.next_mark]}} by turns and marks, {leaves}"
        )
        return [("At this moment of the recording nothing was said yet.", ANSWER), (spelt(moves, frame.keys), OUTPUT)]
    return [
        ("Nothing was said yet. This session only watches (--read-only).", ANSWER),
        ("What the kernel is asked elsewhere, and answers, appears here.", OUTPUT),
    ]


def unanswered(frame: Frame) -> list[tuple[str, str]]:
    """A line that was sent and of which the kernel has said nothing for longer than it takes; empty for none."""
    passed = frame.now - frame.sent_at
    if not frame.sent or frame.state.turn is not None or passed < LATE:
        return []
    told = f"sent {figures.duration(passed)} ago, and not answered yet"
    ends = spelt("{0[chat.break]} sends a stop behind it.", frame.keys)
    return [(frame.sent, "transcript--prompt"), (f"{told}: {ends}", WARN), ("", "")]


def failure_lines(frame: Frame) -> list[tuple[str, str]]:
    """Why there is no session, and which keys help."""
    if not frame.failure:
        return []
    link, target = frame.state.link, frame.state.target or "The target"
    what = f"{target}: there is no session"
    if link.failed and frame.state.hello is None:
        what = f"{target} was not opened, {frame.clock(link.since)[:8]}"  # when: it may have been tried again
    ways = [
        (frame.press("session.retry"), frame.again),
        (frame.press("session.open"), "open something else"),
        (frame.press("session.quit"), "quit"),
    ]
    return [
        (what, "transcript--bad"),
        (frame.failure, ANSWER),
        ("", ""),
        *((f"{key}  {word}", "transcript--command") for key, word in ways),
    ]
