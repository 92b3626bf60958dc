"""The hex lens: a paused machine's memory as octets, text and numbers, read as it is scrolled to."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from llmbm_console.core.events import MachineStatus
from llmbm_console.core.guest_memory import PAGE, Pages
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import clip, line, wrap
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_console.tui.widgets.memory_map import by_address
from llmbm_protocol.words import Arena

UNREAD = "··"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How octets are read: `code` is struct's, little-endian; without one they are octets."""

    name: str
    octets: int
    cells: int  # of one value, its blank included
    code: str = ""

    def text(self, data: list[int | None]) -> str:
        """One value; dots where it was not read."""
        known = [octet for octet in data if octet is not None]
        if len(known) < len(data):
            return UNREAD
        if not self.code:
            return f"{known[0]:02x}"
        (value,) = struct.unpack("<" + self.code, bytes(known))
        return f"{value:.5g}" if self.code == "f" else str(value)


DECODINGS = (
    Decoding("octets", 1, 3),
    Decoding("int8", 1, 5, "b"),
    Decoding("int32", 4, 12, "i"),
    Decoding("float32", 4, 12, "f"),
    Decoding("uint64", 8, 21, "Q"),
)
FLOAT = DECODINGS[3]


class _Row(NamedTuple):
    octets: list[int | None]
    inside: list[bool]  # of what is looked at
    styles: list[Style]


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: an arena, or memory outside of them."""

    name: str
    first: int
    end: int
    used_end: int  # what lies behind is reserved and not in use
    role: str = ""  # of the theme: the arena's own colour


NOTHING = Span("", 0, 0, 0)


def reason_not(frame: Frame) -> tuple[str, str]:
    """Why memory cannot be looked at now, and what to do; empty when it can."""
    if frame.post_mortem:
        return "A dump holds the numbers of the arenas, not what was in them.", "Open a running kernel for that: O."
    if frame.recorded:
        return "A recording holds what came over the line, not the memory behind it.", ""
    if frame.held:
        return "This is the past, and memory is only there now.", f"{frame.keys['time.live']} goes back to now."
    if frame.read_only:
        return f"{frame.watcher} does not read the machine's memory.", ""
    if not frame.controllable:
        return "A serial line does not reach the machine's memory.", "With --qemu, --qmp or --sim it can be read."
    if frame.state.machine.status is not MachineStatus.PAUSED:
        return (
            "The machine runs, and what is in its memory changes while one looks.",
            "{0} pauses it: then this shows what is in it. Nothing is lost; {0} again lets it run on.".format(
                frame.keys["machine.pause"]
            ),
        )
    if not by_address(frame.state):
        key = frame.keys["hex.address"]
        return "The kernel has not said yet where its arenas are.", f"{key} goes to an address all the same."
    return "", ""


class HexView(LineView):
    """Rows of octets between two addresses; a page that was not read yet is asked for by a message."""

    pane, number, title_text = "hex", 0, "Hex lens"
    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "hex--address", "hex--octet", "hex--zero", "hex--changed", "hex--unread", "hex--note", "hex--advice",
        "hex--mark",
    }  # fmt: skip

    DEFAULT_CSS = """
    HexView > .hex--address { color: $muted; }
    HexView > .hex--octet { color: $foreground; }
    HexView > .hex--zero { color: $border; }
    HexView > .hex--changed { color: $warn; text-style: bold; }
    HexView > .hex--unread { color: $faint; }
    HexView > .hex--note { color: $foreground; }
    HexView > .hex--advice { color: $muted; }
    HexView > .hex--mark { color: $background; background: $focus; }
    """

    class PageWanted(Message):
        """A page is looked at that was not read in this pause."""

        def __init__(self, page: int) -> None:
            super().__init__()
            self.page = page

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.following = False
        self.pages = Pages()
        self.decoding = DECODINGS[0]
        self._decoded = False  # another way to read octets was asked for once
        self.span = NOTHING
        self.mark = -1  # the address that was gone to
        self._pause = 0.0  # since when the machine is paused, in the pause that is looked at
        self._asked: set[int] = set()
        self._notes: list[tuple[str, str]] = []

    # ---- what is looked at

    def show(self, frame: Frame) -> None:
        """Draws another frame."""
        machine = frame.state.machine
        if machine.status is MachineStatus.PAUSED and not frame.held and machine.since != self._pause:
            self._pause = machine.since
            self.pages.begin()
            self._asked.clear()
        super().show(frame)

    def _draw(self) -> None:
        if self.display:  # a lens that nobody sees reads nothing
            self._update()

    def on_resize(self) -> None:
        """How many octets a row has depends on the width."""
        self._update()

    def show_arena(self, arena: Arena) -> None:
        """From the beginning of an arena."""
        zone = next((zone for zone in by_address(self._frame.state) if zone.arena is arena), None)
        if zone is not None:
            used_end = zone.base + zone.used
            self.show_span(Span(zone.arena.value, zone.base, zone.base + zone.size, used_end, zone.arena.value))

    def show_span(self, span: Span, address: int = -1) -> None:
        """Another part of memory, with an address of it marked and in view."""
        self.span, self.mark = span, address
        self._update()
        top = 0 if address < 0 else max(0, (address - self._first) // self._per_row - 2)
        self.scroll_to(y=top, animate=False, immediate=True)
        self._want()
        self.refresh()

    def step_arena(self, direction: int) -> bool:
        """The next (1) or previous (-1) arena by address; False where there is none."""
        arenas = [zone.arena for zone in by_address(self._frame.state)]
        names = [arena.value for arena in arenas]
        place = names.index(self.span.name) + direction if self.span.name in names else 0
        if not 0 <= place < len(arenas):
            return False
        self.show_arena(arenas[place])
        return True

    def decode_next(self) -> None:
        """The next way to read octets."""
        address = self._first + self.scroll_offset.y * self._per_row
        self.decoding, self._decoded = self._next_decoding(), True
        self._update()
        self.scroll_to(y=(address - self._first) // self._per_row, animate=False, immediate=True)
        self._want()
        self.refresh()

    def to_change(self) -> bool:
        """Marks the next octet that changed; False when none did."""
        found = self.pages.next_change(self.mark)
        if found is None:
            return False
        if self.span.first <= found < self.span.end:
            self.show_span(self.span, found)
            return True
        for zone in by_address(self._frame.state):
            if zone.base <= found < zone.base + zone.size:
                self.show_arena(zone.arena)
                self.show_span(self.span, found)
                return True
        return False

    # ---- pages

    def put(self, page: int, data: bytes) -> None:
        """A page came."""
        self.pages.put(page, data)
        self._describe()
        self.refresh()

    def fail(self, page: int, reason: str) -> None:
        """A page cannot be read."""
        self.pages.fail(page, reason)
        self.refresh()

    def _want(self) -> None:
        if self._notes or not self.display or self.span.end <= self.span.first:
            return
        top = self._first + self.scroll_offset.y * self._per_row
        end = min(self.span.end, top + max(1, self.scrollable_content_region.height) * self._per_row)
        for page in range(top - top % PAGE, end, PAGE):
            if page not in self._asked and not self.pages.known(page):
                self._asked.add(page)
                self.post_message(self.PageWanted(page))

    def watch_scroll_y(self, old: float, new: float) -> None:
        """What comes into view is read."""
        super().watch_scroll_y(old, new)
        self._want()

    # ---- drawing

    @property
    def _first(self) -> int:
        """The first row begins at a multiple of 16."""
        return self.span.first - self.span.first % 16

    @property
    def _digits(self) -> int:
        return max(8, len(f"{self.span.end:x}"))

    def _next_decoding(self) -> Decoding:
        model = self._frame.state.model
        if not self._decoded and self.span.name == Arena.WEIGHTS and model is not None and "fp32" in model.format:
            return FLOAT  # what is there, most likely
        return DECODINGS[(DECODINGS.index(self.decoding) + 1) % len(DECODINGS)]

    @property
    def _per_row(self) -> int:
        width = self.scrollable_content_region.width
        return next((count for count in (16, 8) if self._row_cells(count, self.decoding) <= width), 8)

    @property
    def _beside(self) -> Decoding | None:
        """What octets are read as in a column of its own, where there is room for one."""
        decoding = self.decoding if self.decoding.code else FLOAT
        room = self.scrollable_content_region.width - self._row_cells(16, DECODINGS[0])
        return decoding if room >= 16 // decoding.octets * decoding.cells + 4 else None

    def _row_cells(self, octets: int, decoding: Decoding) -> int:
        return self._digits + 1 + octets // decoding.octets * decoding.cells + octets // 8 + octets

    def _update(self) -> None:
        width, height = self.scrollable_content_region.size
        if width <= 0 or height <= 0:
            return
        reason, advice = reason_not(self._frame)
        self._notes = [("hex--note", text) for text in self._wrapped(reason, width)]
        self._notes += [("hex--advice", text) for text in self._wrapped(advice, width)]
        if not self._notes and self.span is NOTHING:
            self.show_arena(by_address(self._frame.state)[0].arena)
            return
        rows = 0 if self._notes else -(-(self.span.end - self._first) // self._per_row)
        if self.virtual_size != Size(width, rows):
            self.virtual_size = Size(width, rows)
        self._describe()
        self._want()
        self.refresh()

    @staticmethod
    def _wrapped(text: str, width: int) -> list[str]:
        return [text[start:end] for start, end in wrap(text, width)] if text else []

    def _describe(self) -> None:
        if self._notes:
            self.set_heading(line(), line())
            return
        span = self.span
        self.set_heading(
            line(
                (span.name.upper(), f"bold ${span.role}" if span.role else "bold $foreground"),
                (f"  {span.first:#x}  {figures.size(span.end - span.first)}  ", "$muted"),
                (self.decoding.name if self._beside is None else f"octets, text, {self._beside.name}", "$accent"),
            ),
            self._compared(),
        )

    def _compared(self) -> Content:
        changed = self.pages.changed()
        labels = self._frame.keys
        arenas = f"{labels['hex.previous']} {labels['hex.next']}"
        keys = (
            (labels["hex.decode"], f"as {self._next_decoding().name}"),
            (labels["hex.address"], "address"),
            (arenas, "arena"),
        )
        hints = [piece for key, word in keys for piece in ((f"  {key}", "$accent"), (f" {word}", "$muted"))]
        if changed is None:
            return line(("pause twice to see changes", "$muted"), *hints)
        style = "bold $warn" if changed else "$muted"
        more = ((f"  {labels['hex.change']}", "$accent"), (" next one", "$muted")) if changed else ()
        return line((f"{figures.exact(changed)} changed since the last pause", style), *more, *hints)

    def row_content(self, row: int, item: Line, width: int, selection: Selection | None) -> Strip:
        """One row of octets, or of the text that says why there are none."""
        if self._notes:
            y = row - self.scroll_offset.y
            style, text = self._notes[y] if y < len(self._notes) else ("", "")
            return Strip([Segment(text, self._style(style))]).adjust_cell_length(width, self.rich_style)
        address = self._first + row * self._per_row
        if address >= self.span.end or self.span is NOTHING:
            return Strip.blank(width, self.rich_style)
        head = Segment(f"{address:0{self._digits}x} ", self._style("hex--address"))
        failure = self.pages.failure(address)
        if failure:
            return Strip(
                [head, Segment(clip(failure, width - self._digits - 1), self._style("hex--advice"))]
            ).adjust_cell_length(width, self.rich_style)
        return Strip([head, *self._cells(address)]).adjust_cell_length(width, self.rich_style)

    def _cells(self, address: int) -> list[Segment]:
        count = self._per_row
        row = _Row(
            self.pages.octets(address, count),
            [self.span.first <= address + at < self.span.end for at in range(count)],
            [self._octet_style(address + at, *pair) for at, pair in enumerate(self._pairs(address, count))],
        )
        segments = self._values(row, self.decoding if self._beside is None else DECODINGS[0])
        for at, octet in enumerate(row.octets):
            sign = " " if octet is None or not row.inside[at] else chr(octet) if 32 <= octet < 127 else "."
            segments.append(Segment(sign, row.styles[at]))
        if self._beside is not None:
            segments += [Segment("  ", self.rich_style), *self._values(row, self._beside)]
        return segments

    def _pairs(self, address: int, count: int) -> list[tuple[int | None, int | None]]:
        return list(zip(self.pages.octets(address, count), self.pages.before(address, count), strict=True))

    def _values(self, row: _Row, decoding: Decoding) -> list[Segment]:
        """The row's octets as values; a value in which an octet changed counts as changed."""
        segments: list[Segment] = []
        zero, changed = self._style("hex--zero"), self._style("hex--changed")
        for at in range(0, len(row.octets), decoding.octets):
            part = slice(at, at + decoding.octets)
            text = decoding.text(row.octets[part]) if all(row.inside[part]) else ""
            style = next((style for style in row.styles[part] if style is not zero), zero)
            style = changed if changed in row.styles[part] else style
            segments.append(Segment(text.rjust(decoding.cells - 1), style))
            segments.append(Segment("  " if (at + decoding.octets) % 8 == 0 else " ", self.rich_style))
        return segments

    def _octet_style(self, address: int, octet: int | None, before: int | None) -> Style:
        if address == self.mark:
            return self._style("hex--mark")
        if octet is None:
            return self._style("hex--unread")
        if before is not None and before != octet:
            return self._style("hex--changed")
        return self._style("hex--zero" if octet == 0 or address >= self.span.used_end else "hex--octet")

    def action_scroll_home(self) -> None:
        """At once: a way of millions of rows would read pages on it that nobody looks at."""
        self.scroll_home(animate=False)

    def action_scroll_end(self) -> None:
        """See action_scroll_home."""
        self.scroll_end(animate=False)

    def step(self, direction: int) -> bool:
        """A row up or down."""
        self.scroll_relative(y=direction, animate=False)
        return True

    def on_click(self, event: events.Click) -> None:
        """Marks an octet: its address is the one that `a` starts from."""
        offset = event.get_content_offset(self)
        if offset is None or self._notes:
            return
        column = offset.x - self._digits - 1
        shown = self.decoding if self._beside is None else DECODINGS[0]
        group = shown.cells * (8 // shown.octets) + 1
        at = column // group * 8 + column % group // shown.cells * shown.octets
        if column >= 0 and at < self._per_row:
            self.mark = self._first + (self.scroll_offset.y + offset.y) * self._per_row + at
            self.refresh()
