"""Verbs on two answers that are compared."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmbm_console.core.answers.pairs import Pairing, Side, answers, key_of
from llmbm_console.core.errors import SessionError
from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.sampling import FIELDS
from llmbm_console.tui.text import plain
from llmbm_console.tui.verbs.answer import AnswerVerbs
from llmbm_protocol.words import Stream

if TYPE_CHECKING:
    from llmbm_console.core.state.state import Turn
    from llmbm_console.tui.answers.pair import AnswerPair


class CompareVerbs(AnswerVerbs):
    """What the keys of the compare view do."""

    @property
    def _pair(self) -> AnswerPair:
        return self.app.main.views.pair

    @property
    def _answers(self) -> list[Turn]:
        return answers(self.app.shown_frame().state)

    def _two(self) -> tuple[Turn, Turn] | None:
        """The two that are compared; None where there are fewer, which is said then."""
        pair = self._pair.pairing.of(self._answers)
        if pair is None:
            self.say(f"there are no two answers to compare; {self.key('chat.prompt')} writes a prompt", "warning")
        return pair

    def _choose_pair(self, pairing: Pairing) -> None:
        self._pair.pairing = pairing
        self.app.pacer.flush()

    # ---- which two

    def compare_a_earlier(self) -> None:
        """An earlier answer as A."""
        self._step_side("a", -1)

    def compare_a_later(self) -> None:
        """A later answer as A."""
        self._step_side("a", 1)

    def compare_b_earlier(self) -> None:
        """An earlier answer as B."""
        self._step_side("b", -1)

    def compare_b_later(self) -> None:
        """A later answer as B."""
        self._step_side("b", 1)

    def _step_side(self, side: Side, direction: int) -> None:
        turns = self._answers
        if self._two() is None:
            return
        if len(turns) == 2:
            self.say(f"there are only these two answers: {self.key('compare.swap')} swaps them")
        else:
            self._choose_pair(self._pair.pairing.stepped(turns, side, direction))

    def compare_swap(self) -> None:
        """Each in the other's place."""
        if self._two() is not None:
            self._choose_pair(self._pair.pairing.swapped(self._answers))

    def compare_newest(self) -> None:
        """What was chosen is let go."""
        if self._two() is None:
            return
        if self._pair.pairing == Pairing():
            self.say("these are the newest answers already")
        self._choose_pair(Pairing())

    # ---- where

    def compare_parting(self) -> None:
        """The first token that differs, in view."""
        if self._two() is not None and not self.app.main.views.answers.go_to_parting():
            self.say("nothing differs in what is here of both")

    def compare_go_a(self) -> None:
        """A in the transcript."""
        if (pair := self._two()) is not None:
            self._go_to(pair[0])

    def compare_go_b(self) -> None:
        """B in the transcript."""
        if (pair := self._two()) is not None:
            self._go_to(pair[1])

    def _go_to(self, turn: Turn) -> None:
        main = self.app.main
        main.show_view("chat")
        main.focus_pane("transcript")
        main.call_after_refresh(self._show_turn, turn)

    def _show_turn(self, turn: Turn) -> None:
        if not self.app.main.transcript.show_turn(turn):
            self.say(f"turn {turn.number} is not in the transcript any more", "warning")

    # ---- again

    def compare_again(self) -> None:
        """A's prompt once more; what is answered becomes B."""
        if prompt := self._prompt_as_b():
            self.app.verbs.submit(prompt)

    def compare_again_seed(self) -> None:
        """The same with another seed."""
        if prompt := self._prompt_as_b():
            self._ask_with_another_seed(prompt)

    def compare_repeat(self) -> None:
        """A once more in a new conversation, with its own values and its seed begun anew."""
        from llmbm_console.core.answers.compare import why_not_repeated  # with the first picture it is not needed

        a = self._a
        prompt = self._prompt_again(a)
        if a is None or not prompt:
            return
        if why := why_not_repeated(a):
            self.say(f"not repeated: {why}", "warning")
            return
        values = {name: int(told(a.settings, field)) for name, field in FIELDS.items()}
        self._moved()
        step = self.app.sampling_history.change(values)

        async def run() -> None:
            taken = await asyncio.gather(*(self._answer_to(ask, step) for ask in step))
            session = self.app.session
            if not all(taken) or session is None:
                return  # why not is said already
            for outcome in (
                await session.set_parameter("seed", str(values["seed"])),  # the same one begins its numbers anew, too
                await session.submit("/clear"),
            ):
                if not outcome.ok:
                    raise SessionError(f"not repeated: {plain(outcome.error) or 'the kernel did not take it'}")
            await session.fetch(Stream.SAMPLING)  # told before the turn begins that it belongs to
            self._pin(a)
            self.app.verbs.submit(prompt)

        self.background(run())

    @property
    def _a(self) -> Turn | None:
        """A; the only answer is it. None where there is none."""
        turns = self._answers
        pair = self._pair.pairing.of(turns)
        return pair[0] if pair is not None else turns[-1] if turns else None

    def _pin(self, a: Turn | None) -> None:
        """A stays, and the next answer is B."""
        self._choose_pair(Pairing(a=key_of(a) if a is not None else None))

    def _prompt_as_b(self) -> str:
        """A's prompt, and A stays. Empty when it cannot be asked now, which is said then."""
        a = self._a
        if prompt := self._prompt_again(a):
            self._pin(a)
        return prompt
