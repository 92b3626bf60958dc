"""The main screen: which panes there are, where they lie, which one has the focus, and what is drawn when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.widget import Widget

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.tui.arrange import VIEWS, Regions, Shape, arrange, tab_of, view_of
from llmbm_console.tui.deck import Deck
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.line_selection import LineSelection
from llmbm_console.tui.memory import History
from llmbm_console.tui.pages.choices import told_turn
from llmbm_console.tui.terminal.direct_screen import DirectScreen
from llmbm_console.tui.widgets.context import ContextPanel
from llmbm_console.tui.widgets.events import EventList
from llmbm_console.tui.widgets.framed import Framed, Stepped
from llmbm_console.tui.widgets.hex_reach import unreached
from llmbm_console.tui.widgets.hud import Hud
from llmbm_console.tui.widgets.key_line import KeyLine
from llmbm_console.tui.widgets.lines import LineView
from llmbm_console.tui.widgets.machine import MachinePanel
from llmbm_console.tui.widgets.memory import MemoryPanel
from llmbm_console.tui.widgets.prompt import Prompt
from llmbm_console.tui.widgets.sampling import SamplingPanel
from llmbm_console.tui.widgets.sentinel import SentinelPanel
from llmbm_console.tui.widgets.status_line import StatusLine
from llmbm_console.tui.widgets.strips import TabLine, Verdict, verdict_lines
from llmbm_console.tui.widgets.token_strip import TokenStrip
from llmbm_console.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from llmbm_console.tui.views import ViewPanes

ORDER = tuple(name for name, _title in (*PANES, *VIEW_PANES))


class MainScreen(DirectScreen[None]):
    """Transcript, prompt and gauges."""

    AUTO_FOCUS = "#prompt"
    DEFAULT_CSS = """
    MainScreen { background: $background; overflow: hidden; }
    MainScreen > .screen--selection { background: $selection; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", show=False),
        Binding("down,j", "step(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
    ]

    def __init__(self, actions: tuple[Action, ...], history: History) -> None:
        super().__init__()
        self.status = StatusLine(id="status")
        self.banner = Verdict(id="banner")
        self.tabs = TabLine(id="tabs")
        self.hud = Hud(id="hud")
        self.keys = KeyLine(actions, id="keys")
        self.transcript = Transcript(id="transcript")
        self.token_strip = TokenStrip(id="tokens")
        self.event_list = EventList(id="events")
        self.prompt = Prompt(history, id="prompt")
        self.sampling = SamplingPanel(id="sampling")
        self.memory = MemoryPanel(id="memory")
        self.machine = MachinePanel(id="machine")
        self.panels = (self.memory, SentinelPanel(id="sentinel"), ContextPanel(id="context"), self.machine)
        self.deck = Deck(
            self.status,
            self.banner,
            self.tabs,
            self.transcript,
            self.token_strip,
            self.event_list,
            self.hud,
            self.prompt,
            *self.panels,
            self.sampling,
            self.keys,
        )
        self.frame = Frame()
        self._gauged = self.frame  # the one that the gauges show
        self.shape = Shape(0, 0)
        self._before_zoom = ""  # the pane that had the focus
        self._before_view = ""
        self._away = ""  # the pane that had the focus and has no room: it gets it back, unless something is typed first
        self._followed = ("", "")  # the tab that was chosen for the focus, and the view before it
        self._views: ViewPanes | None = None
        self._announced: Path | None = None  # a saved file, before there is a list of files
        self.pictures = "auto"
        self._line_selection = LineSelection(self)

    def compose(self) -> ComposeResult:
        """One deck that holds them all."""
        yield self.deck

    # ---- drawing

    def show(self, frame: Frame, *, gauges: bool = True) -> None:
        """Draws a frame; without gauges only what streams."""
        if frame.failure and not self.frame.failure and not self.prompt.text:
            self.focus_pane("transcript")  # where single keys act: r and q
        before, self.frame = self.frame.state, frame
        state = frame.state
        with self.painting(self.deck, self._painted):
            self.transcript.show(frame)
            if gauges or state.log is not before.log:
                self.event_list.show(frame)
            if gauges or state.sampling is not before.sampling or state.pending is not before.pending:
                self.sampling.show(frame)
            self.token_strip.show(frame)
            if gauges:
                self._show_gauges(frame)

    def show_routine(self, frame: Frame) -> None:
        """Draws a frame of an idle kernel, which as a rule says what the one before said, but for what went over the
        line."""
        if self.shape.tab != "chat" or self.shape.zoom or not frame.says_the_same(self._gauged):
            self.show(frame)
            return
        self.frame = self._gauged = frame
        with self.painting(self.deck, self._painted):
            self.machine.show(frame)

    def _show_gauges(self, frame: Frame) -> None:
        self._gauged = frame
        self.keys.selects = self._selects
        for part in (self.status, self.banner, self.tabs, self.hud, self.keys):
            part.show(frame)
        for panel in self.panels:
            panel.show(frame)
        if self._views is not None:
            self._views.show(frame)
        self.prompt.show(frame)
        for view in self.deck.children:
            if isinstance(view, LineView):
                view.settle()
        self.relayout()

    def _painted(self) -> Iterator[Widget]:
        """The panes, and the bars of those that scroll."""
        for part in self.deck.children:
            yield part
            if isinstance(part, LineView) and part.show_vertical_scrollbar:
                yield part.vertical_scrollbar

    @property
    def views(self) -> ViewPanes:
        """The panes that only views of their own show, made when the first of them is wanted: the first picture of the
        console does not wait for them."""
        if self._views is None:
            from llmbm_console.tui.views import ViewPanes

            self._views = ViewPanes(self.event_list, self.frame, self.pictures)
            self.deck.mount(*self._views)
            if self._announced is not None:
                self._views.files.announce(self._announced)
        return self._views

    def announce(self, path: Path) -> None:
        """The person was told that a saved file is in the list of files: it is selected there."""
        self._announced = path
        if self._views is not None:
            self._views.files.announce(path)

    def relayout(self, size: Size | None = None, **changes: str) -> None:
        """Places the panes anew where the size, the tab, the zoom, the prompt or the kind of session changed."""
        width, height = size or self.size
        read_only = self.frame.read_only
        if "tab" not in changes:
            changes |= self._tab_with_focus(width, height)
        shape = replace(
            self.shape,
            width=width,
            height=height,
            prompt_rows=0 if read_only else self.prompt.text_rows,
            banner_rows=self._banner_rows(width, height),
            key_rows=self.keys.rows(self.frame, width - 2),
            choices=self.frame.choices or told_turn(self.frame.state) is not None,
            bytes=not unreached(self.frame).reason,
            **changes,
        )
        if shape == self.shape:
            return
        self.shape = shape
        regions = arrange(shape)
        if not self.deck.holds(regions):
            assert self.views
        if not self.deck.place(regions):
            return
        self.tabs.tab, self.tabs.narrow = shape.tab, shape.narrow
        self.keys.narrow = "tabs" in regions
        self.event_list.set_bare_edge("histogram" in regions)
        self._keep_focus()
        self.call_after_refresh(lambda: self.show(self.frame))  # as it is then: the focus may have moved

    def _tab_with_focus(self, width: int, height: int) -> dict[str, str]:
        """Where the panes become tabs, the one of the pane with the focus; where they stand beside each other again,
        the view of before."""
        narrow = replace(self.shape, width=width, height=height).narrow
        if narrow == self.shape.narrow:
            return {}
        if not narrow:
            chosen, before = self._followed
            return {"tab": before} if self.shape.tab == chosen else {}
        pane = self._away or self.focused_pane
        tab = tab_of(pane) if pane not in ("", "prompt") else self.shape.tab
        self._followed = tab, self.shape.tab
        return {"tab": tab}

    def _banner_rows(self, width: int, height: int) -> int:
        """A line for the file and as many as its verdict takes, up to a quarter of the screen."""
        if not self.frame.post_mortem:
            return 0
        most = max(3, height // 4)
        return 1 + len(verdict_lines(self.frame.state.verdict, width - 2, most, self.frame.glyphs))

    def on_resize(self, event: events.Resize) -> None:
        """Comes before Textual's own layout: the panes are in place when it is made.

        A layout tells the screen its size by such an event, too. Where a terminal had two sizes while that waited (a
        window is placed while the console starts), each would make a layout of its own size, which tells it again, and
        so on for ever: only the size that the terminal has counts.
        """
        if event.size == self.app.size:
            self.relayout(event.size)
        else:
            event.prevent_default()

    def on_prompt_grown(self) -> None:
        """The prompt has another height."""
        self.relayout()

    # ---- focus

    @property
    def focused_pane(self) -> str:
        """Name of the pane with the focus, empty when none has it."""
        widget: Widget | None = self.focused
        while widget is not None and widget is not self:
            if isinstance(widget, Framed):
                return widget.pane
            widget = widget.parent if isinstance(widget.parent, Widget) else None
        return ""

    def pane(self, name: str) -> Widget:
        """The widget of a pane."""
        return self.query_one(f"#{name}")

    def focus_pane(self, name: str) -> None:
        """Focuses a pane; brings it on screen first: by its tab or its view, else by zooming it."""
        if name == "prompt" and self.frame.read_only:
            name = "transcript"
        if name not in self.deck.regions:
            if self.shape.zoom:
                self.relayout(zoom="")
            if name not in self.deck.regions:
                self.relayout(tab=tab_of(name) if self.shape.narrow else view_of(name))
            if name not in self.deck.regions:
                self._before_zoom = self.focused_pane
                self.relayout(zoom=name)
        elif self.shape.narrow and self.shape.tab != tab_of(name) and name != "prompt":
            self.relayout(tab=tab_of(name))
        if name in self.deck.regions:  # a screen of so few rows has room for no pane
            self._away = ""
            self._give_focus(name)

    def bring(self, names: tuple[str, ...]) -> Regions:
        """Has one of these panes on the screen: on the main view, or where none has room there, on that of the first.
        Returns where everything is."""
        for tab in ("chat", tab_of(names[0])):
            self.relayout(tab=tab)
            if any(name in self.deck.regions for name in names):
                break
        return self.deck.regions

    def _give_focus(self, name: str) -> None:
        """At once: by a message, as Widget.focus does it, it would come behind another size of the screen."""
        widget = self.pane(name)
        self.set_focus(widget.to_focus if isinstance(widget, SamplingPanel) else widget)

    def stay(self) -> None:
        """Something is typed: who does that has seen where the focus is."""
        self._away = ""

    @property
    def visible_main(self) -> str:
        """The pane to go to when the prompt is left: the transcript, or what the tab shows instead."""
        return next((name for name in ORDER if name in self.deck.regions and name != "prompt"), "prompt")

    def _keep_focus(self) -> None:
        """The focus never stays on a pane that is not shown (a screen of three rows has none); it comes back to it.
        Meanwhile a key must not be a letter of the prompt where it was none: also where no other pane has room."""
        focused = self._away or self.focused_pane
        if focused in self.deck.regions:
            if self._away:
                self.focus_pane(focused)
        elif focused:
            self._away = focused
            visible = self.visible_main
            if visible != "prompt":
                self._give_focus(visible)
            else:
                self.set_focus(None)  # single keys act there, too

    def next_pane(self, direction: int) -> None:
        """The next pane that is on screen, in the order of their numbers."""
        shown = [name for name in ORDER if name in self.deck.regions]
        if not shown:
            return
        current = self.focused_pane
        index = shown.index(current) if current in shown else -1
        self.focus_pane(shown[(index + direction) % len(shown)])

    def zoom(self, name: str) -> None:
        """Gives a pane the screen, or gives it back."""
        if self.shape.zoom != name:
            self._before_zoom = self.focused_pane if not self.shape.zoom else self._before_zoom
            self.relayout(zoom=name)
            self.focus_pane(name)
        else:
            self.relayout(zoom="")
            before = self._before_zoom or name
            # A pane that only zooming shows would take the screen again.
            self.focus_pane(before if before in self.deck.regions else self.visible_main)

    def show_view(self, name: str, *, writing: bool = False) -> None:
        """Shows a view, or goes back to the main one, with the pane focused that was before. With the prompt only where
        `writing`: the key that goes back acts there, too. Any other one would be a letter when it is pressed again.
        Where the main one is shown already, it stays as it is."""
        if name == self.shape.tab == "chat" and not self.shape.zoom and self.focused_pane:
            return
        if name == "chat" or (self.shape.tab == name and not self.shape.zoom):
            self.relayout(tab="chat", zoom="")
            before = self._before_view if writing or self._before_view != "prompt" else "transcript"
            self.focus_pane(before if before in self.deck.regions else "transcript")
            return
        if self.shape.tab == "chat":
            self._before_view = self.focused_pane
        self.relayout(tab=name, zoom="")
        panes = VIEWS[name]
        self.focus_pane(next((pane for pane in panes if pane in self.deck.regions), panes[0]))  # three rows have none

    def resize_pane(self, direction: int) -> bool:
        """The focused pane larger (1) or smaller (-1): its own place, half of the screen, all of it. False where it
        goes no further."""
        pane, shape = self.focused_pane, self.shape
        if shape.zoom:
            if direction < 0:
                self.relayout(zoom="", half="" if shape.narrow or shape.tab != "chat" else shape.zoom)
        elif direction > 0 and pane:
            halves = not shape.narrow and shape.tab == "chat" and pane not in ("transcript", "prompt")
            if halves and shape.half != pane:
                self.relayout(half=pane)
            else:
                self.zoom(pane)
        elif shape.half:
            self.relayout(half="")
        return self.shape != shape

    def on_descendant_focus(self) -> None:
        """The keys shown depend on the focus, at the lower edge and in the panes that tell some of theirs."""
        before, self.frame = self.frame, replace(self.frame, in_prompt=self.focused_pane == "prompt")
        self._show_keys()
        for part in (self.prompt, self.transcript):
            part.show(self.frame)
        if self.frame.in_prompt != before.in_prompt:
            for pane in (self.event_list, self.sampling, *self.panels):
                pane.show(self.frame)
            self.event_list.settle()

    @property
    def searched(self) -> LineView:
        """The list that is looked through: the memory when its lens has the focus, the events when they or a pane about
        them have it, else the transcript."""
        if self.focused_pane == "hex":
            return self.views.hex
        of_events = self.focused_pane == "events" or (self.shape.tab == "log" and self.focused_pane != "prompt")
        return self.event_list if of_events else self.transcript

    def on_line_view_sought(self) -> None:
        """Places were found, or nothing is looked for any more."""
        self._show_keys()

    def _show_keys(self) -> None:
        """The keys that go on to the next place are shown while something is looked for, those of a selection of lines
        while there is one."""
        self.keys.filters = self.searched is self.event_list and bool(self.event_list.wanted)
        self.keys.finds = bool(self.searched.sought)
        self.keys.selects = self._selects
        self.keys.show(self.frame)

    def on_event_list_looked(self) -> None:
        """The panes beside the list follow it."""
        self.on_line_view_sought()
        if self._views is not None:
            self._views.show(self.frame)

    def select_lines(self) -> bool:
        """Begins a selection of lines in the focused pane, or leaves it; False where there are none to select."""
        focused = self.focused
        if isinstance(focused, LineView) and self._line_selection.extends(focused):
            self.leave_selection()
            return True
        return isinstance(focused, LineView) and focused.allow_select and self._line_selection.begin(focused)

    def leave_selection(self) -> None:
        """Nothing is selected any more."""
        self._line_selection.leave()
        self.clear_selection()

    @property
    def _selects(self) -> bool:
        return isinstance(self.focused, LineView) and self._line_selection.extends(self.focused)

    def watch_selections(self) -> None:
        """Other keys act."""
        self._show_keys()

    # ---- other screens

    def on_screen_suspend(self) -> None:
        """Another screen has the keys: those of this one would not act."""
        self.keys.covered = True
        self.keys.show(self.frame)

    def on_screen_resume(self) -> None:
        """See on_screen_suspend."""
        self.keys.covered = False
        self.keys.show(self.frame)

    # ---- movement inside the focused pane

    def action_step(self, direction: int) -> None:
        """A row up or down; the next slider in the sampling pane."""
        focused = self.focused
        if self.focused_pane == "sampling":
            self.sampling.step_focus(direction)
        elif self._selects:
            self._line_selection.step(direction)
        elif isinstance(focused, Stepped):
            focused.step(direction)

    def action_page(self, direction: int) -> None:
        """A page up or down."""
        if isinstance(self.focused, Stepped):
            self.focused.page(direction)

    def on_prompt_paged(self, message: Prompt.Paged) -> None:
        """The transcript, or what is shown in its place, is read while the prompt has the focus."""
        pane = self.pane(self.visible_main)
        if isinstance(pane, Stepped):
            pane.page(message.direction)

    def to_top(self) -> bool:
        """The first row; False where the pane has no rows to go through."""
        return isinstance(self.focused, Stepped) and self.focused.top()
