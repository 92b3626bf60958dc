"""Two post-mortem files beside each other, over the main screen."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from llmbm_console.core.counted import counted
from llmbm_console.core.postmortem.compare import NOTHING, Change, Comparison, Section, other
from llmbm_console.core.postmortem.kernel_text import TextEvent
from llmbm_console.tui.glyphs import BLOCKS, Glyphs, glyphs_of
from llmbm_console.tui.pages.boxed import Boxed
from llmbm_console.tui.text import clip, line, wrap

NAME = 20  # columns of a value's name
SAME = 10  # of the words before what is the same
MOST_EVENTS = 40  # of each file


def comparison_lines(found: Comparison, width: int, glyphs: Glyphs = BLOCKS) -> list[Content]:
    """Everything that differs, in lines of at most `width` columns; the sentences in front are to be wrapped."""
    lines = [
        line(("- old  ", "bold $bad"), (f"{found.old.name}: {found.old.verdict}", "$foreground")),
        line(("+ new  ", "bold $good"), (f"{found.new.name}: {found.new.verdict}", "$foreground")),
        line(),
        line((found.sentence, "bold $accent")),
    ]
    for section in found.sections:
        if section.changes or section.absent:
            lines += [line(), *_section(section, width, glyphs.ellipsis)]
    if found.unchanged:
        same = ", ".join(found.unchanged)
        lines.append(line())
        for number, (start, end) in enumerate(wrap(same, max(8, width - SAME))):
            label = f"{'' if number else 'the same':<{SAME}}"
            lines.append(line((label, "$muted"), (same[start:end], "$foreground")))
    return lines + _events(found, width, glyphs.ellipsis)


def _section(section: Section, width: int, ellipsis: str) -> list[Content]:
    if section.absent:
        only = f"only in the {other(section.absent)} file"
        return [line((section.name, "bold $foreground"), (f"  {only}", "$warn"))]
    count = len(section.changes)
    of = f"  {count} of {count + section.same} values differ"
    return [
        line((section.name, "bold $foreground"), (of, "$muted")),
        *(_change(c, width, ellipsis) for c in section.changes),
    ]


def _change(change: Change, width: int, ellipsis: str) -> Content:
    room = max(8, (width - NAME - 9 - len(change.by)) // 2)
    return line(
        (f"  {clip(change.label, NAME - 3, ellipsis):<{NAME - 2}}", "$muted"),
        (clip(change.old, room, ellipsis) or NOTHING, "$bad"),
        (" > ", "$muted"),
        (clip(change.new, room, ellipsis) or NOTHING, "$good"),
        (f"  {change.by}" if change.by else "", "$info"),
    )


def _events(found: Comparison, width: int, ellipsis: str) -> list[Content]:
    lines: list[Content] = [
        line(),
        line(("log", "bold $foreground"), (f"  {counted(found.common_events, 'event')} in both", "$muted")),
    ]
    for sign, style, events in (("-", "$bad", found.only_old), ("+", "$good", found.only_new)):
        lines += [_event(sign, style, entry, width, ellipsis) for entry in events[:MOST_EVENTS]]
        if len(events) > MOST_EVENTS:
            lines.append(line((f"  {sign} and {len(events) - MOST_EVENTS} more", "$muted")))
    return lines


def _event(sign: str, style: str, entry: TextEvent, width: int, ellipsis: str) -> Content:
    record = entry.record
    head = f"  {sign} {record.level.value:<6}{record.code.value:<12}"
    return line((head, style), (clip(record.message, max(8, width - len(head)), ellipsis), "$foreground"))


class ComparePage(Boxed):
    """The differences, to scroll through."""

    help_page, box_title = "comparison", "Two files compared"
    DEFAULT_CSS = "ComparePage > VerticalScroll { width: 120; }"

    def __init__(self, found: Comparison) -> None:
        super().__init__()
        self._found = found

    def on_resize(self) -> None:
        """What fits depends on the width."""
        width = max(30, min(120, self.size.width * 96 // 100) - 7)
        self.query_one(Static).update(Content("\n").join(comparison_lines(self._found, width, glyphs_of(self.app))))
