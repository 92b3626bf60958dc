"""What the actions do. Verbs on the view, on time and on the machine have files of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmbm_console.core.actions.action import Action
from llmbm_console.core.counted import counted
from llmbm_console.core.defaults import CHOICES
from llmbm_console.core.errors import SessionError
from llmbm_console.core.reading import is_command
from llmbm_console.core.session.session import Session
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.tui import figures
from llmbm_console.tui.arming import SECONDS
from llmbm_console.tui.frame import LINKED
from llmbm_console.tui.run import CHOOSE
from llmbm_console.tui.session_app import NOTHING_SENT
from llmbm_console.tui.text import first_words, plain
from llmbm_console.tui.verbs.compare import CompareVerbs
from llmbm_console.tui.verbs.file import FileVerbs
from llmbm_console.tui.verbs.find import FindVerbs
from llmbm_console.tui.verbs.machine import MachineVerbs
from llmbm_console.tui.verbs.memory import MemoryVerbs
from llmbm_console.tui.verbs.prompt import PromptVerbs
from llmbm_console.tui.verbs.record import RecordVerbs
from llmbm_console.tui.verbs.search import SearchVerbs
from llmbm_console.tui.verbs.view import ViewVerbs
from llmbm_protocol.words import Phase

COMPUTING = (Phase.PREFILL, Phase.DECODE, Phase.BENCH)  # what a stop ends

if TYPE_CHECKING:
    from llmbm_console.tui.app import ConsoleApp

MOST_WAITING = 16  # lines written ahead
PATIENCE = 120.0  # seconds that a line waits for a kernel that boots

SELECTED = "of the selection"  # what was copied
STOPPED = "the answer is stopped"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One that waits to be sent. The same text twice is two lines."""

    text: str


class Verbs(
    ViewVerbs, FindVerbs, MachineVerbs, MemoryVerbs, SearchVerbs, RecordVerbs, FileVerbs, CompareVerbs, PromptVerbs
):
    """`carry_out` and what it calls: one method for each action that is no REPL line, named by the action's id."""

    def __init__(self, app: ConsoleApp) -> None:
        super().__init__(app)
        self._turns = asyncio.Lock()  # lines are sent one after the other, in the order in which they were written
        self._waiting: list[Line] = []  # not sent yet, the oldest first
        self._broke_at = float("-inf")  # when the answer was stopped that lines wait for
        self._broke_in = float("nan")  # since when the machine was paused when it was to be stopped
        self._refusals = 0  # lines that were not taken: what had been written behind one is not sent

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

    # ---- lines

    def submit(self, text: str) -> None:
        """Sends a prompt or a command; what is refused comes back into the prompt with the reason."""
        if self.app.frame().failure or (self.app.session is None and not self.app.opening):
            again = f"{self.key('session.retry')} to {self.app.frame().again}"
            self._refuse(text, f"there is no session: {again}")
            return
        if len(self._waiting) >= MOST_WAITING:
            why = f"{MOST_WAITING} lines wait already: {self.key('chat.break')} twice withdraws them"
            self._refuse(text, why, crowded=True)
            return
        if self.app.held is not None:
            self.go_to_now()  # who writes wants to see the answer
        if self.app.main.shape.narrow and self.app.main.shape.tab not in ("chat", "compare"):
            self.app.main.relayout(tab="chat")
        line = Line(text)
        self._waiting.append(line)
        self._tell_waiting()
        self.background(self._send(line, self._refusals))
        self.app.main.transcript.follow()
        self.app.main.event_list.follow()

    async def _send(self, line: Line, refusals: int) -> None:
        """Sends a line when it is its turn, if it was not withdrawn before. One that was not taken is refused, or a
        command in the transcript with its reason; `refusals` were known when this line was written: with one more it
        builds on what was not done.
        """
        prompt, text = self.app.main.prompt, line.text
        is_sent = False
        try:
            async with self._turns:
                if line in self._waiting and refusals != self._refusals:
                    prompt.hand_back(text, "not sent: the line before it was not taken")
                    return
                if line in self._waiting:
                    session = await self._session()
                    await self._resumed(session)
                    if not _connected(session):
                        await session.wait_ready(PATIENCE)
                    await self._held_back(line)
                    await self._resumed(session)
                if line not in self._waiting:
                    return
                self._no_longer_waits(line)
                is_sent = True
                self.app.sent = text, self.app.clock()
                outcome = await session.submit(text)
                self.app.sent = NOTHING_SENT
                if outcome.ok:
                    prompt.give_back()
                elif outcome.turn is None:
                    self._refusals += 1
                    if not is_command(text):
                        self._refuse(text, plain(outcome.error) or "the kernel did not take it")
        except SessionError as error:
            if is_sent or line in self._waiting:
                self._refusals += 1
                self._refuse(text, plain(str(error)))
        finally:
            if line in self._waiting:
                self._no_longer_waits(line)
            self.app.sent = NOTHING_SENT

    def _refuse(self, text: str, reason: str, *, crowded: bool = False) -> None:
        """Gives a line back into the prompt; where its frame has no room for the reason, a notice tells all of it.
        `crowded`: the reason goes with the lines that wait."""
        self.app.main.prompt.refuse(text, reason, crowded=crowded)
        if len(reason) > self.app.main.prompt.heading_room:
            self.say(f"not sent: {reason}", "warning")

    async def _resumed(self, session: Session) -> None:
        """Waits while the machine is paused: nothing can be answered, and what was not sent cannot be lost."""
        changed = asyncio.Event()
        undo = session.listen(lambda _state, _event: changed.set())
        try:
            while session.state.machine.status is MachineStatus.PAUSED and not session.read_only:
                changed.clear()
                await changed.wait()
        finally:
            undo()

    async def _held_back(self, line: Line) -> None:
        """Waits while the answer was stopped just now and the lines behind it can still be withdrawn: none begins
        between the two keys."""
        while line in self._waiting and self.app.clock() - self._broke_at < SECONDS:  # noqa: ASYNC110 (until a time, too)
            await asyncio.sleep(0.05)

    def _no_longer_waits(self, line: Line) -> None:
        self._waiting.remove(line)
        self._tell_waiting()

    def _tell_waiting(self) -> None:
        self.app.main.prompt.show_waiting(len(self._waiting))

    async def _session(self) -> Session:
        """The session, once the program has made it."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while (session := self.app.live_session) is None:
            if self.app.failure or asyncio.get_running_loop().time() > deadline:
                raise SessionError(self.app.failure or f"there is no session: {self.key('session.retry')} tries again")
            await asyncio.sleep(0.05)
        return session

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
        """Pins the decode budget that the sentinel pane suggests; the other one stays what it is, learnt or pinned."""
        from llmbm_console.tui import figures
        from llmbm_console.tui.widgets.sentinel import suggestion

        session, sentinel = self.app.session, self.app.state.sentinel
        budget = suggestion(sentinel) if sentinel is not None else 0
        if session is None or not budget:
            self.say("no passes were measured yet: a first answer teaches them", "warning")
            return

        async def run() -> None:
            outcome = await session.submit(f"/budget decode {budget}")
            again = f"{self.app.key_labels['sentinel.learn']} in the sentinel pane learns both again"
            pinned = f"the decode budget is pinned to {figures.cycles(budget)} cycles; {again}"
            self.say(*((pinned, "information") if outcome.ok else (outcome.error, "error")))

        self.background(run())

    # ---- chat

    def chat_prompt(self) -> None:
        """Into the prompt."""
        self.app.main.focus_pane("prompt")

    def paste(self, text: str) -> None:
        """Text was pasted where nothing takes it: it goes into the prompt."""
        main = self.app.main
        if self.app.screen is not main:
            self.say(f"nothing here takes what was pasted; {self.key('view.leave')} leaves", "warning")
        elif reason := self.app.reason_against(self.app.by_id["chat.prompt"]):
            self.say(f"nothing takes what was pasted: {reason}", "warning")
        else:
            main.focus_pane("prompt")
            main.prompt.take_paste(text)

    def chat_stop(self) -> None:
        """Stops the generation."""
        if (stopped := self._stop_what_runs()) != STOPPED:
            if stopped:
                self.say(stopped)
            else:  # what is known here may be late
                self._send_stop()

    def _send_stop(self) -> None:
        session = self.app.session
        if session is not None:
            self.background(session.stop())

    @property
    def _is_paused(self) -> bool:
        return self.app.state.machine.status is MachineStatus.PAUSED

    @property
    def _may_withdraw(self) -> bool:
        """The answer was stopped just now, or is when the machine goes on: the lines behind it can be withdrawn."""
        waits = self._is_paused and self._broke_in == self.app.state.machine.since
        return waits or self.app.clock() - self._broke_at < SECONDS

    def chat_break(self) -> None:
        """Copies a selection, else stops the answer, else empties the focused prompt, else says how to quit."""
        selected = self.app.main.get_selected_text() or self.app.main.prompt.chosen_text
        if selected:
            self.copy(selected, SELECTED)
            self.app.main.leave_selection()
        elif self._waiting and self._may_withdraw:
            self.chat_withdraw()
            self._stop_what_runs()
        elif stopped := self._stop_what_runs():
            self._tell_stopped(stopped)
        elif self._waiting:
            self.chat_withdraw()
        elif self.app.main.focused_pane == "prompt" and self.app.main.prompt.put_away():
            self.say("the prompt is empty: up brings its text back")
        else:
            unsent = " and keeps the prompt's text: up brings it back" if self.app.main.prompt.text.strip() else ""
            self.say(f"nothing runs and nothing is selected; {self.key('session.quit')} quits{unsent}")

    def _stop_what_runs(self) -> str:
        """Stops the answer, or a line that has none yet, and tells which; empty where nothing is there to be
        stopped."""
        later = f"when the machine goes on ({self.key('machine.pause')})" if self._is_paused else ""
        if self.app.state.turn is not None or self.app.state.phase in COMPUTING:
            self._send_stop()
            return f"the answer stops {later}" if later else STOPPED
        text, at = self.app.sent
        if not text:
            return ""
        self._send_stop()
        if later:
            return f"a stop is sent behind {first_words(text)} {later}"
        passed = figures.duration(self.app.clock() - at)
        return f"a stop is sent behind {first_words(text)}, not answered for {passed}"

    def _tell_stopped(self, stopped: str) -> None:
        """What was stopped, where the transcript does not tell it, and how the lines behind it are withdrawn."""
        if self._is_paused:
            self._broke_in = self.app.state.machine.since
        if self._waiting:
            waiting = counted(len(self._waiting), "line waits", "lines wait")
            them, sent = ("it", "it is") if len(self._waiting) == 1 else ("them", "they are")
            again = f"{self.key('chat.break')} again withdraws {them}"
            if self._is_paused:
                self.say(f"{stopped}; {waiting}: {again}")
            else:
                self._broke_at = self.app.clock()
                self.say(f"{stopped}; {waiting}: {again}; {sent} sent in {SECONDS:.0f} s")
        elif stopped != STOPPED:
            self.say(stopped)

    def chat_withdraw(self) -> None:
        """Sends none of the lines that wait. Each was kept as an earlier prompt when it was written."""
        count = len(self._waiting)
        self._waiting.clear()
        self._broke_at = float("-inf")
        self._tell_waiting()
        if count:
            lines, them = counted(count, "line that waited is", "lines that waited are"), "it" if count == 1 else "them"
            self.say(f"{lines} withdrawn; up in the prompt brings {them} back")
        else:
            self.say("no line waits to be sent", "warning")

    def chat_copy(self) -> None:
        """Copies the selected text, else the selected event or the path of the selected file in a list that has the
        focus, else the last answer."""
        if selected := self.app.main.get_selected_text():
            self.copy(selected, SELECTED)
            self.app.main.leave_selection()
            return
        if selected := self._selected_in_list():
            self.copy(selected, "of the selected row")
            return
        answer = self.app.main.transcript.last_answer
        if answer:
            self.copy(answer, "of the last answer")
        else:
            self.say("there is no answer yet", "warning")

    def _selected_in_list(self) -> str:
        main = self.app.main
        if main.focused_pane == "files":
            return str(main.views.files.selected or "")
        if main.focused_pane == "registers":
            return main.views.registers.text
        entry = main.event_list.selected if main.focused_pane == "events" else None
        return entry.text if entry is not None else ""

    def chat_probabilities(self) -> None:
        """Asks how tokens are chosen, or no longer."""
        session = self.app.session
        wanted = not (session is not None and session.choices > 0)
        self.app.wants_choices = wanted
        if session is None:
            self.keep("probabilities", "on" if wanted else "off")
            return

        async def run() -> None:
            try:
                outcome = await session.want_choices(CHOICES if wanted else 0)
            finally:
                self.keep("probabilities", "on" if wanted else "off")
            if not outcome.ok:
                self.say(plain(outcome.error), "error")
            elif wanted:
                look, tint = self.key("chat.xray"), self.key("view.tint")
                self.say(f"token probabilities: from the next token on; {look} looks at one, {tint} tints the answers")
            else:
                self.say("token probabilities: no longer asked for")
            self.app.pacer.flush()

        self.background(run())

    def chat_select(self) -> None:
        """Begins a selection of lines, or leaves it."""
        if not self.app.main.select_lines():
            self.say("lines can be selected in the transcript and in the event list")

    def chat_xray(self) -> None:
        """The tokens of the answers."""
        from llmbm_console.tui.pages.xray import TokenXRay, turns_of

        frame = self.app.shown_frame()
        if turns_of(frame.state):
            self.app.push_screen(TokenXRay(frame, self._look, self.copy, lambda: self.app.state.words))
        else:
            self.say("there is no answer yet to look at", "warning")

    # ---- session

    def session_retry(self) -> None:
        """Opens the session again."""
        if self.app.opening:
            self.say("already opening")
        elif self.app.frame().failure or not self.app.frame().live:
            self.app.connect()
        else:
            self.say(
                f"the session stands; {self.key('machine.reset')} resets the machine, {self.key('session.quit')} quits"
            )

    def session_back(self) -> None:
        """From a file to the live session behind it."""
        self.app.go_back()

    def session_open(self) -> None:
        """To the start screen."""
        self.app.exit(CHOOSE)

    def session_quit(self) -> None:
        """Leaves."""
        self.app.exit(0)

    def session_leave(self) -> None:
        """Leaves, if that ends nothing."""
        if self.app.aside is not None:
            self.session_back()
        elif self.app.frame().failure or self.app.read_only:
            self.app.exit(0)
        else:
            self.say(f"{self.key('session.quit')} quits")


def _connected(session: Session) -> bool:
    """Whether a line can be sent now: there is a kernel, a plain terminal, or a file that will refuse it."""
    return session.state.link.phase in (*LINKED, LinkPhase.PLAIN) or session.read_only
