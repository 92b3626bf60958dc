"""Verbs that find: a text in the transcript, or the events that a filter lets pass."""

from __future__ import annotations

from llmbm_console.core.errors import SessionError
from llmbm_console.tui.pages.ask import AskLine, Remark, Told
from llmbm_console.tui.verbs.base import VerbGroup

FIELDS = "level:warn  code:budget  !token  took>1M; also source: arena: text:"
THROUGH = "up and down go through them, Enter keeps the filter"


class FindVerbs(VerbGroup):
    """Looks through the list that has the focus, or the memory; else through the transcript."""

    def view_find(self) -> None:
        """Asks what to look for."""
        if self.app.main.focused_pane == "hex":
            self.app.verbs.hex_find()
        elif self.app.main.searched is self.app.main.event_list:
            self._ask_filter()
        else:
            self._ask_text()

    def _after_enter(self) -> str:
        """Which keys go on where a word is not being written any more."""
        keys = self.app.key_labels
        return f"up and down go on; after Enter {keys['view.find_next']} and {keys['view.find_previous']}"

    def _ask_text(self) -> None:
        main, transcript = self.app.main, self.app.main.transcript
        view, pane = main.shape, main.focused_pane
        if "transcript" not in main.deck.regions:
            main.focus_pane("transcript")
        transcript.keep_place()
        leave = self.app.key_labels["view.leave"]

        def told() -> str:
            return Told(f"{transcript.found}   {self._after_enter()}")

        def changed(text: str) -> str:
            known = text == transcript.sought  # Enter keeps the place that one went to
            found = transcript.places if known else transcript.find(text)
            return "" if not text else told() if found else Remark("not found in the transcript")

        def read(text: str) -> str:
            if text and not transcript.places:
                raise SessionError(f'"{text}" is not in the transcript: write another word, or {leave} goes back')
            return text

        def step(direction: int) -> str:
            return told() if transcript.step_found(direction) else Remark("not found in the transcript any more")

        def answered(kept: str | None) -> None:
            if kept is not None:
                main.focus_pane("transcript")  # where the keys that go on are no letters
                return
            main.relayout(tab=view.tab, zoom=view.zoom)
            if pane and pane != main.focused_pane:
                main.focus_pane(pane)
            transcript.back_to_place()

        hint = "found while you write it, in capitals or not"
        self.app.push_screen(
            AskLine("find", transcript.sought, hint, read, changed=changed, does="goes to the transcript", step=step),
            answered,
        )

    def _ask_filter(self) -> None:
        events, before = self.app.main.event_list, self.app.main.event_list.wanted
        events.keep_place()

        def changed(text: str) -> str:
            problem = events.filter(text) if text.strip() != events.wanted else ""
            if problem:
                events.filter(before)  # not what was understood of the first half of a word
                return problem
            if not events.wanted:
                return ""
            count = len(events.shown)
            return Told(f"{count:,} shown   {THROUGH}") if count else Remark("no event matches")

        def step(direction: int) -> str:
            told = events.step_shown(direction)
            return Told(f"{told}   {THROUGH}") if told else Remark("no event matches")

        def answered(kept: str | None) -> None:
            if kept is not None:
                self.app.main.focus_pane("events")
            else:
                events.back_to_place()

        line = AskLine("filter", before, FIELDS, str, changed=changed, does="goes to the events", step=step)
        self.app.push_screen(line, answered)

    def view_find_next(self) -> None:
        """The next place."""
        self._step_found(1)

    def view_find_previous(self) -> None:
        """The place before."""
        self._step_found(-1)

    def _step_found(self, direction: int) -> None:
        events, searched = self.app.main.event_list, self.app.main.searched
        if self.app.main.focused_pane == "hex":
            self.app.verbs.find_on(direction)
        elif searched is events and events.wanted:  # all that is shown was looked for
            told = events.step_shown(direction)
            self.say(told or f'no event matches "{events.wanted}": {self.key("view.find")} changes the filter')
        elif not searched.sought:
            self.view_find()
        elif not searched.step_found(direction):
            self.say(f'"{searched.sought}" is not in the transcript any more')
