"""A part of memory that the hex lens looks at, what changed in it, and what stands at one address of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from llmbm_console.core.machine.guest_memory import Pages
from llmbm_console.tui import figures
from llmbm_console.tui.text import line
from llmbm_console.tui.widgets.hex_rows import FLOAT, Decoding

if TYPE_CHECKING:
    from llmbm_protocol.schema import Zone


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: an arena, or memory outside of them."""

    name: str
    first: int
    end: int
    used_end: int  # what lies behind is reserved and not in use
    role: str = ""  # of the theme: the arena's own colour


#: What the octets at an address are read as, and what is left out first where there is no room.
VALUES = (
    ("i8", Decoding("int8", 1, 5, "b"), 4),
    ("u32", Decoding("uint32", 4, 12, "I"), 5),
    ("u64", Decoding("uint64", 8, 21, "Q"), 6),
    ("f32", FLOAT, 3),
)

NOTHING = Span("", 0, 0, 0)


def span_of(zone: Zone) -> Span:
    """An arena as what is looked at."""
    name = zone.arena.value
    return Span(name, zone.base, zone.base + zone.size, zone.base + zone.used, name)


def told_changes(pages: Pages, span: Span, changed: int) -> list[Content]:
    """What differs from the pause before in what is looked at, of `changed` octets in all; the shortest way to
    say so last."""
    size, here = pages.compared(span.first, span.end), pages.changed(span.first, span.end)
    other = changed - here
    if not size and not other:
        # Before there is anything to compare with.
        return [line((text, "$muted")) for text in ("the next pause shows what changed", "")]
    elsewhere = f", {figures.exact(other)} elsewhere" if other else ""
    style = "bold $warn" if here else "$muted"
    if not size:
        long, short = "not read in a pause before", "not compared"
    else:
        short = f"{figures.exact(here)} changed"
        long = f"{short} of {figures.size(size)} since the pause before"
    return [line((words, style)) for words in (long + elsewhere, short + elsewhere, short)]


def told_values(octets: list[int | None], before: int | None) -> list[tuple[int, Content]]:
    """What octets from an address on are as numbers, the low octet first, each with what is left out first, and what
    the first of them was `before`, where it was another."""
    told = []
    if before is not None and octets[0] is not None and before != octets[0]:
        told.append((2, line((f"was {before:02x}", "$warn"))))
    for name, decoding, weight in VALUES:
        part = octets[: decoding.octets]
        if None not in part:
            told.append((weight, line((f"{name} ", "$muted"), (decoding.text(part), "$foreground"))))
    return told
