"""The keyboard of a terminal, waited for without a clock.

Textual's own thread (8.2.8) looks ten times a second whether it shall end, and whether an Esc was a key or begins a
sequence: that was a sixth of what an idle console takes (bench/startup.py). This one is told that it shall end, and
looks at the clock only after something was typed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from codecs import getincrementaldecoder
from typing import Any

from textual import constants
from textual.drivers.linux_driver import LinuxDriver

from llmbm_console.tui.key_parser import KeyParser

CHUNK = 4096
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


class QuietDriver(LinuxDriver):
    """Textual's driver for terminals, whose thread sleeps while nobody types. `exit_event` is not a public name of it:
    the version of Textual is pinned."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._ending = Ending()
        self.exit_event = self._ending
        self._suspended = False

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
