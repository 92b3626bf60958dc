"""The error whose message every face shows to a person."""

from __future__ import annotations

from llmbm_console.core.sanitise import clean


class SessionError(RuntimeError):
    """A session could not be opened or used; the message says what was tried, what was wrong and what to do. It may
    hold the name of a file or a port, which may hold anything: it is made harmless here, once for every face."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))


class NotReached(SessionError):
    """No kernel was reached: its line does not open, or nothing on it answers as one. Nothing was asked of any."""


class WrongUsage(SessionError):
    """What was asked for cannot be meant: options that do not go together, or a word that names nothing."""
