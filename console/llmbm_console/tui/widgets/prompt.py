"""The prompt: Enter sends, Ctrl+J begins another line, the arrows recall, Tab completes commands."""

from __future__ import annotations

from textual import events
from textual.document._document import EditResult, Location
from textual.message import Message
from textual.widgets import TextArea

from llmbm_console.core.counted import counted
from llmbm_console.core.reading import is_command
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.text_limit import too_long
from llmbm_console.tui import figures
from llmbm_console.tui.completion import candidates, complete, fit_hint
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.memory import History
from llmbm_console.tui.sure_width import own, without_stand_ins
from llmbm_console.tui.text import clip, first_fitting, line, plain, writes
from llmbm_console.tui.widgets.framed import Framed
from llmbm_protocol.words import Phase, SentinelState

NEWLINE_KEYS = frozenset({"ctrl+j", "alt+enter", "shift+enter"})
PAGES = {"pageup": -1, "pagedown": 1}
MAX_ROWS = 6
TRIPPED = "tripped: /reset"  # in short why no line is taken


def _held(text: str) -> str:
    """What a person wrote, without controls and as it is laid out: see tui/sure_width.py."""
    return plain(without_stand_ins(text))


class Prompt(TextArea, Framed):
    """A text area that grows with its text; says in its frame whether the prompt fits and what the keys do."""

    pane, number, title_text = "prompt", 3, "Prompt"

    DEFAULT_CSS = """
    Prompt { border: round $border; padding: 0 1; background: $background; color: $foreground; scrollbar-size: 0 0; }
    Prompt:focus { border: round $focus; }
    Prompt.-ascii { border: ascii $border; }
    Prompt.-ascii:focus { border: ascii $focus; }
    Prompt .text-area--cursor-line { background: $background; }
    Prompt .text-area--cursor { background: $focus; color: $background; }
    Prompt:ansi .text-area--cursor { text-style: none; }
    Prompt .text-area--placeholder { color: $muted; }
    Prompt .text-area--suggestion { color: $muted; }
    Prompt:nocolor .text-area--placeholder, Prompt:nocolor .text-area--suggestion { text-style: dim; }
    """

    class Submitted(Message):
        """A prompt or command to run."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Paged(Message):
        """The rest of the screen is to be read on (1) or back (-1) by a page: all of the prompt is in sight."""

        def __init__(self, direction: int) -> None:
            super().__init__()
            self.direction = direction

    class Grown(Message):
        """The prompt needs another number of rows."""

    def __init__(self, history: History, *, id: str) -> None:
        super().__init__(
            show_line_numbers=False, soft_wrap=True, tab_behavior="focus", highlight_cursor_line=False, id=id
        )
        self.cursor_blink = False
        self.past = history
        self.error = ""  # why the last line was not taken
        self._refused = ""  # that line, while it is still what stands here
        self._held = ""  # what kept the kernel from taking any line, when this was drawn last
        self._lost = True  # no session stood then
        self._failure = ""  # why not
        self._crowded = False  # the line was not taken for all those that wait
        self._owed: list[str] = []  # lines that were not taken and not sent again: they come back one by one
        self._back = ""  # the one that came back last
        self._made_room = ""  # the one that the reset behind a trip was typed in the place of
        self._again = ""  # the one that was sent again last: when it is refused again, it keeps its place
        self._waiting = 0  # lines that are sent later
        self._rows = 1
        self._typed = ""  # characters that are not in the text yet: see _type
        self._turns: list[str] = []  # what Tab goes through, until another key is pressed

    @property
    def text_rows(self) -> int:
        """Rows the text takes, 1 to 6."""
        return max(1, min(MAX_ROWS, self.wrapped_document.height))

    @property
    def text(self) -> str:
        """What is written, as it is sent."""
        return own(self.document.text)

    @text.setter
    def text(self, value: str) -> None:
        self.load_text(value)

    def load_text(self, text: str) -> None:
        """Another text."""
        super().load_text(_held(text))

    def get_text_range(self, start: Location, end: Location) -> str:
        """A part of what is written."""
        return own(super().get_text_range(start, end))

    def _replace_via_keyboard(self, insert: str, start: Location, end: Location) -> EditResult | None:
        return super()._replace_via_keyboard(_held(insert), start, end)

    @property
    def chosen_text(self) -> str:
        """What a person selected. A line that was given back is selected by itself, to be written over."""
        selected = self.selected_text
        return "" if selected and selected == self.text == self._back else selected

    @property
    def waiting(self) -> int:
        """Lines that are sent later."""
        return self._waiting

    def refuse(self, text: str, reason: str, *, crowded: bool = False) -> None:
        """Gives a line back that was not taken, with the reason; what was written meanwhile is kept. `crowded`: too
        many lines wait, and the reason is gone as soon as there is one less."""
        self.error, self._crowded = reason, crowded
        self._owed.insert(0 if text == self._again else len(self._owed), text)
        self._again = ""
        if not self.text:
            self._bring_back(self._owed[0])
        self._refused = self.text
        self._draw()

    def _keep_here(self, reason: str) -> None:
        """Says in the frame why what stands here is not sent, until it is changed."""
        self.error, self._refused = reason, self.text
        self._draw()

    def hand_back(self, text: str, reason: str) -> None:
        """Gives a line back that was not sent because one before it was refused, whose reason is told first."""
        self.refuse(text, self.error or reason)

    def give_back(self) -> None:
        """A line was taken: one that was refused before may be taken now."""
        if self._owed and not self.text:
            self._bring_back(self._owed[0])

    def _bring_back(self, text: str) -> None:
        self.replace_text(text)
        if self._held == TRIPPED or text == self._made_room:
            self.select_all()  # /reset comes before it, and is typed in its place; behind it, it stands there as before
        self._refused, self._back, self._made_room = self.text, text, ""

    def _forget(self, text: str) -> None:
        if text in self._owed:
            self._owed.remove(text)

    def _forget_back(self) -> None:
        """What came back last is not wanted any more: only the earlier prompts have it still."""
        self._forget(self._back)
        self._back = self._made_room = ""

    def show_waiting(self, lines: int) -> None:
        """So many lines are sent later, when the kernel answers or the answer that runs has ended."""
        if lines < self._waiting and self._crowded:
            self.error, self._crowded = "", False
        self._waiting = lines
        self._draw()

    def replace_text(self, text: str) -> None:
        """Another text, with the cursor at its end."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    def rewrite(self, text: str) -> None:
        """Another text in the place of this one, as if it had been written: it can be undone."""
        self.replace(_held(text), self.document.start, self.document.end)
        self.move_cursor(self.document.end)

    # ---- keys

    async def _on_key(self, event: events.Key) -> None:
        key = event.key
        if key != "tab":
            self._turns = []
        if writes(event) and event.character and not self.read_only:
            self._type(event.character)
            event.stop()
            event.prevent_default()
            return
        self._write_typed()
        if key == "enter":
            self._submit()
        elif key in NEWLINE_KEYS:
            self.insert("\n")
        elif key in PAGES and self.wrapped_document.height <= self.text_rows:
            self.post_message(self.Paged(PAGES[key]))
        elif key == "tab" and self.text.startswith("/"):
            self._complete()
        elif (key == "up" and self.cursor_at_first_line) or (key == "down" and self.cursor_at_last_line):
            recalled = self.past.step(-1 if key == "up" else 1, self.text)
            if recalled is None:
                return
            self.replace_text(recalled)
        else:
            return  # TextArea's own handler comes next
        event.stop()
        event.prevent_default()

    def _complete(self) -> None:
        """As far as all candidates agree; from there on each of them in turn."""
        text = self.text
        if text not in self._turns:
            self._turns = [] if complete(text) != text else candidates(text)
        if len(self._turns) > 1:
            text = self._turns[(self._turns.index(text) + 1) % len(self._turns) if text in self._turns else 0]
        else:
            text = complete(text)
        self.replace_text(text)

    def _type(self, character: str) -> None:
        """Takes a character. All that wait behind it go into the text together: the line is wrapped and looked at
        anew for each change, which took a quarter of a minute for 8,000 characters that a terminal sent as keys."""
        if not self._typed:
            self.call_later(self._write_typed)
        self._typed += character

    def _write_typed(self) -> None:
        """Puts what was typed into the text."""
        typed, self._typed = self._typed, ""
        if typed and (result := self._replace_via_keyboard(typed, *self.selection)):
            self.move_cursor(result.end_location)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        if not self.read_only:
            self.take_paste(event.text)

    def take_paste(self, pasted: str) -> None:
        """Pasted text loses its control characters before anything sees it."""
        self._write_typed()
        text = pasted.replace("\r\n", "\n").replace("\r", "\n")
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def recall(self, entry: str) -> None:
        """Shows an earlier prompt; what stood here comes back as from any other one."""
        self.replace_text(self.past.go_to(entry, self.text))

    def put_away(self) -> bool:
        """Empties the prompt; the text is kept as if it had been sent. False when there is none."""
        self._write_typed()
        text = self.text.strip("\n")
        if not text.strip():
            return False
        self.past.add(text)
        self._forget_back()  # this was it, or was written in its place
        self.clear()
        self.call_later(self.give_back)
        return True

    def keep(self) -> bool:
        """Keeps what was not sent for the next run. False when there is none, or nowhere to keep it."""
        self._write_typed()
        return self.past.keep(self.text.strip("\n"))

    def _submit(self) -> None:
        text = self.text.strip("\n")
        if is_command(text):
            text = text.strip()  # to the kernel it is a command with blanks before it, too
        if not text.strip():
            if text:
                self._keep_here("only blanks are written here: nothing was sent")
            return
        plain_line = self._frame.state.link.phase is LinkPhase.PLAIN
        if not plain_line and (why := too_long(text)):
            self._keep_here(first_fitting((f"not sent: {why}", why), self.heading_room))
            return
        self.past.add(text)
        if text in self._owed:
            self._again = text
            self._forget(text)
        elif not (is_command(text) and (held := self._held_by(self._frame))):
            self._forget_back()  # this was written in its place; a command in need may only have made room for it
        elif held == TRIPPED:
            self._made_room = self._back
        self._refused = ""
        self.load_text("")
        self.error = ""
        self.post_message(self.Submitted(text))

    # ---- appearance

    def on_text_area_changed(self) -> None:
        """The frame says how the new text fits."""
        if self.text != self._refused:
            self.error = ""
            if self._refused and not self.text:
                self._forget_back()  # deleted as a whole: it is not wanted
                self.call_later(self.give_back)  # the next one may be
            self._refused = ""
        found = candidates(self.text) if len(self.text) > 1 else []
        self.suggestion = found[0][len(self.text) :] if found else ""
        self._draw()
        if self.text_rows != self._rows:
            self._rows = self.text_rows
            self.post_message(self.Grown())

    def on_resize(self) -> None:
        """Wrapping depends on the width."""
        if self.text_rows != self._rows:
            self._rows = self.text_rows
            self.post_message(self.Grown())

    def _draw(self) -> None:
        frame = self._frame
        width = max(10, self.size.width - 6)
        self.placeholder = line((clip(self._invitation(frame), width, self.glyphs.ellipsis), "$muted"))
        found = self._turns or (candidates(self.text) if self.text.startswith("/") else [])
        if frame.failure:
            found, worry = [], True
            hint = f"no session: {frame.press('session.retry')} to {frame.again}" if self.text else ""
        elif frame.last_known:
            hint, worry = "", False  # the context of before is no more
        else:
            hint, worry = fit_hint(frame.state, self.text, self.heading_room)
        ready, style = self._readiness(frame)
        before, self._held = self._held, self._held_by(frame)
        if self._held == TRIPPED != before and self.text == self._back == self._refused:
            self.select_all()  # it came back before the trip was told
        lost, self._lost = self._lost, not frame.live
        failed, self._failure = self._failure, frame.failure
        if (before and not self._held) or (lost and frame.live) or (failed and not frame.failure):
            self.error = ""  # the reason is gone
        if self.error and self._held:
            right = line((f"not sent {self.glyphs.separator} {ready}", style))  # what to do; a pane tells the reason
        elif self.error:
            right = line((self.error, "$bad"))
        elif len(found) > 1:
            right = line(("  ".join(found), "$muted"))
        else:
            right = line((hint, "$warn" if worry else "$muted"))
        if right.cell_length and not self.error and (short := self._held):
            # Whatever is written now waits for this: it is said first, and alone where there is no room for both.
            both = (line((f"{words} {self.glyphs.separator} ", style), right) for words in (ready, short))
            right = next((text for text in both if text.cell_length <= self.heading_room), line((ready, style)))
        count = self._waiting
        waiting = counted(count, "line waits", "lines wait") if count else ""
        if count and not frame.past:
            ends = frame.keys["chat.break"] + (" twice" if frame.sent or frame.state.turn is not None else "")
            waiting = first_fitting((f"{waiting}: {ends} withdraws {'it' if count == 1 else 'them'}", waiting), width)
        if more := len(self._owed) - (self._back in self._owed):
            waiting = counted(more, "more line comes back", "more lines come back")
        self.set_heading(right if right.cell_length else line((ready, style)), line((waiting, "$warn")))

    def _held_by(self, frame: Frame) -> str:
        """Why the kernel answers nothing before a person does something, in short; empty when it does."""
        if not frame.live or frame.not_now:
            return ""
        if frame.state.machine.status is MachineStatus.PAUSED:
            return "paused"
        sentinel = frame.state.sentinel
        return TRIPPED if sentinel is not None and sentinel.state is SentinelState.TRIPPED else ""

    @staticmethod
    def _silent(frame: Frame) -> tuple[str, ...]:
        """That the kernel answers nothing, and what helps, the longest first."""
        silent = f"no answer for {figures.duration(frame.silence)}"
        if not frame.controllable or frame.read_only:
            return (silent,)
        resets = f"{silent}: {frame.press('machine.reset')} resets"
        back = (f"{resets}, {frame.keys['machine.load_state']} loads a saved state",) if frame.states else ()
        return (*back, resets, silent)

    def _readiness(self, frame: Frame) -> tuple[str, str]:
        paused = frame.state.machine.status is MachineStatus.PAUSED and not frame.not_now
        if paused and (frame.live or frame.controllable):  # one whose state was loaded is not greeted before it runs
            resumes = f"paused: {frame.press('machine.pause')} resumes it"
            return first_fitting((f"the machine is {resumes}", resumes), self.heading_room), "$warn"
        if not frame.live:
            return ("", "$muted") if frame.state.link.phase is not LinkPhase.PLAIN else ("plain terminal", "$warn")
        if frame.not_now:  # what was so then is no advice for now
            short = frame.not_now.removeprefix("the view is ").replace(" is shown", "")
            return first_fitting((frame.not_now, short), self.heading_room), "$info"
        phase, sentinel = frame.state.phase, frame.state.sentinel
        if sentinel is not None and sentinel.state is SentinelState.TRIPPED:
            return "tripped: /reset brings the chat back", "$bad"
        if frame.silence:
            return first_fitting(self._silent(frame), self.heading_room), "$bad"
        if phase is Phase.IDLE:
            return "kernel ready", "$good"
        return (
            (f"kernel {phase}: {frame.keys['chat.break']} stops it", "$warn")
            if phase in (Phase.PREFILL, Phase.DECODE, Phase.BENCH)
            else (f"kernel {phase}", "$warn")
        )

    def _invitation(self, frame: Frame) -> str:
        if frame.failure:
            return "no session"
        if frame.past:
            return "what you write here is sent now"
        if not frame.live and frame.state.link.phase is not LinkPhase.PLAIN:
            return "you can write already; it is sent when the kernel answers"
        if frame.state.phase is Phase.RESCUE:
            return "no model runs: /models lists what is there, /load FILE loads one"
        return f"Once upon a time{frame.glyphs.ellipsis}"
