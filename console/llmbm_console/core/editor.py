"""A text in the editor of the person: the one that $VISUAL or $EDITOR names, on a file that only they can read."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import told_path
from llmbm_console.core.session.saved_files import keep_somewhere
from llmbm_console.core.text_limit import MOST_TEXT

NAME = "prompt.txt"


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The program and its arguments. Raises SessionError where none is named, or the one that is cannot be found."""
    name, said = next(
        ((name, text) for name in ("VISUAL", "EDITOR") if (text := environment.get(name, "").strip())), ("", "")
    )
    if not name:
        raise SessionError("no editor is named: set VISUAL or EDITOR to its command, for example EDITOR=vi")
    try:
        command = shlex.split(said)
    except ValueError as error:
        raise SessionError(f"${name} is {said!r:.60}, which is no command: {error}") from error
    if shutil.which(command[0], path=environment.get("PATH")) is None:
        raise SessionError(f"${name} is {said!r:.60}: there is no such program; expected the command of an editor")
    return command


async def edited(text: str, command: list[str], folder: Path) -> str:
    """The text as the editor left it, without the line end of its last line. What cannot be used is kept in `folder`.
    Raises SessionError that says why it cannot and where it is; OSError when no file can be made."""
    with tempfile.TemporaryDirectory(prefix="llmbm-") as place:
        path = Path(place) / NAME
        path.write_text(text + "\n" if text else "", "utf-8", errors="replace", newline="\n")
        try:
            process = await asyncio.create_subprocess_exec(*command, str(path))
        except OSError as error:
            raise SessionError(f"{command[0]} cannot be run: {error.strerror or error}") from error
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:  # the console ends: an editor that is asked to keeps what it can
                process.terminate()
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise SessionError(f"{command[0]} left no file; the prompt is as it was") from error
    try:
        return _text_of(content, command[0], status)
    except SessionError as error:
        if content.strip() in (b"", text.strip().encode("utf-8", "replace")):
            raise SessionError(f"{error}; the prompt is as it was") from error
        kept, _instead = await asyncio.to_thread(keep_somewhere, folder, NAME, content, time.time())
        raise SessionError(f"{error}; the prompt is as it was, and what was written is in {told_path(kept)}") from error


def _text_of(content: bytes, program: str, status: int) -> str:
    if status:
        ended = f"with status {status}" if status > 0 else f"by signal {-status}"
        raise SessionError(f"{program} ended {ended}: expected 0")
    try:
        text = content.decode("utf-8-sig")  # some editors begin UTF-8 with a mark
    except UnicodeDecodeError as error:
        raise SessionError(
            f"the edited text is not UTF-8: octet {content[error.start]:#04x} at {error.start}"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    if (length := len(text.encode())) > MOST_TEXT:
        raise SessionError(f"the edited text has {length:,} octets: a prompt has at most {MOST_TEXT:,}")
    return text
