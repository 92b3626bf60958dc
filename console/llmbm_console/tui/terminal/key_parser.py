"""Esc and a key close behind it, which a terminal sends as it sends that key with alt.

Textual's parser (8.2.8) takes them for the key with alt where that is a letter, once nothing was typed for a tenth of a
second. Before any other character it loses the Esc, or types a "^" in its place; Esc and a digit it reads as what a Mac
types with Option (an inverted exclamation mark for 1), where a Mac's terminal sends the character itself unless it is
told otherwise. Here all of them are the key with alt, at once where no sequence begins so, and TypeAhead makes Esc and
the key of it where nothing is bound to that.

What is pasted between its marks (xterm: bracketed paste) is text to the last character: Textual's parser takes an
escape sequence in it for keys, so that coloured output that was pasted ran commands.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable
from typing import Any

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.message import Message

ESC, ESC_PICTURE = "\x1b", "\u241b"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
PASTE_PATIENCE = 5.0  # s without a character after which a paste is over that was never ended
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
        self._recent = ""  # the last characters, among which a paste may begin
        self._pasting = False
        self._held = ""  # of a paste: what may be the beginning of its end
        self._fed_at = 0.0
        super().__init__(debug)

    @property
    def waits(self) -> float | None:
        """Seconds until a paste is over that nothing more comes of; None while there is none."""
        return max(0.0, self._fed_at + PASTE_PATIENCE - time.monotonic()) if self._pasting else None

    def feed(self, data: str) -> Iterable[Message]:
        """Takes characters; nothing at all is the end."""
        self._fed_at = time.monotonic()
        known = self._without_escapes(data) if data else ""
        if known or not data:
            yield from super().feed(known)

    def tick(self) -> Iterable[Message]:
        """Time has passed: an Esc was a key, and a paste without its end has one."""
        if self._pasting and self.waits == 0:
            self._pasting = False
            held, self._held = self._held.replace(ESC, ESC_PICTURE), ""
            yield from super().feed(held + PASTE_ENDS)
            return
        if self._timeout_time is not None and time.monotonic() >= self._timeout_time:
            self._recent = ""
        yield from super().tick()

    def _without_escapes(self, data: str) -> str:
        """The same with no Esc within a paste. Its end may come in two pieces, and its beginning, too."""
        known = ""
        data, self._held = self._held + data, ""
        while data:
            if not self._pasting:
                recent = self._recent + data
                at = recent.find(PASTE_BEGINS)
                taken = at + len(PASTE_BEGINS) - len(self._recent) if at >= 0 else len(data)
                self._pasting, self._recent = at >= 0, "" if at >= 0 else recent[1 - len(PASTE_BEGINS) :]
                known += data[:taken]
                data = data[taken:]
                continue
            text, end, data = data.partition(PASTE_ENDS)
            self._pasting = not end
            if self._pasting:
                held = next((count for count in range(len(PASTE_ENDS), 0, -1) if text.endswith(PASTE_ENDS[:count])), 0)
                text, self._held = text[: len(text) - held], text[len(text) - held :]
            known += text.replace(ESC, ESC_PICTURE) + end
        return known

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
