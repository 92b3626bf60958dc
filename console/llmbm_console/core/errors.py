"""The error whose message every face shows to a person."""

from __future__ import annotations


class SessionError(RuntimeError):
    """A session could not be opened or used; the message says what was tried, what was wrong and what to do."""
