"""A container whose children lie where arrange.py says."""

from __future__ import annotations

from textual.geometry import Offset, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from llmbm_console.tui.arrange import Regions

NOWHERE = Offset(0, 0)


class PlacedLayout(Layout):
    """Places children by their id."""

    name = "placed"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """The regions that the deck holds; a child without one is not placed."""
        regions = parent.regions if isinstance(parent, Deck) else {}
        return [
            WidgetPlacement(regions[child.id], NOWHERE, Spacing(), child) for child in children if child.id in regions
        ]


class Deck(Widget):
    """All panes of the main screen."""

    DEFAULT_CSS = "Deck { width: 1fr; height: 1fr; background: $background; overflow: hidden; }"

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children)
        self.regions: Regions = {}
        self._placed = PlacedLayout()

    @property
    def layout(self) -> Layout:
        """Styles know only Textual's own layouts."""
        return self._placed

    def holds(self, regions: Regions) -> bool:
        """Whether there is a widget for each region."""
        return set(regions) <= {child.id for child in self.children}

    def place(self, regions: Regions) -> bool:
        """Shows what has a region and hides the rest; False when nothing changed."""
        if regions == self.regions:
            return False
        self.regions = regions
        for child in self.children:
            child.display = child.id in regions
        self._clear_arrangement_cache()
        self.refresh(layout=True)
        return True
