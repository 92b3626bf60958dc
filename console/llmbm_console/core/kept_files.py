"""Where the console keeps dumps, logs and recordings for the person, and which files of a folder are the newest."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path

SUFFIX = ".llcap"  # of a recording (core/recording/capture.py)
DUMPS = "*llmk-*.txt"  # what the kernel's files are called, with and without the time in front


def told_path(path: str | Path) -> str:
    """A path as people write it: with ~ for their own folder."""
    try:
        return str(Path("~") / Path(path).relative_to(Path.home()))
    except (ValueError, RuntimeError):  # elsewhere, or nobody's
        return str(path)


def saved_folder() -> Path:
    """Where the copies are kept."""
    from platformdirs import user_state_path

    return user_state_path("llmbm-console", appauthor=False) / "files"


_making = threading.Lock()  # two files may be copied at once


@cache
def made_spare_folder() -> Path:
    """See spare_folder."""
    return Path(tempfile.mkdtemp(prefix="llmbm-console-files-"))


def spare_folder() -> Path:
    """Where this run keeps them when that folder cannot be written: one for temporary files, which only the person can
    read and which the console leaves where it is. Raises OSError."""
    with _making:
        return made_spare_folder()


def writable_folder(folder: Path) -> tuple[Path, str]:
    """The folder, made where it is not there; where nothing can be written into it, the spare folder, and why. Raises
    OSError when there is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        return spare_folder(), why_spare(folder, error)
    return folder, ""


def why_spare(folder: Path, error: OSError) -> str:
    """Why a file is in the spare folder, and what to do."""
    why = f"{folder} cannot be written: {error.strerror or error}"
    return f"{why}; the folder of temporary files may be emptied: move it"


def kept_folders() -> tuple[Path, ...]:
    """Where copies may be: the spare folder only once there is one."""
    return (saved_folder(), spare_folder()) if made_spare_folder.cache_info().currsize else (saved_folder(),)


def newest_files(folders: Iterable[Path], *patterns: str) -> list[tuple[Path, os.stat_result]]:
    """The files of some folders whose names match one of the patterns, the newest first, each once."""
    found: dict[Path, os.stat_result] = {}
    for folder in folders:
        for pattern in patterns:
            for path in folder.glob(pattern) if folder.is_dir() else ():
                try:
                    found[path.resolve()] = path.stat()
                except OSError:
                    continue  # gone, or a link to nothing
    return sorted(found.items(), key=lambda item: -item[1].st_mtime)
