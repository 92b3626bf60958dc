"""The hex lens: a paused machine's memory as octets, text and numbers, read as it is scrolled to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from llmbm_console.core.machine.guest_memory import PAGE, Pages
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import clip, line, wrap
from llmbm_console.tui.widgets.hex_reach import unreached
from llmbm_console.tui.widgets.hex_rows import DECODINGS, FLOAT, OCTETS, Decoding, Layout, layout
from llmbm_console.tui.widgets.hex_span import NOTHING, Span, span_of, told_changes, told_values
from llmbm_console.tui.widgets.lines import Line, LineView
from llmbm_console.tui.widgets.memory_map import by_address
from llmbm_console.tui.widgets.strips import fit
from llmbm_protocol.words import Arena


class _Row(NamedTuple):
    octets: list[int | None]
    inside: list[bool]  # of what is looked at
    styles: list[Style]


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

    class Looked(Message):
        """Another place is looked at."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.following = False
        self.pages = Pages()
        self.decoding = DECODINGS[0]
        self._decoded = False  # another way to read octets was asked for once
        self.span = NOTHING
        self.mark = -1  # the address that was gone to
        self._mark_octets = 1  # octets from there on
        self._searching = ""  # how far a search has come
        self._row = Layout(8, 16, OCTETS)
        self._pause = 0.0  # since when the machine is paused, in the pause that is looked at
        self._boot: int | None = None  # of the kernel whose memory was read
        self._asked: set[int] = set()
        self._notes: list[tuple[str, str]] = []

    # ---- what is looked at

    def show(self, frame: Frame) -> None:
        """Draws another frame."""
        machine, version = frame.state.machine, frame.state.version
        if not frame.held and version is not None and version.boot != self._boot:
            self._boot = version.boot
            self.pages.forget()
            self._asked.clear()
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

    def focus_changed(self) -> None:
        """The lower edge tells the keys that act here, or how to get here."""
        self._describe()

    def show_arena(self, arena: Arena) -> None:
        """From the beginning of an arena."""
        zone = next((zone for zone in by_address(self._frame.state) if zone.arena is arena), None)
        if zone is not None:
            self.show_span(span_of(zone))

    def show_span(self, span: Span, address: int = -1, octets: int = 1) -> None:
        """Another part of memory, with so many octets of it marked, from an address on, and in view."""
        self.span, self.mark, self._mark_octets = span, address, octets
        self._update()
        top = 0 if address < 0 else max(0, (address - self._first) // self._row.octets - 2)
        self.scroll_to(y=top, animate=False, immediate=True)
        self._want()
        self.post_message(self.Looked())
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
        self.decoding, self._decoded = self._next_decoding(), True
        self._update()

    def show_memory(self, around: tuple[int, int], address: int, octets: int = 1) -> None:
        """Memory outside of arenas, or around them."""
        self.show_span(Span("memory", *around, around[1]), address, octets)

    def show_arena_at(self, address: int) -> bool:
        """The arena that an address lies in, marked there; False when it is in none."""
        return self._show_in(map(span_of, by_address(self._frame.state)), address, 1)

    def show_address(self, address: int, octets: int = 1) -> bool:
        """Marks octets from an address on and brings them into view; False when it is neither in what is looked at nor
        in an arena."""
        return self._show_in([self.span, *map(span_of, by_address(self._frame.state))], address, octets)

    def _show_in(self, spans: Iterable[Span], address: int, octets: int) -> bool:
        span = next((span for span in spans if span.first <= address < span.end), None)
        if span is not None:
            self.show_span(span, address, octets)
        return span is not None

    @property
    def place(self) -> int:
        """The marked address where it is in view, else the first one in view."""
        top = max(self.span.first, self._top)
        end = top + max(1, self.scrollable_content_region.height) * self._row.octets
        return self.mark if top <= self.mark < min(end, self.span.end) else top

    def place_name(self, address: int) -> str:
        """An address, and where it lies in an arena."""
        zones = by_address(self._frame.state)
        zone = next((zone for zone in zones if zone.base <= address < zone.base + zone.size), None)
        return f"{address:#x}" + (f", {zone.arena.value}+{address - zone.base:x}" if zone is not None else "")

    # ---- finding

    def look_for(self, text: str) -> None:
        """What is looked for, as it was written; the search itself is a verb."""
        self.sought = text
        self.post_message(self.Sought())

    def tell_search(self, words: str) -> None:
        """How far a search has come, on the lower edge; empty when none runs."""
        if words != self._searching:
            self._searching = words
            self._describe()

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
        top = self._top
        end = min(self.span.end, top + max(1, self.scrollable_content_region.height) * self._row.octets)
        for page in range(top - top % PAGE, end, PAGE):
            if page not in self._asked and not self.pages.known(page):
                self._asked.add(page)
                self.post_message(self.PageWanted(page))

    def watch_scroll_y(self, old: float, new: float) -> None:
        """What comes into view is read."""
        super().watch_scroll_y(old, new)
        self._want()
        if round(old) != round(new):
            self.post_message(self.Looked())

    # ---- drawing

    @property
    def _first(self) -> int:
        """The first row begins at a multiple of 16."""
        return self.span.first - self.span.first % 16

    @property
    def _top(self) -> int:
        """The address of the first row in view."""
        return self._first + self.scroll_offset.y * self._row.octets

    @property
    def _digits(self) -> int:
        return max(8, len(f"{self.span.end:x}"))

    def _next_decoding(self) -> Decoding:
        model = self._frame.state.model
        if not self._decoded and self.span.name == Arena.WEIGHTS and model is not None and "fp32" in model.format:
            return FLOAT  # what is there, most likely
        return DECODINGS[(DECODINGS.index(self.decoding) + 1) % len(DECODINGS)]

    def _update(self) -> None:
        width, height = self.scrollable_content_region.size
        if width <= 0 or height <= 0:
            return
        reason, advice = self._missing()
        self._notes = [("hex--note", text) for text in self._wrapped(reason, width)]
        self._notes += [("hex--advice", text) for text in self._wrapped(advice, width)]
        if not self._notes and (arena := self._arena_wanted()) is not None:
            self.show_arena(arena)
            return
        top, before = self._top, self._row.octets
        self._row = layout(width, self._digits, self.decoding)
        rows = 0 if self._notes else -(-(self.span.end - self._first) // self._row.octets)
        if self.virtual_size != Size(width, rows):
            self.virtual_size = Size(width, rows)
        if self._row.octets != before:  # what was the first row in view has another number
            self.scroll_to(y=max(0, top - self._first) // self._row.octets, animate=False, immediate=True)
        self._describe()
        self._want()
        self.refresh()

    def _missing(self) -> tuple[str, str]:
        """Why there are no octets to show, and what to do."""
        reason, advice, _brief = unreached(self._frame)
        if not reason and self.span is NOTHING and not by_address(self._frame.state):
            key = self._frame.keys["hex.address"]
            return "The kernel has not said yet where its arenas are.", f"{key} goes to an address all the same."
        return reason, advice

    def _arena_wanted(self) -> Arena | None:
        """The arena to begin with, or the one that is looked at where the kernel has made it anew, with another model
        for one; None where the rows stay. How much of it is in use changes all the time."""
        zones = by_address(self._frame.state)
        if self.span is NOTHING:
            return zones[0].arena
        zone = next((zone for zone in zones if zone.arena.value == self.span.role), None)
        if zone is None or (zone.base, zone.base + zone.size) != (self.span.first, self.span.end):
            return zone.arena if zone is not None else None
        self.span = span_of(zone)
        return None

    @staticmethod
    def _wrapped(text: str, width: int) -> list[str]:
        return [text[start:end] for start, end in wrap(text, width)] if text else []

    def _describe(self) -> None:
        if self._notes or self.span is NOTHING:
            self.set_heading(line(), self._hint([], changed=False))
            return
        span, beside = self.span, self._row.beside
        name = line((span.name.upper(), f"bold ${span.role}" if span.role else "bold $foreground"))
        decoding = line((self.decoding.name if beside is None else f"octets, text, {beside.name}", "$accent"))
        if span.first <= self.mark < span.end:
            where = f"+{self.mark - span.first:x}" if span.role else f"{self.mark:#x}"
            octets, before = self.pages.octets(self.mark, 8), self.pages.before(self.mark, 1)[0]
            heading = [(0, name), (1, line((where, "$muted"))), *told_values(octets, before)]
            heading.append((1, decoding))
        else:
            heading = [
                (0, name),
                (2, line((f"{span.first:#x}", "$muted"))),
                (3, line((figures.size(span.end - span.first), "$muted"))),
                (1, decoding),
            ]
        self.set_heading(fit(heading, self.heading_room, self.glyphs, gap=2), self._told())

    def _told(self) -> Content:
        """The lower edge, while there are octets to see. What changed is counted over all pages that were read: once
        for a picture."""
        if self._searching:
            stops = line((self._frame.keys["view.leave"], "$accent"), (" stops", "$muted"))
            words = [(0, line((self._searching, "$warn"))), (1, stops)]
            return fit(words, max(0, self.edge_room), self.glyphs, gap=2)
        changed = self.pages.changed()
        return self._hint(told_changes(self.pages, self.span, changed), changed=bool(changed))

    def _hint(self, compared: list[Content], *, changed: bool) -> Content:
        """What changed, in as many words as there is room for, and the keys that act here, or lead here."""
        labels, room = self._frame.keys, max(0, self.edge_room)

        def key(label: str, word: str) -> Content:
            return line((label, "$accent"), (f" {word}", "$muted"))

        keys: list[tuple[int, Content]]
        if not self.has_focus:
            keys = [(0, key(labels["view.hex"], "goes here"))]
        else:
            keys = [(3, key(labels["view.leave"], "back"))]
        if self.has_focus and not self._notes:
            keys = [
                (1, key(labels["hex.decode"], f"as {self._next_decoding().name}")),
                (1, key(labels["hex.address"], "address")),
                (2, key(f"{labels['hex.previous']} {labels['hex.next']}", "arena")),
                (1, key(labels["view.find"], "find")),
                *keys,
            ]
            if changed:
                keys.insert(0, (0, key(labels["hex.change"], "next")))
        told = fit(keys, room, self.glyphs, gap=2)
        whole = key(labels["hex.whole"], "shows all memory" if self.span.role else "shows the arena")
        more = fit([*keys, (4, whole)], room, self.glyphs, gap=2) if self.has_focus and not self._notes else told
        for words, with_keys in (*((words, more) for words in compared[:1]), *((words, told) for words in compared)):
            parts = [part for part in (words, with_keys) if part.cell_length]
            edge = Content("  ").join(parts)
            if edge.cell_length <= room:
                return edge
        return told

    def row_content(self, row: int, item: Line, width: int, selection: Selection | None) -> Strip:
        """One row of octets, or of the text that says why there are none."""
        if self._notes:
            y = row - self.scroll_offset.y
            style, text = self._notes[y] if y < len(self._notes) else ("", "")
            return Strip([Segment(text, self._style(style))]).adjust_cell_length(width, self.rich_style)
        address = self._first + row * self._row.octets
        if address >= self.span.end or self.span is NOTHING:
            return Strip.blank(width, self.rich_style)
        head = Segment(f"{address:0{self._digits}x} ", self._style("hex--address"))
        failure = self.pages.failure(address)
        if failure:
            return Strip(
                [
                    head,
                    Segment(clip(failure, width - self._digits - 1, self.glyphs.ellipsis), self._style("hex--advice")),
                ]
            ).adjust_cell_length(width, self.rich_style)
        return Strip([head, *self._cells(address)]).adjust_cell_length(width, self.rich_style)

    def _cells(self, address: int) -> list[Segment]:
        count = self._row.octets
        row = _Row(
            self.pages.octets(address, count),
            [self.span.first <= address + at < self.span.end for at in range(count)],
            [self._octet_style(address + at, *pair) for at, pair in enumerate(self._pairs(address, count))],
        )
        segments = self._values(row, self._row.values)
        for at, octet in enumerate(row.octets if self._row.text else ()):
            sign = " " if octet is None or not row.inside[at] else chr(octet) if 32 <= octet < 127 else "."
            segments.append(Segment(sign, row.styles[at]))
        if self._row.beside is not None:
            segments += [Segment("  ", self.rich_style), *self._values(row, self._row.beside)]
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
        if self.mark <= address < self.mark + self._mark_octets and self.mark >= 0:
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

    def on_click(self, event: events.Click) -> None:
        """Marks an octet: its address is the one that `a` starts from."""
        offset = event.get_content_offset(self)
        if offset is None or self._notes:
            return
        at = self._row.octet_at(offset.x)
        if at is not None:
            self.mark = self._first + (self.scroll_offset.y + offset.y) * self._row.octets + at
            self._mark_octets = 1
            self._describe()
            self.post_message(self.Looked())
            self.refresh()
