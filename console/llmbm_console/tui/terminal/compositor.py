"""Composes only what changed: for one more token a row of the transcript, not the whole screen.

Textual (8.2.8) knows which regions changed and writes no others, but before that it asks every visible widget for all
of its lines, and cuts each of them at the edges of all widgets beside and in front of it. This took more than half of
the processor time while an answer streamed (bench/tui.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.segment import Segment
from textual._compositor import Compositor, CompositorMap, CompositorUpdate, LayoutUpdate, ReflowResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

Part = tuple[int, int, list[Strip]]  # column and row at which it begins, and its lines


#: Scripts whose signs join or stand above each other, and emoji that not every terminal knows: it may count another
#: width than was counted here. What is made of several emoji does not come so far (tui/sure_width.py).
UNSURE = re.compile(
    "[\u0483-\u10ff\u1160-\u1dff\u20d0-\u20ff\ua800-\uabff\ud7b0-\ud7ff\U00010000-\U0001f2ff\U0001f6d0-\U0001f6ff"
    "\U0001f774-\U0001f8ff\U0001f90c-\U0010ffff]"
)
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"  # DECAWM: what a terminal takes for wider ends at its edge


def place(x: int, y: int) -> str:
    """What moves the cursor to a cell."""
    return f"\x1b[{y + 1};{x + 1}H"


def row_at(x: int, y: int, strips: Iterable[Strip], console: Console) -> str:
    """What writes strips beside each other. Where terminals differ in the width of a sign each piece is put at its own
    place, over the row's blanks: frames stand where they belong, whatever became of the text before them."""
    drawn = "".join([strip.render(console) for strip in strips])
    if not UNSURE.search(drawn):
        return place(x, y) + drawn
    pieces = list[tuple[int, Segment]]()
    for segment in (segment for strip in strips for segment in strip):
        pieces.append((x, segment))
        x += segment.cell_length
    blanks = [(at, Segment(" " * segment.cell_length, segment.style)) for at, segment in pieces]
    texts = [(at, segment) for at, segment in pieces if not segment.text.isspace()]
    written = [place(at, y) + Strip([segment]).render(console) for at, segment in (*blanks, *texts)]
    return "".join([NO_WRAP, *written, WRAP])


class WholeUpdate(LayoutUpdate):
    """The whole screen, row by row."""

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        x, top = self.region.offset
        return "".join([row_at(x, y, list(strips), console) for y, strips in enumerate(self.strips, top)])


class PartsUpdate(CompositorUpdate):
    """Parts of the screen that lie beside each other."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        return "".join(
            row_at(x, y, (strip,), console) for x, top, strips in self.parts for y, strip in enumerate(strips, top)
        )


class ChangesCompositor(Compositor):
    """Textual's compositor, which asks widgets for the parts of them that changed and no others.

    Takes the place of a screen's own `_compositor`. Neither that name nor `_dirty_regions` or `_full_map` is a public
    one: the version of Textual is pinned, and tests/tui/test_compositor.py compares what is drawn with what Textual
    itself draws.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: CompositorMap = {}  # where widgets lie by the last layout

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """What is shown, hidden and of another size since the last layout. Textual compares with a map that a look-up
        of any widget's place may have made anew since then: a pane that was in it already got no Resize, and drew
        nothing on its edge."""
        self._full_map = self._told
        result = super().reflow(parent, size)
        self._told = self._full_map
        return result

    def render_full_update(self, simplify: bool = False) -> WholeUpdate:
        """Everything."""
        update = super().render_full_update(simplify)
        return WholeUpdate(update.strips, update.region)

    def render_partial_update(self) -> PartsUpdate | None:  # type: ignore[override]
        """What changed since the last update; None when nothing did."""
        changed, self._dirty_regions = self._dirty_regions, set()
        parts = list(self._parts(joined(apart(changed, self.size.region))))
        if spilt := [region for part in parts for region in self._spilt(part)]:
            parts += self._parts(spilt)
        return PartsUpdate(parts) if parts else None

    def _parts(self, regions: list[Region]) -> Iterator[Part]:
        for widget, seen in self._seen(regions):
            yield seen.x, seen.y, widget.render_lines(seen.translate(-self.visible_widgets[widget][0].offset))

    def _spilt(self, part: Part) -> Iterator[Region]:
        """What stands behind rows whose text a terminal may take for wider: it is written over then."""
        x, top, strips = part
        for y, strip in enumerate(strips, top):
            end = x + strip.cell_length
            if most := min(len(UNSURE.findall(strip.text)), self.size.width - end):
                yield Region(end, y, most, 1)

    def _seen(self, regions: list[Region]) -> Iterator[tuple[Widget, Region]]:
        """What is seen in some regions of the screen: widgets, which are opaque, and where each of them is in front."""
        for widget, (region, clip) in self.visible_widgets.items():  # front to back
            if not regions:
                return
            behind: list[Region] = []
            for part in regions:
                if seen := part.intersection(region).intersection(clip):
                    yield widget, seen
                    behind += around(part, seen)
                else:
                    behind.append(part)
            regions = behind


def apart(regions: Iterable[Region], screen: Region) -> list[Region]:
    """The parts of some regions that are on the screen, without any cell twice."""
    found: list[Region] = []
    for region in regions:
        parts = [region.intersection(screen)]
        for known in found:
            parts = [rest for part in parts for rest in around(part, part.intersection(known))]
        found += [part for part in parts if part]
    return found


def joined(regions: list[Region]) -> list[Region]:
    """The same, with those made one that lie below each other and are equally wide: each costs a widget a call."""
    found: list[Region] = []
    for region in sorted(regions, key=lambda region: (region.x, region.width, region.y)):
        x, y, width, height = found[-1] if found else (0, 0, 0, 0)
        if found and (x, width, y + height) == (region.x, region.width, region.y):
            found[-1] = Region(x, y, width, height + region.height)
        else:
            found.append(region)
    return found


def around(whole: Region, hole: Region) -> list[Region]:
    """What is left of a region without a part of it: at most four regions."""
    if not hole:
        return [whole]
    x, y, width, height = whole
    above, below = hole.y - y, y + height - hole.bottom
    left, right = hole.x - x, x + width - hole.right
    sides = (
        Region(x, y, width, above),
        Region(x, hole.bottom, width, below),
        Region(x, hole.y, left, hole.height),
        Region(hole.right, hole.y, right, hole.height),
    )
    return [side for side in sides if side]
