"""Standard output and error as a script meets them: another encoding than UTF-8, a full disk, no reader, or closed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any


def json_line(document: Any, indent: int | None = None) -> str:
    """A JSON document that standard output can hold: letters as they are, or as \\u escapes where its encoding has not
    all of them, or where one is an octet of an argument that is no text."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, indent=indent)
    return text


def open_closed_streams() -> None:
    """Stands in for standard streams that the caller closed (`>&-`), whose numbers the next opened files would get:
    there is no input then, output fails as on a full disk, and errors go nowhere."""
    for number, (name, mode, flags) in enumerate(
        (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY))
    ):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, flags)
            os.dup2(handle, number)  # of the same number it does nothing
            os.set_inheritable(number, True)
            if handle != number:
                os.close(handle)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


class _Messages(io.RawIOBase):
    """Standard error, where a full disk or a reader that left ends nothing: there is no other place to say so."""

    def __init__(self, number: int) -> None:
        self._number = number

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, octets: Any) -> int | None:
        """All of them, as far as anybody can tell."""
        try:
            return os.write(self._number, octets)
        except OSError:
            return len(octets)

    def fileno(self) -> int:
        """The stream's own."""
        return self._number

    def isatty(self) -> bool:
        """The stream's own."""
        return os.isatty(self._number)


def guard_messages() -> None:
    """From now on a message that cannot be written is nothing but lost: a failure of standard error was told as one of
    standard output, and ended what went well."""
    stream = sys.stderr
    if sys.__stderr__ in (stream, None):  # else who has replaced it (a test) knows why
        kept = io.BufferedWriter(_Messages(stream.fileno()))
        sys.stderr = io.TextIOWrapper(kept, stream.encoding, "backslashreplace", line_buffering=True)


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """What an encoding has no letter for is written as an escape. Where standard output cannot be written the block
    ends with SystemExit: quietly when its reader has left (`| head`), else with the reason on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where it may still fail in a sentence
    except OSError as error:
        if error.filename is not None:  # a file's, which is no matter of the output
            raise
        # What is still in the buffer would fail again at the end of the program, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"error: standard output cannot be written: {error.strerror or error}", file=sys.stderr)
        raise SystemExit(1) from None
