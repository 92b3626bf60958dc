"""The head-up lines of screens that have no room for panes."""

from __future__ import annotations

from textual.content import Content

from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.state.context_rows import before_this_turn, kv_now
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, dimmed, line, shortened
from llmbm_console.tui.widgets.context import rows_text, ruler
from llmbm_console.tui.widgets.memory import ARENAS, rounded, usage
from llmbm_console.tui.widgets.sentinel import STATE_STYLES, broken_or, use_style
from llmbm_console.tui.widgets.strips import Strip, fit
from llmbm_protocol.words import SentinelPhase, SentinelState, Stream


class Hud(Strip):
    """Context, sentinel and memory in a line each, for screens without room for their panes."""

    DEFAULT_CSS = "Hud { height: auto; }"

    def content_for(self, frame: Frame, width: int) -> Content:
        rows = [self._context_row(frame, width), self._sentinel_row(frame, width), self._memory_row(frame, width)]
        if self.content_size.height == 1:
            rows = [fit([(0, self._short(frame)), (1, self._sentinel_row(frame, width))], width, frame.glyphs)]
        return Content("\n").join(shortened(row, width, frame.glyphs.ellipsis) for row in rows)

    def _row_name(self, frame: Frame, label: str, stream: Stream) -> Content:
        """What a row begins with: its name, and how old its values are where they are not those of now."""
        told = frame.stale(stream)
        return line((f"{label:<3} ", "$muted"), (f"{told}  " if told else "", "$warn"))

    def _short(self, frame: Frame) -> Content:
        kv = kv_now(frame.state)
        if kv is None or told(kv, "capacity") is None:
            return line(("KV ", "$muted"), ("-" if kv is None else f"{kv.rows}/?", "$foreground"))
        return line(("KV ", "$muted"), (f"{kv.rows}/{kv.capacity}", "$foreground"))

    def _context_row(self, frame: Frame, width: int) -> Content:
        kv = frame.state.kv if before_this_turn(frame.state) else kv_now(frame.state)
        if kv is None:
            return line(("KV  not in this file" if frame.post_mortem else "KV  no context yet", "$muted"))
        if told(kv, "capacity") is None:
            return line(("KV  ", "$muted"), rows_text(kv))
        left = max(0, kv.capacity - kv.rows)
        text = f" {kv.rows}/{kv.capacity}"
        name = self._row_name(frame, "KV", Stream.KV)
        if frame.last_known or frame.post_mortem:
            rest = f"  {left} were free"
        elif before_this_turn(frame.state):
            rest = "  before this answer"
        else:
            speed = frame.state.perf.decode_rate / figures.MILLION if frame.state.perf is not None else 0.0
            rest = f"  full in {left} tok" + (f" ~{figures.duration(left / speed)}" if speed > 0 else "")
        room = max(8, width - name.cell_length - len(text) - len(rest) - 3)
        row = line(ruler(kv, room, frame.glyphs), (text, "$foreground"), (rest, "$muted"))
        return line(name, dimmed(row) if frame.last_known else row)

    def _sentinel_row(self, frame: Frame, width: int) -> Content:
        sentinel = frame.state.sentinel
        if sentinel is None:
            return line(("SEN not in this file" if frame.post_mortem else "SEN no budgets yet", "$muted"))
        decode, decode_budget = broken_or(
            frame.state, sentinel, SentinelPhase.DECODE, (told(sentinel, "decode"), sentinel.decode_budget)
        )
        prefill, prefill_budget = broken_or(
            frame.state, sentinel, SentinelPhase.PREFILL, (told(sentinel, "prefill"), sentinel.prefill_budget)
        )
        parts: list[tuple[int, Content]] = []
        if decode_budget and decode is not None:
            share = decode / decode_budget
            bar = frame.glyphs.bar(share, 12, use_style(share))
            parts.append((1, line(("decode ", "$muted"), bar, (f" {figures.percent(share)}", "$foreground"))))
        if prefill_budget and prefill is not None:
            share = prefill / prefill_budget
            parts.append((3, line(("prefill ", "$muted"), (figures.percent(share), use_style(share)))))
        if len(sentinel.percentiles) == 3 and sentinel.percentiles[2]:
            parts.append((4, line(("p99 ", "$muted"), (figures.cycles(sentinel.percentiles[2]), "$foreground"))))
        counts = [told(sentinel, name) for name in ("decode_overruns", "prefill_overruns")]
        if None not in counts:
            over = sum(counts)
            parts.append((2, line(("over ", "$muted"), (str(over), "$warn" if over else "$foreground"))))
        state = told(sentinel, "state")
        word: list[Piece] = [("state not told", "$muted") if state is None else (state.value, STATE_STYLES[state])]
        if sentinel.state is SentinelState.TRIPPED and not frame.post_mortem and not frame.last_known:
            word.append((": /reset", "bold $bad"))
        name = self._row_name(frame, "SEN", Stream.SENTINEL)
        row = fit([*parts, (0, line(*word))], width - name.cell_length, frame.glyphs, gap=2)
        return line(name, dimmed(row) if frame.last_known else row)

    def _memory_row(self, frame: Frame, width: int) -> Content:
        whole_units = rounded(frame.state)
        parts: list[tuple[int, Content]] = []
        for weight, (arena, label) in enumerate(ARENAS):
            if (pair := usage(frame.state, arena)) is not None and (pair[1] or whole_units):
                amount = "<1M" if not pair[0] and whole_units else figures.brief_size(pair[0])
                parts.append((weight, line((f"{label.lower()} ", "$muted"), (amount, f"${arena.value}"))))
        if not parts:
            return line(("MEM not in this file" if frame.post_mortem else "MEM no zones yet", "$muted"))
        name = self._row_name(frame, "MEM", Stream.ZONES)
        room = width - name.cell_length
        row = fit(parts, room, frame.glyphs, gap=2)
        if row.cell_length < sum(part.cell_length + 2 for _weight, part in parts) - 2:
            sign = (f" {frame.glyphs.ellipsis}", "$muted")
            row = line(fit(parts, max(0, room - len(sign[0])), frame.glyphs, gap=2), sign)  # not all arenas are there
        return line(name, dimmed(row) if frame.last_known else row)
