"""The arenas by address, for a memory pane with room: a ribbon, and a table with every number the kernel gives."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from textual.content import Content

from llmbm_console.core.state import State
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, line

if TYPE_CHECKING:
    from llmbm_protocol.schema import Zone

LEAST_WIDTH, LEAST_HEIGHT = 88, 20
COLUMNS = ("arena", "base", "end", "bytes", "used", "peak", "", "guard", "last allocation")


def by_address(state: State) -> list[Zone]:
    """The arenas whose addresses are known, lowest first."""
    return sorted((zone for zone in state.arenas.values() if zone.size), key=lambda zone: zone.base)


def shares(sizes: list[int], width: int) -> list[int]:
    """Cells for each arena: in proportion to its size, at least one each, and `width` together."""
    if not sizes:
        return []
    whole = sum(sizes)
    cells = [max(1, size * width // whole) for size in sizes]
    largest = sizes.index(max(sizes))
    cells[largest] = max(1, cells[largest] + width - sum(cells))
    return cells


def ribbon(zones: list[Zone], width: int, frame: Frame) -> Content:
    """A bar for each arena in the order of addresses, its used part filled; a blank where addresses have a gap."""
    gaps = [later.base > earlier.base + earlier.size + 4096 for earlier, later in pairwise(zones)]
    cells = shares([zone.size for zone in zones], max(len(zones), width - sum(gaps)))
    pieces: list[Piece] = []
    for index, (zone, room) in enumerate(zip(zones, cells, strict=True)):
        used = min(room, -(-zone.used * room // zone.size))
        pieces += [
            (frame.glyphs.block * used, f"${zone.arena.value}"),
            (frame.glyphs.free * (room - used), f"${zone.arena.value}"),
        ]
        if index < len(gaps) and gaps[index]:
            pieces.append((" ", ""))
    return line(*pieces)


def _cells(zone: Zone) -> tuple[str, ...]:
    last = f"{zone.last_tag} {figures.exact(zone.last_bytes)}" if zone.last_tag else "-"
    return (
        zone.arena.value,
        f"{zone.base:#x}",
        f"{zone.base + zone.size:#x}",
        figures.exact(zone.size),
        figures.exact(zone.used),
        figures.exact(zone.peak),
        "ro" if zone.read_only else "rw",
        "intact" if zone.guard_ok else "BROKEN",
        last,
    )


def memory_map(frame: Frame, width: int) -> list[Content]:
    """The ribbon and the table; nothing while no addresses are known."""
    zones = by_address(frame.state)
    if not zones:
        return []
    rows = [_cells(zone) for zone in zones]
    widths = [max(len(row[column]) for row in (COLUMNS, *rows)) for column in range(len(COLUMNS))]
    left = {0, 6, 7, 8}

    def row_of(row: tuple[str, ...]) -> str:
        parts = (
            text.ljust(size) if column in left else text.rjust(size)
            for column, (text, size) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(parts)

    lines = [line(), line(("by address", "$muted")), ribbon(zones, width, frame), line()]
    lines.append(line((row_of(COLUMNS), "$muted")))
    for zone, row in zip(zones, rows, strict=True):
        text = row_of(row)
        name = widths[0]
        style = "$foreground" if zone.guard_ok else "bold $bad"
        lines.append(line((text[:name], f"${zone.arena.value}"), (text[name:], style)))
    return lines
