"""The arenas by address, for a memory pane with room: a ribbon, and a table with every number the kernel gives."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from llmbm_console.core.postmortem.known_fields import knows, told
from llmbm_console.core.postmortem.zone_sizes import UNTOLD, size_text, unit_of
from llmbm_console.core.state.state import State
from llmbm_console.tui import figures
from llmbm_console.tui.arrange import MAP_COLUMNS, MAP_ROWS
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, line

if TYPE_CHECKING:
    from llmbm_protocol.schema import Zone

LEAST_WIDTH, LEAST_HEIGHT = MAP_COLUMNS - 4, MAP_ROWS - 2  # without the edge of the pane
BAR = 10  # cells of a bar at least
GAP = 2
#: Title, and what is left out first where there is no room (0: never).
COLUMNS = (
    ("arena", 0), ("base", 0), ("used", 0), ("of", 1), ("", 2), ("", 4), ("peak", 3), ("", 0), ("guard", 5),
    ("last", 6),
)  # fmt: skip
LEFT = frozenset({0, 7, 8, 9})
BAR_COLUMN = 4


def by_address(state: State) -> list[Zone]:
    """The arenas whose addresses are known, lowest first."""
    placed = [zone for zone in state.arenas.values() if knows(zone, "base", "size", "used")]
    return sorted((zone for zone in placed if zone.size or unit_of(zone) > 1), key=lambda zone: zone.base)


def shares(sizes: list[int], width: int) -> list[int]:
    """Cells for each arena: in proportion to its size, at least one each, and `width` together."""
    if not sizes:
        return []
    whole = max(1, sum(sizes))
    cells = [max(1, size * width // whole) for size in sizes]
    largest = sizes.index(max(sizes))
    cells[largest] = max(1, cells[largest] + width - sum(cells))
    return cells


def ribbon(zones: list[Zone], width: int, frame: Frame) -> Content:
    """A bar for each arena in the order of addresses, its used part filled; a blank where addresses have a gap."""
    gaps = [
        later.base > earlier.base + earlier.size + max(4096, unit_of(earlier)) for earlier, later in pairwise(zones)
    ]
    cells = shares([zone.size for zone in zones], max(len(zones), width - sum(gaps)))
    parts: list[Content] = []
    for index, (zone, room) in enumerate(zip(zones, cells, strict=True)):
        used = min(room, -(-zone.used * room // max(1, zone.size)))
        part = line(
            (frame.glyphs.block * used, f"${zone.arena.value}"),
            (frame.glyphs.free * (room - used), f"${zone.arena.value}"),
        )
        parts.append(part.stylize(Style.from_meta({"@click": f"app.lens('{zone.arena.value}')"})))
        if index < len(gaps) and gaps[index]:
            parts.append(Content(" "))
    return Content("").join(parts)


def _cells(zone: Zone) -> tuple[str, ...]:
    return (
        zone.arena.upper(),
        f"{zone.base:#x}",
        size_text(zone, "used", exact=True),
        size_text(zone, "size", exact=True),
        "",
        figures.percent(zone.used / zone.size) if unit_of(zone) == 1 else UNTOLD,
        size_text(zone, "peak", exact=True),
        {True: "ro", False: "rw"}.get(told(zone, "read_only"), UNTOLD),
        {True: "intact", False: "BROKEN"}.get(told(zone, "guard_ok"), UNTOLD),
        f"{zone.last_tag} {figures.size(zone.last_bytes)}" if zone.last_tag else UNTOLD,
    )


def table(frame: Frame, width: int, selected: int = -1) -> list[Content]:
    """A row for each arena, the selected one marked; a click opens the hex lens on it."""
    zones = by_address(frame.state)
    titles = tuple(title for title, _weight in COLUMNS)
    rows = [_cells(zone) for zone in zones]
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(COLUMNS))]
    widths[BAR_COLUMN] = BAR
    width -= GAP  # for the mark of the selected row
    kept = list(range(len(COLUMNS)))
    while sum(widths[column] for column in kept) + GAP * (len(kept) - 1) > width and len(kept) > 4:
        kept.remove(max(kept, key=lambda column: COLUMNS[column][1]))
    if BAR_COLUMN in kept:
        widths[BAR_COLUMN] += max(0, width - sum(widths[column] for column in kept) - GAP * (len(kept) - 1))

    def cell(row: tuple[str, ...], column: int) -> str:
        return row[column].ljust(widths[column]) if column in LEFT else row[column].rjust(widths[column])

    lines = [line((" " * GAP + (" " * GAP).join(cell(titles, column) for column in kept), "$muted"))]
    for index, (zone, row) in enumerate(zip(zones, rows, strict=True)):
        mark: Piece = (f"{frame.glyphs.prompt} " if index == selected else "  ", "bold $focus")
        pieces: list[Piece | Content] = [mark]
        for number, column in enumerate(kept):
            if number:
                pieces.append((" " * GAP, ""))
            style = "$muted" if column in (1, 3, 6, 7) else "$foreground"
            if column == 0:
                style = f"bold ${zone.arena.value}" if index == selected else f"${zone.arena.value}"
            elif column == 8 and not zone.guard_ok:
                style = "bold $bad"
            if column == BAR_COLUMN:
                size = max(1, zone.size)
                peak = zone.peak / size if knows(zone, "peak") else None
                pieces.append(frame.glyphs.bar(zone.used / size, widths[column], f"${zone.arena.value}", peak=peak))
            else:
                pieces.append((cell(row, column), style))
        text = line(*pieces)
        lines.append(text.stylize(Style.from_meta({"@click": f"app.lens('{zone.arena.value}')"})))
    return lines
