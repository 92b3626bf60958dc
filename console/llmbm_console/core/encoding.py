"""Whether what is drawn or written finds its characters in the encoding of the locale."""

from __future__ import annotations

import os
import sys

HARDEST = "\N{FULL BLOCK}\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}\N{BALLOON}"


def terminal_encoding() -> str:
    """Of the stream that the full screen is drawn on."""
    return getattr(sys.__stderr__, "encoding", None) or "utf-8"


def lacking() -> str:
    """The terminal's encoding where it has not every character, for which Python writes escapes then, all over a
    picture. Empty where it has them all; a browser gets UTF-8 whatever the locale is."""
    encoding = terminal_encoding()
    if "WebDriver" in os.environ.get("TEXTUAL_DRIVER", ""):
        return ""
    try:
        HARDEST.encode(encoding)
    except UnicodeEncodeError:
        return encoding
    return ""


def coerced() -> str:
    """The locale that names no encoding but ASCII while Python writes UTF-8 all the same (PEP 540), which only the
    person can say of the terminal. Empty for any other, and where no locale is set, as in many containers."""
    wanted = os.environ.get("LC_ALL", "")
    return f"LC_ALL={wanted}" if wanted in ("C", "POSIX") and not os.environ.get("PYTHONIOENCODING") else ""


def remedy() -> str:
    """What gives the terminal another encoding."""
    if os.environ.get("PYTHONIOENCODING"):
        return "unset PYTHONIOENCODING to see line drawing"
    return "set LC_ALL=C.UTF-8 to see line drawing, where the terminal knows UTF-8"
