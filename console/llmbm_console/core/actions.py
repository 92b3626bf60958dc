"""Every verb a person can do, once: key bindings, palette, footer, help and the names that `exec` takes are made from
this table.

An action either runs a line of the kernel's REPL (`line`), or is carried out by the face that offers it, under its id.
Keys are the defaults, spelt as Textual spells them ("ctrl+p", "space", "E" for shift+e). Prose names the key of another
action as {0[ID]}, so that it tells the one that is bound: see `spelt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llmbm_console.core.sampling import BUILT_IN

#: nothing, a live session, a machine that can be controlled beside its line, a recorded past
Need = Literal["", "line", "machine", "past"]


@dataclass(frozen=True, slots=True)
class Action:
    """One verb. `danger` names the consequence: such an action is armed by the first press and fired by the second."""

    id: str
    title: str
    category: str
    description: str
    keys: tuple[str, ...] = ()
    danger: str = ""
    need: Need = ""
    line: str = ""  # REPL line that carries it out
    pane: str = ""  # belongs to this pane's own help; its keys act only there
    footer: str = ""  # short word for the footer, empty: not shown there
    everywhere: bool = False  # acts even while the prompt has the focus
    takes: str = ""  # what is written behind its name where there is no screen to ask
    leader: str = ""  # the key behind the leader key that does it too; empty: it is not in that list


PANES: tuple[tuple[str, str], ...] = (
    ("transcript", "Transcript"),
    ("events", "Events"),
    ("prompt", "Prompt"),
    ("memory", "Memory"),
    ("sentinel", "Sentinel"),
    ("context", "Context"),
    ("sampling", "Sampling"),
    ("machine", "Machine"),
)

#: Panes of the views of their own, without a number: Tab, a click or a jump goes there, and the action that fills them.
VIEW_PANES: tuple[tuple[str, str], ...] = (
    ("hex", "Hex lens"),
    ("histogram", "Over time"),
    ("facets", "Filter"),
    ("details", "Event"),
    ("machine_log", "Machine events"),
    ("display", "Screen"),
    ("registers", "Registers"),
    ("files", "Dumps and recordings"),
    ("explanation", "Explained"),
)

ACTIONS: tuple[Action, ...] = (
    # ---- chat
    Action(
        "chat.prompt", "Write a prompt", "Chat", "puts the cursor into the prompt", ("i",), footer="prompt", leader="p"
    ),
    Action(
        "chat.break",
        "Copy, or stop the answer",
        "Chat",
        "copies the selected text; without a selection stops the running answer; idle, tells how to quit",
        ("ctrl+c", "super+c"),
        footer="stop/copy",
        everywhere=True,
    ),
    Action("chat.stop", "Stop the answer", "Chat", "stops the running generation within one layer", need="line"),
    Action(
        "chat.copy",
        "Copy the last answer",
        "Chat",
        "puts the selected text, else the last answer, on the clipboard, or into a file; it says which",
        ("y",),
    ),
    Action(
        "chat.select",
        "Select lines",
        "Chat",
        "begins a selection in the transcript or the log; up and down make it longer, "
        "{0[chat.copy]} copies it, {0[view.leave]} leaves it",
        ("V",),
    ),
    Action(
        "chat.xray",
        "Look at the tokens",
        "Chat",
        "one token at a time: its text, id, bytes, time, and its cycles against the budget",
        ("x",),
        leader="x",
    ),
    Action(
        "chat.probabilities",
        "Token probabilities",
        "Chat",
        "asks the kernel how likely each token was and what it nearly said, or no longer; the choice is kept. "
        "{0[chat.xray]} and the sampling pane show it; it takes up to half of a serial line",
        ("p",),
        need="line",
    ),
    Action(
        "chat.clear",
        "Forget the conversation",
        "Chat",
        "empties the KV cache: the next prompt begins a new story",
        ("C",),
        danger="The kernel forgets this conversation",
        need="line",
        line="/clear",
    ),
    # ---- view
    Action("view.palette", "Palette", "View", "every action, by name", ("ctrl+p",), footer="palette", everywhere=True),
    Action(
        "view.help",
        "Help",
        "View",
        "what the focused pane shows and its keys",
        ("f1",),
        footer="help",
        everywhere=True,
        leader="?",
    ),
    Action(
        "view.hold",
        "Hold the view",
        "View",
        "stops the picture; data keeps flowing and is shown when released. The machine is not touched. In the past and "
        "in a recording: plays on, and pauses",
        ("space",),
        footer="hold",
    ),
    Action(
        "time.back",
        "Back in time",
        "Time",
        "shows everything as it was 5 s before; the kernel runs on and everything is recorded",
        ("[",),
        footer="back 5 s",
        need="past",
    ),
    Action("time.forward", "Forward in time", "Time", "5 s on, up to now", ("]",), need="past"),
    Action(
        "time.previous_mark",
        "Previous mark",
        "Time",
        "the turn, warning, seam or mark before the moment that is shown",
        ("{",),
        need="past",
    ),
    Action("time.next_mark", "Next mark", "Time", "the turn, warning, seam or mark after it", ("}",), need="past"),
    Action(
        "time.mark", "Set a mark", "Time", "marks the moment that is shown, to come back to it", ("m",), need="past"
    ),
    Action(
        "time.live",
        "To now",
        "Time",
        "leaves the past or the held view: everything is shown as it is",
        (".",),
        need="past",
    ),
    Action("time.slower", "Play slower", "Time", "half the speed of a replay", ("<",), need="past"),
    Action("time.faster", "Play faster", "Time", "twice the speed of a replay", (">",), need="past"),
    Action(
        "record.toggle",
        "Record the session, or end the recording",
        "Time",
        "writes everything into a file that this console replays, with what was before as far as it is remembered",
        ("w",),
        need="past",
    ),
    Action(
        "record.clip",
        "Save a clip",
        "Time",
        "a recording that shows what was between the mark before and the moment that is shown",
        ("W",),
        need="past",
    ),
    Action(
        "view.zoom",
        "Zoom the pane",
        "View",
        "gives the focused pane the whole screen, and back",
        ("z",),
        footer="zoom",
        leader="z",
    ),
    Action(
        "view.jump",
        "Jump",
        "View",
        "a letter on every pane and slider; pressing it goes there",
        ("ctrl+o",),
        footer="jump",
        everywhere=True,
    ),
    Action(
        "view.tour",
        "Tour",
        "View",
        "a few cards beside the parts of the screen: what each one shows and what to press",
        ("f9",),
        everywhere=True,
        leader="o",
    ),
    Action("view.next_pane", "Next pane", "View", "moves the focus to the next pane", ("tab",)),
    Action(
        "view.previous_pane",
        "Previous pane",
        "View",
        "moves the focus to the pane before",
        ("shift+tab",),
        everywhere=True,
    ),
    Action("view.leave", "Leave", "View", "leaves the prompt or the zoom", ("escape",), everywhere=True),
    Action(
        "view.leader",
        "Go to ...",
        "View",
        "a short list of what may follow: views, panes, themes; any of its keys acts, Esc leaves the list",
        ("g",),
        footer="go to",
    ),
    Action("view.top", "To the first line", "View", "the beginning of the focused list", ("home",), leader="g"),
    Action(
        "view.console",
        "Console view",
        "View",
        "transcript, prompt and gauges: where one begins",
        ("f6",),
        everywhere=True,
        leader="c",
    ),
    Action(
        "view.memory",
        "Memory view",
        "View",
        "the arenas by address, and below them what is in a paused machine's memory; the same key goes back",
        ("f2",),
        footer="memory",
        everywhere=True,
        leader="m",
    ),
    Action(
        "view.log",
        "Log view",
        "View",
        "all events, how many when, what to filter by, and every field of one; the same key goes back",
        ("f3",),
        footer="log",
        everywhere=True,
        leader="l",
    ),
    Action(
        "view.machine",
        "Machine view",
        "View",
        "the machine's facts, events, screen and registers; the same key goes back",
        ("f4",),
        footer="machine",
        everywhere=True,
        leader="v",
    ),
    Action(
        "view.dumps",
        "Dumps view",
        "View",
        "the newest dumps and recordings, what each one means, and what differs between two; the same key goes back",
        ("f5",),
        footer="dumps",
        everywhere=True,
        leader="d",
    ),
    Action(
        "view.larger",
        "Larger pane",
        "View",
        "gives the focused pane half of the screen, then all of it",
        ("+",),
    ),
    Action("view.smaller", "Smaller pane", "View", "half of the screen, then its own place again", ("_", "-")),
    Action("view.theme", "Next theme", "View", "shows the next theme; the choice is kept", ("t",), leader="T"),
    Action("view.glyphs", "Change the signs", "View", "block signs or plain ASCII for bars and frames"),
    Action(
        "view.tint",
        "Tint the answers",
        "View",
        "colours each token by its probability, then by the time it took, then not at all; the choice is kept",
        ("v",),
    ),
    Action("view.live", "To the newest line", "View", "follows the newest text again", ("G", "end"), leader="e"),
    Action(
        "view.find",
        "Find, or filter the events",
        "View",
        "finds text in the transcript; in the event list shows only what matches (budget, !token, level:warn, code:kv)",
        ("/",),
        footer="find",
    ),
    Action("view.find_next", "Next place found", "View", "the next row with what was looked for", ("n",)),
    Action("view.find_previous", "Previous place found", "View", "the row before with what was looked for", ("N",)),
    # ---- memory
    Action(
        "view.hex",
        "Hex lens",
        "Memory",
        "what is in the machine's memory, at the selected arena; the machine has to be paused ({0[machine.pause]})",
        ("h",),
        leader="h",
    ),
    Action("memory.lens", "Look inside the arena", "Memory", "the hex lens at this arena", ("enter",), pane="memory"),
    Action(
        "hex.address",
        "Go to an address",
        "Memory",
        "an address in hexadecimal, or an arena with an offset: 0xdb02080, kv, kv+1c0",
        ("a",),
        pane="hex",
    ),
    Action(
        "hex.decode",
        "Read as other numbers",
        "Memory",
        "octets, int8, int32, float32, uint64 in turn",
        ("d",),
        pane="hex",
    ),
    Action(
        "hex.change",
        "To the next change",
        "Memory",
        "the next octet that differs from the pause before, in what was looked at during both",
        ("f",),
        pane="hex",
    ),
    Action("hex.next", "Next arena", "Memory", "by address", ("right",), pane="hex"),
    Action("hex.previous", "Arena before", "Memory", "by address", ("left",), pane="hex"),
    # ---- log
    Action(
        "log.toggle",
        "Filter by this value",
        "Log",
        "only lines with it, then all but those, then as before",
        ("enter",),
        pane="facets",
    ),
    Action(
        "log.details",
        "Everything about an event",
        "Log",
        "every field of the selected line, and the moment it happened",
        ("enter",),
        pane="events",
    ),
    Action(
        "log.next_error", "Next warning or error", "Log", "selects the next line that is a warning or an error", ("e",)
    ),
    Action("log.previous_error", "Previous warning or error", "Log", "selects the one before", ("E",), footer="errors"),
    # ---- kernel
    Action("kernel.help", "The kernel's own help", "Kernel", "runs /help", need="line", line="/help"),
    Action("kernel.context", "Everything about the context", "Kernel", "runs /ctx", need="line", line="/ctx"),
    Action("kernel.zones", "Zones in full", "Kernel", "runs /zones", need="line", line="/zones"),
    Action("kernel.log", "The kernel's log ring", "Kernel", "runs /log", need="line", line="/log"),
    Action(
        "kernel.save_dump",
        "Save a dump",
        "Kernel",
        "runs /save_dump; the event list says where the file is",
        need="line",
        line="/save_dump",
    ),
    Action("kernel.model", "The model", "Kernel", "runs /model", need="line", line="/model"),
    Action("kernel.cpu", "The processor", "Kernel", "runs /cpu", need="line", line="/cpu"),
    Action(
        "kernel.bench",
        "How fast the engine is",
        "Kernel",
        "runs /bench: decode and prefill beside what reading the weights alone brings; the conversation stays",
        need="line",
        line="/bench",
    ),
    Action("kernel.version", "The kernel's version", "Kernel", "runs /version", need="line", line="/version"),
    # ---- sampling
    Action(
        "sampling.undo",
        "Undo a change of sampling",
        "Sampling",
        "sets what was in force before the last change; a preset is one change",
        ("u",),
        need="line",
    ),
    Action(
        "sampling.redo",
        "Redo a change of sampling",
        "Sampling",
        "makes the change again that was undone last",
        ("U",),
        need="line",
    ),
    Action(
        "sampling.defaults",
        "Sampling to the defaults",
        "Sampling",
        "sets every sampling parameter to the kernel's default",
        danger="All sampling parameters go to their defaults",
        need="line",
        pane="sampling",
        keys=("D",),
    ),
    *(
        Action(
            f"sampling.{name}",
            f"Preset {name}",
            "Sampling",
            f"runs /preset {name}: {what}; {{0[sampling.undo]}} takes it back",
            need="line",
            line=f"/preset {name}",
        )
        for name, what in BUILT_IN.items()
    ),
    Action(
        "sampling.use_preset",
        "Use a sampling preset",
        "Sampling",
        "sets the values that a preset of yours or of the kernel keeps; {0[sampling.undo]} takes it back",
        ("a",),
        need="line",
        pane="sampling",
        takes="NAME",
    ),
    Action(
        "sampling.save_preset",
        "Save a sampling preset",
        "Sampling",
        "keeps the values in force in your settings, under a name that the palette then lists",
        ("s",),
        pane="sampling",
        takes="NAME",
    ),
    Action(
        "sampling.delete_preset",
        "Delete a sampling preset",
        "Sampling",
        "takes one of yours out of your settings; the kernel's own stay",
        takes="NAME",
    ),
    # ---- sentinel
    Action(
        "sentinel.strict",
        "Strict budgets on or off",
        "Sentinel",
        "on: a broken budget trips the sentinel; off: it is logged",
        ("s",),
        need="line",
        pane="sentinel",
    ),
    Action(
        "sentinel.learn",
        "Learn the budgets again",
        "Sentinel",
        "runs /budget auto: budgets follow what the passes really take",
        ("b",),
        need="line",
        line="/budget auto",
        pane="sentinel",
    ),
    Action(
        "sentinel.suggest",
        "Pin the suggested decode budget",
        "Sentinel",
        "pins the decode budget to a tenth more than 99 of 100 passes took; {0[sentinel.learn]} learns again",
        ("a",),
        need="line",
        pane="sentinel",
    ),
    Action(
        "sentinel.drill",
        "Fail-safe drill",
        "Sentinel",
        "runs /test_failsafe: the next decode pass trips the sentinel for real; {0[sentinel.reset]} brings the "
        "chat back",
        ("T",),
        danger="The next answer is broken off and the sentinel trips",
        need="line",
        line="/test_failsafe",
        pane="sentinel",
    ),
    Action(
        "sentinel.reset",
        "Reset the sentinel",
        "Sentinel",
        "runs /reset: clears a trip, the overrun counts and the log ring",
        ("X",),
        danger="Budgets, overrun counts and the kernel's log ring are reset",
        need="line",
        line="/reset",
        pane="sentinel",
    ),
    # ---- machine
    Action(
        "machine.pause",
        "Pause or resume the machine",
        "Machine",
        "stops the virtual machine itself; nothing runs until it is resumed",
        ("P",),
        need="machine",
        footer="pause",
    ),
    Action(
        "machine.reset",
        "Reset the machine",
        "Machine",
        "restarts the machine from its firmware",
        ("R",),
        danger="The machine restarts: the conversation and the kernel's log are lost",
        need="machine",
    ),
    Action(
        "machine.quit",
        "Power the machine off",
        "Machine",
        "ends the virtual machine; the console stays open",
        ("Q",),
        danger="The machine ends: everything in its memory is lost",
        need="machine",
    ),
    Action(
        "machine.screen",
        "The machine's own screen",
        "Machine",
        "takes a picture of what its monitor shows, with --qemu and --qmp",
        ("S",),
        need="machine",
        leader="S",
    ),
    Action(
        "machine.registers",
        "The processors' registers",
        "Machine",
        "what QEMU knows of every processor; pause the machine first to hold them still",
        ("I",),
        need="machine",
        leader="r",
    ),
    Action(
        "machine.break",
        "Send a break",
        "Machine",
        "holds a serial line low for a quarter of a second: the kernel leaves machine mode and is greeted again",
        need="line",
    ),
    Action(
        "machine.speed",
        "Speed of the serial line",
        "Machine",
        "asks for bits per second, sets them at once, and greets a kernel that had not answered",
        need="line",
    ),
    Action(
        "machine.lines",
        "DTR and RTS of the serial line",
        "Machine",
        "asks for dtr or rts and 0 or 1; some boards are reset or held by these lines",
        need="line",
    ),
    Action(
        "file.compare",
        "Compare with another dump",
        "Session",
        "what differs between two post-mortem files: in the list of dumps the marked and the selected one",
        ("c",),
    ),
    Action(
        "file.open",
        "Open this file",
        "Session",
        "a dump with all its panes, a recording to be played; {0[view.dumps]} comes back to the list",
        ("enter",),
        danger="This session ends, and a kernel that it started",
        pane="files",
    ),
    Action("file.again", "Look for files again", "Session", "reads the folders anew", ("a",), pane="files"),
    # ---- session
    Action("session.retry", "Connect again", "Session", "closes the session and opens it again", ("r",)),
    Action(
        "session.open",
        "Open something else",
        "Session",
        "ends this session and lists ports, machines, dumps and recordings",
        ("O",),
        danger="This session ends, and a kernel that it started",
    ),
    Action("session.quit", "Quit", "Session", "leaves the console", ("ctrl+q",), footer="quit", everywhere=True),
    Action(
        "session.leave",
        "Quit a file or a failed session",
        "Session",
        "leaves the console when there is no session to lose",
        ("q",),
    ),
    # ---- panes by number
    *(
        Action(
            f"pane.{name}",
            f"Go to {title}",
            "Panes",
            f"focuses the pane {title}",
            (str(number),),
            leader={"transcript": "t", "sentinel": "s", "context": "k", "sampling": "a"}.get(name, ""),
        )
        for number, (name, title) in enumerate(PANES, 1)
    ),
)

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}


def unavailable(action: Action, *, read_only: bool, controllable: bool, file: bool = False) -> str:
    """Why the action cannot be done now, in words to show; empty when it can. `file`: a post-mortem file is shown."""
    if action.need == "past":
        return "a file is one moment: it has no past to look at" if file else ""
    if action.need and read_only:
        return "this session only watches (a file, or --read-only)"
    if action.need == "machine" and not controllable:
        return "a serial line carries no power switch: a machine is controlled with --qemu, --qmp or --sim"
    return ""


def key_labels(actions: tuple[Action, ...]) -> dict[str, str]:
    """How the key of each action is written for people, by its id: the first one, or its title, for the palette."""
    return {action.id: key_label(action.keys[0]) if action.keys else f'"{action.title}"' for action in actions}


def spelt(text: str, keys: Mapping[str, str]) -> str:
    """The text with the keys of the actions that it names as {0[ID]}; `keys` are their labels by id."""
    return text.format(keys)


def key_label(key: str) -> str:
    """How a key is written for people: "^p" for "ctrl+p"."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    names = {"escape": "Esc", "shift+tab": "shift+Tab", "tab": "Tab", "space": "space", "enter": "Enter", "end": "End"}
    if key in names:
        return names[key]
    return key.upper() if len(key) > 1 and key[0] == "f" and key[1:].isdigit() else key
