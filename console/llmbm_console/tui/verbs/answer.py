"""Verbs on what was said: asked again, copied as Markdown, and kept as a file."""

from __future__ import annotations

import asyncio
import time

from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import saved_folder, told_path
from llmbm_console.core.state.state import Turn, newest_turn
from llmbm_console.tui.verbs.sampling import SamplingVerbs
from llmbm_protocol.words import Stream


class AnswerVerbs(SamplingVerbs):
    """What a person does with an answer."""

    # ---- again

    def chat_retry(self) -> None:
        """Sends the last prompt once more."""
        if prompt := self._prompt_again():
            self.app.verbs.submit(prompt)

    def chat_retry_seed(self) -> None:
        """Sends the last prompt once more, as soon as another seed is in force; undo takes the seed back."""
        if prompt := self._prompt_again():
            self._ask_with_another_seed(prompt)

    def _ask_with_another_seed(self, prompt: str) -> None:
        from llmbm_console.core.answers.conversation import another_seed

        if self.app.state.sampling is None:
            self.say("the kernel has not said its sampling values yet", "warning")
            return
        self._moved()
        step = self.app.sampling_history.change({"seed": another_seed(self.app.state)})

        async def run() -> None:
            taken = await asyncio.gather(*(self._answer_to(ask, step) for ask in step))
            session = self.app.session
            if all(taken) and session is not None:
                await session.fetch(Stream.SAMPLING)  # told before the turn begins that it belongs to
                self.app.verbs.submit(prompt)
                self.say(f"seed {step[0].value}: {self.key('sampling.undo')} takes it back" if step else "asked again")

        self.background(run())

    def _prompt_again(self, turn: Turn | None = None) -> str:
        """The prompt of a turn, else the last one; empty when it cannot be asked now, which is said then."""
        from llmbm_console.core.answers.conversation import last_prompt, prompt_of

        frame = self.app.frame()
        try:
            if frame.failure:
                raise SessionError(f"there is no session: {self.key('session.retry')} to {frame.again}")
            if self.app.main.prompt.waiting:
                raise SessionError("a line waits already for the kernel")
            return last_prompt(self.app.state) if turn is None else prompt_of(self.app.state, turn)
        except SessionError as error:
            self.say(f"not asked again: {error}", "warning")
            return ""

    # ---- as Markdown

    def chat_copy_markdown(self) -> None:
        """Copies the selected text as a block, else the last turn with what it cost."""
        from llmbm_console.core.answers.conversation import fenced, turn_markdown

        if selected := self.app.main.get_selected_text():
            self.copy(fenced(selected), "of the selection, as Markdown")
            self.app.main.leave_selection()
            return
        turn = newest_turn(self.app.shown_frame().state)
        if turn is None:
            self.say("there is no answer yet", "warning")
        else:
            self.copy(turn_markdown(turn), "of the last turn, as Markdown")

    def chat_export(self) -> None:
        """Writes the conversation that is shown into a file."""
        from llmbm_console.core.answers.conversation import NAME, conversation
        from llmbm_console.core.session.saved_files import (
            keep_somewhere,  # it needs the schema: the first picture comes before
        )

        frame = self.app.shown_frame()
        try:
            text = conversation(frame.state, frame.wall)
        except SessionError as error:
            self.say(str(error), "warning")
            return

        async def run() -> None:
            content = text.encode("utf-8", "replace")
            path, instead = await asyncio.to_thread(keep_somewhere, saved_folder(), NAME, content, time.time())
            told = f"the conversation: {told_path(path)}"
            self.say(*((f"{told}: {instead}", "warning") if instead else (told, "information")))

        self.background(run())
