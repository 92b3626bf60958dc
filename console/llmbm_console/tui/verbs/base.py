"""What every group of verbs stands on: the application, notices, and work beside the interface."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Literal

from llmbm_console.core.errors import SessionError
from llmbm_console.core.state.events import Severity
from llmbm_console.tui.sure_width import own
from llmbm_console.tui.text import plain, safe

if TYPE_CHECKING:
    from llmbm_console.tui.app import ConsoleApp

Importance = Literal["information", "warning", "error"]
SECONDS = {"information": 5.0, "warning": 10.0, "error": 15.0}  # that a notice stays while no key is pressed
MOST_WARNINGS = 3  # at the start, as notices


class VerbGroup:
    """Verbs of one kind; each is named by its action's id."""

    def __init__(self, app: ConsoleApp) -> None:
        self.app = app
        self._unwritten: list[tuple[Severity, str]] = []  # for the log of the session that is not there yet

    def say(self, text: str, importance: Importance = "information", *, keep: bool = False) -> None:
        """A notice in the place of the keys at the lower edge, until the next key. One that only informs takes the
        place of those before it. What is to be kept is a warning in the session's log as well, and an error a line of
        it: the person who asked for what could not be done has read that, and nothing of it is to be looked at. One
        that begins with a path is understood only as a whole, which a row of the log has no room for."""
        text = plain(text)
        if importance == "information":
            self.app.clear_notifications()
        self.app.notify(text, severity=importance, timeout=SECONDS[importance], markup=False)
        if keep or (importance == "error" and not text.startswith("/")):
            self._unwritten.append(("warn" if keep else "info", text))
            self.write_down()

    def warn_of(self, problems: Sequence[str]) -> None:
        """What was wrong at the start: the first few as notices, which lie over the prompt; all of it in the log."""
        from llmbm_console.core.command import command

        shown = len(problems) if len(problems) <= MOST_WARNINGS else MOST_WARNINGS - 1
        for problem in problems[:shown]:
            self.say(problem, "warning", keep=True)
        if rest := problems[shown:]:
            self._unwritten += (("warn", plain(problem)) for problem in rest)
            self.say(f"{len(rest)} more: {command('settings')} tells all", "warning")
            self.write_down()

    def keep(self, name: str, value: str) -> bool:
        """Keeps a choice for the next run. False, and a warning says why, where it holds for now only."""
        if why := self.app.chosen.keep(name, value):
            self.say(f"{why}: the choice holds for now", "warning")
        return not why

    def write_down(self) -> None:
        """Puts what was said into the session's log, as soon as there is a session."""
        session = self.app.session
        if session is not None:
            unwritten, self._unwritten = self._unwritten, []
            for severity, text in unwritten:
                session.note(severity, text)

    def key(self, name: str) -> str:
        """What to press for an action from where the focus is, or what the palette calls it."""
        return self.app.shown_frame().press(name)

    def background(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs a verb of the session beside the interface; a failure is a notice."""

        async def guarded() -> None:
            try:
                await work
            except (SessionError, OSError) as error:
                self.say(str(error), "error")

        self.app.run_worker(guarded(), group="verbs", exit_on_error=False)

    def copy(self, text: str, what: str = "") -> None:
        """Puts text on the clipboard, or where it can be found, and says where that is, and `what` it is."""
        from llmbm_console.core.clipboard import copied, terminal_takes
        from llmbm_console.core.kept_files import saved_folder

        text, environment = own(safe(text)), dict(os.environ)
        sent = terminal_takes(text, environment)
        if sent:
            self.app.copy_to_clipboard(text)

        async def run() -> None:
            self.say(await asyncio.to_thread(copied, text, environment, saved_folder(), sent=sent, what=what))

        self.background(run())
