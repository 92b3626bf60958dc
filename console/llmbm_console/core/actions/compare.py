"""Verbs on two answers that are compared. Their keys act in the panes of the compare view."""

from __future__ import annotations

from functools import partial

from llmbm_console.core.actions.action import Action

_in_view = partial(Action, pane="answers", beside="differences")

COMPARE: tuple[Action, ...] = (
    _in_view(
        "compare.a_earlier",
        "Earlier answer as A",
        "Compare",
        "the answer before A, past B; behind the first one the newest",
        ("a", "shift+left"),
    ),
    _in_view(
        "compare.a_later",
        "Later answer as A",
        "Compare",
        "the answer after A, past B; behind the newest one the first",
        ("shift+right",),
    ),
    _in_view(
        "compare.b_earlier",
        "Earlier answer as B",
        "Compare",
        "the answer before B, past A; behind the first one the newest",
        ("b", "left"),
    ),
    _in_view(
        "compare.b_later",
        "Later answer as B",
        "Compare",
        "the answer after B, past A; behind the newest one the first",
        ("right",),
    ),
    _in_view("compare.swap", "Swap A and B", "Compare", "each in the other's place", ("s",)),
    _in_view(
        "compare.newest",
        "Compare the newest answers",
        "Compare",
        "lets go what was chosen: B is the newest answer again, and A the newest earlier one to the same prompt, else "
        "the one before",
        ("l",),
    ),
    _in_view(
        "compare.parting",
        "To where they part",
        "Compare",
        "the first token that differs",
        ("d",),
    ),
    _in_view("compare.go_b", "B in the transcript", "Compare", "goes to it in the console view", ("enter",)),
    _in_view("compare.go_a", "A in the transcript", "Compare", "goes to it in the console view", ("o",)),
    _in_view(
        "compare.again",
        "Ask A's prompt again, as B",
        "Compare",
        "sends it once more, with the settings in force; its answer is compared with A while it comes. It goes on with "
        "the conversation, so what comes before it is another than for A: {0[chat.clear]} begins a new one",
        ("f",),
        need="line",
    ),
    _in_view(
        "compare.again_seed",
        "Ask A's prompt again with another seed, as B",
        "Compare",
        "sets a new seed, which {0[sampling.undo]} takes back, and sends A's prompt once more",
        ("F",),
        need="line",
    ),
    _in_view(
        "compare.repeat",
        "Repeat A exactly, as B",
        "Compare",
        "sets the sampling values that A had ({0[sampling.undo]} takes them back) and its seed anew, and sends A's "
        "prompt behind an empty context: where A began a conversation, and was the first answer behind its seed, "
        "the tokens should be the same",
        ("=",),
        danger="makes the kernel forget this conversation, to give A once more",
        need="line",
    ),
)
