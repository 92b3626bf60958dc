"""Writing config.toml: one value or one table is another, all else stays as the person wrote it, comments too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from llmbm_console.core.errors import SessionError
from llmbm_console.core.sampling import Preset, name_problem

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def _edit(path: Path, change: Callable[[TOMLDocument], None], text: str) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        change(document)
        fresh = path.with_suffix(".new")
        fresh.write_text(tomlkit.dumps(document), "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise SessionError(f"{path} cannot be written: {error.strerror or error}") from error
    except (TOMLKitError, ValueError) as error:  # of a number with thousands of digits
        raise SessionError(f"{path} was left as it is: it is not TOML ({error})") from error


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SessionError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SessionError(f"{path} was left as it is: it is not UTF-8 (byte {error.start})") from error


def write_setting(path: Path, key: str, value: str) -> None:
    """Sets one value of a file that is there. Raises SessionError when that cannot be done."""

    def change(document: TOMLDocument) -> None:
        document[key] = value

    _edit(path, change, _text(path))


def write_preset(path: Path, name: str, preset: Preset) -> None:
    """Writes a sampling preset, a new one or another one of the same name; begins the file where there is none. Raises
    SessionError for a name of the kernel's own or no name, and when it cannot be written."""
    import tomlkit

    if problem := name_problem(name):
        raise SessionError(problem)

    def change(document: TOMLDocument) -> None:
        table = document.setdefault("sampling", tomlkit.table(is_super_table=True))
        if not isinstance(table, dict):
            raise SessionError(f"{path} was left as it is: sampling is no table in it")
        one = table.get(name)
        if not isinstance(one, dict):
            one = table[name] = tomlkit.table()
        for key in [key for key in one if key not in preset]:
            del one[key]
        for key, value in preset.items():
            one[key] = tomlkit.value(value)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = path.exists()
    except OSError as error:
        raise SessionError(f"{path} cannot be written: {error.strerror or error}") from error
    _edit(path, change, _text(path) if begun else "")


def remove_preset(path: Path, name: str) -> None:
    """Takes a sampling preset out of the file. Raises SessionError when it is not there or cannot be written."""

    def change(document: TOMLDocument) -> None:
        table = document.get("sampling")
        if not isinstance(table, dict) or name not in table:
            raise SessionError(f"preset {name[:40]!r} is not in {path}")
        del table[name]
        if not table:
            del document["sampling"]

    _edit(path, change, _text(path))
