"""The rail of a slider: a line with a knob, and a ring where the kernel's value is while another one is on its way."""

from __future__ import annotations

from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import Piece


def rail(width: int, knob: float, ghost: float | None, style: str, glyphs: Glyphs) -> list[Piece]:
    """`width` cells; `knob` and `ghost` are shares of it, 0 to 1."""
    if width <= 0:
        return []
    at = round(knob * (width - 1))
    ring = round(ghost * (width - 1)) if ghost is not None else -1
    signs: list[Piece] = []
    for cell in range(width):
        if cell == at:
            signs.append((glyphs.knob, style))
        elif cell == ring:
            signs.append((glyphs.ghost, "$muted"))
        else:
            signs.append((glyphs.rail, "$muted" if cell < at else "$faint"))
    pieces: list[Piece] = []
    for sign, colour in signs:
        if pieces and pieces[-1][1] == colour:
            pieces[-1] = (pieces[-1][0] + sign, colour)
        else:
            pieces.append((sign, colour))
    return pieces
