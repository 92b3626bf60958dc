"""Composes only what changed: for one more token a row of the transcript, not the whole screen.

Textual (8.2.8) knows which regions changed and writes no others, but before that it asks every visible widget for all
of its lines: it leaves a widget out only when the change lies outside of the widget's clip, and the clip is the region
of its parent, which for panes side by side is the screen. This took more than half of the processor time while an
answer streamed (bench/tui.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class ChangesCompositor(Compositor):
    """Textual's compositor, which asks widgets for the rows that changed and no others.

    Takes the place of a screen's own `_compositor`. Neither that name nor `_get_renders` is a public one: the version
    of Textual is pinned, and tests/tui/test_compositor.py compares what is drawn with what Textual itself draws.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed: list[Region] = []  # while a partial update is made

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update."""
        self._changed = list(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = []

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Region, clip and lines of each widget that is to be drawn, front to back; the lines begin at the clip."""
        if not self._changed:
            yield from super()._get_renders(crop)
            return
        before: list[Region] = []  # what lies in front; widgets are opaque, so nothing is seen through it
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            touched = [seen.intersection(changed) for changed in self._changed if seen.overlaps(changed)]
            touched = [part for part in touched if not any(front.contains_region(part) for front in before)]
            before.append(seen)
            if touched:
                rows = Region.from_union(touched)
                part = Region(seen.x, rows.y, seen.width, rows.height)
                yield region, part, widget.render_lines(part.translate(-region.offset))
