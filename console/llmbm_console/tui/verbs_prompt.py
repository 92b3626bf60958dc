"""Verbs on the prompt's text: earlier ones found again, and an editor for it."""

from __future__ import annotations

from llmbm_console.tui.verbs_base import VerbGroup


class PromptVerbs(VerbGroup):
    """What is written and not sent."""

    def chat_history(self) -> None:
        """Looks through the earlier prompts; the one that is taken stands in the prompt."""
        from llmbm_console.tui.history_search import HistorySearch

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
