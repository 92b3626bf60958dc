"""The last net of the ASCII signs: whatever a widget draws, also one of Textual's own or the model's text, no other
character leaves the process. What is copied, sent or saved keeps every character."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―─━┄┅╌╍═▔", "-"),
        **dict.fromkeys("│┃┆┇╎╏║▏▕", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝╠╣╦╩╬±", "+"),
        **dict.fromkeys("▁▂▃▄▅▆▇▉▊▋▍▎▐", " "),  # the ends of Textual's scroll bars: their cells have colours
        **dict.fromkeys("█▌▀▓▒", "#"),
        **dict.fromkeys("·•░", "."),
        **dict.fromkeys("●◉■", "*"),
        **dict.fromkeys("○◌□", "o"),
        **dict.fromkeys("►▶›❯→", ">"),
        **dict.fromkeys("◀◄‹❮←", "<"),
        **dict.fromkeys("▲↑", "^"),
        **dict.fromkeys("▼↓", "v"),
        "…": ".",  # one cell of the model's or of Textual's own: what the console cuts ends with the glyphs' three
        "×": "x",
        "␣": "_",
        "⏎": "\\",
        "\u00a0": " ",
    }
)


@lru_cache(maxsize=4096)
def nearest(text: str) -> str:
    """The text in ASCII, as wide as it is: letters without their accents, and ? where nothing is alike."""
    if text.isascii():
        return text
    kept = "".join(map(_letter, text.translate(_ALIKE)))
    width = cell_len(text)
    return kept if len(kept) == width else kept[:width].ljust(width, "?")


def _letter(character: str) -> str:
    if character.isascii():
        return character
    width = cell_len(character)
    plain = unicodedata.normalize("NFKD", character)[:1]
    return plain if plain.isascii() and plain.isprintable() and width == 1 else "?" * width


class AsciiFilter(LineFilter):
    """Draws every line in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in the same cells."""
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [
            segment if segment.text.isascii() else Segment(nearest(segment.text), segment.style, segment.control)
            for segment in segments
        ]
