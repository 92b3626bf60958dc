"""The sentinel pane: how much of its budget each pass takes, token by token, and what became of overruns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content

from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.state.state import State
from llmbm_console.core.state.trips import meaning, newest_trip
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.log_text import by_user
from llmbm_console.tui.text import Piece, first_fitting, line
from llmbm_console.tui.widgets.panel import Panel
from llmbm_protocol.words import LogCode, SentinelError, SentinelPhase, SentinelState, Stream

if TYPE_CHECKING:
    from llmbm_protocol.schema import Sentinel

T = TypeVar("T")

NEAR = 0.85  # share of the budget from which a bar warns
STATE_STYLES = {SentinelState.ARMED: "$good", SentinelState.TRIPPED: "bold $bad", SentinelState.DISARMED: "$warn"}


def suggestion(sentinel: Sentinel) -> int:
    """A decode budget that 99 of 100 passes keep with a tenth to spare, in cycles; 0 before there were any."""
    if len(sentinel.percentiles) != 3 or not sentinel.percentiles[2]:
        return 0
    digits = max(0, len(str(sentinel.percentiles[2])) - 3)
    step: int = 10**digits
    return -(-sentinel.percentiles[2] * 11 // (10 * step)) * step


def broken(state: State) -> tuple[int, int] | None:
    """The cycles of the pass that made the sentinel trip last, and its budget; None when that was something else."""
    entry = newest_trip(state.log)
    record = entry.record if entry is not None else None
    return (record.first, record.second) if record is not None and record.code is LogCode.BUDGET else None


def broken_or(state: State, sentinel: Sentinel, phase: SentinelPhase, usual: tuple[T, int]) -> tuple[T | int, int]:
    """Cycles and budget to draw for a phase: of the pass that tripped it, as it is not among the samples."""
    if sentinel.state is SentinelState.TRIPPED and sentinel.phase is phase and sentinel.error is SentinelError.BUDGET:
        return broken(state) or usual
    return usual


def _pinned(sentinel: Sentinel) -> int:
    """The budget that a person set for the phase of a trip; 0 where it is a learnt one."""
    if sentinel.phase is SentinelPhase.PREFILL:
        return sentinel.prefill_budget if sentinel.prefill_pinned else 0
    return sentinel.decode_budget if sentinel.decode_pinned else 0


def use_style(share: float) -> str:
    """Colour of a use of the budget."""
    return "$bad" if share > 1 else "$warn" if share >= NEAR else "$good"


def charts(use: tuple[float, ...], width: int, rows: int, glyphs: Glyphs) -> list[Content]:
    """As many strips of columns as there is room and history for, the newest at the bottom."""
    wanted = max(1, -(-len(use) // width))
    strips = max(1, min(wanted, (rows + 1) // 4))
    height = min(6, max(1, (rows + 1) // strips - 1)) if strips > 1 else min(6, rows)
    lines: list[Content] = []
    for strip in range(strips, 0, -1):
        end = len(use) - (strip - 1) * width
        lines += chart(use[max(0, end - width) : end], width, height, glyphs)
        if strip > 1:
            lines.append(line())
    return lines


def chart(use: tuple[float, ...], width: int, rows: int, glyphs: Glyphs) -> list[Content]:
    """Columns of budget use, newest on the right; the full height is the budget, an overrun is red and full."""
    shown = use[-width:]
    steps = len(glyphs.levels)
    lines: list[Content] = []
    for row in range(rows, 0, -1):
        pieces: list[Piece] = [(" " * (width - len(shown)), "")]
        for share in shown:
            filled = max(1, min(rows * steps, round(share * rows * steps))) - (row - 1) * steps
            sign = " " if filled <= 0 else glyphs.levels[min(steps, filled) - 1]
            style = use_style(share) + (" 55%" if filled > steps else "")
            if pieces[-1][1] == style:
                pieces[-1] = (pieces[-1][0] + sign, style)
            else:
                pieces.append((sign, style))
        lines.append(line(*pieces))
    return lines


class SentinelPanel(Panel):
    """Decode and prefill bars, the chart of the last passes, percentiles and counts."""

    pane, number, title_text = "sentinel", 5, "Sentinel"
    of_kernel = True

    def heading(self, frame: Frame) -> Content:
        sentinel = frame.state.sentinel
        if sentinel is None:
            return line()
        stale = frame.stale(Stream.SENTINEL)
        was = frame.last_known
        known, strict_known = told(sentinel, "state"), told(sentinel, "strict")
        state: Piece = ("state not told", "$muted")
        if known is not None:
            state = (known.value.upper(), "$muted" if was else STATE_STYLES[known])
        worries = sentinel.strict and not was
        strict: Piece = (" strict" if sentinel.strict else " strict off", "$warn" if worries else "$muted")
        head = line((f"{stale} " if stale else "", "$warn"), state)
        full = line(head, strict) if strict_known is not None else head
        return full if sentinel.strict or full.cell_length <= self.heading_room else head

    def hint(self, frame: Frame) -> Content:
        """The budget to pin and the key that does it, in as many words as there is room for."""
        sentinel = frame.state.sentinel
        acts = frame.live and not frame.read_only and not frame.not_now
        if sentinel is None or not acts or sentinel.state is SentinelState.TRIPPED:
            return line()
        here = "" if self.has_focus else frame.keys["pane.sentinel"]
        budget, pinned = suggestion(sentinel), sentinel.decode_pinned
        ways: tuple[str, ...]
        if pinned and budget in (0, sentinel.decode_budget):
            key, ways = frame.keys["sentinel.learn"], ("learn the budgets again", "learn again")
        elif budget:
            to = f"to {figures.cycles(budget)}"
            pin = f"pin the decode budget {to}"
            key, ways = frame.keys["sentinel.suggest"], (f"{pin} (p99 and a tenth)", pin, f"pin decode {to}")
        else:
            return line()
        then = " then " if here else ""
        words = first_fitting(ways, self.edge_room - len(here) - len(then) - len(key) - 2)
        return line((here, "$accent"), (then, "$muted"), (key, "$accent"), (f": {words}", "$muted"))

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        sentinel = frame.state.sentinel
        if sentinel is None:
            if frame.post_mortem:
                return [line(("This file has no sentinel line.", "$muted"))]
            return [line(("No budgets yet.", "$muted")), line(("The first prompt teaches them.", "$muted"))]
        decode, prefill = (
            self._bar(name.upper(), *broken_or(frame.state, sentinel, phase, (taken, budget)), pinned, frame, width)
            for name, phase, taken, budget, pinned in (
                (
                    "decode",
                    SentinelPhase.DECODE,
                    told(sentinel, "decode"),
                    told(sentinel, "decode_budget"),
                    sentinel.decode_pinned,
                ),
                (
                    "prefill",
                    SentinelPhase.PREFILL,
                    told(sentinel, "prefill"),
                    told(sentinel, "prefill_budget"),
                    sentinel.prefill_pinned,
                ),
            )
        )
        tail = self._trip(frame, sentinel, width) if sentinel.state is SentinelState.TRIPPED else []
        head = [*tail, decode, prefill]
        if tail and height <= len(head):
            return head  # what happened comes before how it was, and the edge counts what is not in sight
        if height == 3 and not tail and any(sentinel.percentiles):
            head = [self._both(sentinel, width), self._percentiles(sentinel, width)]
        if height >= 4 + len(tail):
            head.append(self._percentiles(sentinel, width))
        if height >= 5 + len(tail):
            head.append(self._overruns(sentinel))
        rows = max(1, height - len(head))
        if rows >= 6:
            head.append(line(("a column a token, full height the budget", "$muted")))
            rows -= 1
        return [*head, *self._chart(frame.state, sentinel, width, rows, frame.glyphs)]

    def _bar(
        self, label: str, taken: int | None, budget: int | None, pinned: bool, frame: Frame, width: int
    ) -> Content:
        name: Piece = (f"{label:<8} ", "$muted")
        if budget and taken is None:
            return line(name, (f"budget {figures.cycles(budget)}, no pass told", "$muted"))
        if budget is None and taken is None:
            return line(name, ("not in this file" if frame.post_mortem else "not told", "$muted"))
        if not budget or taken is None:
            # A kernel that is no more, or was reset before its file was written, measures nothing any more.
            none = "no pass measured" if frame.post_mortem or frame.last_known else "not measured yet"
            amount = f"{figures.cycles(taken)} cycles, no budget" if taken else none
            return line(name, (amount, "$muted"))
        share = taken / budget
        mark = " pin" if pinned else ""
        amount = f" {figures.percent(share):>5} of {figures.cycles(budget):>5}{mark}"
        return line(
            name, frame.glyphs.bar(share, max(4, width - 9 - len(amount)), use_style(share)), (amount, "$foreground")
        )

    def _both(self, sentinel: Sentinel, width: int) -> Content:
        """Both phases on one row, where there are three: what the last passes took is in the strip, too."""
        for with_budget in (True, False):
            pieces: list[Piece] = []
            for name, budget in (("decode", sentinel.decode_budget), ("prefill", sentinel.prefill_budget)):
                taken = told(sentinel, name)
                if budget and taken is not None:
                    share = taken / budget
                    pieces += [(f"{name.upper()} ", "$muted"), (figures.percent(share), use_style(share))]
                    pieces.append((f" of {figures.cycles(budget)}  " if with_budget else "  ", "$foreground"))
            if (row := line(*pieces)).cell_length <= width:
                break
        return row

    def _chart(self, state: State, sentinel: Sentinel, width: int, rows: int, glyphs: Glyphs) -> list[Content]:
        if not state.decode_cycles or not sentinel.decode_budget:
            none = state.turn is None and not any(sentinel.percentiles)  # they are of tokens that were decoded
            over = state.file_kind or state.machine.status.over
            return [line(("no token yet" if rows > 1 and none and not over else "", "$muted"))]
        use = tuple(count / sentinel.decode_budget for count in state.decode_cycles)
        return charts(use, width, rows, glyphs)

    def _percentiles(self, sentinel: Sentinel, width: int) -> Content:
        if len(sentinel.percentiles) != 3:
            return line(("p50 -  p95 -  p99 -", "$muted"))
        pieces: list[Piece] = []
        for name, value in zip(("p50", "p95", "p99"), sentinel.percentiles, strict=True):
            over = sentinel.decode_budget and value > sentinel.decode_budget
            pieces += [(f"{name} ", "$muted"), (f"{figures.cycles(value)}  ", "$bad" if over else "$foreground")]
        row = line(*pieces, ("cycles", "$muted"))
        return row if row.cell_length <= width else line(*pieces)

    def _overruns(self, sentinel: Sentinel) -> Content:
        counts = [(phase, told(sentinel, f"{phase}_overruns")) for phase in ("decode", "prefill")]
        pieces: list[Piece] = [("overruns ", "$muted")]
        for name, count in counts:
            if count is None:
                pieces += [(f"{name} -  ", "$muted")]
                continue
            pieces += [(f"{name} ", "$muted"), (f"{count}  ", "$warn" if count else "$foreground")]
        if sentinel.state is not SentinelState.TRIPPED and (last := meaning(sentinel.error, None)):
            pieces += [("last ", "$muted"), (last, "$bad")]  # of a file that does not tell the state
        return line(*pieces)

    def _trip(self, frame: Frame, sentinel: Sentinel, width: int) -> list[Content]:
        """What happened, with its numbers from the log, and the way back where there is one."""
        error, phase = told(sentinel, "error"), told(sentinel, "phase")
        entry = newest_trip(frame.state.log)
        if error is not None and (why := meaning(error, entry)):
            what = f": {why}"
        else:
            what = f" by {error or 'an error that is not told'}"
        what += f" in {phase}" if phase not in (None, SentinelPhase.GENERIC) else ""
        if (pair := broken(frame.state)) is not None:
            what += f": {figures.cycles(pair[0])} cycles, {figures.cycles(pair[1])} allowed"
        if entry is not None and (by := by_user(entry, frame)):
            what += f"; {by}"
        said = [f"TRIPPED{what}"]
        if not frame.post_mortem and not frame.last_known:
            said += self._ways_back(frame, pair is not None and pair[1] == _pinned(sentinel), width)
        rows = [row for one in said for row in textwrap.wrap(one, max(8, width))]
        return [line((row, "bold $bad")) for row in rows]

    def _ways_back(self, frame: Frame, by_pinned: bool, width: int) -> Iterator[str]:
        """What brings the chat back after a trip, what shows its event, and what the next prompt trips by again."""
        # Where another moment is shown a key acts on nothing; a line that is written leads to now.
        acts = frame.live and not frame.read_only
        reset = "" if frame.not_now or not acts else frame.keys["sentinel.reset"]
        if self.has_focus:
            event = frame.keys["log.next_error"]
            details = f"{event} goes to the event"
            or_typed = " or ".join(filter(None, (reset, "/reset" if acts else "")))
            resets = f"{or_typed} resets"
            ways = (f"{or_typed} brings the chat back, {details}", f"{resets}, {details}", f"{resets}, {event}: event")
            yield first_fitting(ways, width) if acts else details
        elif acts:
            keys = f"{frame.press('pane.sentinel')}, {reset}" if reset else ""
            longer = (f"/reset brings the chat back, or {keys}", f"/reset or {keys} resets") if keys else ()
            yield first_fitting((*longer, "/reset brings the chat back"), width)
        if acts and by_pinned:
            key = frame.keys["sentinel.learn"] if reset and self.has_focus else ""
            learns = f"{key} or /budget auto" if key else "/budget auto"
            stays = [f"its pinned budget stays: {way}" for way in (f"{learns} learns it", key or learns)]
            yield first_fitting(stays, width)
