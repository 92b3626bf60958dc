"""The one- to three-line strips: status, tabs, head-up lines, verdict, and keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip as TextualStrip
from textual.style import Style

from llmbm_console.core.action import Action, unavailable
from llmbm_console.core.events import LinkPhase, MachineStatus
from llmbm_console.core.key_labels import key_label, typed
from llmbm_console.core.state import LogLine
from llmbm_console.tui import figures
from llmbm_console.tui.arrange import TABS
from llmbm_console.tui.choices import chance_text, chances, newest, times, told_turn
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import Piece, clip, dimmed, flat, line, middle, shorten, shortened, wrap
from llmbm_console.tui.widgets.context import ruler
from llmbm_console.tui.widgets.edged import Edged, Look
from llmbm_console.tui.widgets.machine import MACHINE_STYLES
from llmbm_console.tui.widgets.memory import ARENAS, usage
from llmbm_console.tui.widgets.sentinel import STATE_STYLES, broken_or, use_style
from llmbm_protocol.words import Phase, SentinelPhase, SentinelState, Stream

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
ROOMY = 100  # columns from which the header spells things out
SPARE = 60  # columns from which it has room for the time of a recording
MOST_NEW = 99  # more need not be counted
VIEW_ACTIONS = ("view.memory", "view.log", "view.machine", "view.dumps")
#: What is left out last where not all keys fit; 3 when it is not here.
KEY_WEIGHTS = {"view.palette": 0, "session.quit": 0, "view.help": 1} | dict.fromkeys(
    ("view.leader", "chat.prompt", "chat.break", *VIEW_ACTIONS), 2
)
TIGHT = 60  # columns below which keys stand nearer to each other
#: Views with a key of their own, as it is by default.
PHASES = {
    Phase.IDLE: "idle",
    Phase.PREFILL: "prefill",
    Phase.DECODE: "decode",
    Phase.LOAD: "loading",
    Phase.BENCH: "bench",
    Phase.RESCUE: "rescue",
}


class Strip(Edged):
    """Lines without a frame, made from a Frame."""

    DEFAULT_CSS = "Strip { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: clip; background: $background; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.auto_links = False
        self._frame = Frame()
        self._content = Content("")

    def show(self, frame: Frame) -> None:
        """Draws another frame."""
        self._frame = frame
        if self.content_size.width <= 0 or not self.display:
            return
        content = self.content_for(frame, self.content_size.width)
        if not content.is_same(self._content):
            self._content = content
            self.refresh(Region(0, 0, *self.content_size))

    def row_strips(self, rows: range, look: Look) -> list[TextualStrip]:
        """Some of the lines."""
        lines = self._content.split(allow_blank=True)
        return [look.around(self.line_strip(lines[y] if y < len(lines) else Content(""), look)) for y in rows]

    def content_for(self, frame: Frame, width: int) -> Content:
        """What to draw. A strip without anything is empty."""
        return Content("")

    def render(self) -> Content:
        """The lines."""
        return self._content

    def on_resize(self) -> None:
        """What fits depends on the width."""
        self.show(self._frame)


def fit(parts: list[tuple[int, Content]], width: int, glyphs: Glyphs, gap: int = 3) -> Content:
    """The parts that fit, in their order; those of the largest number are left out first."""
    kept = [(weight, part) for weight, part in parts if part.cell_length]
    while kept and sum(part.cell_length for _weight, part in kept) + gap * (len(kept) - 1) > width:
        worst = max(weight for weight, _part in kept)
        last = max(index for index, (weight, _part) in enumerate(kept) if weight == worst)
        if len(kept) == 1:
            return shortened(kept[0][1], width, glyphs.ellipsis)
        del kept[last]
    return Content(" " * gap).join(part for _weight, part in kept)


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
        told = (state.machine.status, rate, model, frame.failure, frame.read_only, frame.glyphs.name)
        return width, state.target, errors, *told

    def _make(self, frame: Frame, width: int) -> Content:
        state = frame.state
        if frame.post_mortem:  # there is room for the name, and it is all that the line is about
            target = middle(state.target, max(12, width // 2), frame.glyphs.ellipsis)
        else:
            target = clip(state.target or "no target", max(12, width // 4))
        name = line(("LLM-BM ", "bold $accent"), (target, "$foreground"))
        # A healthy link may go for want of room, one in trouble may not.
        calm = state.link.phase is LinkPhase.MACHINE and not frame.failure
        # That it runs goes without saying, but not of another moment than now.
        now = not frame.held and not frame.recorded
        runs = now and state.machine.status in (MachineStatus.RUNNING, MachineStatus.UNKNOWN)
        parts = [
            (0, name),
            (1, line(("read-only" if frame.read_only and frame.live and not frame.recorded else "", "$info"))),
            (2 if calm else 0, self._link(frame)),
            (3 if runs else 0 if now else 1, self._machine(frame)),
            (1, self._work(frame)),
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

    def _link(self, frame: Frame) -> Content:
        link = frame.state.link
        if frame.failure:
            return line((f"{frame.glyphs.ring} no session", "$bad"))
        begins = frame.opening and link.phase is LinkPhase.CLOSED  # nothing of it is open yet
        phase = LinkPhase.OPENING if begins else link.phase
        word, style = LINK_WORDS.get(phase, (str(phase), "$warn"))
        sign = frame.glyphs.dot if frame.live or frame.post_mortem else frame.glyphs.ring
        pieces: list[Piece] = [(f"{sign} {word}", style)]
        if link.phase in (LinkPhase.SLOW, LinkPhase.SILENT) and frame.now > link.since:
            pieces.append((f" {figures.duration(frame.now - link.since)}", style))
        errors = link.rejected_lines + link.lost_frames
        if frame.live:
            pieces.append((f"  {errors} err", "$warn" if errors else "$muted"))
        return line(*pieces)

    def _machine(self, frame: Frame) -> Content:
        machine = frame.state.machine
        if machine.status is MachineStatus.UNKNOWN:
            return line()
        return line((machine.status.value, MACHINE_STYLES.get(machine.status, "$foreground")))

    def _work(self, frame: Frame) -> Content:
        state = frame.state
        load = state.load
        if state.phase is Phase.LOAD and load is not None and load.total and load.done < load.total:
            bar = frame.glyphs.bar(load.done / load.total, 12, "$info")
            text = f" {figures.percent(load.done / load.total)} {figures.size_pair(load.done, load.total)}"
            return line(("loading ", "$info"), bar, (text, "$foreground"))
        if not frame.live or frame.last_known:
            return line()
        perf = state.perf
        paused = state.machine.status is MachineStatus.PAUSED  # which stands beside this already
        if stale := frame.stale(Stream.PERF) if state.phase is not Phase.IDLE and not paused else "":
            return line((f"{PHASES.get(state.phase, state.phase)} {stale}", "$warn"))
        pieces: list[Piece] = [
            (PHASES.get(state.phase, str(state.phase)), "$muted" if state.phase is Phase.IDLE else "bold $good")
        ]
        if perf is not None and state.phase is Phase.PREFILL and perf.prompt_total:
            pieces.append((f"  {perf.prompt_done}/{perf.prompt_total} tok", "$foreground"))
        elif perf is not None and perf.decode_rate:
            rate = figures.rate(perf.decode_rate / figures.MILLION)
            pieces.append((f"  {rate}", "$muted" if state.phase is Phase.IDLE else "bold $foreground"))
        return line(*pieces)

    def _model(self, frame: Frame) -> Content:
        model = frame.state.model
        return line((model.file, "$muted")) if model is not None and model.file else line()


class TabLine(Strip):
    """The views, to click on; with their keys where there is room."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.tab = "chat"
        self.narrow = True
        self._log: Sequence[LogLine] = ()  # in which troubles were counted
        self._troubles = 0

    def content_for(self, frame: Frame, width: int) -> Content:
        with_keys = self._views(frame, keys=True)
        shown = with_keys if with_keys.cell_length <= width else self._views(frame, keys=False)
        return shortened(shown, width, frame.glyphs.ellipsis)

    def _views(self, frame: Frame, *, keys: bool) -> Content:
        if frame.state.log is not self._log:
            self._log = frame.state.log
            self._troubles = sum(1 for entry in self._log if entry.to_look_at)
        troubles = self._troubles
        parts: list[Content] = []
        for name, title, panes in TABS:
            if not self.narrow and name == "sampling":
                continue  # it stands in the main view
            title = "Console" if name == "chat" and not self.narrow else title
            label = f" {title} {troubles} " if name == "log" and troubles else f" {title} "
            style = "bold reverse $accent" if name == self.tab else "$warn" if name == "log" and troubles else "$muted"
            action = f"pane.{panes[0]}" if name == "sampling" else f"view.{'console' if name == 'chat' else name}"
            key = frame.keys[action] if keys and name != self.tab else ""
            part = line((f" {key}" if key else "", "bold $accent"), (label, style))
            if name != self.tab:
                part = part.stylize(Style.from_meta({"@click": f"app.do('{action}')"}))
            parts.append(part)
        return Content("" if self.narrow else " ").join(parts)


class Hud(Strip):
    """Context, sentinel and memory in a line each, for screens without room for their panes."""

    DEFAULT_CSS = "Hud { height: auto; }"

    def content_for(self, frame: Frame, width: int) -> Content:
        rows = [self._context_row(frame, width), self._sentinel_row(frame, width), self._memory_row(frame)]
        if self.content_size.height == 1:
            rows = [fit([(0, self._short(frame)), (1, self._sentinel_row(frame, width))], width, frame.glyphs)]
        return Content("\n").join(shortened(row, width, frame.glyphs.ellipsis) for row in rows)

    def _row_name(self, frame: Frame, label: str, stream: Stream) -> Content:
        """What a row begins with: its name, and how old its values are where they are not those of now."""
        told = frame.stale(stream)
        return line((f"{label:<3} ", "$muted"), (f"{told}  " if told else "", "$warn"))

    def _short(self, frame: Frame) -> Content:
        kv = frame.state.kv
        return line(("KV ", "$muted"), (f"{kv.rows}/{kv.capacity}" if kv is not None else "-", "$foreground"))

    def _context_row(self, frame: Frame, width: int) -> Content:
        kv = frame.state.kv
        if kv is None:
            return line(("KV  no context yet", "$muted"))
        left = max(0, kv.capacity - kv.rows)
        text = f" {kv.rows}/{kv.capacity}"
        name = self._row_name(frame, "KV", Stream.KV)
        if frame.last_known or frame.post_mortem:
            rest = f"  {left} were free"
        else:
            speed = frame.state.perf.decode_rate / figures.MILLION if frame.state.perf is not None else 0.0
            rest = f"  full in {left} tok" + (f" ~{figures.duration(left / speed)}" if speed > 0 else "")
        room = max(8, width - name.cell_length - len(text) - len(rest) - 3)
        row = line(ruler(kv, room, frame.glyphs), (text, "$foreground"), (rest, "$muted"))
        return line(name, dimmed(row) if frame.last_known else row)

    def _sentinel_row(self, frame: Frame, width: int) -> Content:
        sentinel = frame.state.sentinel
        if sentinel is None:
            return line(("SEN no budgets yet", "$muted"))
        decode, decode_budget = broken_or(
            frame.state, sentinel, SentinelPhase.DECODE, (sentinel.decode, sentinel.decode_budget)
        )
        prefill, prefill_budget = broken_or(
            frame.state, sentinel, SentinelPhase.PREFILL, (sentinel.prefill, sentinel.prefill_budget)
        )
        parts: list[tuple[int, Content]] = []
        if decode_budget:
            share = decode / decode_budget
            bar = frame.glyphs.bar(share, 12, use_style(share))
            parts.append((1, line(("decode ", "$muted"), bar, (f" {figures.percent(share)}", "$foreground"))))
        if prefill_budget:
            share = prefill / prefill_budget
            parts.append((3, line(("prefill ", "$muted"), (figures.percent(share), use_style(share)))))
        over = sentinel.decode_overruns + sentinel.prefill_overruns
        parts.append((2, line(("over ", "$muted"), (str(over), "$warn" if over else "$foreground"))))
        word: list[Piece] = [(sentinel.state.value, STATE_STYLES.get(sentinel.state, "$warn"))]
        if sentinel.state is SentinelState.TRIPPED and not frame.post_mortem and not frame.last_known:
            word.append((": /reset", "bold $bad"))
        name = self._row_name(frame, "SEN", Stream.SENTINEL)
        row = fit([*parts, (0, line(*word))], width - name.cell_length, frame.glyphs, gap=2)
        return line(name, dimmed(row) if frame.last_known else row)

    def _memory_row(self, frame: Frame) -> Content:
        pieces: list[Piece] = []
        for arena, label in ARENAS:
            if (pair := usage(frame.state, arena)) is not None and pair[1]:
                pieces += [(f"{label.lower()} ", "$muted"), (f"{figures.brief_size(pair[0])}  ", f"${arena.value}")]
        if not pieces:
            return line(("MEM no zones yet", "$muted"))
        return line(
            self._row_name(frame, "MEM", Stream.ZONES), dimmed(line(*pieces)) if frame.last_known else line(*pieces)
        )


class TokenStrip(Strip):
    """The newest tokens of the answer, a column each: how likely they were, and how long they took."""

    DEFAULT_CSS = "TokenStrip { height: 2; }"
    NAME = 5

    def content_for(self, frame: Frame, width: int) -> Content:
        turn, token = told_turn(frame.state), newest(frame.state)
        if turn is None or token is None or token.choice is None:
            key = frame.keys["chat.probabilities"]
            text = "nothing is told yet: the next answer is" if frame.choices else f"{key} asks for them"
            told = line((f"{'p':<{self.NAME}}", "$muted"), (f"token probabilities: {text}", "$muted"))
            return shortened(told, width, frame.glyphs.ellipsis)
        room = max(4, width - self.NAME - 8)
        chance = token.choice.probability / figures.MILLION
        budget = frame.state.sentinel.decode_budget if frame.state.sentinel is not None else 0
        share = token.cycles / budget if budget else 0.0
        ends = (chance_text(chance), figures.percent(share) if budget else "")
        strips = (chances(turn, room, frame.glyphs), times(turn, room, budget, frame.glyphs))
        names = ("p", "time")
        rows = [
            line(
                (f"{name:<{self.NAME}}", "$muted"),
                strip,
                (" " * (room - strip.cell_length) + f" {end:>6}", "$foreground"),
            )
            for name, strip, end in zip(names, strips, ends, strict=True)
        ]
        return Content("\n").join(rows)


def verdict_lines(verdict: str, width: int, most: int, glyphs: Glyphs) -> list[Content]:
    """The sentence in at most so many lines; that there is more of it is marked."""
    text = flat(verdict[:1000])
    spans = wrap(text, width)
    rows = [text[start:end] for start, end in spans[:most]]
    if len(spans) > most > 0:
        rows[-1] = shorten(text[spans[most - 1][0] :], width, glyphs.ellipsis)
    return [line((row, "$warn")) for row in rows]


class Verdict(Strip):
    """What a file is, and what it means in one sentence."""

    DEFAULT_CSS = "Verdict { height: auto; background: $surface; }"

    def content_for(self, frame: Frame, width: int) -> Content:
        state = frame.state
        kind = line(("POST-MORTEM  ", "bold $info"), (f"{state.file_kind}  ", "bold $foreground"))
        path = middle(state.file_path, width - kind.cell_length, frame.glyphs.ellipsis)
        rows = verdict_lines(state.verdict, width, max(0, self.content_size.height - 1), frame.glyphs)
        return Content("\n").join([shortened(line(kind, (path, "$muted")), width, frame.glyphs.ellipsis), *rows])


def past_line(frame: Frame, width: int) -> Content:
    """The recorded time as a strip, how busy the kernel was along it, and the keys that move in it."""
    play = "pause" if frame.playing else "play"
    keys = [
        (frame.keys["view.hold"], play),
        (f"{frame.keys['time.back']} {frame.keys['time.forward']}", "5 s"),
        (f"{frame.keys['time.previous_mark']} {frame.keys['time.next_mark']}", "marks"),
        (f"{frame.keys['time.slower']} {frame.keys['time.faster']}", "speed"),
        (frame.keys["time.live"], "end" if frame.recorded else "now"),
    ]
    out = frame.in_prompt and typed(frame.keys["view.hold"])  # there they would be written
    if width < 100 + 12 * out:
        del keys[3]
    if width < 70 + 12 * out:
        del keys[2]
    leave: tuple[Piece, ...] = ((f"  {frame.keys['view.leave']}", "bold $accent"), (", then", "$muted")) if out else ()
    hints = line(
        *leave, *(piece for key, word in keys for piece in ((f"  {key}", "bold $accent"), (f" {word}", "$muted")))
    )
    when = line((frame.clock(frame.now)[:8] + " ", "bold $info"))
    room = width - hints.cell_length - when.cell_length - 2
    if frame.mark and room >= 32:
        when = line(when, (clip(flat(frame.mark), room - 20, frame.glyphs.ellipsis) + " ", "$foreground"))
        room = width - hints.cell_length - when.cell_length - 2
    if room < 8:
        return shortened(line(when, hints), width, frame.glyphs.ellipsis)
    levels = frame.glyphs.levels
    activity = frame.activity or (0,)
    top = max(activity) or 1
    pieces: list[Piece] = []
    here = min(room - 1, int(frame.place * room))
    for column in range(room):
        low, high = column * len(activity) // room, max(1, -(-(column + 1) * len(activity) // room))
        count = max(activity[low:high], default=0)
        sign = levels[0] if not count else levels[max(1, count * (len(levels) - 1) // top)]
        pieces.append((frame.glyphs.peak, "bold $info") if column == here else (sign, "$muted" if count else "$faint"))
    side = frame.glyphs.separator
    return line(when, (side, "$border"), *pieces, (side, "$border"), hints)


class KeyLine(Strip):
    """The keys that act now. Clickable."""

    DEFAULT_CSS = "KeyLine { height: auto; background: $surface; }"

    def __init__(self, actions: tuple[Action, ...], *, id: str) -> None:
        super().__init__(id=id)
        self._actions = actions
        self.narrow = False  # the line of views is on the screen
        self.finds = False  # something is looked for
        self.armed = ""  # what a dangerous action would do, while it waits for its second press
        self.armed_key = ""
        self.armed_ready = False  # the second press counts
        self.armed_early = False  # one came that did not
        self.armed_share = 0.0
        self._told: tuple[object, ...] = ()  # what the keys are made from
        self._keys = Content("")

    def content_for(self, frame: Frame, width: int) -> Content:
        if self.armed:
            return self._armed_line(frame, width)
        if frame.behind is not None or frame.player:
            return past_line(frame, width)
        if frame.failure:
            again, leave = frame.press("session.retry"), frame.press("session.quit")
            return line(
                (again, "bold $accent"), (" try again   ", "$muted"), (leave, "bold $accent"), (" quit", "$muted")
            )
        told = (
            width,
            frame.in_prompt,
            self.narrow,
            self.finds,
            frame.read_only,
            frame.controllable,
            frame.post_mortem,
            frame.not_now,
        )
        if told != self._told:
            self._told, self._keys = told, self._usual(frame, width)
        return self._keys

    def rows(self, frame: Frame, width: int) -> int:
        """Rows that it wants: what a dangerous action does is told to the end."""
        return self._armed_line(frame, width).plain.count("\n") + 1 if self.armed and width > 0 else 1

    def _armed_line(self, frame: Frame, width: int) -> Content:
        """The key that does it, what it does, and the key that leaves it, and how long it waits; in several rows, the
        keys first, where there is little room. The key that does it is dim until it counts; where it was pressed
        before that, it says what to do first."""
        first: Piece = ("read first, then ", "$warn") if self.armed_early else ("", "")
        again: Piece = (f"{self.armed_key} again ", "bold $foreground" if self.armed_ready else "$muted")
        leave: Piece = (f"{frame.keys['view.leave']} leaves it  ", "$muted")
        text = line((" ", ""), first, again, (f"{self.armed}.  ", "bold $bad"), leave)
        if text.cell_length + 4 <= width:
            return line(text, frame.glyphs.bar(self.armed_share, min(24, width - text.cell_length), "$bad"))
        text = line(leave, first, again, (self.armed, "bold $bad"))
        return Content("\n").join(text[start:end] for start, end in wrap(text.plain, width))

    def _usual(self, frame: Frame, width: int) -> Content:
        parts: list[tuple[int, Content]] = []
        if frame.in_prompt:
            extras = (("Enter", "send", 0), ("^j", "newline", 3), (frame.keys["view.leave"], "panes", 0))
            parts += [(weight, line((key, "bold $accent"), (f" {word}", "$muted"))) for key, word, weight in extras]
        elif self.finds:
            for name, word in (("view.find_next", "next"), ("view.find_previous", "previous")):
                part = line((frame.keys[name], "bold $accent"), (f" {word}", "$muted"))
                parts.append((0, part.stylize(Style.from_meta({"@click": f"app.do('{name}')"}))))
        for action in self._actions:
            if not action.footer or not action.keys or (frame.in_prompt and not action.everywhere):
                continue
            if (action.id == "chat.prompt" and frame.read_only) or (self.narrow and action.id in VIEW_ACTIONS):
                continue
            if unavailable(
                action,
                read_only=frame.read_only,
                controllable=frame.controllable,
                file=frame.post_mortem,
                not_now=frame.not_now,
            ):
                continue
            key = key_label(action.keys[0])
            if action.id == "log.previous_error":
                key = f"{frame.keys['log.next_error']}/{key}"
            part = line((key, "bold $accent"), (f" {action.footer}", "$muted"))
            weight = KEY_WEIGHTS.get(action.id, 3)
            parts.append((weight, part.stylize(Style.from_meta({"@click": f"app.do('{action.id}')"}))))
        return fit(parts, width, frame.glyphs, gap=3 if width >= TIGHT else 1)
