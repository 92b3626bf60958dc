"""A pseudo-terminal beside the console: another program (tio, screen, minicom) sees what the line says for people and
may type lines, while the console keeps the line itself. Frames are never seen there, and nothing is typed into their
midst.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from codecs import getincrementaldecoder
from collections.abc import Awaitable, Callable
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.sanitise import EscapeFilter
from llmbm_console.core.session.line_log import told
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.state import State, newest_turn
from llmbm_protocol.schema import Finished, Token

PROMPT = "> "
STOP, ERASE, KILL = "\x03", ("\x7f", "\b"), "\x15"
LONGEST = 4096  # characters of a typed line
MOST_LINES = 1000  # typed lines that wait for their turn
MOST_PENDING = 64 << 10  # octets kept for a program that reads slowly, or not at all
CHUNK = 4096

Submit = Callable[[str], Awaitable[object]]
Stop = Callable[[], Awaitable[None]]


class SharedLine:
    """One pseudo-terminal under a name of its own. Raises SessionError when it cannot be made."""

    def __init__(self, name: Path, submit: Submit, stop: Stop) -> None:
        self.name = name
        self._submit, self._stop = submit, stop
        try:
            import termios
            import tty

            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self._termios = termios
        except (ImportError, OSError) as error:
            raise SessionError(f"--share {name}: no pseudo-terminal on this system: {error}") from error
        try:
            if name.is_symlink() and not name.exists():  # of a console that was killed: its terminal is no more
                name.unlink()
            name.symlink_to(os.ttyname(self._slave))
        except OSError as error:
            self._close_ends()
            raise SessionError(f"--share {name}: cannot be made: {error.strerror or error}") from error
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._escapes = EscapeFilter()
        self._line = ""
        self._ended = False  # by a CR, right before
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._own = ""  # the line that was typed here and is being carried out
        self._turn, self._shown = 0, 0  # the answer that is being written, and how much of it was
        self._fresh = True  # the cursor is at the beginning of a line
        self._pending = b""  # written and not yet taken

    def start(self) -> None:
        """Begins to read; call in the event loop."""
        asyncio.get_running_loop().add_reader(self._master, self._readable)
        self._worker = asyncio.create_task(self._work())
        self._write(PROMPT)

    def close(self) -> None:
        """Takes the name away and closes. Idempotent."""
        if self._stopping is not None:
            self._stopping.cancel()
        if self._worker is not None:
            self._worker.cancel()
            asyncio.get_running_loop().remove_reader(self._master)
            asyncio.get_running_loop().remove_writer(self._master)
            self._worker = None
        if self._master >= 0:
            with contextlib.suppress(OSError):
                if self.name.is_symlink() and os.readlink(self.name) == os.ttyname(self._slave):
                    self.name.unlink()
            self._close_ends()

    def _close_ends(self) -> None:
        for descriptor in (self._master, self._slave):
            os.close(descriptor)
        self._master = self._slave = -1

    # ---- what is said

    def event(self, state: State, event: ev.Event) -> None:
        """One more event, and the state after it."""
        match event:
            case ev.ConsoleText(text=text):
                self._write(text)
            case ev.RecordReceived(record=Token() as token):
                self._answer(state, token.generation)
            case ev.RecordReceived(record=Finished() as end):
                self._answer(state, end.generation)
                self._write(f"\n[{end.tokens} tokens, {end.reason}]\n{PROMPT}{self._line}")
            case ev.PromptSent(text=text):
                self._heading(text)
            case ev.CommandDone(line=line, output=output, error=error):
                self._heading(line)
                said = output if output else f"# refused: {error}\n" if error else ""
                self._write(said + ("" if said.endswith("\n") or not said else "\n") + PROMPT + self._line)
            case _:
                if text := told(event):
                    self._write(("" if self._fresh else "\n") + f"# {text}\n{PROMPT}{self._line}")

    def _heading(self, line: str) -> None:
        """A line that was typed elsewhere; the own one stands there already."""
        if line != self._own:
            self._write(("" if self._fresh else "\n") + f"{PROMPT}{line}\n")
        self._own = ""

    def _answer(self, state: State, generation: int) -> None:
        turn = newest_turn(state)
        if turn is None or turn.number != generation:
            return
        if generation != self._turn:
            self._turn, self._shown = generation, 0
        self._write(turn.text[self._shown :])
        self._shown = len(turn.text)

    def _write(self, text: str) -> None:
        if not text or self._master < 0:
            return
        self._fresh = text.endswith("\n")
        self._pending += text.replace("\n", "\r\n").encode("utf-8", "replace")
        if len(self._pending) > MOST_PENDING:
            # Nobody reads. The oldest goes: who opens the name later wants to see what happens then.
            self._pending = self._pending[-MOST_PENDING // 2 :]
            with contextlib.suppress(OSError):
                self._termios.tcflush(self._slave, self._termios.TCIFLUSH)
        self._drain()

    def _drain(self) -> None:
        """Writes what the other end has room for."""
        loop = asyncio.get_running_loop()
        try:
            self._pending = self._pending[os.write(self._master, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""
        if self._pending:
            loop.add_writer(self._master, self._drain)
        else:
            loop.remove_writer(self._master)

    # ---- what is typed

    def _readable(self) -> None:
        try:
            data = os.read(self._master, CHUNK)
        except OSError:
            return
        for letter in "".join(self._escapes.feed(self._decoder.decode(data))):
            self._type(letter)

    def _type(self, letter: str) -> None:
        ended, self._ended = self._ended, letter == "\r"
        if letter == "\n" and ended:
            return  # Enter of a terminal that sends both: one line, and no empty one behind it
        if letter in "\r\n":
            line, self._line = self._line, ""
            self._write("\n")
            if not line.strip():
                self._write(PROMPT)
            elif self._lines.qsize() >= MOST_LINES:
                self._write(f"# {MOST_LINES} lines wait for their turn already: this one was not taken\n{PROMPT}")
            else:
                self._lines.put_nowait(line)
        elif letter == STOP:
            self._line = ""
            self._stop_all()
        elif letter in ERASE:
            if self._line:
                self._line = self._line[:-1]
                self._write("\b \b")
        elif letter == KILL:
            self._write("\b \b" * len(self._line))
            self._line = ""
        elif letter.isprintable() and len(self._line) < LONGEST:
            self._line += letter
            self._write(letter)

    def _stop_all(self) -> None:
        """A stop does not wait for its turn, and what was typed before it and did not begin is dropped, as a terminal
        does it."""
        dropped = self._lines.qsize()
        while not self._lines.empty():
            self._lines.get_nowait()
        if dropped:
            self._write(f"\n# {dropped} lines that waited were dropped\n{PROMPT}")
        if self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(self._guarded(self._stop()))

    async def _work(self) -> None:
        """One line after the other."""
        while True:
            await self._carry_out(await self._lines.get())

    async def _carry_out(self, line: str) -> None:
        self._own = line
        await self._guarded(self._submit(line))

    async def _guarded(self, work: Awaitable[object]) -> None:
        try:
            await work
        except SessionError as error:
            self._write(f"# {error}\n{PROMPT}")
