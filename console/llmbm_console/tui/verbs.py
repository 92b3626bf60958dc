"""What the actions do. Split from the application so that each verb is a few lines beside its neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from llmbm_console.core.actions import Action
from llmbm_console.core.events import LinkPhase, MachineStatus
from llmbm_console.core.session import Session, SessionError
from llmbm_console.tui.glyphs import ASCII, BLOCKS
from llmbm_console.tui.text import plain
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.words import Phase

if TYPE_CHECKING:
    from textual.widget import Widget

    from llmbm_console.tui.app import ConsoleApp
    from llmbm_console.tui.widgets.lines import LineView
    from llmbm_console.tui.widgets.slider import Slider

#: Seconds that a line waits for a kernel that boots.
MOST_WAITING = 16  # lines written ahead
PATIENCE = 120.0

TIME_STEP = 5.0  # seconds

Importance = Literal["information", "warning", "error"]


class Verbs:
    """`carry_out` and what it calls: one method for each action that is no REPL line, named by the action's id."""

    def __init__(self, app: ConsoleApp) -> None:
        self.app = app
        self._turns = asyncio.Lock()  # lines are sent one after the other, in the order in which they were written
        self._waiting = 0

    def carry_out(self, action: Action) -> None:
        """Does an action that is possible and, if dangerous, confirmed."""
        if action.line:
            self.submit(action.line)
            return
        category, _dot, word = action.id.partition(".")
        if category == "pane":
            self.app.main.focus_pane(word)
            return
        method: Callable[[], None] = getattr(self, f"{category}_{word}")
        method()

    def say(self, text: str, importance: Importance = "information") -> None:
        """A short notice in the corner. One that only informs takes the place of those before it."""
        if importance == "information":
            self.app.clear_notifications()
        self.app.notify(plain(text), severity=importance, timeout=6 if importance != "information" else 3, markup=False)

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a verb of the session beside the interface; a failure is a notice."""

        async def guarded() -> None:
            try:
                await work
            except (SessionError, OSError) as error:
                self.say(str(error), "error")

        self.app.run_worker(guarded(), group="verbs", exit_on_error=False)

    # ---- lines and parameters

    def submit(self, text: str) -> None:
        """Sends a prompt or a command; what is refused comes back into the prompt with the reason."""
        if self.app.frame().failure or (self.app.session is None and not self.app.opening):
            self.app.main.prompt.refuse(text, "there is no session: r tries again")
            return
        if self._waiting >= MOST_WAITING:
            self.app.main.prompt.refuse(text, f"{MOST_WAITING} lines wait already: ^c stops the answer that runs")
            return
        if self.app.held is not None:
            self.time_live()  # who writes wants to see the answer
        if self.app.main.shape.narrow and self.app.main.shape.tab != "chat":
            self.app.main.relayout(tab="chat")
        if self._turns.locked():
            self.say("kept: it is sent after this answer")
        elif not self._connected():
            self.say("kept: it is sent as soon as the kernel answers")

        async def run() -> None:
            self._waiting += 1
            try:
                async with self._turns:
                    session = await self._session()
                    if not self._connected():
                        await session.wait_ready(PATIENCE)
                    outcome = await session.submit(text)
            except SessionError as error:
                self.app.main.prompt.refuse(text, plain(str(error)))
                return
            finally:
                self._waiting -= 1
            # A refused command is in the transcript with its reason; a refused prompt made no turn and would be lost.
            if not outcome.ok and outcome.turn is None and not text.startswith("/"):
                self.app.main.prompt.refuse(text, plain(outcome.error) or "the kernel did not take it")

        self.background(run())
        self.app.main.transcript.follow()

    def _connected(self) -> bool:
        """Whether a line can be sent now: there is a kernel, a plain terminal, or a file that will refuse it."""
        session = self.app.session
        if session is None:
            return False
        return self.app.frame().live or self.app.state.link.phase is LinkPhase.PLAIN or session.read_only

    async def _session(self) -> Session:
        """The session, once the program has made it."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while self.app.session is None:
            if self.app.failure or asyncio.get_running_loop().time() > deadline:
                raise SessionError(self.app.failure or "there is no session: r tries again")
            await asyncio.sleep(0.05)
        return self.app.session

    def set_parameter(self, slider: Slider, name: str, value: str) -> None:
        """Asks the kernel for a value; the slider shows what became of it."""
        session = self.app.session
        if session is None:
            slider.answered("there is no session")
            return

        async def run() -> None:
            try:
                outcome = await session.set_parameter(name, value)
            except SessionError as error:
                slider.answered(plain(str(error)))
                return
            refusal = "" if outcome.ok else plain(outcome.error) or f"{name}: the kernel did not take {value}"
            slider.answered(refusal)

        self.background(run())

    def sampling_undo(self) -> None:
        """The value before the last change."""
        self._step_sampling(self.app.sampling_history.undo(), "nothing to undo")

    def sampling_redo(self) -> None:
        """The change that was undone."""
        self._step_sampling(self.app.sampling_history.redo(), "nothing to redo")

    def _step_sampling(self, step: tuple[str, int] | None, otherwise: str) -> None:
        if step is None:
            self.say(otherwise)
            return
        name, value = step
        slider = self.app.main.sampling.sliders[name]
        slider.want(value, now=True)
        self.say(f"{name} {slider.scale.text(value)}")

    def sampling_defaults(self) -> None:
        """Every slider to its default."""
        for parameter in PARAMETERS:
            if slider := self.app.main.sampling.sliders.get(parameter.name):
                slider.want(parameter.default, now=True)

    def sentinel_strict(self) -> None:
        """Turns strict budgets over."""
        session, sentinel = self.app.session, self.app.state.sentinel
        if session is None or sentinel is None:
            self.say("the sentinel's state is not known yet", "warning")
            return

        async def run() -> None:
            outcome = await session.set_parameter("strict_budget", "0" if sentinel.strict else "1")
            if not outcome.ok:
                self.say(outcome.error, "error")

        self.background(run())

    def sentinel_suggest(self) -> None:
        """Pins the decode budget that the sentinel pane suggests."""
        from llmbm_console.tui.widgets.sentinel import suggestion

        session, sentinel = self.app.session, self.app.state.sentinel
        budget = suggestion(sentinel) if sentinel is not None else 0
        if session is None or not budget:
            self.say("no passes were measured yet: a first answer teaches them", "warning")
            return

        async def run() -> None:
            outcome = await session.set_parameter("budget_decode", str(budget))
            self.say(*(("decode budget pinned", "information") if outcome.ok else (outcome.error, "error")))

        self.background(run())

    # ---- chat

    def chat_prompt(self) -> None:
        """Into the prompt."""
        self.app.main.focus_pane("prompt")

    def chat_stop(self) -> None:
        """Stops the generation."""
        session = self.app.session
        if session is not None:
            self.background(session.stop())

    def chat_break(self) -> None:
        """Copies a selection, else stops the answer, else says how to quit."""
        selected = self.app.main.get_selected_text() or self.app.main.prompt.selected_text
        if selected:
            self.copy(selected)
            self.app.main.clear_selection()
        elif self.app.state.turn is not None or self.app.state.phase in (Phase.PREFILL, Phase.DECODE):
            self.chat_stop()
        else:
            self.say("nothing runs and nothing is selected; ^q quits")

    def chat_copy(self) -> None:
        """Copies the last answer."""
        answer = self.app.main.transcript.last_answer
        if answer:
            self.copy(answer)
        else:
            self.say("there is no answer yet", "warning")

    def chat_xray(self) -> None:
        """The tokens of the answers."""
        from llmbm_console.tui.xray import TokenXRay, turns_of

        frame = self.app.shown_frame()
        if turns_of(frame.state):
            self.app.push_screen(TokenXRay(frame, self._look, self.copy))
        else:
            self.say("there is no answer yet to look at", "warning")

    def copy(self, text: str) -> None:
        """Puts text on the clipboard, by the terminal."""
        self.app.copy_to_clipboard(plain(text))
        self.say(f"copied {len(text)} characters (OSC 52; the terminal has to allow it)")

    # ---- view

    def view_hold(self) -> None:
        """Holds the picture, or lets it go."""
        self.app.held = self.app.frame() if self.app.held is None else None
        self.app.held_events = 0
        self.app.pacer.flush()

    # ---- time

    @property
    def _moment(self) -> float:
        """The moment that is shown."""
        held = self.app.held
        return held.now if held is not None and held.behind is not None else self.app.timeline.span[1]

    def _look(self, moment: float) -> None:
        first, last = self.app.timeline.span
        if moment < first and self._moment <= first and first < last:
            self.say("this is the beginning of what was recorded")
        elif not self.app.look_back(moment):
            self.say("nothing was recorded yet", "warning")

    def time_back(self) -> None:
        """Five seconds back."""
        self._look(self._moment - TIME_STEP)

    def time_forward(self) -> None:
        """Five seconds on."""
        if self.app.held is not None:
            self._look(self._moment + TIME_STEP)

    def time_previous_mark(self) -> None:
        """To the mark before."""
        self._to_mark(-1)

    def time_next_mark(self) -> None:
        """To the next mark, or to now after the last one."""
        self._to_mark(1)

    def _to_mark(self, direction: int) -> None:
        mark = self.app.timeline.mark_beside(self._moment, direction)
        if mark is not None:
            self._look(mark.at)
            self.say(mark.text)
        elif direction > 0:
            self.time_live()
        else:
            self.say("no turn, warning or mark before this")

    def time_mark(self) -> None:
        """Marks the moment that is shown."""
        if len(self.app.timeline):
            self.app.timeline.mark(self._moment, "mark")
            self.say("marked: { and } come back to it")

    def time_live(self) -> None:
        """Everything as it is now."""
        self.app.held = None
        self.app.held_events = 0
        self.app.pacer.flush()

    # ---- help and panes

    def view_help(self) -> None:
        """Help for the focused pane."""
        from llmbm_console.tui.help import HelpScreen

        if not isinstance(self.app.screen, HelpScreen):
            self.app.push_screen(HelpScreen(self.app.main.focused_pane, self.app.actions))

    def view_palette(self) -> None:
        """Every action by name."""
        self.app.action_command_palette()

    def view_jump(self) -> None:
        """Letters on all that can have the focus."""
        from llmbm_console.tui.jump import JumpScreen

        main = self.app.main

        def go(widget: Widget | None) -> None:
            if widget is not None:
                widget.focus()

        self.app.push_screen(JumpScreen(main.jump_targets()), go)

    def view_zoom(self) -> None:
        """The focused pane on the whole screen."""
        pane = self.app.main.shape.zoom or self.app.main.focused_pane
        if pane:
            self.app.main.zoom(pane)

    def view_memory(self) -> None:
        """The memory pane on the whole screen."""
        self.app.main.zoom("memory")

    def view_log(self) -> None:
        """The events on the whole screen."""
        self.app.main.zoom("events")

    def view_machine(self) -> None:
        """The machine pane on the whole screen."""
        self.app.main.zoom("machine")

    def view_next_pane(self) -> None:
        """The next pane."""
        self.app.main.next_pane(1)

    def view_previous_pane(self) -> None:
        """The pane before."""
        self.app.main.next_pane(-1)

    def view_leave(self) -> None:
        """Disarms, leaves the zoom, or leaves the prompt, whichever is there first."""
        if self.app.arming.disarm():
            self.app.stop_arming()
        elif self.app.main.shape.zoom:
            self.app.main.zoom(self.app.main.shape.zoom)
        elif self.app.main.focused_pane == "prompt":
            self.app.main.focus_pane(self.app.main.visible_main)
        elif self.app.main.event_list.wanted or self.app.main.transcript.sought:
            self.app.main.event_list.filter("")
            self.app.main.transcript.find("")
        elif self.app.held is not None:
            self.time_live()
        else:
            self.app.main.clear_selection()

    def view_theme(self) -> None:
        """The next theme."""
        names = list(self.app.themes)
        name = names[(names.index(self.app.theme_name) + 1) % len(names)]
        self.app.use_theme(name)
        self.say(f"theme {self.app.themes[name].title}")

    def view_glyphs(self) -> None:
        """Blocks or ASCII."""
        self.app.glyphs = BLOCKS if self.app.glyphs is ASCII else ASCII
        self.app.keep("glyphs", self.app.glyphs.name)
        if self.app.held is not None:
            self.app.held = replace(self.app.held, glyphs=self.app.glyphs)
        self.app.pacer.flush()

    def view_live(self) -> None:
        """Follows the newest line of the focused list, else of the transcript."""
        (self.app.main.event_list if self.app.main.focused_pane == "events" else self.app.main.transcript).follow()

    # ---- finding

    @property
    def _searched(self) -> LineView:
        """The list that is looked through: the events when they have the focus, else the transcript."""
        main = self.app.main
        return main.event_list if main.focused_pane == "events" else main.transcript

    def view_find(self) -> None:
        """Asks what to look for."""
        from llmbm_console.tui.ask import AskLine

        main = self.app.main
        if main.focused_pane == "events":
            events = main.event_list
            self.app.push_screen(AskLine("filter", events.wanted, "level:warn  code:budget  !token", events.filter))
            return
        if "transcript" not in main.deck.regions:
            main.focus_pane("transcript")

        def changed(text: str) -> str:
            found = main.transcript.find(text)
            return "not found" if text and not found else ""

        self.app.push_screen(AskLine("find", main.transcript.sought, "n and N go on", changed))

    def view_find_next(self) -> None:
        """The next place."""
        self._step_found(1)

    def view_find_previous(self) -> None:
        """The place before."""
        self._step_found(-1)

    def _step_found(self, direction: int) -> None:
        if not self._searched.sought:
            self.view_find()
        elif not self._searched.step_found(direction):
            self.say(f"no further “{self._searched.sought}” in this direction")

    # ---- log

    def log_details(self) -> None:
        """Every field of the selected event, the newest one when none is selected."""
        from llmbm_console.tui.details import EventDetails

        events = self.app.main.event_list
        if events.selected is None and not events.step(-1):
            self.say("nothing happened yet")
        elif events.selected is not None:
            self.app.push_screen(EventDetails(events.selected, self.app.shown_frame(), self._look))

    def log_next_error(self) -> None:
        """Selects the next warning or error."""
        self._step_error(1)

    def log_previous_error(self) -> None:
        """Selects the one before."""
        self._step_error(-1)

    def _step_error(self, direction: int) -> None:
        if "events" not in self.app.main.deck.regions:
            self.app.main.focus_pane("events")
        if not self.app.main.event_list.step_error(direction):
            self.say("no further warning or error in this direction")

    # ---- machine and session

    def machine_pause(self) -> None:
        """Pauses or resumes the machine."""
        machine = self.app.session.machine if self.app.session is not None else None
        if machine is not None:
            paused = self.app.state.machine.status is MachineStatus.PAUSED
            self.background(machine.resume() if paused else machine.pause())

    def machine_reset(self) -> None:
        """Restarts the machine."""
        machine = self.app.session.machine if self.app.session is not None else None
        if machine is not None:
            self.background(machine.reset())

    def machine_quit(self) -> None:
        """Ends the machine."""
        machine = self.app.session.machine if self.app.session is not None else None
        if machine is not None:
            self.background(machine.quit())

    def machine_screen(self) -> None:
        """A picture of the machine's own screen."""
        from llmbm_console.core.ppm import Pixmap, PixmapError, parse_ppm
        from llmbm_console.tui.page import PicturePage

        machine = self.app.session.machine if self.app.session is not None else None
        if machine is None:
            return

        async def take() -> Pixmap:
            try:
                return parse_ppm(await machine.screenshot())
            except PixmapError as error:
                raise SessionError(str(error)) from error

        async def again(page: PicturePage) -> None:
            page.show(await take())

        async def run() -> None:
            picture = await take()
            self.app.push_screen(PicturePage(picture, self.app.glyphs, lambda page: self.background(again(page))))

        self.background(run())

    def machine_registers(self) -> None:
        """The processors' registers."""
        from llmbm_console.tui.page import TextPage

        machine = self.app.session.machine if self.app.session is not None else None
        if machine is None:
            return

        async def run() -> None:
            self.app.push_screen(TextPage("Registers", await machine.registers()))

        self.background(run())

    def session_retry(self) -> None:
        """Opens the session again."""
        if self.app.opening:
            self.say("already opening")
        elif self.app.frame().failure or not self.app.frame().live:
            self.app.connect()
        else:
            self.say("the session stands; reset the machine with R, quit with ^q")

    def session_quit(self) -> None:
        """Leaves."""
        self.app.exit(0)

    def session_leave(self) -> None:
        """Leaves, if that ends nothing."""
        if self.app.frame().failure or self.app.read_only:
            self.app.exit(0)
        else:
            self.say("^q quits")
