"""Verbs that the kernel carries out."""

from __future__ import annotations

from llmbm_console.core.actions.action import Action
from llmbm_console.core.sampling import BUILT_IN

#: Lines of its REPL.
KERNEL: tuple[Action, ...] = (
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
    Action(
        "kernel.model",
        "The model",
        "Kernel",
        "runs /model: which one is loaded; /models lists the others, and /load FILE loads one",
        need="line",
        line="/model",
    ),
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
)

#: How it chooses tokens.
SAMPLING: tuple[Action, ...] = (
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
        "the values that a kernel begins with; {0[sampling.undo]} takes it back",
        danger="sets every sampling parameter to its default",
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
)

#: What it may cost.
SENTINEL: tuple[Action, ...] = (
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
        "pins the decode budget to a tenth more than 99 of 100 passes took, and leaves the other one; "
        "{0[sentinel.learn]} learns both again",
        ("a",),
        need="line",
        pane="sentinel",
    ),
    Action(
        "sentinel.drill",
        "Fail-safe drill",
        "Sentinel",
        "runs /test_failsafe: shows for real what becomes of a broken budget",
        ("T",),
        danger="breaks off the next answer and trips the sentinel; /reset brings the chat back",
        need="line",
        line="/test_failsafe",
        pane="sentinel",
    ),
    Action(
        "sentinel.reset",
        "Reset the sentinel",
        "Sentinel",
        "runs /reset: after a trip no prompt is taken before",
        ("X",),
        danger="ends a trip: the chat goes on; learnt budgets, overrun counts and the log ring are lost",
        need="line",
        line="/reset",
        pane="sentinel",
    ),
)
