"""Verbs on the machine, its line, on files and on the session itself."""

from __future__ import annotations

from llmbm_console.core.actions.action import Action

#: The machine and its line, and files of it.
MACHINE: tuple[Action, ...] = (
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
        "from its firmware on; one that has ended is started again at once",
        ("R",),
        danger="restarts the machine: the conversation and the kernel's log are lost",
        need="machine",
    ),
    Action(
        "machine.quit",
        "Power the machine off",
        "Machine",
        "as pulling its plug does; the console stays open",
        ("Q",),
        danger="ends the machine: everything in its memory is lost",
        need="machine",
    ),
    Action(
        "machine.screen",
        "The machine's own screen",
        "Machine",
        "takes a picture of what its monitor shows, with --qemu and --qmp",
        ("S",),
        need="sight",
        leader="S",
    ),
    Action(
        "machine.registers",
        "The processors' registers",
        "Machine",
        "what QEMU knows of every processor; pause the machine first to hold them still",
        ("I",),
        need="sight",
        leader="r",
    ),
    Action(
        "machine.save_state",
        "Save the machine's state",
        "Machine",
        "keeps all of it, an answer that runs included, while it stands still for a moment; the newest three stay "
        "until the session ends. Only with --qemu",
        ("Z",),
        need="machine",
        leader="Z",
    ),
    Action(
        "machine.load_state",
        "Load a saved state of the machine",
        "Machine",
        "goes on from there, with its disk as it was: an answer that ran then goes on from its token, and becomes "
        "another one with other settings",
        ("L",),
        danger="ends the present machine: a saved state goes on in its place, and what was done since is undone",
        need="machine",
        takes="NUMBER",
        leader="L",
    ),
    Action(
        "machine.keys",
        "Type on the machine's keyboard",
        "Machine",
        "asks for keys (esc, ctrl-alt-delete) and text between quotation marks, and once more whether they are meant: "
        "the firmware's setup and the kernel's own screen listen to that keyboard",
        ("K",),
        need="machine",
        takes="KEYS",
        leader="K",
    ),
    Action(
        "machine.nmi",
        "Send an NMI",
        "Machine",
        "what the NMI button of a server does",
        ("exclamation_mark",),
        danger="interrupts every processor (NMI): what has no handler for that stops there, and only a reset helps",
        need="machine",
        leader="!",
    ),
    Action(
        "machine.qmp",
        "A command for QEMU's monitor",
        "Machine",
        "asks for a QMP command, such as query-cpus-fast, and shows the answer; what may change "
        "something (all but what begins with query-) is asked twice",
        ("M",),
        need="machine",
        takes="COMMAND",
        leader="M",
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
        "what differs between two post-mortem files: in the list of dumps marks one, then compares others with it",
        ("c",),
    ),
    Action(
        "file.explain",
        "Read what this file means",
        "Session",
        "goes to the text beside the list; {0[view.leave]} comes back. The session goes on",
        ("enter",),
        pane="files",
    ),
    Action(
        "file.open",
        "Open this file",
        "Session",
        "a dump with all its panes, a recording to be played. A live session goes on behind it; {0[session.back]} "
        "goes back",
        ("o",),
        pane="files",
        beside="explanation",
    ),
    Action(
        "file.again",
        "Look for files again",
        "Session",
        "reads the folders anew",
        ("a",),
        pane="files",
        beside="explanation",
    ),
)

#: The session and the console.
SESSION: tuple[Action, ...] = (
    Action(
        "session.retry",
        "Connect again",
        "Session",
        "closes the session and opens it again; transcript, past and recording go on",
        ("r",),
    ),
    Action(
        "session.back",
        "Back to the live session",
        "Session",
        "closes the file; the session went on behind it, nothing of it is lost",
        ("B",),
        need="aside",
        footer="back to live",
    ),
    Action(
        "session.open",
        "Open something else",
        "Session",
        "lists ports, machines, dumps and recordings to choose from",
        ("O",),
        danger="ends this session, and a kernel that it started",
    ),
    Action(
        "session.report",
        "Bundle for a bug report",
        "Session",
        "one .zip with what happened on the line, the log, your settings without your paths, what doctor says and this "
        "session's last dumps; the conversation is in it",
    ),
    Action(
        "session.quit",
        "Quit",
        "Session",
        "leaves the console; asks first where an answer, lines that wait or saved states of the machine end with it",
        ("ctrl+q",),
        footer="quit",
        everywhere=True,
    ),
    Action(
        "session.leave",
        "Quit a file or a failed session",
        "Session",
        "leaves the console when there is no session to lose",
        ("q",),
    ),
)
