"""What the actions do. Split from the application so that each verb is a few lines beside its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from llmbm_console.core.actions import Action
from llmbm_console.core.events import MachineStatus
from llmbm_console.core.session import SessionError
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import ASCII, BLOCKS
from llmbm_console.tui.text import plain
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.schema import Phase

if TYPE_CHECKING:
    from llmbm_console.tui.app import ConsoleApp
    from llmbm_console.tui.widgets.slider import Slider

Importance = Literal["information", "warning", "error"]


class Verbs:
    """Mix-in of the application: `carry_out` and what it calls."""

    def carry_out(self: ConsoleApp, action: Action) -> None:
        """Does an action that is possible and, if dangerous, confirmed."""
        if action.line:
            self.submit(action.line)
            return
        category, _dot, word = action.id.partition(".")
        if category == "pane":
            self.main.focus_pane(word)
            return
        method: Callable[[], None] = getattr(self, f"{category}_{word}")
        method()

    def say(self: ConsoleApp, text: str, importance: Importance = "information") -> None:
        """A short notice in the corner."""
        self.notify(plain(text), severity=importance, timeout=6 if importance != "information" else 3, markup=False)

    def background(self: ConsoleApp, work: Coroutine[Any, Any, None]) -> None:
        """Runs a verb of the session beside the interface; a failure is a notice."""

        async def guarded() -> None:
            try:
                await work
            except (SessionError, OSError) as error:
                self.say(str(error), "error")

        self.run_worker(guarded(), group="verbs", exit_on_error=False)

    # ---- lines and parameters

    def submit(self: ConsoleApp, text: str) -> None:
        """Sends a prompt or a command; what is refused comes back into the prompt with the reason."""
        session = self.session
        if session is None or self.failure:
            self.main.prompt.refuse(text, "there is no session: r tries again")
            return

        async def run() -> None:
            try:
                outcome = await session.submit(text)
            except SessionError as error:
                self.main.prompt.refuse(text, plain(str(error)))
                return
            # A refused command is in the transcript with its reason; a refused prompt made no turn and would be lost.
            if not outcome.ok and outcome.turn is None and not text.startswith("/"):
                self.main.prompt.refuse(text, plain(outcome.error) or "the kernel did not take it")

        self.background(run())
        self.main.transcript.follow()

    def set_parameter(self: ConsoleApp, slider: Slider, name: str, value: str) -> None:
        """Asks the kernel for a value; the slider shows what became of it."""
        session = self.session
        if session is None:
            slider.failed("there is no session")
            return

        async def run() -> None:
            try:
                outcome = await session.set_parameter(name, value)
            except SessionError as error:
                slider.failed(plain(str(error)))
                return
            if outcome.ok:
                slider.settle()
            else:
                slider.failed(plain(outcome.error) or f"{name}: the kernel did not take {value}")

        self.background(run())

    def sampling_defaults(self: ConsoleApp) -> None:
        """Every slider to its default."""
        for parameter in PARAMETERS:
            if slider := self.main.sampling.sliders.get(parameter.name):
                slider.want(parameter.default, now=True)

    def sentinel_strict(self: ConsoleApp) -> None:
        """Turns strict budgets over."""
        session, sentinel = self.session, self._state.sentinel
        if session is None or sentinel is None:
            self.say("the sentinel's state is not known yet", "warning")
            return

        async def run() -> None:
            outcome = await session.set_parameter("strict_budget", "0" if sentinel.strict else "1")
            if not outcome.ok:
                self.say(outcome.error, "error")

        self.background(run())

    # ---- chat

    def chat_prompt(self: ConsoleApp) -> None:
        """Into the prompt."""
        self.main.focus_pane("prompt")

    def chat_stop(self: ConsoleApp) -> None:
        """Stops the generation."""
        session = self.session
        if session is not None:
            self.background(session.stop())

    def chat_break(self: ConsoleApp) -> None:
        """Copies a selection, else stops the answer, else says how to quit."""
        selected = self.main.get_selected_text() or self.main.prompt.selected_text
        if selected:
            self.copy(selected)
            self.main.clear_selection()
        elif self._state.turn is not None or self._state.phase in (Phase.PREFILL, Phase.DECODE):
            self.chat_stop()
        else:
            self.say("nothing runs and nothing is selected; ^q quits")

    def chat_copy(self: ConsoleApp) -> None:
        """Copies the last answer."""
        answer = self.main.transcript.last_answer
        if answer:
            self.copy(answer)
        else:
            self.say("there is no answer yet", "warning")

    def copy(self: ConsoleApp, text: str) -> None:
        """Puts text on the clipboard, by the terminal."""
        self.copy_to_clipboard(plain(text))
        self.say(f"copied {len(text)} characters (OSC 52; the terminal has to allow it)")

    # ---- view

    def shown_frame(self: ConsoleApp) -> Frame:
        """The frame to draw: the held one, with what came since, or the one of now."""
        if self.held is None:
            return self.frame()
        return replace(self.held, held=True, held_events=self.held_events, now=self.held.now)

    def view_hold(self: ConsoleApp) -> None:
        """Holds the picture, or lets it go."""
        self.held = self.frame() if self.held is None else None
        self.held_events = 0
        self.pacer.flush()

    def view_help(self: ConsoleApp) -> None:
        """Help for the focused pane."""
        from llmbm_console.tui.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.main.focused_pane))

    def view_palette(self: ConsoleApp) -> None:
        """Every action by name."""
        self.action_command_palette()

    def view_zoom(self: ConsoleApp) -> None:
        """The focused pane on the whole screen."""
        pane = self.main.shape.zoom or self.main.focused_pane
        if pane:
            self.main.zoom(pane)

    def view_memory(self: ConsoleApp) -> None:
        """The memory pane on the whole screen."""
        self.main.zoom("memory")

    def view_log(self: ConsoleApp) -> None:
        """The events on the whole screen."""
        self.main.zoom("events")

    def view_machine(self: ConsoleApp) -> None:
        """The machine pane on the whole screen."""
        self.main.zoom("machine")

    def view_next_pane(self: ConsoleApp) -> None:
        """The next pane."""
        self.main.next_pane(1)

    def view_previous_pane(self: ConsoleApp) -> None:
        """The pane before."""
        self.main.next_pane(-1)

    def view_leave(self: ConsoleApp) -> None:
        """Disarms, leaves the zoom, or leaves the prompt, whichever is there first."""
        if self.arming.disarm():
            self._stop_arming()
        elif self.main.shape.zoom:
            self.main.zoom(self.main.shape.zoom)
        elif self.main.focused_pane == "prompt":
            self.main.focus_pane(self.main.visible_main)
        else:
            self.main.clear_selection()

    def view_theme(self: ConsoleApp) -> None:
        """The next theme."""
        names = list(self.themes)
        name = names[(names.index(self.theme_name) + 1) % len(names)]
        self.use_theme(name)
        self.say(f"theme {self.themes[name].title}")

    def view_glyphs(self: ConsoleApp) -> None:
        """Blocks or ASCII."""
        self.glyphs = BLOCKS if self.glyphs is ASCII else ASCII
        self.keep("glyphs", self.glyphs.name)
        if self.held is not None:
            self.held = replace(self.held, glyphs=self.glyphs)
        self.pacer.flush()

    def view_live(self: ConsoleApp) -> None:
        """Follows the newest line of the focused list, else of the transcript."""
        (self.main.event_list if self.main.focused_pane == "events" else self.main.transcript).follow()

    # ---- log

    def log_next_error(self: ConsoleApp) -> None:
        """Selects the next warning or error."""
        self._step_error(1)

    def log_previous_error(self: ConsoleApp) -> None:
        """Selects the one before."""
        self._step_error(-1)

    def _step_error(self: ConsoleApp, direction: int) -> None:
        if "events" not in self.main.deck.regions:
            self.main.focus_pane("events")
        if not self.main.event_list.step_error(direction):
            self.say("no further warning or error in this direction")

    # ---- machine and session

    def machine_pause(self: ConsoleApp) -> None:
        """Pauses or resumes the machine."""
        machine = self.session.machine if self.session is not None else None
        if machine is not None:
            paused = self._state.machine.status is MachineStatus.PAUSED
            self.background(machine.resume() if paused else machine.pause())

    def machine_reset(self: ConsoleApp) -> None:
        """Restarts the machine."""
        machine = self.session.machine if self.session is not None else None
        if machine is not None:
            self.background(machine.reset())

    def machine_quit(self: ConsoleApp) -> None:
        """Ends the machine."""
        machine = self.session.machine if self.session is not None else None
        if machine is not None:
            self.background(machine.quit())

    def session_retry(self: ConsoleApp) -> None:
        """Opens the session again."""
        if self.opening:
            self.say("already opening")
        elif self.failure or not self.frame().live:
            self.connect()
        else:
            self.say("the session stands; reset the machine with R, quit with ^q")

    def session_quit(self: ConsoleApp) -> None:
        """Leaves."""
        self.exit(0)

    def session_leave(self: ConsoleApp) -> None:
        """Leaves, if that ends nothing."""
        if self.failure or self.read_only:
            self.exit(0)
        else:
            self.say("^q quits")
