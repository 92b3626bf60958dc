"""Where each pane lies: one pure function from the size of the screen to regions.

Below 100 columns, or below 20 rows, the panes become tabs with the most important numbers in one to three lines above
the prompt; from 100 columns they stand beside the transcript, from 168 in two columns. Memory, log, machine, dumps and
the comparison of two answers have a view of their own there, with panes that only it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.geometry import Region

NARROW = 100  # columns
ULTRA = 168
LOW = 20  # rows
EVENTS_FROM = 28
BESIDE = 34  # rows that the panes beside the transcript fill in two columns; events stand below where there are more
LEAST_BELOW = 10
TABS_FROM = 44  # rows from which the line of views is on the main view too
LEAST_LENS = 10  # rows of a hex lens that has room for a line above it
TOKENS_FROM = 140  # columns: the strip of the tokens of an answer

#: The views: tabs of the narrow layout, and the panes each one shows there.
TABS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("chat", "Console", ("transcript",)),
    ("memory", "Memory", ("memory", "sentinel", "context")),
    ("log", "Log", ("events",)),
    ("sampling", "Sampling", ("sampling",)),
    ("machine", "Machine", ("machine",)),
    ("dumps", "Dumps", ("files", "explanation")),
    ("compare", "Compare", ("answers", "differences")),
)

#: The views that have a layout of their own where there is room, and their panes, the one to begin with first.
VIEWS: dict[str, tuple[str, ...]] = {
    "memory": ("memory", "hex"),
    "log": ("events", "histogram", "facets", "details"),
    "machine": ("machine", "machine_log", "display", "registers"),
    "dumps": ("files", "explanation"),
    "compare": ("answers", "differences"),
}

#: Parts without a frame.
STRIPS = frozenset({"status", "keys", "banner", "tabs", "hud", "tokens", "bytes"})

MAP_COLUMNS, MAP_ROWS = 68, 11  # of a memory pane that shows the arenas by address
COMPARED = 13  # rows of the pane with what differs between two answers
#: The panes beside the transcript.
SIDE_PANES = ("memory", "sentinel", "context", "sampling", "machine")

Regions = dict[str, Region]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the arrangement depends on."""

    width: int
    height: int
    prompt_rows: int = 1  # lines of text in the prompt; 0: no prompt (a file is shown)
    banner_rows: int = 0  # rows for the verdict of a file
    key_rows: int = 1  # rows for the keys, or for the question whether a dangerous one is meant
    tab: str = "chat"  # narrow only
    zoom: str = ""  # pane on the whole screen
    half: str = ""  # pane that has half of the screen
    choices: bool = False  # how tokens were chosen is known: there is more to show
    bytes: bool = False  # what is in memory can be looked at

    @property
    def narrow(self) -> bool:
        """True when panes are tabs."""
        return self.width < NARROW or self.height < LOW


def tab_of(pane: str) -> str:
    """The tab that shows a pane, or from which it is opened."""
    found = next((name for name, _title, panes in TABS if pane in panes), "")
    return found or next((name for name, panes in VIEWS.items() if pane in panes), "chat")


def view_of(pane: str) -> str:
    """The view on a wide screen that shows a pane: the main one shows all that have a number."""
    numbered = {"memory", "events", "machine"}  # the main view shows them too
    return next((name for name, panes in VIEWS.items() if pane in panes and pane not in numbered), "chat")


def arrange(shape: Shape) -> Regions:
    """The region of every visible part; what is not in it is not shown. Regions never overlap or leave the screen."""
    regions: Regions = {}
    top, bottom = 0, shape.height
    if shape.height >= 4:
        regions["status"] = Region(0, 0, shape.width, 1)
        top = 1
    if shape.height >= 6:
        rows = max(1, min(shape.key_rows, shape.height // 6))
        bottom -= rows
        regions["keys"] = Region(0, bottom, shape.width, rows)
    if shape.banner_rows and bottom - top > shape.banner_rows + 3:
        regions["banner"] = Region(0, top, shape.width, shape.banner_rows)
        top += shape.banner_rows
    area = Region(0, top, shape.width, max(0, bottom - top))
    if shape.zoom == "hex" and shape.bytes and area.height >= LEAST_LENS:
        _column(regions, area, [("bytes", 1), ("hex", 0)])
    elif shape.zoom and shape.zoom not in ("transcript", "prompt"):
        regions[shape.zoom] = area
    elif shape.zoom:
        _column(regions, area, [("transcript", 0), ("prompt", _prompt_height(shape, area.height))])
    elif shape.narrow:
        _narrow(regions, area, shape)
    elif shape.tab in VIEWS:
        _view(regions, _below_tabs(regions, area), shape)
    else:
        if shape.height >= TABS_FROM:
            area = _below_tabs(regions, area)
        _wide(regions, area, shape)
    return {name: region for name, region in regions.items() if _usable(name, region)}


def _usable(name: str, region: Region) -> bool:
    """A frame needs room for something inside it."""
    if name in STRIPS:
        return region.width > 2 and region.height > 0
    return region.width >= 8 and region.height >= 3


def _prompt_height(shape: Shape, available: int) -> int:
    """Rows of the prompt with its frame: it may grow to six lines, but never take more than half of the room."""
    if not shape.prompt_rows:
        return 0
    return max(min(3, available), min(shape.prompt_rows, 6, max(1, available // 2 - 2)) + 2)


def _column(regions: Regions, area: Region, parts: list[tuple[str, int]]) -> None:
    """Stacks parts of given heights; the one of height 0 that comes first takes what is left."""
    fixed = sum(height for _name, height in parts)
    flexible = next((name for name, height in parts if height == 0), "")
    y = area.y
    for name, height in parts:
        rows = max(0, area.height - fixed) if name == flexible else height
        rows = min(rows, area.bottom - y)
        if rows > 0:
            regions[name] = Region(area.x, y, area.width, rows)
            y += rows


def _narrow(regions: Regions, area: Region, shape: Shape) -> None:
    panes = next((panes for name, _title, panes in TABS if name == shape.tab), ("transcript",))
    prompt = _prompt_height(shape, area.height) if shape.tab not in ("dumps", "compare") else 0
    hud = 3 if area.height >= 18 else 1 if area.height >= 9 else 0
    if shape.tab in ("memory", "dumps", "compare"):
        hud = 0  # the panes say it all
    tabs = 1 if area.height >= 12 else 0
    parts: list[tuple[str, int]] = [("tabs", tabs)] if tabs else []
    room = area.height - tabs - hud - prompt
    if shape.tab == "memory":
        wanted = MAP_ROWS if area.width >= MAP_COLUMNS and room >= MAP_ROWS + 5 else 9
        memory = min(wanted, max(0, room))
        context = 4 if room - memory >= 4 + 5 else 0  # and room for the sentinel
        parts += [("memory", memory), ("sentinel", 0), *([("context", context)] if context else [])]
        if room - memory - context < 4:  # no room for the sentinel: the memory pane takes it all
            parts = [part for part in parts if part[0] in ("tabs",)] + [("memory", 0)]
    elif shape.tab == "dumps" and room >= 10:
        parts += [("files", room * 2 // 5), ("explanation", 0)]
    elif shape.tab == "compare" and room >= 10:
        parts += [("differences", room // 2), ("answers", 0)]
    else:
        parts.append((panes[0], 0))
    if hud:
        parts.append(("hud", hud))
    if prompt:
        parts.append(("prompt", prompt))
    _column(regions, area, parts)


def _below_tabs(regions: Regions, area: Region) -> Region:
    """The line of views, and the area below it."""
    regions["tabs"] = Region(area.x, area.y, area.width, 1)
    return Region(area.x, area.y + 1, area.width, area.height - 1)


def _view(regions: Regions, area: Region, shape: Shape) -> None:
    """The panes of a view of its own."""
    view = shape.tab
    if view == "memory":
        memory = min(13, -(-area.height // 2))
        strip = [("bytes", 1)] if shape.bytes and area.height - memory >= LEAST_LENS else []
        _column(regions, area, [("memory", memory), *strip, ("hex", 0)])
        return
    if view == "compare":
        _column(regions, area, [("differences", min(COMPARED, area.height // 2)), ("answers", 0)])
        return
    side = {"log": min(60, max(38, area.width // 3)), "dumps": area.width - min(84, max(46, area.width * 2 // 5))}.get(
        view, area.width - max(area.width * 11 // 25, min(64, area.width - 56))
    )
    left = Region(area.x, area.y, area.width - side, area.height)
    right = Region(left.right, area.y, side, area.height)
    if view == "log":
        _column(regions, left, [("histogram", min(9, max(5, area.height // 5))), ("events", 0)])
        _column(regions, right, [("facets", area.height * 3 // 5), ("details", 0)])
    elif view == "machine":
        _column(regions, left, [("machine", min(19, area.height * 3 // 5)), ("machine_log", 0)])
        _column(regions, right, [("display", area.height * 16 // 25), ("registers", 0)])
    else:
        _column(regions, left, [("files", 0)])
        _column(regions, right, [("explanation", 0)])


def _wide(regions: Regions, area: Region, shape: Shape) -> None:
    ultra = shape.width >= ULTRA
    side = min(60, max(46, shape.width // 4)) if ultra else max(42, min(60, shape.width * 9 // 25))
    if shape.half in SIDE_PANES:
        side = area.width // 4 if ultra else area.width // 2
    left = Region(area.x, area.y, area.width - side * (2 if ultra else 1), area.height)
    prompt = _prompt_height(shape, area.height)
    events = 0 if shape.height < EVENTS_FROM else 8 if shape.height < 44 else max(12, area.height // 4)
    if shape.half == "events":
        events = area.height // 2
    below = _events_below(regions, area, shape, side) if ultra and shape.half not in SIDE_PANES else 0
    parts: list[tuple[str, int]] = [("transcript", 0)]
    if shape.choices and shape.width >= TOKENS_FROM and events:
        parts.append(("tokens", 2))
    if events and not below:
        parts.append(("events", events))
    if prompt:
        parts.append(("prompt", prompt))
    _column(regions, left, parts)
    second = Region(left.right, area.y, side, area.height - below)
    if shape.half in SIDE_PANES:
        second = Region(left.right, area.y, side * (2 if ultra else 1), area.height)
        _column(regions, second, _half_parts(shape.half, area.height))
        return
    if not ultra:
        _column(regions, second, _side_parts(area.height, shape.choices))
        return
    third = Region(second.right, area.y, side, second.height)
    sampling = max(5, min(13 if shape.choices else 11, area.height // 2))
    _column(regions, second, [("memory", 9), ("sentinel", 0), ("context", 5)])
    _column(regions, third, [("sampling", sampling), ("machine", 0)])


def _events_below(regions: Regions, area: Region, shape: Shape, side: int) -> int:
    """Events below the two columns of panes, which would be half empty boxes on a high screen; their rows, 0 where
    there is no room for it."""
    rows = area.height // 2 if shape.half == "events" else area.height - BESIDE
    if area.height < BESIDE + LEAST_BELOW:
        return 0
    regions["events"] = Region(area.right - 2 * side, area.bottom - rows, 2 * side, rows)
    return rows


def _half_parts(pane: str, height: int) -> list[tuple[str, int]]:
    """Heights beside the transcript when one pane has at least half of the column: the others as far as they fit."""
    left, parts = height - max(5, height // 2), {}
    for name, least in (("memory", 8), ("sentinel", 5), ("context", 4), ("sampling", 5)):
        if name != pane and least <= left:
            parts[name] = least
            left -= least
    return [(name, 0 if name == pane else parts[name]) for name in SIDE_PANES if name == pane or name in parts]


def _side_parts(height: int, choices: bool) -> list[tuple[str, int]]:
    """Heights of the panes beside the transcript: least heights first, then what is left goes where it tells most."""
    least = {"memory": 8, "sentinel": 5, "context": 4, "sampling": 5}
    if sum(least.values()) > height:
        del least["context"]
    left = height - sum(least.values())
    for name, wanted in (("sampling", 13 if choices else 11), ("context", 5), ("memory", 9), ("sentinel", 16)):
        if name in least:
            more = min(left, wanted - least[name])
            least[name] += more
            left -= more
    if left >= 8:
        least["machine"] = min(left, 13 if left < 30 else 24)
    # A column may not end in the air: the sentinel's chart takes the rest.
    return [(name, 0 if name == "sentinel" else rows) for name, rows in least.items()]
