"""The person's own settings: `config.toml` in the configuration folder, checked line by line.

    theme = "paper"                      # a theme of the console or of the folder themes/ beside this file
    glyphs = "ascii"                     # "blocks" (default) or "ascii"
    keys = "vim"                         # "basic" (default) or "vim"
    probabilities = "on"                 # ask how each token is chosen: "off" (default) or "on"
    pictures = "sixel"                   # "auto" (default), "kitty", "sixel" or "blocks": how a picture is drawn
    tour = "off"                         # "once" (default): the first start offers a tour; LLMBM_TOUR=off does the same

    [bindings]                           # keys of single actions, by the ids that `llmbm-console settings` lists
    "view.jump" = ["ctrl+o", "J"]
    "time.live" = []                     # no key at all

    [sampling.story]                     # a sampling preset; the console writes it, too
    temp = 0.7                           # what it does not name stays

    [profiles.bench]                     # llmbm-console --profile bench
    serial = "/dev/ttyUSB0"              # the options of the command line, without the dashes
    baud = 230400

What cannot be used is a sentence for the person, which names the file and the line, and is left out; the rest holds.
"""

from __future__ import annotations

import os.path
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path

from llmbm_console.core.actions.action import Action
from llmbm_console.core.actions.key_labels import key_label, key_labels, spelt
from llmbm_console.core.actions.table import ACTIONS, BY_ID
from llmbm_console.core.errors import WrongUsage
from llmbm_console.core.sampling import Preset, read_preset
from llmbm_console.core.settings.toml_lines import line_of

GLYPHS = ("blocks", "ascii")
PICTURES = ("auto", "kitty", "sixel", "blocks")
TOUR = ("once", "off")
PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "basic": {},
    "vim": {
        "view.palette": ("ctrl+p", ":"),
        "chat.prompt": ("i", "o"),
        "view.live": ("G", "end"),
        "view.next_pane": ("tab", "ctrl+w"),
        "chat.history": ("ctrl+f",),  # as the command line of vim has it
        "sampling.undo": ("u",),
        "sampling.redo": ("ctrl+r", "U"),
        "chat.copy": ("y",),
    },
}
#: Options of a profile and what their values are: those of the command line.
PROFILE_OPTIONS: Mapping[str, type] = {
    **dict.fromkeys(("qemu", "sim", "read_only"), bool),
    **dict.fromkeys(("serial", "qmp", "connect", "accel", "qemu_binary", "display", "theme", "dtr", "rts"), str),
    **dict.fromkeys(("model", "tokenizer", "config", "image", "firmware", "log", "raw_log", "share"), Path),
    **dict.fromkeys(("memory", "smp", "baud", "probabilities"), int),
}
KINDS = {bool: "true or false", str: "a text", Path: "a file's path", int: "a whole number from 1"}

Profile = Mapping[str, bool | str | int | Path]
Problem = tuple[tuple[str, ...], str]  # the names down to a value, and what is wrong with it


@dataclass(frozen=True, slots=True)
class Settings:
    """What a file says; empty strings where it says nothing."""

    theme: str = ""
    glyphs: str = ""
    keys: str = "basic"
    probabilities: str = ""
    pictures: str = "auto"
    tour: str = "once"
    bindings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    sampling: Mapping[str, Preset] = field(default_factory=dict)  # presets by name

    def actions(self) -> tuple[Action, ...]:
        """The table of actions with the keys of the preset and of the bindings, also where their prose names keys."""
        preset = PRESETS.get(self.keys, {})
        rebound = []
        for action in ACTIONS:
            keys = self.bindings.get(action.id)
            if keys is None:  # a key that was given to another action is taken from those that only had it by default
                givers = (self.bindings,) if action.id in preset else (self.bindings, preset)
                keys = tuple(
                    key
                    for key in preset.get(action.id, action.keys)
                    if not any(_other_user(key, action, keys_of) for keys_of in givers)
                )
            rebound.append(replace(action, keys=keys))
        labels = key_labels(tuple(rebound))
        return tuple(replace(action, description=spelt(action.description, labels)) for action in rebound)


def _other_user(key: str, action: Action, keys_of: Mapping[str, tuple[str, ...]]) -> str:
    """An action beside this one that has the key in the same place: in the same pane, or one of them in all."""
    same = (name for name, keys in keys_of.items() if name != action.id and _has(keys, key))
    return next((name for name in same if len({action.pane, BY_ID[name].pane} - {""}) < 2), "")


def _has(keys: Iterable[str], key: str) -> bool:
    """Whether a key is among others: "?" is "question_mark", too."""
    return key_label(key) in map(key_label, keys)


def settings_file() -> Path:
    """Where the settings are."""
    from platformdirs import user_config_path

    return user_config_path("llmbm-console", appauthor=False) / "config.toml"


def read_settings(path: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a file, and a sentence for each thing in it that cannot be used: "config.toml:3: theme: ...". No
    file: no settings."""
    if path.is_fifo():  # it would wait for whoever writes into it
        return Settings(), (f"{path.name}: cannot be read: a pipe; expected a file",)
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors begin UTF-8 with a mark
        document = tomllib.loads(text)
    except FileNotFoundError:
        return Settings(), ()
    except OSError as error:
        return Settings(), (f"{path.name}: cannot be read: {error.strerror or error}",)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Settings(), (f"{path.name}:{line}: is not UTF-8 (byte {error.start}); expected a text saved as UTF-8",)
    except tomllib.TOMLDecodeError as error:
        return Settings(), (_not_toml(path, text, error),)
    except ValueError:  # Python's own limit, which tomllib lets through
        return Settings(), (f"{path.name}: cannot be read: a number in it has thousands of digits",)
    except RecursionError:
        return Settings(), (f"{path.name}: cannot be read: its brackets are nested too deeply",)
    problems: list[Problem] = []
    settings = Settings(
        theme=_choice(document, "theme", None, problems),
        glyphs=_choice(document, "glyphs", GLYPHS, problems),
        keys=_choice(document, "keys", tuple(PRESETS), problems) or "basic",
        probabilities=_choice(document, "probabilities", ("on", "off"), problems),
        pictures=_choice(document, "pictures", PICTURES, problems) or "auto",
        tour=_choice(document, "tour", TOUR, problems) or "once",
        bindings=dict(_bindings(document.get("bindings", {}), problems)),
        profiles=dict(_profiles(document.get("profiles", {}), problems)),
        sampling=dict(_presets(document.get("sampling", {}), problems)),
    )
    problems += _keyless(settings)
    known = ("theme", "glyphs", "keys", "probabilities", "pictures", "tour", "bindings", "profiles", "sampling")
    unknown = f"is not a setting; expected one of {', '.join(known)}"
    problems += [((key,), unknown) for key in document if key not in known]
    told = sorted(((line_of(text, name), ".".join(name), problem) for name, problem in problems), key=itemgetter(0))
    return settings, tuple(f"{path.name}:{line}: {name}: {problem}" for line, name, problem in told)


def _keyless(settings: Settings) -> Iterator[Problem]:
    """Actions that a binding left without any key, where nothing says that this is meant."""
    if not settings.bindings:
        return
    before = PRESETS.get(settings.keys, {})
    for action in settings.actions():
        old = before.get(action.id, BY_ID[action.id].keys)
        if action.keys or not old or action.id in settings.bindings:
            continue
        for name in dict.fromkeys(_other_user(key, action, settings.bindings) for key in old):
            if name:
                keys = ", ".join(key for key in settings.bindings[name] if _has(old, key))
                yield (
                    ("bindings", name),
                    f"takes {keys} from {action.id}, which has no key now; give it another one, or "
                    f'"{action.id}" = [] if that is meant',
                )


def _not_toml(path: Path, text: str, error: tomllib.TOMLDecodeError) -> str:
    """The parser puts the place behind its message, or says that the text ended too early."""
    said, _, place = str(error).partition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", place)
    line = found.group(1) if found else str(max(1, len(text.splitlines())))
    column = f" (column {found.group(2)})" if found else " (the end)"
    return f'{path.name}:{line}: is not TOML: {said}{column}; expected lines such as theme = "paper"'


def _choice(document: Mapping[str, object], key: str, among: tuple[str, ...] | None, problems: list[Problem]) -> str:
    value = document.get(key, "")
    if isinstance(value, str) and (not value or among is None or value in among):
        return value
    problems.append(((key,), f"{value!r:.60} cannot be used; expected {' or '.join(among or ('a text',))}"))
    return ""


_MODIFIERS = ("ctrl", "alt", "shift", "super", "meta", "hyper")
_NAMED = re.compile(
    "escape|tab|enter|space|backspace|insert|delete|home|end|pageup|pagedown|up|down|left|right|slash|backslash|at|"
    "minus|plus|underscore|f([1-9]|1[0-9]|2[0-4])"
)


def _key(written: str) -> str:
    """A key as Textual spells it. Raises ValueError for what no keyboard sends."""
    *modifiers, name = written.split("+") if len(written) > 1 else [written]
    if name == ",":
        name = "comma"  # it separates keys there
    known = bool(_NAMED.fullmatch(name)) or (len(name) == 1 and name.isprintable() and not name.isspace())
    if not known and re.fullmatch("[a-z][a-z_]+", name):
        known = _is_character(name)
    lower = name == name.lower() or not modifiers  # terminals send ctrl+shift+a, or one letter
    if not known or not lower or not all(modifier in _MODIFIERS for modifier in modifiers):
        raise ValueError(written)
    return "+".join((*modifiers, name))


def _is_character(name: str) -> bool:
    """Whether it is the name of a character: "comma", "question_mark"."""
    try:
        unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return False
    return True


def _bindings(table: object, problems: list[Problem]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not isinstance(table, dict):
        problems.append((("bindings",), "expected a table of keys by action"))
        return
    used: dict[str, tuple[str, ...]] = {}
    for name, wanted in table.items():
        keys = [wanted] if isinstance(wanted, str) else wanted
        place = ("bindings", name)
        if name not in BY_ID:
            problems.append((place, "there is no such action; expected one that `llmbm-console settings` lists"))
        elif not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
            problems.append((place, f'{wanted!r:.60} cannot be used; expected keys, as in ["ctrl+o", "f"]'))
        else:
            used[name] = tuple(_usable_keys(name, keys, used, problems))
            if used[name] or not keys:
                yield name, used[name]


def _usable_keys(
    name: str, keys: list[str], used: Mapping[str, tuple[str, ...]], problems: list[Problem]
) -> Iterator[str]:
    """Those of an action's keys that a keyboard sends and that no action above it has."""
    for written in keys:
        try:
            key = _key(written)
        except ValueError:
            problem = (
                f'{written!r:.60} is no key; expected one as "f", "F", "f9", "ctrl+o", "alt+enter", "question_mark"'
            )
            problems.append((("bindings", name), problem))
            continue
        if other := _other_user(key, BY_ID[name], used):
            problems.append(
                (("bindings", name), f"{written!r:.60} is the key of {other} already; expected another one")
            )
        else:
            yield key


def _profiles(table: object, problems: list[Problem]) -> Iterator[tuple[str, Profile]]:
    if not isinstance(table, dict):
        problems.append((("profiles",), "expected a table of profiles"))
        return
    for name, options in table.items():
        if not isinstance(options, dict):
            problems.append((("profiles", name), "expected a table of options"))
            continue
        profile: dict[str, bool | str | int | Path] = {}
        for option, value in options.items():
            kind = PROFILE_OPTIONS.get(option)
            place = ("profiles", name, option)
            if kind is None:
                problems.append((place, f"is not an option; expected one of {', '.join(PROFILE_OPTIONS)}"))
            elif not _fits(value, kind):
                problems.append((place, f"{value!r:.60} cannot be used; expected {KINDS[kind]}"))
            else:
                profile[option] = Path(os.path.expanduser(value)) if kind is Path else value
        yield name, profile


def _presets(table: object, problems: list[Problem]) -> Iterator[tuple[str, Preset]]:
    if not isinstance(table, dict):
        problems.append((("sampling",), "expected a table of sampling presets"))
        return
    for name, values in table.items():
        preset: dict[str, str] = {}
        for key, value, problem in read_preset(name, values):
            if problem:
                problems.append((("sampling", name, *([key] if key else [])), problem))
            else:
                preset[key] = value
        if preset:
            yield name, preset


def _fits(value: object, kind: type) -> bool:
    if kind is Path:
        return isinstance(value, str) and bool(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, kind)


def options_of(settings: Settings, name: str) -> Profile:
    """The options of a profile. Raises WrongUsage for one that is not there."""
    if name in settings.profiles:
        return settings.profiles[name]
    known = ", ".join(settings.profiles) or "none: a table [profiles.NAME] in config.toml makes one"
    raise WrongUsage(f"profile {name!r}: there is no such profile; there are {known}")


def with_profile(given: Mapping[str, object], profile: Profile) -> dict[str, object]:
    """Options of the command line, completed by a profile: what was given wins, and a target given replaces the
    profile's own."""
    targets = ("qemu", "sim", "serial", "qmp", "connect")
    chosen = any(given.get(name) for name in targets)
    return {name: value for name, value in profile.items() if not given.get(name) and not (chosen and name in targets)}
