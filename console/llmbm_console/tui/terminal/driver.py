"""The keyboard of a terminal, waited for without a clock.

Textual's own thread (8.2.8) looks ten times a second whether it shall end, and whether an Esc was a key or begins a
sequence: that was a sixth of what an idle console takes (bench/startup.py). This one is told that it shall end, and
looks at the clock only after something was typed. What is drawn Textual hands to a thread; to wake it takes longer than
to write a picture (bench/tui.py), so that it gets only what the terminal does not take at once: one that is slow, or
stands still, keeps nobody waiting but the thread. That has no room for much: `behind` tells when to draw no more.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import threading
import time
from codecs import getincrementaldecoder, lookup
from typing import Any, TextIO

from textual import constants
from textual.drivers.linux_driver import LinuxDriver

from llmbm_console.tui.terminal.key_parser import KeyParser

CHUNK = 4096
MOST_BEHIND = 12  # pieces that may wait for the terminal, three of each picture; Textual's thread has room for 30
SURELY = 0.005  # s after which a time that the parser waits for is over on its clock, too


def typed_encoding() -> str:
    """What a terminal of this locale sends; UTF-8 begins as ASCII, which has no other letters."""
    encoding = getattr(sys.__stdin__, "encoding", None) or "utf-8"
    return "utf-8" if lookup(encoding).name == "ascii" else encoding


class Ending(threading.Event):
    """An event that is heard of by who waits for descriptors, too: `heard` can be read once it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.heard, self._said = socket.socketpair()
        self.heard.setblocking(False)

    def set(self) -> None:
        """Wakes who waits."""
        super().set()
        self._said.send(b"x")

    def clear(self) -> None:
        """As if it had never been set."""
        super().clear()
        with contextlib.suppress(BlockingIOError):
            self.heard.recv(CHUNK)

    def close(self) -> None:
        """Nobody waits any more."""
        self.heard.close()
        self._said.close()


class Output:
    """A terminal's stream, for Textual's writing thread, and a way past that thread for what need not wait."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._at_once: int | None = None
        self._rest = b""  # of what went past the thread and was not taken whole: the thread writes it first
        self.gone = 0  # pieces that have gone out; only the thread changes it
        self._written = 0

    def write(self, text: str) -> None:
        """Keeps text for the next `flush`."""
        if self._rest:
            self._stream.buffer.write(self._rest)
            self._rest = b""
        self._stream.write(text)
        self._written += 1

    def flush(self) -> None:
        """Writes what was kept; waits for a terminal that takes nothing."""
        self._stream.flush()
        self.gone = self._written

    def put(self, text: str) -> bool:
        """Writes past the thread, which must have nothing left to write; False where the thread has to `write`, if it
        is only the rest of this."""
        octets = text.encode(self._stream.encoding, self._stream.errors or "strict")
        taken = 0
        if self._at_once is not None:
            try:
                taken = os.write(self._at_once, octets)
            except BlockingIOError:
                pass
            except OSError:
                taken = len(octets)  # it has gone: that is told by a signal
        self._rest = octets[taken:]
        return not self._rest

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """The stream's own."""
        return self._stream.isatty()

    def open(self) -> None:
        """Opens the terminal once more: not to wait is a setting of what was opened, and the stream's is shared with
        the shell. One that has no name, or belongs to another user, is left to the thread."""
        self.close()
        with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
            self._at_once = os.open(os.ttyname(self._stream.fileno()), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)

    def close(self) -> None:
        """All is left to the thread from now on; the stream stays open."""
        if self._at_once is not None:
            os.close(self._at_once)
            self._at_once = None


class QuietDriver(LinuxDriver):
    """Textual's driver for terminals, whose thread sleeps while nobody types. `exit_event` is not a public name of it:
    the version of Textual is pinned."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._ending = Ending()
        self.exit_event = self._ending
        self._suspended = False
        assert self._file is not None, "a terminal has a stream for errors, which Textual draws on"
        self._output = Output(self._file)
        self._file = self._output  # type: ignore[assignment]
        self._queued = 0  # pieces that the thread was given

    @property
    def behind(self) -> bool:
        """Whether the terminal has yet to take so much that there is no use in drawing more."""
        return self._queued - self._output.gone >= MOST_BEHIND

    def write(self, data: str) -> None:
        """Writes at once what the terminal takes at once, unless the thread still has something to write."""
        if self._queued == self._output.gone:
            if self._output.put(data):
                return
            data = ""  # the thread has what is left
        self._queued += 1
        super().write(data)

    def start_application_mode(self) -> None:
        """Takes the terminal."""
        self._output.open()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def suspend_application_mode(self) -> None:
        """Gives the terminal back, for a SIGTSTP."""
        super().suspend_application_mode()
        self._suspended = True

    def resume_application_mode(self) -> None:
        """Takes the terminal again, for a SIGCONT. Who was stopped by a SIGSTOP could not give it back before: a shell
        may have used it since, and what reads and writes it here still runs."""
        if not self._suspended:
            try:
                os.tcgetpgrp(self.fileno)
            except OSError:
                return  # it has gone: that is told by a SIGCONT, too
            self.suspend_application_mode()
        self._suspended = False
        self._ending = self.exit_event = Ending()
        super().resume_application_mode()
        self._app.call_later(self._app.refresh, layout=True)

    def run_input_thread(self) -> None:
        """Takes what is typed, until `exit_event` is set."""
        parser = KeyParser(self._debug)
        decode = getincrementaldecoder(typed_encoding())("replace").decode  # a paste may hold anything
        undecided: float | None = None  # until then an Esc may be the beginning of something
        with selectors.SelectSelector() as selector:  # not the best one there is: kqueue does not know terminals
            selector.register(self._ending.heard, selectors.EVENT_READ)
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self._ending.is_set():
                rest = max(0.0, undecided - time.monotonic()) if undecided is not None else None
                ready = [key.fileobj for key, _ in selector.select(rest)]
                if self.fileno in ready:
                    data = os.read(self.fileno, CHUNK)
                    if not data:  # a terminal that has gone, or the end of a file, can be read for ever
                        selector.unregister(self.fileno)
                    elif text := decode(data):  # to the parser "" would be the end
                        for message in parser.feed(text):
                            self.process_message(message)
                    undecided = time.monotonic() + constants.ESCAPE_DELAY + SURELY
                elif not ready:
                    waits = parser.waits
                    undecided = time.monotonic() + waits + SURELY if waits is not None else None
                for message in parser.tick():
                    self.process_message(message)

    def close(self) -> None:
        """Ends the writing, too."""
        super().close()
        self._ending.close()
        self._output.close()
