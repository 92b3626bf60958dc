"""The signs of bars, rulers and frames: block elements, or ASCII for terminals and fonts without them."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from llmbm_console.core.encoding import remedy
from llmbm_console.tui.text import line


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; every one is a single cell."""

    name: str
    fill: str  # a bar: the whole cell, and the half one at its end
    half: str
    track: str  # empty part of a bar
    block: str  # a ruler: a used cell, and a free one
    free: str
    peak: str
    levels: str  # heights of a column, lowest first
    rail: str
    knob: str
    ghost: str  # where the kernel's value is while another is on its way
    prompt: str
    output: str
    dot: str
    ring: str
    play: str
    pause: str
    rule: str
    cursor: str
    up: str
    down: str
    now: str
    separator: str
    ellipsis: str
    blank: str  # what stands for a space and for a line end where they are to be seen
    line_end: str
    border: str  # name of the border type

    def bar(self, fraction: float, width: int, style: str, *, peak: float | None = None) -> Content:
        """A horizontal bar of `width` cells, `fraction` of it filled, with a mark at `peak`."""
        width = max(1, width)
        filled = max(0, min(width * 2, round(fraction * width * 2)))
        if fraction > 0 and filled == 0:
            filled = 1  # something is not nothing
        whole, rest = divmod(filled, 2)
        body = self.fill * whole + self.half * rest
        empty = width - len(body)
        if peak is None or not empty:
            return line((body, style), (self.track * empty, "$faint"))
        mark = min(width - 1, int(peak * width))
        if mark < len(body):
            return line((body, style), (self.track * empty, "$faint"))
        before = mark - len(body)
        return line(
            (body, style),
            (self.track * before, "$faint"),
            (self.peak, style),
            (self.track * (empty - before - 1), "$faint"),
        )


BLOCKS = Glyphs(
    name="blocks",
    fill="━",
    half="╸",
    track="─",
    block="█",
    free="░",
    peak="┃",
    levels="▁▂▃▄▅▆▇█",
    rail="─",
    knob="●",
    ghost="○",
    prompt="❯",
    output="›",
    dot="●",
    ring="○",
    play="►",
    pause="‖",
    rule="─",
    cursor="▌",
    up="▲",
    down="▼",
    now="▲",
    separator="│",
    ellipsis="…",
    blank="␣",
    line_end="⏎",
    border="round",
)

ASCII = Glyphs(
    name="ascii",
    fill="=",
    half="-",
    track=".",
    block="#",
    free=".",
    peak="|",
    levels="_.-=+*%#",
    rail="-",
    knob="O",
    ghost="o",
    prompt=">",
    output=">",
    dot="*",
    ring="o",
    play=">",
    pause="=",
    rule="-",
    cursor="_",
    up="^",
    down="v",
    now="^",
    separator="|",
    ellipsis="...",
    blank="_",
    line_end="\\",
    border="ascii",
)

GLYPHS = {"blocks": BLOCKS, "ascii": ASCII}


def why_ascii(encoding: str) -> str:
    """What a person is told whose terminal's encoding lacks the block signs."""
    return f"signs ascii: the terminal's encoding, {encoding}, has no others; {remedy()}"


def draws_ascii(app: object) -> bool:
    """Whether a page over the main screen has to be framed in ASCII."""
    return glyphs_of(app).border == "ascii"


def glyphs_of(app: object) -> Glyphs:
    """The signs that an application draws with."""
    glyphs: Glyphs = getattr(app, "glyphs", BLOCKS)
    return glyphs
