"""Themes: one TOML file each, checked before anything is drawn with it.

A file has `name`, `title`, `dark`, `about` and a table `[roles]`: every role is a colour, named for what it means on
screen and not for how it looks. A broken file is a sentence for the person and never an exception.
"""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from llmbm_console.core.settings.settings import settings_file

DEFAULT_THEME = "teranga"

Colour = str  # "#rrggbb", or one of the terminal's own sixteen: "ansi_red"

ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
#: The terminal's own colours by name; "ansi_default" is its text or its background.
TERMINAL_COLOURS = frozenset(
    {"ansi_default", *(f"ansi_{name}" for name in ANSI), *(f"ansi_bright_{name}" for name in ANSI)}
)


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The colours of a theme by what they mean."""

    background: Colour  # behind everything
    surface: Colour  # behind the prompt, menus and chips
    foreground: Colour  # text to be read
    muted: Colour  # labels, units, hints
    faint: Colour  # the empty part of bars, rulers
    border: Colour
    focus: Colour  # border of the focused pane, cursor
    accent: Colour  # the product's own colour: titles, keys
    prompt: Colour  # what the person wrote
    good: Colour
    warn: Colour
    bad: Colour
    info: Colour
    weights: Colour
    kv: Colour
    scratch: Colour
    acts: Colour
    zonec: Colour
    keep: Colour
    selection: Colour  # behind selected text


@dataclass(frozen=True, kw_only=True)
class ThemeFile:
    """One theme as it is written in its file."""

    name: str  # lower-case letters, digits and "-", at most 32
    title: str  # at most 40 characters
    about: str = ""  # at most 200
    dark: bool = True
    roles: Roles

    @property
    def terminal_colours(self) -> bool:
        """Whether it uses the terminal's own colours."""
        return self.roles.background in TERMINAL_COLOURS


#: Drawn with when no theme file can be read at all.
FALLBACK = ThemeFile(
    name="plain",
    title="Plain",
    about="used when no theme file can be read",
    dark=True,
    roles=Roles(
        background="#101010", surface="#202020", foreground="#e8e8e8", muted="#a8a8a8", faint="#484848",
        border="#606060", focus="#ffffff", accent="#ffffff", prompt="#ffffff", good="#80d080", warn="#e8c050",
        bad="#ff7070", info="#80b8ff", weights="#80b8ff", kv="#80d080", scratch="#e8c050", acts="#e09060",
        zonec="#c0a0e0", keep="#a8a8a8", selection="#404860",
    ),
)  # fmt: skip


def theme_folder() -> Path:
    """The folder of the themes that come with the console: in the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "themes"
    return installed if installed.is_dir() else package.parents[1] / "themes"


def theme_folders() -> tuple[Path, ...]:
    """Where themes are: the console's own, and the person's beside their settings."""
    return theme_folder(), settings_file().parent / "themes"


def read_theme(path: Path) -> ThemeFile:
    """Reads one file. Raises ValueError with the file, what is wrong and where."""
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ValueError(f"theme {path.name}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"theme {path.name}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"theme {path.name}: is not TOML: {error}") from error
    problems = list(_problems(document))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ValueError(
            f"theme {path.name}: {problems[0]}{more}; colours are written #rrggbb, or all as ansi_red and so on"
        )
    return ThemeFile(**{**document, "roles": Roles(**document["roles"])})


def is_colour(value: object) -> bool:
    """Whether a theme can hold it as a colour."""
    return isinstance(value, str) and (value in TERMINAL_COLOURS or re.fullmatch(r"#[0-9a-fA-F]{6}", value) is not None)


def _problems(document: dict[str, object]) -> Iterator[str]:
    """What is wrong with a theme, a sentence each. By hand, and not with the validation library, whose import alone
    would take a third of the time that the first picture may take."""
    rules: dict[str, Callable[[object], bool]] = {
        "name": lambda v: isinstance(v, str) and re.fullmatch(r"[a-z][a-z0-9-]{0,31}", v) is not None,
        "title": lambda v: isinstance(v, str) and 0 < len(v) <= 40,
        "about": lambda v: isinstance(v, str) and len(v) <= 200,
        "dark": lambda v: isinstance(v, bool),
        "roles": lambda v: isinstance(v, dict),
    }
    yield from (f"{key}: is not a key of a theme" for key in document if key not in rules)
    yield from (
        f"{key}: {document[key]!r:.60} cannot be used"
        for key in rules
        if key in document and not rules[key](document[key])
    )
    yield from (f"{key}: is missing" for key in ("name", "title", "roles") if key not in document)
    roles = document.get("roles")
    if isinstance(roles, dict):
        known = {field.name for field in fields(Roles)}
        yield from (f"roles.{key}: is not a role" for key in roles if key not in known)
        for key in sorted(known & set(roles)):
            if not is_colour(roles[key]):
                yield f"roles.{key}: {roles[key]!r:.40} is not a colour"
        terminal = {key for key in known & set(roles) if str(roles[key]).startswith("ansi_")}
        if terminal and terminal != known & set(roles):
            other = min(known & set(roles) - terminal)
            yield f"roles.{other}: {roles[other]!r:.40} cannot stand beside the terminal's own colours; use ansi_ names"
        yield from (f"roles.{key}: is missing" for key in sorted(known - set(roles)))


def load_themes(folders: Iterable[Path]) -> tuple[dict[str, ThemeFile], tuple[str, ...]]:
    """All themes by name, those of later folders replacing earlier ones, and a sentence for each broken file."""
    themes: dict[str, ThemeFile] = {}
    problems: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.toml")):
            try:
                theme = read_theme(path)
            except ValueError as error:
                problems.append(str(error))
            else:
                themes[theme.name] = theme
    if not themes:
        themes[FALLBACK.name] = FALLBACK
    return themes, tuple(problems)


def theme_in_force(themes: Mapping[str, ThemeFile], *wanted: str) -> str:
    """The first of the wanted themes that there is, else the house's, else any."""
    return next(name for name in (*wanted, DEFAULT_THEME, *themes) if name in themes)


def why_no_theme(name: str, themes: Mapping[str, ThemeFile], folders: Iterable[Path]) -> str:
    """Why a theme cannot be shown: its file is broken, which `load_themes` says more of, has another theme's name
    inside, or there is none."""
    for path in (folder / f"{name}.toml" for folder in folders):
        if "/" in name or not path.exists():
            continue
        try:
            inside = read_theme(path).name
        except ValueError:
            return f"theme {name}: {path} is there, but cannot be used"
        return f'theme {name}: {path} says name = "{inside}"; name = "{name}" there makes it this theme'
    return f"theme {name}: there is no such theme; there are {', '.join(themes)}"


def theme_stamps(folders: Iterable[Path]) -> dict[str, int]:
    """The theme files that are there and when each was written, in nanoseconds: to see that one was changed. Asked for
    every second, it makes no Path of each of them."""
    stamps: dict[str, int] = {}
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:  # a person has no such folder at first
            for entry in entries:
                if entry.name.endswith(".toml"):
                    with contextlib.suppress(OSError):  # it went between being listed and being looked at
                        stamps[entry.path] = entry.stat().st_mtime_ns
    return stamps
