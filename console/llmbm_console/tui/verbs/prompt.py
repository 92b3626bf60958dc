"""Verbs on the prompt's text: earlier ones found again, and an editor for it."""

from __future__ import annotations

import os

from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import saved_folder
from llmbm_console.tui.text import safe
from llmbm_console.tui.verbs.base import VerbGroup


class PromptVerbs(VerbGroup):
    """What is written and not sent."""

    def chat_history(self) -> None:
        """Looks through the earlier prompts; the one that is taken stands in the prompt."""
        from llmbm_console.tui.pages.history_search import HistorySearch

        prompt = self.app.main.prompt
        if not prompt.past.entries:
            self.say("no prompt was written yet", "warning")
            return

        def answered(entry: str | None) -> None:
            if entry is not None:
                self.app.main.focus_pane("prompt")
                prompt.recall(entry)

        keys = self.app.by_id["chat.history"].keys
        self.app.push_screen(HistorySearch(tuple(prompt.past.entries), keys[0] if keys else ""), answered)

    def chat_edit(self) -> None:
        """The prompt in the person's editor. The session goes on meanwhile, and is drawn again afterwards."""
        from llmbm_console.core.editor import edited, editor_command
        from llmbm_console.tui.terminal.lent import lend

        if not self.app.has_terminal:
            where = "this is a page in a browser" if self.app.is_web else "there is none that can be given away"
            self.say(f"an editor needs a terminal, and {where}", "warning")
            return
        try:
            command = editor_command(os.environ)
        except SessionError as error:
            self.say(str(error), "warning")
            return
        prompt = self.app.main.prompt
        before = prompt.text

        async def run() -> None:
            text = safe(await lend(self.app, edited(before, command, saved_folder())))
            if text != before:
                prompt.rewrite(text)
            self.app.main.focus_pane("prompt")

        self.background(run())
