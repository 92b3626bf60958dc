"""Keys as they are written for people, in hints and in prose."""

from __future__ import annotations

from collections.abc import Mapping

from llmbm_console.core.actions.action import Action

#: Keys whose name on the keyboard is not the one that Textual gives them.
NAMED = {
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "shift+Tab",
    "enter": "Enter",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "insert": "Ins",
    "delete": "Del",
    "comma": ",",
    "slash": "/",
    "backslash": "\\",
    "minus": "-",
    "plus": "+",
    "underscore": "_",
    "question_mark": "?",
    "at": "@",
    "exclamation_mark": "!",
}


def key_labels(actions: tuple[Action, ...]) -> dict[str, str]:
    """How the key of each action is written for people, by its id: the first one, or its title, for the palette."""
    return {action.id: key_label(action.keys[0]) if action.keys else f'"{action.title}"' for action in actions}


def over_text(label: str) -> bool:
    """Whether a key, as it is written for people, acts before what Textual's text field does with it: it selects a line
    at F6, and takes a letter with alt for the letter. Any other one writes or moves something there."""
    return label.startswith(("^", '"', "super+", "alt+")) or (label[:1] == "F" and label[1:].isdigit())


def spelt(text: str, keys: Mapping[str, str]) -> str:
    """The text with the keys of the actions that it names as {0[ID]}; `keys` are their labels by id."""
    return text.format(keys)


def pressed_label(key: str, character: str | None) -> str:
    """How a key that was pressed is written for people: what it types, where that is to be seen."""
    return character if character and character.isprintable() else key_label(key)


def key_label(key: str) -> str:
    """How a key is written for people: "^p" for "ctrl+p"."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    if key in NAMED:
        return NAMED[key]
    return key.upper() if len(key) > 1 and key[0] == "f" and key[1:].isdigit() else key
