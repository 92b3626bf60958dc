"""The error whose message every face shows to a person."""

from __future__ import annotations


class SessionError(RuntimeError):
    """A session could not be opened or used; the message says what was tried, what was wrong and what to do."""


class NotReached(SessionError):
    """No kernel was reached: its line does not open, or nothing on it answers as one. Nothing was asked of any."""
