"""The header: target, link, machine, what the engine does, and which moment is shown."""

from __future__ import annotations

from textual.content import Content

from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, clip, line, middle
from llmbm_console.tui.widgets.machine import MACHINE_STYLES
from llmbm_console.tui.widgets.strips import Strip, fit
from llmbm_protocol.words import Phase, Stream

LINK_WORDS: dict[LinkPhase, tuple[str, str]] = {
    LinkPhase.CLOSED: ("closed", "$muted"),
    LinkPhase.OPENING: ("opening", "$warn"),
    LinkPhase.WAITING: ("waiting for the kernel", "$warn"),
    LinkPhase.MACHINE: ("link", "$good"),
    LinkPhase.PLAIN: ("plain terminal", "$warn"),
    LinkPhase.SLOW: ("link slow", "$warn"),
    LinkPhase.SILENT: ("link silent", "$bad"),
    LinkPhase.POST_MORTEM: ("file", "$info"),
}
#: In a recording, which waits for nobody: what had not happened at the moment that is shown.
RECORDED_WORDS = {LinkPhase.OPENING: "not open yet", LinkPhase.WAITING: "no answer yet"}
ROOMY = 100  # columns from which the header spells things out
SPARE = 60  # columns from which it has room for the time of a recording, and for what goes without saying
NAME = 16  # of a target's name at least: qemu:stories700K
MOST_NEW = 99  # more need not be counted
PHASES = {
    Phase.IDLE: "idle",
    Phase.PREFILL: "prefill",
    Phase.DECODE: "decode",
    Phase.LOAD: "loading",
    Phase.BENCH: "bench",
    Phase.RESCUE: "rescue",
}


class StatusLine(Strip):
    """Target, link and its errors, machine, what the engine does and how fast; what does not fit is left out."""

    DEFAULT_CSS = "StatusLine { background: $surface; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._told: tuple[object, ...] | None = None  # what it was made from last, time apart
        self._made = Content("")

    def content_for(self, frame: Frame, width: int) -> Content:
        told = self._timeless(frame, width)
        if told is None or told != self._told:
            self._told, self._made = told, self._make(frame, width)
        return self._made

    def _timeless(self, frame: Frame, width: int) -> tuple[object, ...] | None:
        """What the line of an idle kernel is made from; None where it tells the time, too."""
        state, link = frame.state, frame.state.link
        idle = state.phase is Phase.IDLE and link.phase is LinkPhase.MACHINE
        if not idle or frame.held or frame.player or frame.recording is not None:
            return None
        errors = link.rejected_lines + link.lost_frames
        rate = state.perf.decode_rate if state.perf is not None else 0
        model = state.model.file if state.model is not None else ""
        told = (state.machine.status, rate, model, frame.failure, frame.read_only, frame.last_known, frame.glyphs.name)
        return width, state.target, errors, *told

    def _make(self, frame: Frame, width: int) -> Content:
        state = frame.state
        if frame.post_mortem:  # there is room for the name, and it is all that the line is about
            target = middle(state.target, max(12, width // 2), frame.glyphs.ellipsis)
        else:
            target = clip(state.target or "no target", max(NAME, width // 4), frame.glyphs.ellipsis)
        # What this program is called tells least.
        name = line(("LLM-BM " if width >= SPARE else "", "bold $accent"), (target, "$foreground"))
        # A healthy link may go for want of room, one in trouble may not.
        calm = state.link.phase is LinkPhase.MACHINE and not frame.failure
        parts = [
            (0, name),
            (1, line(("read-only" if frame.read_only and frame.live and not frame.recorded else "", "$info"))),
            (2 if calm else 0, self._link(frame, width)),
            (1 if state.machine.status is MachineStatus.RUNNING else 0, self._machine(frame)),
            (1, self._work(frame, width)),
            (1, line((f"{frame.glyphs.dot} {frame.aside} goes on" if frame.aside else "", "$good"))),
            (4, self._model(frame)),
        ]
        mark = line(self._recording(frame, width), self._moment(frame, width))
        if not mark.cell_length:
            return fit(parts, width, frame.glyphs)
        left = fit(parts, width - mark.cell_length - 1, frame.glyphs)
        return line(left, (" " * max(1, width - left.cell_length - mark.cell_length), ""), mark)

    def _recording(self, frame: Frame, width: int) -> Content:
        """That everything goes into a file, and for how long already."""
        if frame.recording is None:
            return line()
        time = f" {figures.clock(frame.recording)}" if width >= SPARE else ""
        return line((f" {frame.glyphs.dot} REC{time} ", "bold $bad"))

    def _moment(self, frame: Frame, width: int) -> Content:
        """Which moment is shown, where it is not now, and how much is new since."""
        if not frame.held and not frame.player:
            return line()
        words = [frame.player] if frame.player else []
        if frame.past:
            words.append(f"{figures.duration(frame.behind or 0.0)} AGO")
        elif frame.held and not frame.recorded:
            words.append("HOLD")
        if frame.held_events and not frame.recorded:
            count = min(frame.held_events, MOST_NEW)
            more = "+" if frame.held_events > MOST_NEW else ""
            words.append(f"{count}{more} new" if width >= ROOMY else f"+{count}")
        style = "bold reverse $warn" if frame.held and frame.behind is None else "bold reverse $info"
        return line((f" {' '.join(words)} ", style))

    def _link(self, frame: Frame, width: int) -> Content:
        link = frame.state.link
        if frame.failure:
            return line((f"{frame.glyphs.ring} no session", "$bad"))
        begins = frame.opening and link.phase is LinkPhase.CLOSED  # nothing of it is open yet
        phase = LinkPhase.OPENING if begins else link.phase
        word, style = LINK_WORDS.get(phase, (str(phase), "$warn"))
        if frame.recorded and not begins:
            word = RECORDED_WORDS.get(phase, word)
        sign = frame.glyphs.dot if frame.live or frame.post_mortem else frame.glyphs.ring
        pieces: list[Piece] = [(f"{sign} {word}", style)]
        if frame.silence:
            pieces.append((f" {figures.duration(frame.silence)}", style))
        errors = link.rejected_lines + link.lost_frames
        if frame.live and (errors or width >= SPARE):
            pieces.append((f"  {errors} err", "$warn" if errors else "$muted"))
        return line(*pieces)

    def _machine(self, frame: Frame) -> Content:
        machine = frame.state.machine
        if machine.status is MachineStatus.UNKNOWN:
            return line()
        return line((machine.status.value, MACHINE_STYLES.get(machine.status, "$foreground")))

    def _work(self, frame: Frame, width: int) -> Content:
        state = frame.state
        load = state.load
        if state.phase is Phase.LOAD and load is not None and load.total and load.done < load.total:
            bar = frame.glyphs.bar(load.done / load.total, 12, "$info")
            text = f" {figures.percent(load.done / load.total)} {figures.size_pair(load.done, load.total)}"
            return line(("loading ", "$info"), bar, (text, "$foreground"))
        if not frame.live or frame.last_known:
            return line()
        if state.link.phase is LinkPhase.SILENT:
            return line()  # what it does is not known any more, and the link says so
        perf = state.perf
        paused = state.machine.status is MachineStatus.PAUSED  # which stands beside this already
        if stale := frame.stale(Stream.PERF) if state.phase is not Phase.IDLE and not paused else "":
            return line((f"{PHASES.get(state.phase, state.phase)} {stale}", "$warn"))
        pieces: list[Piece] = [
            (PHASES.get(state.phase, str(state.phase)), "$muted" if state.phase is Phase.IDLE else "bold $good")
        ]
        if perf is not None and state.phase is Phase.PREFILL and perf.prompt_total:
            pieces.append((f"  {perf.prompt_done}/{perf.prompt_total} tok", "$foreground"))
        elif perf is not None and perf.decode_rate and (state.phase is not Phase.IDLE or width >= SPARE):
            rate = figures.rate(perf.decode_rate / figures.MILLION)
            pieces.append((f"  {rate}", "$muted" if state.phase is Phase.IDLE else "bold $foreground"))
        return line(*pieces)

    def _model(self, frame: Frame) -> Content:
        model = frame.state.model
        return line((model.file, "$muted")) if model is not None and model.file else line()
