"""`llmbm-console --plain`: the same session as linear text, for screen readers, logs and pipes.

Each line of standard input is a prompt, a command or `:ACTION` (faces/actions.py). Answers stream to standard output;
everything else (link, machine, events) is a line of its own beginning with "# ", so that nothing ever moves or is
overwritten.
"""

from __future__ import annotations

import sys

from llmbm_console.core.errors import SessionError
from llmbm_console.core.session.line_log import told
from llmbm_console.core.session.session import Session
from llmbm_console.core.state.events import (
    CommandDone,
    ConsoleText,
    Event,
    FileOpened,
    FileSaved,
    Gap,
    LinkChanged,
    LinkPhase,
    MachineChanged,
    Notice,
    TurnJoined,
    TurnRead,
)
from llmbm_console.core.state.state import State
from llmbm_console.faces.actions import carry_out, is_action
from llmbm_console.faces.execute import Streamer
from llmbm_console.faces.listening import run_lines


class PlainFace:
    """Writes the timeline as lines. `fresh` says that the cursor is at the start of a line."""

    def __init__(self) -> None:
        self.streamer = Streamer(sys.stdout)
        self.running = False
        self.fresh = True

    def note(self, text: str) -> None:
        """One line of its own."""
        if not self.fresh:
            sys.stdout.write("\n")
        sys.stdout.write(f"# {text}\n")
        sys.stdout.flush()
        self.fresh = True

    def __call__(self, state: State, event: Event) -> None:
        match event:
            case ConsoleText(text=text):
                sys.stdout.write(text)
                sys.stdout.flush()
                self.fresh = text.endswith("\n")
            case LinkChanged() | MachineChanged() | Notice() | FileSaved() | Gap() | TurnJoined():
                self.note(told(event))
            case FileOpened(verdict=verdict):
                self.note(verdict)
            case TurnRead(prompt=prompt, text=text, told=ending):
                print(f"> {prompt}\n{text}", flush=True)
                self.fresh = True
                self.note(ending)
            case CommandDone(line=line, output=output, error=error) if state.link.phase is LinkPhase.CLOSED:
                print("\n".join(filter(None, (f"> {line}", output.rstrip("\n"), error))), flush=True)  # read from a log
                self.fresh = True
            case CommandDone(output=output, error=error):
                print(output.rstrip("\n") if output else f"# refused: {error}" if error else "# ok", flush=True)
                self.fresh = True
            case _:
                self.streamer(state, event)
                if state.turn is not None:
                    self.running, self.fresh = True, False
                elif self.running:
                    self.running = False
                    print(flush=True)
                    self.fresh = True


async def run_plain(session: Session, timeout: float = 120.0) -> int:
    """Runs until the end of input; 0 when the session could be opened."""
    face = PlainFace()

    async def submit(line: str) -> None:
        try:
            outcome = await carry_out(session, line)
        except SessionError as error:
            face.note(f"error: {error}")
            return
        own = is_action(line) and outcome.line == line  # no command, whose end the face hears
        if not outcome.ok and (outcome.turn is not None or own):
            face.note(f"error: {f'{line}: ' if own else ''}{outcome.error}")
        elif own:
            print(outcome.output.rstrip("\n") or "# ok", flush=True)

    def ready() -> None:
        face.note("ready: each line of input is a prompt, a command that begins with /, or :ACTION; Ctrl+D ends")

    return await run_lines(session, face, submit, timeout, ready)
