"""The command that starts this program again, as a person can paste it: in a checkout it is seldom on the PATH."""

from __future__ import annotations

import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

from llmbm_console.core.paths import checkout

NAME = "llmbm-console"


def program_of(script: Path, found: str | None, root: Path | None, folder: Path, typed: str = "") -> str:
    """How `script`, this installation's llmbm-console, is called from `folder`: as it was `typed` where that is a path
    from there, by its name when that is what the PATH finds, by ./run when the script belongs to the checkout `root`
    and `folder` is it, else by its path; where there is no script, by the interpreter."""
    if not script.is_file():
        return f"{shlex.quote(sys.executable)} -m llmbm_console"
    if not Path(typed).is_absolute() and Path(typed).name != typed and (folder / typed).resolve() == script.resolve():
        return shlex.quote(typed)  # ./run calls it by its whole path
    if found is not None and Path(found).resolve() == script.resolve():
        return NAME
    if root is not None and folder == root and script.is_relative_to(root) and (root / "run").is_file():
        return "./run"
    return shlex.quote(str(script))


@cache
def program() -> str:
    """The same for this process, as it was when it was first asked for."""
    script = Path(sys.executable).with_name(NAME + (".exe" if sys.platform == "win32" else ""))
    return program_of(script, shutil.which(NAME), checkout(), Path.cwd(), sys.argv[0])


def command(*words: object) -> str:
    """This program with arguments, quoted for a shell."""
    return " ".join((program(), *(shlex.quote(str(word)) for word in words)))
