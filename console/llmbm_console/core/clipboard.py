"""Where copied text goes: to the terminal, to a program for the clipboard, or into a file; whichever works.

A terminal takes text by OSC 52 and never says whether it did. It is the way that works over ssh; a program on this
computer is the surer one where the person sits at it. tmux stands between and takes OSC 52 of a program only with
set-clipboard on, which is not its default (tmux(1), "set-clipboard").
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from llmbm_console.core.kept_files import told_path

MOST_BY_TERMINAL = 74_994  # octets: what fits into 100 000 of base64, the least that terminals with a limit take
PATIENCE = 3.0  # s for a program
TMUX_PATIENCE = 1.0  # s for an answer of tmux
FILE = "copied.txt"

#: Terminals that are known to ignore OSC 52.
DEAF = frozenset({"linux", "dumb", "Apple_Terminal"})


def terminal_takes(text: str, environment: Mapping[str, str]) -> bool:
    """Whether it makes sense to send the text to the terminal."""
    deaf = environment.get("TERM", "") in DEAF or environment.get("TERM_PROGRAM", "") in DEAF
    return not deaf and len(text.encode("utf-8", "replace")) <= MOST_BY_TERMINAL


def program_for(
    environment: Mapping[str, str], system: str = sys.platform, which: Callable[[str], str | None] = shutil.which
) -> list[str] | None:
    """The command that puts its input on this computer's clipboard; None where there is none, or where the person sits
    at another computer (ssh)."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return None
    candidates: list[tuple[bool, list[str]]] = [
        (system == "darwin", ["pbcopy"]),
        (system == "win32" or "WSL_DISTRO_NAME" in environment, ["clip.exe"]),
        (bool(environment.get("WAYLAND_DISPLAY")), ["wl-copy"]),
        (bool(environment.get("DISPLAY")), ["xclip", "-selection", "clipboard"]),
        (bool(environment.get("DISPLAY")), ["xsel", "--clipboard", "--input"]),
    ]
    return next((command for fits, command in candidates if fits and which(command[0])), None)


def tmux_setting(environment: Mapping[str, str]) -> str:
    """What tmux does with OSC 52 of its programs: "on" where it takes it, "external" or "off" where it does not; empty
    outside of tmux, and where it does not tell. Blocks for TMUX_PATIENCE at most; to be called in a thread."""
    if not environment.get("TMUX"):
        return ""
    command = ["tmux", "show-options", "-gv", "set-clipboard"]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TMUX_PATIENCE, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    word = told.stdout.strip()
    return word if told.returncode == 0 and word in ("on", "external", "off") else ""


def give_to(command: Sequence[str], text: str) -> bool:
    """Runs a program with the text as its input. True when it took it. To be called in a thread."""
    octets = text.encode("utf-16-le" if command[0] == "clip.exe" else "utf-8", "replace")
    try:
        # Its output must not keep us: xclip stays in the background as long as its text is on the clipboard.
        done = subprocess.run(
            command, input=octets, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def write_down(folder: Path, text: str) -> Path:
    """Keeps the text in a file that only this person can read. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return path


def copied(text: str, environment: Mapping[str, str], folder: Path, *, sent: bool, what: str = "") -> str:
    """Copies the text in the ways that are left and says which one worked. `sent`: the terminal was given it already.
    `what` it is, in words ("of the last answer"). Blocks; to be called in a thread. Raises OSError when no way
    is left."""
    count = f"{len(text):,} character{'s' if len(text) != 1 else ''}"
    count = f"{count} {what}".rstrip()
    tmux = tmux_setting(environment) if sent else ""
    swallowed = tmux in ("external", "off")
    command = program_for(environment)
    if command is not None and give_to(command, text):
        return f"copied {count} ({command[0]}{' and OSC 52' if sent and not swallowed else ''})"
    if sent and not swallowed:
        through = "; tmux lets it through" if tmux else " by tmux, if it lets it through"
        between = through if environment.get("TMUX") else ""
        return f"copied {count} (OSC 52{between}; the terminal has to allow it)"
    why = f"tmux lets no copy through (set-clipboard {tmux}; on would)" if swallowed else "this terminal takes no copy"
    return f"{why}: the {count} are in {told_path(write_down(folder, text))}"
