"""The context pane: how full the KV cache is, where each turn began, and how long it will last."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from textual.content import Content

from llmbm_console.core.counted import counted
from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.state.context_rows import before_this_turn, kv_now
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import Piece, line
from llmbm_console.tui.widgets.panel import Panel
from llmbm_protocol.words import Stream

if TYPE_CHECKING:
    from llmbm_protocol.schema import KvCache


def numbered_turns(kv: KvCache) -> list[tuple[int, int]]:
    """The last turns in the cache: their numbers, as the transcript has them, and their first rows. What a slide or
    /clear forgot is not among them."""
    return list(enumerate(kv.turns, kv.generation - len(kv.turns) + 1))


def ruler(kv: KvCache, width: int, glyphs: Glyphs) -> Content:
    """The cache from the first row to the last: turns in two alternating shades, then what is free."""
    if not kv.capacity:
        return line((glyphs.free * width, "$faint"))
    starts = [(number, row) for number, row in numbered_turns(kv) if 0 <= row < kv.rows]
    pieces: list[Piece] = []
    filled = max(1, round(min(1.0, kv.rows / kv.capacity) * width)) if kv.rows else 0
    for cell in range(filled):
        row = cell * kv.capacity // width
        turn = max((number for number, start in starts if start <= row), default=kv.generation - len(kv.turns))
        style = "$kv" if turn % 2 == 0 else "$info"
        sign = glyphs.block
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + sign, style)
        else:
            pieces.append((sign, style))
    pieces.append((glyphs.free * (width - filled), "$faint"))
    return line(*pieces)


def marks(kv: KvCache, width: int, glyphs: Glyphs) -> Content:
    """Labels below the ruler: where turns began, as far as there is room, and where the cache stands now."""
    signs = [" "] * width
    if kv.capacity:
        now = max(0, min(width - 1, kv.rows * width // kv.capacity - (1 if kv.rows >= kv.capacity else 0)))
        for number, row in numbered_turns(kv):
            label = f"t{number}"
            cell = row * width // kv.capacity
            if (
                number > 0  # an earlier kernel does not tell it
                and row < kv.rows
                and cell + len(label) <= now
                and all(sign == " " for sign in signs[max(0, cell - 1) : cell + len(label)])
            ):
                signs[cell : cell + len(label)] = label
        end = str(kv.capacity)
        if width - len(end) > now + 1:
            signs[width - len(end) :] = end
        signs[now] = glyphs.now
    return line(("".join(signs), "$muted"))


def rows_text(kv: KvCache) -> Piece:
    """The rows in use where a text does not tell how many there are."""
    return f"{counted(kv.rows, 'row')} used, of how many is not told", "$muted"


def remaining(frame: Frame) -> Content:
    """Tokens and seconds until the cache is full; of a kernel that is no more, what was free."""
    state, kv = frame.state, frame.state.kv
    assert kv is not None
    if not before_this_turn(state):
        kv = kv_now(state) or kv
    left = max(0, kv.capacity - kv.rows)
    if frame.post_mortem or frame.last_known:
        return line((f"{left} of {kv.capacity} rows were free", "$muted"))
    if before_this_turn(state):
        return line((f"{left} rows free before this answer", "$muted"))
    if not left:
        return line(("full: the kernel makes room as /overflow says", "$warn"))
    speed = state.perf.decode_rate / figures.MILLION if state.perf is not None else 0.0
    style = "$warn" if left < kv.capacity * 0.15 else "$foreground"
    pieces: list[Piece] = [("full in ", "$muted"), (f"{left} tokens", style)]
    if speed > 0:
        pieces.append((f", about {figures.duration(left / speed)}", "$muted"))
    return line(*pieces)


class ContextPanel(Panel):
    """Ruler, marks and what is left."""

    pane, number, title_text = "context", 6, "Context"
    of_kernel = True

    def heading(self, frame: Frame) -> Content:
        kv = kv_now(frame.state)
        if kv is None:
            return line()
        stale = frame.stale(Stream.KV)
        size = f"  {figures.size(kv.rows * kv.row_bytes)}" if kv.row_bytes else ""  # a text tells no size
        over = "over " if kv is not frame.state.kv and before_this_turn(frame.state) else ""
        rows = f"{over}{kv.rows} / {kv.capacity}" if told(kv, "capacity") is not None else str(kv.rows)
        head = line((f"{stale} " if stale else "", "$warn"), (rows, "$foreground"))
        full = line(head, (size, "$muted"))
        return full if full.cell_length <= self.heading_room else head

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        kv = kv_now(frame.state)
        if kv is None:
            text = "This file has no context line." if frame.post_mortem else "No context yet."
            return [line((text, "$muted"))]
        if told(kv, "capacity") is None:
            return [line(rows_text(kv))]
        shown = [ruler(kv, width, frame.glyphs)]
        if height >= 3:
            shown.append(marks(kv, width, frame.glyphs))
        if frame.post_mortem and frame.state.file_context:
            return shown + [line((row, "$muted")) for row in textwrap.wrap(frame.state.file_context, max(8, width))]
        return [*shown, remaining(frame)]
