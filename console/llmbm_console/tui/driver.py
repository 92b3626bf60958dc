"""The keyboard of a terminal, waited for without a clock.

Textual's own thread (8.2.8) looks ten times a second whether it shall end, and whether an Esc was a key or begins a
sequence: that was a sixth of what an idle console takes (bench/startup.py). This one is told that it shall end, and
looks at the clock only after something was typed. What is drawn Textual hands to a thread; to wake it takes longer than
to write a picture (bench/tui.py), so that it gets only what the terminal does not take at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import socket
import threading
import time
from codecs import getincrementaldecoder
from typing import Any, TextIO

from textual import constants
from textual.drivers.linux_driver import LinuxDriver

from llmbm_console.tui.key_parser import KeyParser

CHUNK = 4096
SHORT = 4096  # characters; a terminal that takes anything has room for so many, as a rule
SURELY = 0.005  # s after which a time that the parser waits for is over on its clock, too


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
    """A terminal's stream, for Textual's writing thread: tells how much of it has gone out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written = 0
        self.gone = 0  # characters; only the thread changes it

    def write(self, text: str) -> None:
        """Keeps text for the next `flush`."""
        self._stream.write(text)
        self._written += len(text)

    def flush(self) -> None:
        """Writes what was kept; waits for a terminal that takes nothing."""
        self._stream.flush()
        self.gone = self._written

    def ready(self) -> bool:
        """Whether the terminal takes something now; one that has gone is left to the thread."""
        try:
            return bool(select.select([], [self._stream], [], 0)[1])
        except (OSError, ValueError):
            return False

    def put(self, text: str) -> None:
        """Writes past what is kept."""
        octets = text.encode(self._stream.encoding, self._stream.errors or "strict")
        with contextlib.suppress(OSError):  # it has gone: that is told by a signal
            while octets:
                octets = octets[os.write(self._stream.fileno(), octets) :]

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """The stream's own."""
        return self._stream.isatty()


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
        self._queued = 0  # characters that the thread was given

    def write(self, data: str) -> None:
        """Writes at once, unless that could mean to wait for the terminal, or for what the thread has not written."""
        if len(data) <= SHORT and self._queued == self._output.gone and self._output.ready():
            self._output.put(data)
        else:
            self._queued += len(data)
            super().write(data)

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
        decode = getincrementaldecoder("utf-8")().decode
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
                    undecided = None
                for message in parser.tick():
                    self.process_message(message)

    def close(self) -> None:
        """Ends the writing, too."""
        super().close()
        self._ending.close()
