"""What the pages over the main screen show, and their keys: each names its own part as `help_page`."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen

from llmbm_console.tui.text import line

#: Title, what it shows, and its keys. Unlike the main screen's, these keys are always the same.
PAGES: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "xray": (
        "Token x-ray",
        "One token of an answer, in the midst of the text around it. The columns are cycles, one for each token: their "
        "full height is the budget of a pass, or the slowest token where no budget is known. The answer's stamp is a "
        "hash of its token ids: the same stamp means the same tokens.",
        (
            ("left right, h l", "the token before, the next one; with shift by ten"),
            ("Home End", "first and last token"),
            ("up down, k j", "the turn before, the next one"),
            ("w", "the token that took most cycles"),
            ("b", "everything else as it was when the token came; not with a dump"),
            ("y", "copies the token's text"),
            ("Esc, q, x, Enter", "leaves"),
            ("chance", "how likely the model held the token to be among all tokens, at the temperature in force"),
            ("rank", "its place by that: rank 1 was the likeliest"),
            ("drawn as p", "n tokens were left by the rules, and among them alone the token had the chance p"),
            (
                "rules, left n",
                "how many tokens were left after min_p, top_k and top_p, in this order, had cut the others",
            ),
            ("weakened", "the repetition penalty made the token less likely, because it stood in the text before"),
            ("taken out", "tokens that the n-gram ban forbade: they would have repeated a run of /norepeat tokens"),
            ("bars", "the likeliest tokens; those that the rules cut away are pale"),
        ),
    ),
    "event": (
        "Event details",
        "Every field of one event. time is this computer's clock, kernel the kernel's own since its start. first and "
        "second are the numbers that the kernel noted with it, under the names that they have for its code.",
        (
            ("b", "everything else as it was at that moment; not with a dump"),
            ("y", "copies the event's text"),
            ("up down", "scroll"),
            ("Esc, q, Enter", "closes"),
        ),
    ),
    "comparison": (
        "Two files compared",
        "What differs between two post-mortem files: each value with old, new and the difference, part by part, then "
        "what is the same in both, then the log events that only one of them has (- old, + new).",
        (("up down", "scroll"), ("PgUp PgDn", "a page"), ("Esc, q, Enter", "closes")),
    ),
    "text": (
        "Lines of a text",
        "A file that is no recording and no post-mortem file, by its lines, with their numbers. A filter shows the "
        'lines that have every word; !word leaves out those that have it, "two words" stand together.',
        (
            ("/", "filter; an empty one shows all"),
            ("up down, k j", "a line"),
            ("PgUp PgDn, ^u ^d", "a page, space too"),
            ("g G, Home End", "first and last line"),
            ("left right, h l", "sideways, in long lines"),
            ("Esc, q", "takes the filter off, then leaves"),
        ),
    ),
    "line": (
        "A line of input",
        "Below what you write stands what it means, what is wrong with it, or what can be written. Nothing is done "
        "before Enter but what is shown while you write: what a filter lets through, what is found.",
        (
            ("Enter", "takes it; where it would be dangerous, it asks for Enter once more"),
            ("Tab", "completes a name, where there are names to choose from"),
            ("up down", "what is found before and after, or earlier and later prompts, where there are any"),
            ("^u ^k", "deletes to the beginning, to the end"),
            ("Esc", "leaves, and all is as it was before"),
        ),
    ),
    "picture": (
        "A picture",
        "A picture of a machine's screen, with as many pixels as the terminal can draw.",
        (("Esc, q, Enter", "closes"),),
    ),
    "start": (
        "What can be opened",
        "Kernels that this console can start, serial ports, QEMUs that run with a monitor, and the newest dumps and "
        "recordings in the console's folder and in the one that it was started in. What cannot be opened says why "
        "below. The same list is there again with O in a session.",
        (
            ("up down, k j", "select"),
            ("Enter", "opens it; a click does, too"),
            ("r", "looks again at what there is"),
            ("Esc, q, ^q, ^c", "leaves"),
        ),
    ),
}


def page_of(screen: Screen[object]) -> str:
    """The name of a page's help; empty where it has none of its own."""
    name: str = getattr(screen, "help_page", "")
    return name


def page_text(page: str, width: int) -> Content:
    """Help for a page, in lines of at most `width` cells."""
    from llmbm_console.tui.pages.help import help_row

    title, about, keys = PAGES[page]
    parts = [line((title, "bold $accent")), line((about, "$foreground")), line()]
    return Content("\n").join([*parts, *(help_row(width, key, word) for key, word in keys)])
