"""The memory pane: each arena's use and size, the largest use since boot, and whether its guard bytes are intact; with
room, the arenas by address with every number.
"""

from __future__ import annotations

from textual.content import Content

from llmbm_console.core.postmortem.known_fields import knows, told
from llmbm_console.core.postmortem.zone_sizes import unit_of, use_text
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import State
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, line
from llmbm_console.tui.widgets import memory_map
from llmbm_console.tui.widgets.panel import Panel
from llmbm_protocol.words import Arena, Stream

#: Arena, key in the short record, label.
ARENAS: tuple[tuple[Arena, str], ...] = (
    (Arena.WEIGHTS, "WEIGHTS"),
    (Arena.KV, "KV"),
    (Arena.SCRATCH, "SCRATCH"),
    (Arena.ACTS, "ACTS"),
    (Arena.ZONEC, "ZONEC"),
    (Arena.KEEP, "KEEP"),
)
LABEL = 8  # columns, that of the mark included


def usage(state: State, arena: Arena) -> tuple[int, int] | None:
    """Used and whole bytes of an arena, None where nothing tells both. What is known of it in full has what the short
    record told since."""
    full = state.arenas.get(arena)
    if full is not None and knows(full, "used", "size"):
        return full.used, full.size
    pair: tuple[int, ...] = getattr(state.zones, arena.value) if state.zones is not None else ()
    return (pair[0], pair[1]) if len(pair) == 2 else None


def amount_text(state: State, arena: Arena) -> str:
    """The same in words, no more exact than it was told."""
    full = state.arenas.get(arena)
    if full is not None and unit_of(full) > 1:
        return use_text(full)
    return figures.size_pair(*(usage(state, arena) or (0, 0)))


def rounded(state: State) -> bool:
    """Whether sizes are those of a text that rounds them."""
    return any(unit_of(zone) > 1 for zone in state.arenas.values())


def whole_text(state: State) -> str:
    """How large the kernel's memory is: as a file tells it, else by its arenas; empty before either is known."""
    sizes = [pair[1] for arena, _label in ARENAS if (pair := usage(state, arena)) is not None]
    if state.zone_b is not None:
        return f"zone B {figures.size(state.zone_b)}"
    if not sizes:
        return ""
    return f"arenas about {figures.size(sum(sizes))}" if rounded(state) else f"zone B {figures.size(sum(sizes))}"


class MemoryPanel(Panel):
    """Bars by arena; with room a table by address, in which one arena is selected."""

    pane, number, title_text = "memory", 4, "Memory"
    of_kernel = True

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._selected = 0

    @property
    def selected(self) -> Arena | None:
        """The arena that the hex lens would open."""
        zones = memory_map.by_address(self._frame.state)
        return zones[min(self._selected, len(zones) - 1)].arena if zones else None

    def select(self, arena: Arena) -> None:
        """Marks an arena."""
        names = [zone.arena for zone in memory_map.by_address(self._frame.state)]
        if arena in names:
            self._selected = names.index(arena)
            self._draw()

    def step(self, direction: int) -> bool:
        """The next or previous arena by address; False where there is none."""
        count = len(memory_map.by_address(self._frame.state))
        if not 0 <= self._selected + direction < count:
            return False
        self._selected += direction
        self._draw()
        return True

    def made_from(self, frame: Frame) -> object:
        """Arenas seldom change, their samples come all the time."""
        uses = tuple(usage(frame.state, arena) for arena, _label in ARENAS)
        shown = (frame.stale(Stream.ZONES), frame.glyphs, frame.post_mortem, self._selected, frame.state.zone_b)
        return (*uses, frame.state.arenas, *shown, frame.controllable, frame.state.machine.status, frame.keys)

    def heading(self, frame: Frame) -> Content:
        stale = frame.stale(Stream.ZONES)
        return line((f"{stale} " if stale else "", "$warn"), (whole_text(frame.state), "$muted"))

    def hint(self, frame: Frame) -> Content:
        """How to see what is in an arena, where that can be."""
        if not self.has_focus or not frame.controllable or frame.last_known:
            return line()
        paused = frame.state.machine.status is MachineStatus.PAUSED
        return line(
            ("" if paused else f"{frame.keys['machine.pause']} pauses, ", "$muted"),
            (f"{frame.keys['memory.lens']} opens the hex lens", "$muted"),
        )

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        if memory_map.by_address(frame.state) and width >= memory_map.LEAST_WIDTH and height >= memory_map.LEAST_HEIGHT:
            return self._by_address(frame, width, height)
        return self._bars(frame, width, height)

    def _by_address(self, frame: Frame, width: int, height: int) -> list[Content]:
        zones = memory_map.by_address(frame.state)
        chosen = min(self._selected, len(zones) - 1) if self.has_focus else -1
        head = [memory_map.ribbon(zones, width, frame), line()]
        table, foot = memory_map.table(frame, width, chosen), [line(), self._total(frame.state, width)]
        if len(head + table + foot) > height:  # blank lines give way first
            head, foot = head[:1], foot[1:]
        self._marked = len(head) + 1 + chosen if chosen >= 0 else -1
        return [*head, *table, *foot]

    def _bars(self, frame: Frame, width: int, height: int) -> list[Content]:
        known = [(arena, label) for arena, label in ARENAS if usage(frame.state, arena) is not None]
        if not known:
            return _empty(frame)
        marked = self.selected if self.has_focus else None
        rows = [self._row(frame, arena, label, width, marked=arena is marked) for arena, label in known]
        total = self._total(frame.state, width)
        if any(not zone.guard_ok for zone in frame.state.arenas.values()):
            rows = [total, *rows]  # an alarm may not be below the edge
        elif len(rows) < height:
            rows = [*rows, total]
        place = next((row for row, (arena, _label) in enumerate(known) if arena is marked), -1)
        self._marked = place + (rows[0] is total) if place >= 0 else -1
        return rows

    def _row(self, frame: Frame, arena: Arena, label: str, width: int, *, marked: bool) -> Content:
        used, whole = usage(frame.state, arena) or (0, 0)
        full = frame.state.arenas.get(arena)
        sound = full is None or full.guard_ok
        name: Piece = (f"{label:<{LABEL - 1}}", ("bold $foreground" if marked else "$muted") if sound else "bold $bad")
        mark: Piece = (frame.glyphs.prompt if marked else " ", "bold $focus")
        guard: Piece = (" " if sound else "!", "bold $bad")
        exact = self.has_focus and width >= 50 and unit_of(full) == 1
        amount = f"{figures.exact(used)}/{figures.exact(whole)}" if exact else amount_text(frame.state, arena)
        amount = f" {amount:>{27 if exact else 15}}"
        flag = " ro" if told(full, "read_only") else "   "
        share = used / whole if whole else 0.0
        peak = full.peak / full.size if full is not None and full.size and knows(full, "peak") else None
        bar_width = width - LABEL - 1 - len(amount) - len(flag)
        # Arenas are made as large as their contents need: a full one is the rule and no alarm.
        return line(
            name,
            mark,
            guard,
            frame.glyphs.bar(share, max(4, bar_width), f"${arena.value}", peak=peak),
            (amount, "$foreground"),
            (flag, "$muted"),
        )

    def _total(self, state: State, width: int) -> Content:
        broken = [arena.upper() for arena, zone in state.arenas.items() if not zone.guard_ok]
        if broken:
            return line((f"guard bytes broken behind {', '.join(broken)}: see /log", "bold $bad"))
        pairs = [usage(state, arena) or (0, 0) for arena, _label in ARENAS]
        free = sum(whole - used for used, whole in pairs)
        latest = [zone for zone in state.arenas.values() if zone.last_tag and zone.arena in (Arena.SCRATCH, Arena.ACTS)]
        total = line(("free about " if rounded(state) else "free ", "$muted"), (figures.size(free), "$foreground"))
        if not latest:
            return total
        last = line(total, (f"   last {latest[-1].last_tag} {figures.size(latest[-1].last_bytes)}", "$muted"))
        return last if last.cell_length <= width else total


def _empty(frame: Frame) -> list[Content]:
    if frame.post_mortem:
        return [line(("This file has no zone table.", "$muted"))]
    return [
        line(("No zones yet.", "$muted")),
        line(("The kernel's first records bring them.", "$muted")),
    ]
