"""Verbs on what is shown: panes, themes, signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llmbm_console.core.actions.key_labels import key_label
from llmbm_console.core.actions.panes import PANES, VIEW_PANES
from llmbm_console.core.state.trips import newest_trip
from llmbm_console.tui.arrange import view_of
from llmbm_console.tui.glyphs import ASCII, BLOCKS, why_ascii
from llmbm_console.tui.pages.choices import newest
from llmbm_console.tui.tint import MODES
from llmbm_console.tui.verbs.time import TimeVerbs
from llmbm_protocol.words import SentinelState

if TYPE_CHECKING:
    from textual.screen import Screen

    from llmbm_console.core.actions.action import Action
    from llmbm_console.core.state.state import LogLine

MOVES = frozenset({"enter", "left", "right"})
OFFER_SECONDS = 20  # that the offer of a tour stays


def ways_to(pane: str) -> tuple[str, ...]:
    """Actions that lead to a pane, the nearest one first: a key of its own, else the view that shows it."""
    return f"pane.{pane}", f"view.{pane}", f"view.{view_of(pane)}"


def goes_on(screen: Screen[object]) -> str:
    """The key that most want on a page, where there is one."""
    from llmbm_console.tui.pages.tour import TourScreen

    return "Enter goes on, " if isinstance(screen, TourScreen) else ""


class ViewVerbs(TimeVerbs):
    """Changes the picture and nothing else."""

    def view_hold(self) -> None:
        """Holds the picture, or lets it go; in the past and in a recording, plays and pauses."""
        if self.app.playback is not None or self.app.looks_back:
            self.app.player.toggle()
            return
        self.app.held = self.app.frame() if self.app.held is None else None
        self.app.held_events = 0
        self.app.pacer.flush()

    # ---- help and panes

    def say_where(self, key: str, actions: Sequence[Action]) -> None:
        """Says in which panes a key of some actions acts, as it does nothing here, or why it would act nowhere. Enter
        and the arrows have a meaning of their own in so many panes that none of them was meant."""
        if key in MOVES:
            self.say_no_key(key_label(key))
            return
        if len(actions) == 1 and (reason := self.app.reason_against(actions[0])):
            self.say(f"{actions[0].title}: {reason}", "warning")
            return
        titles, keys = dict((*PANES, *VIEW_PANES)), self.app.key_labels
        panes = [
            f"{titles[action.pane]} ({next(keys[name] for name in ways_to(action.pane) if name in keys)})"
            for action in actions
        ]
        what = f"{actions[0].title}: " if len(actions) == 1 else ""
        self.say(f"{what}{key_label(key)} acts in {', '.join(panes)}")

    def say_no_key(self, label: str) -> None:
        """Says that a key does nothing here, and what to press instead."""
        from llmbm_console.tui.page_help import page_of

        if self.app.screen is not self.app.main:
            shows = f"{self.app.key_labels['view.help']} shows the keys, " if page_of(self.app.screen) else ""
            instead = f"{goes_on(self.app.screen)}{shows}{self.app.key_labels['view.leave']} leaves this page"
        else:
            write = "" if self.app.read_only else f"{self.key('chat.prompt')} writes a prompt, "
            instead = f"{write}{self.key('view.help')} shows the keys"
        self.say(f"no key {label} here: {instead}")

    def view_help(self) -> None:
        """Help for the page that lies over the main screen, else for the focused pane."""
        from llmbm_console.tui.page_help import page_of
        from llmbm_console.tui.pages.help import HelpScreen

        if not isinstance(self.app.screen, HelpScreen):
            where = page_of(self.app.screen) or self.app.main.focused_pane
            self.app.push_screen(HelpScreen(where, self.app.actions))

    def view_palette(self) -> None:
        """Every action by name."""
        self.app.action_command_palette()

    def view_jump(self) -> None:
        """Letters on all that can have the focus, and for all that is not in sight."""
        from llmbm_console.tui.pages.jump import JumpScreen, Target
        from llmbm_console.tui.pages.jump_targets import jump_targets

        def go(target: Target | None) -> None:
            if target is not None:
                target.go()

        self.app.push_screen(JumpScreen(jump_targets(self.app.main)), go)

    def offer_tour(self) -> None:
        """Says that there is a tour, and never says it again."""
        keys = self.app.by_id["view.tour"].keys
        where = key_label(keys[0]) if keys else '"Tour" in the palette'
        self.app.notify(
            f"New here? {where} shows you around.", timeout=OFFER_SECONDS, markup=False
        )  # see VerbGroup.say
        self.app.remembered.keep("tour", "offered")

    def view_tour(self) -> None:
        """The tour."""
        from llmbm_console.tui.pages.tour import TourScreen

        app = self.app
        app.remembered.keep("tour", "seen")
        if app.main.shape.tab != "chat" or app.main.shape.zoom:
            app.main.show_view("chat")
        main, before = app.main, app.main.focused_pane

        def ended(_whole: bool | None) -> None:
            main.relayout(tab="chat")
            if before and before != main.focused_pane:
                main.focus_pane(before)

        screen = not app.reason_against(app.by_id["machine.screen"])
        app.push_screen(TourScreen(main.bring, app.glyphs, app.by_id, screen=screen), ended)

    def view_zoom(self) -> None:
        """The focused pane on the whole screen."""
        pane = self.app.main.shape.zoom or self.app.main.focused_pane
        if pane:
            self.app.main.zoom(pane)

    def view_larger(self) -> None:
        """More room for the focused pane."""
        if not self.app.main.resize_pane(1):
            self.say(f"the pane has the whole screen: {self.key('view.smaller')} makes it smaller")

    def view_smaller(self) -> None:
        """Less room for the focused pane."""
        if not self.app.main.resize_pane(-1):
            self.say(f"the pane is no larger than its place: {self.key('view.larger')} makes it larger")

    def _show(self, view: str) -> None:
        self.app.main.show_view(view, writing=self.app.acts_in_text)

    def view_console(self) -> None:
        """Transcript, prompt and gauges."""
        self._show("chat")

    def view_memory(self) -> None:
        """Arenas and what is in them."""
        self._show("memory")

    def view_log(self) -> None:
        """All events."""
        self._show("log")

    def view_machine(self) -> None:
        """Facts, events, screen and registers."""
        self._show("machine")

    def view_dumps(self) -> None:
        """Files of this console and of this folder."""
        self._show("dumps")

    def view_compare(self) -> None:
        """Two answers side by side."""
        self._show("compare")

    def view_leader(self) -> None:
        """What may follow."""
        from llmbm_console.tui.pages.leader import LeaderScreen

        self.app.push_screen(LeaderScreen(self.app.actions, self.app.reason_against, self.app.glyphs), self._follow)

    def _follow(self, chosen: str | None) -> None:
        from llmbm_console.tui.pages.leader import NOTHING

        leader = self.key("view.leader")
        if chosen and chosen.startswith(NOTHING):
            self.say(f"{chosen} behind {leader}: {leader} shows which there are")
        elif chosen:
            self.app.do(chosen)

    def view_top(self) -> None:
        """The first line."""
        if not self.app.main.to_top():
            self.say("there are no lines to go through in this pane")

    def view_next_pane(self) -> None:
        """The next pane."""
        self.app.main.next_pane(1)

    def view_previous_pane(self) -> None:
        """The pane before."""
        self.app.main.next_pane(-1)

    def view_leave(self) -> None:
        """Leaves a selection, the zoom, the prompt or the sliders, and so on, whichever is there first. Behind it
        single keys act: who left a view or the zoom is not in the prompt, where the next key would write."""
        if self.app.main.focused_pane == "hex" and self.app.verbs.stop_search():
            return
        if self.app.main.selections:
            self.app.main.leave_selection()
        elif self.app.main.shape.zoom:
            self.app.main.zoom(self.app.main.shape.zoom)
            self._leave_prompt()
        elif self.app.main.focused_pane == "prompt":
            self._leave_prompt()
        elif self.app.main.focused_pane == "sampling":
            self.app.main.focus_pane("transcript")  # digits are values here; there they go to panes
        elif before := {"explanation": "files", "hex": "memory"}.get(self.app.main.focused_pane):
            self.app.main.focus_pane(before)
        elif self.app.main.event_list.wanted or self.app.main.transcript.sought:
            self.app.main.event_list.filter("")
            self.app.main.transcript.find("")
        elif self.app.aside is not None and self.app.main.shape.tab == "chat":
            # What is pressed behind it would act on the live machine, and Esc is pressed to come to the panes.
            self.say(f"{self.key('session.back')} goes back to {self.app.aside.target}")
        elif self.app.held is not None and self.app.main.shape.tab == "chat":
            self.go_to_now()
        elif self.app.main.shape.half:
            self.app.main.relayout(half="")
        elif self.app.main.shape.tab != "chat":
            self.app.main.show_view("chat")
        else:
            self.app.main.clear_selection()

    def _leave_prompt(self) -> None:
        """To the pane beside it, where it has the focus: to none of its sliders, where a digit begins a value."""
        main = self.app.main
        if main.focused_pane != "prompt":
            return
        if main.visible_main == "sampling":
            main.set_focus(main.sampling)
        else:
            main.focus_pane(main.visible_main)

    def view_themes(self) -> None:
        """A list of the themes, each shown while it is looked at."""
        from llmbm_console.tui.pages.palette import Palette
        from llmbm_console.tui.pages.palette_entries import ThemeProvider

        self.app.push_screen(Palette([ThemeProvider], placeholder="Choose a theme", id="--command-palette"))

    def view_theme(self) -> None:
        """The next theme."""
        names = list(self.app.themes)
        name = names[(names.index(self.app.theme_name) + 1) % len(names)]
        self.use_theme(name)

    def use_theme(self, name: str) -> None:
        """Shows a theme, keeps the choice and says whether it is kept."""
        if name in self.app.themes:
            title = self.app.themes[name].title
            self.app.show_theme(name)
            if self.keep("theme", name):
                self.say(f"theme {title}, kept for later runs")
            self.app.pacer.flush()

    def view_firmware(self) -> None:
        """The firmware's text, or one line in its place."""
        transcript = self.app.main.transcript
        transcript.firmware_shown = not transcript.firmware_shown
        self.app.pacer.flush()

    def view_glyphs(self) -> None:
        """Blocks or ASCII."""
        if self.app.lacking:
            self.say(why_ascii(self.app.lacking), "warning")
            return
        self.app.glyphs = BLOCKS if self.app.glyphs is ASCII else ASCII
        self.keep("glyphs", self.app.glyphs.name)
        if self.app.held is not None:
            self.app.held = replace(self.app.held, glyphs=self.app.glyphs)
        self.app.pacer.flush()
        for widget in self.app.screen.walk_children(with_self=True):
            widget.refresh()  # what did not change is drawn in other signs

    def view_tint(self) -> None:
        """Tints the answers by the next of probability, time, nothing."""
        self.app.tint = MODES[(MODES.index(self.app.tint) + 1) % len(MODES)]
        if self.app.tint == "probability" and newest(self.app.shown_frame().state) is None:
            key = self.key("chat.probabilities")
            self.say(f"tint by probability: nothing is known of these tokens; {key} asks for the next ones")
        else:
            self.say(f"tint by {self.app.tint}" if self.app.tint else "no tint")
        self.keep("tint", self.app.tint)
        self.app.pacer.flush()

    def view_live(self) -> None:
        """Follows the newest line of the focused list, else of the transcript; to the last file in a list of those."""
        main = self.app.main
        if main.focused_pane == "files":
            main.views.files.follow()
        elif main.focused_pane in ("answers", "differences"):
            main.views.answers.follow()
        else:
            (main.event_list if main.focused_pane == "events" else main.transcript).follow()

    # ---- log

    def log_toggle(self) -> None:
        """Filters by the selected value."""
        self.app.main.views.facets.toggle()

    def log_details(self) -> None:
        """Every field of the selected event, the newest one when none is selected."""
        from llmbm_console.tui.pages.details import EventDetails

        events = self.app.main.event_list
        if events.selected is None and not events.step(-1):
            self.say("nothing happened yet")
        elif events.selected is not None:
            frame = self.app.shown_frame()
            self.app.push_screen(EventDetails(events.selected, frame, self._look, self.copy, events.run))

    def log_next_error(self) -> None:
        """Selects the next warning or error."""
        self._step_error(1)

    def log_previous_error(self) -> None:
        """Selects the one before."""
        self._step_error(-1)

    def _step_error(self, direction: int) -> None:
        main, events, state = self.app.main, self.app.main.event_list, self.app.shown_frame().state
        of_sentinel = main.focused_pane == "sentinel"
        main.focus_pane("events")  # there a key tells all of it
        tripped = state.sentinel is not None and state.sentinel.state is SentinelState.TRIPPED
        cause = newest_trip(state.log) if of_sentinel or (tripped and events.selected is None) else None
        if cause is not None:
            events.go_to(cause)
        elif not events.step_error(direction):
            self.say(self._no_error(direction, state.log))

    def _no_error(self, direction: int, log: Sequence[LogLine]) -> str:
        """Why there is no other warning or error: there is none at all, the filter hides them, or this was the last."""
        passed = ", but for passes over their budgets" if any(entry.noted for entry in log) else ""
        if not any(entry.to_look_at for entry in log):
            return f"there is no warning and no error in this {'file' if self.app.shows_file else 'session'}{passed}"
        if not any(entry.to_look_at for entry in self.app.main.event_list.shown):
            return f"the filter hides every warning and error: {self.key('view.leave')} shows all events"
        other = self.key("log.previous_error" if direction > 0 else "log.next_error")
        return f"no further warning or error in this direction{passed}; {other} goes the other way"
