"""Esc and a key close behind it, which a terminal sends as it sends that key with alt.

Textual's parser (8.2.8) takes them for the key with alt where that is a letter, once nothing was typed for a tenth of a
second. Before any other character it loses the Esc, or types a "^" in its place; Esc and a digit it reads as what a Mac
types with Option (an inverted exclamation mark for 1), where a Mac's terminal sends the character itself unless it is
told otherwise. Here all of them are the key with alt, at once where no sequence begins so, and TypeAhead makes Esc and
the key of it where nothing is bound to that.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.events import Key

ESC = "\x1b"
#: What comes behind Esc in the known sequences, and in the strings of ECMA-48, 5.6, with which terminals answer.
BEGINNINGS = frozenset(sequence[1] for sequence in ANSI_SEQUENCES_KEYS if len(sequence) > 2) | set("PX]^_")
#: A sequence in the form of ECMA-48, 5.4, with at least one parameter: what a person types behind Esc is none.
UNKNOWN = re.compile(r"\x1b\[[0-?]+[ -/]*[@-~]")


class KeyParser(XTermParser):
    """`_sequence_to_key_events` is not a public name: the version of Textual is pinned. Of an Esc that began no known
    sequence it gets the characters one by one, after it was asked for all of them together."""

    def __init__(self, debug: bool = False) -> None:
        self._sequence = ""  # what it was asked for last that is more than a character
        self._escaped = False  # an Esc was before this character
        self._unknown = 0  # characters that are left of a sequence that no key has
        super().__init__(debug)

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        if sequence == ESC:
            self._escaped = True
            return
        if len(sequence) > 1:
            self._sequence = sequence
            known = ANSI_SEQUENCES_KEYS.get(sequence, "")
            if len(sequence) == 2 and isinstance(known, str) and sequence[1] not in BEGINNINGS:
                yield from self._with_alt(sequence[1])
            else:
                yield from super()._sequence_to_key_events(sequence)
            return
        alt, self._escaped = alt or self._escaped, False
        if alt:
            unknown = UNKNOWN.match(self._sequence)
            self._unknown = unknown.end() - 1 if unknown else 0
        if self._unknown:
            self._unknown -= 1
        elif alt:
            yield from self._with_alt(sequence)
        else:
            yield from super()._sequence_to_key_events(sequence)

    def _with_alt(self, character: str) -> Iterable[Key]:
        for event in super()._sequence_to_key_events(character, alt=True):
            yield Key(f"alt+{event.key.removeprefix('alt+')}", event.character)


def escape_and_key(typed: Key) -> tuple[Key, Key] | None:
    """The two keys that may have been meant by one with alt; None where the terminal told that it was alt."""
    if not typed.key.startswith("alt+") or typed.character is None:
        return None
    character = typed.character
    name = character if character.isalnum() else typed.key.removeprefix("alt+")
    return Key("escape", ESC), Key(name, character)


def use_in_other_drivers() -> None:
    """In those of a browser and of Windows, which make their parsers by this name."""
    for name in ("textual.drivers.web_driver", "textual.drivers.win32"):
        module: Any = sys.modules.get(name)
        if module is not None:
            module.XTermParser = KeyParser
