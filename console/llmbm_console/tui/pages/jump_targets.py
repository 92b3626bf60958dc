"""Where one can jump to from the main screen, each place by its letter: what is in sight, in reading order, then panes
and views that are not. A place keeps its letter whatever the size of the terminal and whatever else is in sight."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.geometry import Offset
from textual.widget import Widget

from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.tui.arrange import TABS
from llmbm_console.tui.pages.jump import LETTERS, Target
from llmbm_console.tui.widgets.framed import Framed
from llmbm_console.tui.widgets.slider import NAME_WIDTH, Slider

if TYPE_CHECKING:
    from llmbm_console.tui.screen import MainScreen


def jump_targets(main: MainScreen) -> dict[str, Target]:
    """All of them by their letters. Names are never covered: a pane's letter stands on the corner of its frame, a
    slider's on its rail."""
    views = [_view_title(name, title) for name, title, _panes in TABS]
    panes, others = ([title for _name, title in some] for some in (PANES, VIEW_PANES))
    known = dict.fromkeys((*panes, *main.sampling.sliders, *views, *others))
    letters = dict(zip(known, LETTERS, strict=False))
    rest = iter(LETTERS[len(letters) :])
    found = ((letters.get(target.title) or next(rest, ""), target) for target in _targets(main))
    return {letter: target for letter, target in found if letter}


def _targets(main: MainScreen) -> list[Target]:
    seen = [widget for widget in main.focus_chain if widget.region.area and main.region.contains_region(widget.region)]
    seen.sort(key=lambda widget: (widget.region.y, widget.region.x))
    found = [Target(_title(widget), partial(_focus, widget), _place(widget)) for widget in seen]
    found += [
        Target(title, partial(main.focus_pane, name))
        for name, title in PANES
        if name not in main.deck.regions and not (name == "prompt" and main.frame.read_only)
    ]
    found += [
        Target(name, partial(_focus_slider, main, slider))
        for name, slider in main.sampling.sliders.items()
        if slider not in seen
    ]
    for name, title, panes in TABS:
        own = name != "sampling" and (not main.shape.narrow or panes[0] not in dict(PANES))
        if own and name != main.shape.tab:
            found.append(Target(_view_title(name, title), partial(main.show_view, name)))
    return found


def _view_title(name: str, title: str) -> str:
    return f"{'Console' if name == 'chat' else title} view"


def _title(widget: Widget) -> str:
    if isinstance(widget, Slider):
        return widget.scale.parameter.name
    return next((part.title_text for part in widget.ancestors_with_self if isinstance(part, Framed)), widget.id or "")


def _place(widget: Widget) -> Offset:
    return widget.region.offset + ((NAME_WIDTH, 0) if isinstance(widget, Slider) else (0, 0))


def _focus(widget: Widget) -> None:
    widget.focus()


def _focus_slider(main: MainScreen, slider: Slider) -> None:
    main.focus_pane("sampling")
    slider.focus()
