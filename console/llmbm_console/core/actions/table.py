"""Every verb a person can do, once: key bindings, palette, footer, help and the names that `exec` takes are made from
this table.

An action either runs a line of the kernel's REPL (`line`), or is carried out by the face that offers it, under its id.
Keys are the defaults, spelt as Textual spells them ("ctrl+p", "space", "E" for shift+e). Prose names the key of another
action as {0[ID]}, so that it tells the one that is bound: see `key_labels.spelt`.
"""

from __future__ import annotations

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.compare import COMPARE
from llmbm_console.core.actions.kernel import KERNEL, SAMPLING, SENTINEL
from llmbm_console.core.actions.panes import PANES
from llmbm_console.core.actions.session import MACHINE, SESSION
from llmbm_console.core.actions.view import CHAT, LOG, MEMORY, VIEW

#: The keys behind the leader key that go to a pane.
LEADERS = {"transcript": "t", "sentinel": "s", "context": "k", "sampling": "a"}

NUMBERED: tuple[Action, ...] = tuple(
    Action(
        f"pane.{name}",
        f"Go to {title}",
        "Panes",
        f"focuses the pane {title}",
        (str(number),),
        need="prompt" if name == "prompt" else "",
        leader=LEADERS.get(name, ""),
    )
    for number, (name, title) in enumerate(PANES, 1)
)

ACTIONS: tuple[Action, ...] = (
    *CHAT,
    *VIEW,
    *MEMORY,
    *LOG,
    *COMPARE,
    *KERNEL,
    *SAMPLING,
    *SENTINEL,
    *MACHINE,
    *SESSION,
    *NUMBERED,
)

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
