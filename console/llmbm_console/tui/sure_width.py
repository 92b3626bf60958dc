"""Text that is as wide in every terminal as it was counted here, so that no frame beside it is ever moved.

Terminals differ in what they make of a joined emoji, of a changed skin, of a flag and of a sign that is asked to be an
emoji: one draws what was joined as one picture, another as four, and tmux counts otherwise than the terminal around it.
Each sign is drawn by itself instead: the members of a family one after the other, a flag as its two letters, the rest
without what would change it. Nothing of that is lost: what is copied or sent has every octet that it had.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len, get_character_cell_size, set_cell_size

#: What joins two signs and what makes an emoji of one, and what stands for each while it is laid out: code points that
#: mean nothing, have no width and change none, which Rich's (15.0.0) rules for the two themselves do.
_HELD = {0x200D: 0xE0080, 0xFE0F: 0xE0081}
_OWN = {held: own for own, held in _HELD.items()}
_STRAY = dict.fromkeys(_OWN, 0xFFFD)

#: What can be printed, and is not drawn as it is.
_UNSURE = re.compile(
    "[\u034f\u180b-\u180f\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]"
)


def hold(text: str) -> str:
    """The text with a width that is the sum of its characters' widths, in as many characters."""
    return text.translate(_HELD) if "\u200d" in text or "\ufe0f" in text else text


def own(text: str) -> str:
    """The text as it was before `hold`."""
    return text if text.isascii() else text.translate(_OWN)


def without_stand_ins(text: str) -> str:
    """A person's text in which the stand-ins have not been used: they are no characters."""
    return text if text.isascii() else text.translate(_STRAY)


def is_sure(text: str) -> bool:
    """Whether it can be drawn as it is."""
    return text.isprintable() and (text.isascii() or _UNSURE.search(text) is None)


_KEPT = 4096  # characters: a line may bring every one there is


class _Drawn(dict[int, int | None]):
    """What is drawn of each character; of one without a width and a picture nothing."""

    def __missing__(self, code: int) -> int | None:
        if len(self) >= _KEPT:
            self.clear()
        self[code] = drawn = self._drawn(chr(code), code)
        return drawn

    @staticmethod
    def _drawn(character: str, code: int) -> int | None:
        if 0x1F1E6 <= code <= 0x1F1FF:
            return code - 0x1F1E6 + ord("A")
        if code == 0xAD:
            return ord("-")  # one cell here and in xterm, none elsewhere
        changes = _UNSURE.match(character) or unicodedata.category(character) in ("Cf", "Cn")
        return None if changes and get_character_cell_size(character) == 0 else code


_DRAWN = _Drawn()


def drawn(text: str) -> str:
    """What is written to a terminal of a text without controls: as many cells as Rich counts, and sure of each."""
    shown = text.translate(_DRAWN)
    if hold(text) is text:
        return shown
    return set_cell_size(shown, cell_len(text))  # of a widget of Textual's own, which counted what is joined as one
