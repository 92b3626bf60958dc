"""The help screen, made from the table of actions."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widgets import Static

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label, key_labels, spelt
from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.tui.page_help import PAGES, page_text
from llmbm_console.tui.pages.boxed import Boxed
from llmbm_console.tui.pages.leader import followers
from llmbm_console.tui.text import line, wrap

#: What each pane shows, and the keys it has beyond the table's. Actions stand for their keys, as `spelt` reads them.
ABOUT: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "transcript": (
        "Prompts and answers as they come, commands and what they printed, and seams where something is missing. "
        "Scrolled up, it stays where it is while text goes on. The newest 2,000 entries are kept, fewer where they are "
        "long; a recording ({0[record.toggle]}) has everything, and {0[time.back]} looks back over twenty minutes. "
        "GB/s below an answer is how fast decoding read the weights, and % of reading how that is beside a read of the "
        "weights alone.",
        (
            ("up down, k j", "scroll"),
            ("{0[view.top]} {0[view.live]}", "first and newest line; {0[view.leader]} g is the first, too"),
            ("mouse", "drag to select, {0[chat.break]} copies"),
            ("{0[view.tint]}", "tint: by probability (green from 0.5, blue from 0.2, yellow from 0.05, red below)"),
        ),
    ),
    "events": (
        "Everything that happened, on one clock: the kernel's log, the line, the machine, the console. Passes over "
        "their budgets that were only noted share a row with their number, and are nothing to look at; the filter "
        "code:budget shows each.",
        (
            ("up down, k j", "scroll, or move the selection"),
            ("{0[log.next_error]} {0[log.previous_error]}", "next and previous warning or error"),
        ),
    ),
    "prompt": (
        "What you write goes to the model as the beginning of a story; a line that begins with / is a command for the "
        "kernel. The frame says how many tokens it will take and whether the context has room.",
        (
            ("Enter", "send"),
            ("^j, alt+Enter", "new line"),
            ("up down", "earlier prompts, on the first and last line"),
            ("{0[chat.history]}", "finds an earlier prompt"),
            ("{0[chat.edit]}", "your own editor, for a long one"),
            ("Tab", "completes a /command; once more takes the next one that begins so"),
            ("{0[view.leave]}", "leaves the prompt: then single keys act"),
        ),
    ),
    "memory": (
        "The kernel's arenas: used and whole size. A mark in the bar is the largest use since boot; ro is read-only; a "
        "red ! means that guard bytes behind an arena are broken. The memory view ({0[view.memory]}) shows them by "
        "address, with the exact numbers and the last allocation of each.",
        (("up down, k j", "select an arena, in the memory view"), ("mouse", "a click looks inside the arena")),
    ),
    "sentinel": (
        "Every forward pass has a budget of cycles. The bars show the last pass, the chart the last tokens (its full "
        "height is the budget); between them are percentiles and how often a budget was broken. After a trip the bar "
        "of its phase shows the pass that tripped: it gave no token, so the figures of tokens do not have it.",
        (),
    ),
    "context": (
        "The KV cache as a ruler: each shade is a turn, with the number that it has in the transcript; the mark is "
        "where it stands now, and below is how long it will last at this speed. A full cache makes room as /overflow "
        "says: slide (the default) keeps the newest half, clear forgets everything, stop ends the answer. After a "
        "slide the model knows nothing of the oldest turns: a seam in the transcript says from which turn on it still "
        "does. The rows that stay get other places and are computed anew; a turn that begins with a slide counts them "
        "as prefill. /clear begins a new conversation at any time.",
        (),
    ),
    "sampling": (
        "The kernel's sampling parameters. A value that you move is sent when you stop moving; until the kernel "
        "accepts it, a ring marks the value in force. A change made with a command moves the slider. With token "
        "probabilities on ({0[chat.probabilities]}), the columns below are the last token's likeliest: left of the "
        "mark is what these values keep of them, worked out before anything is sent.",
        (
            ("up down, k j", "next slider"),
            ("left right", "move"),
            ("shift+left right", "move further"),
            ("0-9 .", "type a value; Enter or going on sets it, Esc leaves it"),
            ("mouse", "drag the knob; the wheel moves it too, on the rail that you point at, and scrolls on the names"),
        ),
    ),
    "machine": (
        "What runs, on which processor, with which model, and what the line has seen. GB/s of reading: what decoding "
        "reads beside a read of the weights alone, which the kernel times after an answer and in /bench.",
        (),
    ),
    "hex": (
        "What is in the memory of a paused machine: addresses, octets and text. Marked octets are not as they were at "
        "the pause before; pale ones are zero, or behind what the arena uses. Pages are read as they are scrolled to. "
        "The line above tells the entropy of a sample of each part, from all the same to as good as random; a line is "
        "zeros, text has a colour, and the part in view is lit.",
        (
            ("up down, k j", "scroll"),
            ("left right", "arena before, next arena"),
            ("{0[view.find]}", "looks for octets, a number or a text: from the marked octet on, and round"),
            ("{0[view.find_next]} {0[view.find_previous]}", "the next place, the one before"),
            ("mouse", "a click marks an octet; on the line above it goes to that part"),
            ("{0[machine.pause]}", "pauses the machine, and lets it run on"),
            ("{0[view.leave]}", "back to the arenas"),
        ),
    ),
    "histogram": (
        "How many of the shown events came when, in the colour of the worst among them.",
        (("mouse", "a click selects the first event from that time on"),),
    ),
    "facets": (
        "The values that lines of the log have. One can be asked for (+), or left out (-); {0[view.find]} in the event "
        "list has the same filter as text.",
        (("up down, k j", "select a value"),),
    ),
    "details": ("Every field of the selected event, else of the newest one.", ()),
    "machine_log": ("The part of the event list that QEMU's monitor, or the end of the process, told.", ()),
    "display": ("The machine's own screen, as it was when {0[machine.screen]} was pressed.", ()),
    "registers": (
        "Every processor's registers, or what QEMU's monitor answered to a command of yours ({0[machine.qmp]}); rows "
        "that changed since the last look are marked.",
        (("{0[chat.copy]}", "copies all of it"),),
    ),
    "files": (
        "Dumps and recordings in this console's folder and in the one it was started in, the newest first.",
        (("up down, k j", "select a file: it is explained beside the list"),),
    ),
    "differences": (
        "What two answers, A and B, have in common, and what was not the same for them. A stamp is a hash of an "
        "answer's token ids: the same stamp means the same tokens. Equal settings need not give equal tokens: what was "
        "said before counts too, and above temp 0 random numbers go on from answer to answer; /seed begins them anew. "
        "Probabilities are those at the temperature in force, at 1 with temp 0; the budget is the one of then.",
        (
            ("mouse", "a click on < or > chooses another answer, one on its name goes to it in the transcript"),
            ("texts", "what is the same from the first token on is pale; the first token that differs is marked"),
            ("up down, k j", "scroll both texts"),
            ("{0[view.live]}", "to their ends"),
        ),
    ),
    "explanation": ("What the selected file means, or what differs between two.", (("up down, k j", "scroll"),)),
}


MACHINE_PANES = ("machine", "display", "registers", "machine_log")  # of what is done to the machine
WITH = {"answers": "differences"}  # panes that are explained with another one of their view
INDENT = 19  # columns before what a key does


def help_text(pane: str, actions: tuple[Action, ...], width: int = 88) -> Content:
    """Help for a pane or a page, in lines of at most `width` cells: what it shows, its keys, then every action by
    category."""
    if pane in PAGES:
        return page_text(pane, width)
    pane = WITH.get(pane, pane)
    title = dict((*PANES, *VIEW_PANES)).get(pane, "")
    about, keys = ABOUT.get(pane, ("", ()))
    labels = key_labels(actions)
    own = [action for action in actions if _is_own(action, pane)]
    parts = [line((title, "bold $accent")), line((spelt(about, labels), "$foreground"))] if about else []
    if keys or own:
        parts.append(line())
    parts += [help_row(width, spelt(key, labels), spelt(word, labels)) for key, word in keys]
    parts += [_action_row(width, action) for action in own]
    parts += [line(), line((spelt("{0[view.tour]} shows a newcomer around.", labels), "$muted"))]
    category = ""
    for action in actions:
        if action.category in ("Panes", "Kernel") or not action.acts_in(pane) or not action.keys:
            continue
        if action in own:
            continue
        if action.category != category:
            category = action.category
            parts += [line(), line((category, "bold $accent"))]
        parts.append(_action_row(width, action))
    leader = next((key_label(action.keys[0]) for action in actions if action.id == "view.leader" and action.keys), "")
    if leader:
        parts += [line(), line((f"Behind {leader}", "bold $accent"))]
        parts += [help_row(width, f"{leader} {key}", action.title) for key, action in followers(actions).items()]
    panes = [action for action in actions if action.category == "Panes" and action.keys]
    if panes:
        numbers = f"{key_label(panes[0].keys[0])}-{key_label(panes[-1].keys[0])}"
        parts += [line(), help_row(width, numbers, "Go to a pane by its number")]
    return Content("\n").join(parts)


def _is_own(action: Action, pane: str) -> bool:
    """Whether an action is of this pane, though its key may act in all of them."""
    if pane in MACHINE_PANES and action.category == "Machine" and action.keys:
        return True
    return bool(action.pane) and action.acts_in(pane)


def _action_row(width: int, action: Action) -> Content:
    danger = f". It {action.danger}." if action.danger else ""
    return help_row(width, keys_of(action), action.title, action.description + danger)


def keys_of(action: Action) -> str:
    """All keys of an action, for people, so that two of them do not read as one behind the other."""
    return " or ".join(key_label(key) for key in action.keys if not key.startswith("super"))


def help_row(width: int, key: str, title: str, description: str = "") -> Content:
    """A key, what it does, and below it why, behind a hanging indent."""
    room = max(16, width - INDENT)
    first, *rest = [title[a:b] for a, b in wrap(title, room)]
    lines = [line((f"  {key:<{INDENT - 2}}", "bold $foreground"), (first, "$foreground"))]
    lines += [line((" " * INDENT + text, "$foreground")) for text in rest]
    if description:
        lines += [line((" " * INDENT + description[a:b], "$muted")) for a, b in wrap(description, room)]
    return Content("\n").join(lines)


class HelpScreen(Boxed):
    """A page over the main screen; any of its keys closes it."""

    box_title = "Help"
    DEFAULT_CSS = """
    HelpScreen > VerticalScroll {
        width: 96; scrollbar-gutter: stable; /* else lines are made for a width that the bar then takes */
    }
    """

    def __init__(self, pane: str, actions: tuple[Action, ...]) -> None:
        super().__init__()
        self._pane, self._actions = pane, actions

    def on_resize(self) -> None:
        """Lines depend on the width."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        words = self.query_one(Static)
        words.update(help_text(self._pane, self._actions, max(30, words.size.width)))

    def on_key(self, event: events.Key) -> None:
        """What opened it closes it."""
        if any(event.key in action.keys for action in self._actions if action.id == "view.help"):
            event.stop()
            self.dismiss()
