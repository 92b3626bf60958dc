"""The keys that act now, the question of a dangerous one, and the recorded time of another moment."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style

from llmbm_console.core.actions.action import Action, unavailable
from llmbm_console.core.actions.key_labels import key_label, over_text
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, clip, flat, line, shortened, wrap
from llmbm_console.tui.widgets.strips import Strip, fit

#: Views with a key of their own, which the line of views tells, too.
VIEW_ACTIONS = ("view.memory", "view.log", "view.machine", "view.dumps", "view.compare")
SELDOM = 3  # the weight of keys that are left out first
#: What is left out last where not all keys fit; SELDOM when it is not here.
KEY_WEIGHTS = {"view.palette": 0, "session.quit": 0, "session.back": 0, "view.help": 1} | dict.fromkeys(
    ("view.leader", "chat.prompt", "chat.break", *VIEW_ACTIONS), 2
)
TIGHT = 60  # columns below which keys stand nearer to each other


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
    if width >= 110:
        keys.append((frame.keys["view.help"], "help"))
    out = frame.in_prompt and not over_text(frame.keys["view.hold"])  # there they would be written
    more = 12 * out + 14 * bool(frame.aside)
    if width < 100 + more:
        del keys[3]
    if width < 70 + more:
        del keys[2]
    if frame.aside:
        keys.insert(0, (frame.keys["session.back"], "back to live"))
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
        self.finds = False  # something is looked for: there are places to go to
        self.filters = False  # the list with the focus shows only what a filter lets pass
        self.selects = False  # the arrows make a selection of lines longer
        self.covered = False  # another screen is on top: its keys act, not these
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
        if self.covered:
            return Content("")
        if frame.behind is not None or frame.player:
            return past_line(frame, width)
        if frame.failure:
            keys = [("session.retry", frame.again), ("session.open", "open another"), ("session.quit", "quit")]
            if frame.aside:
                keys.insert(0, ("session.back", "back to live"))
            pressed = [(frame.press(name), word) for name, word in keys]
            return line(*(piece for k, word in pressed for piece in ((k, "bold $accent"), (f" {word}   ", "$muted"))))
        told = (
            width,
            frame.in_prompt,
            self.narrow,
            self.finds,
            self.filters,
            self.selects,
            frame.read_only,
            frame.controllable,
            frame.post_mortem,
            frame.not_now,
            frame.aside,
            frame.held,
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

    def _of_search(self) -> tuple[tuple[str, str], ...]:
        """Actions while something is looked for or filtered, and a word on each."""
        if self.filters:
            return ("view.find", "other filter"), ("view.leave", "all events")
        return (("view.find_next", "next"), ("view.find_previous", "previous")) if self.finds else ()

    def _usual(self, frame: Frame, width: int) -> Content:
        parts: list[tuple[int, Content]] = []
        if frame.in_prompt:
            extras = (("Enter", "send", 0), ("^j", "newline", 3), (frame.keys["view.leave"], "panes", 0))
            parts += [(weight, line((key, "bold $accent"), (f" {word}", "$muted"))) for key, word, weight in extras]
        elif self.selects:
            keys = (("up down", "extend"), (frame.keys["chat.copy"], "copy"), (frame.keys["view.leave"], "leave"))
            parts.append((1, line(("selecting lines", "bold $info"))))
            parts += [(0, line((key, "bold $accent"), (f" {word}", "$muted"))) for key, word in keys]
        else:
            for name, word in self._of_search():
                part = line((frame.keys[name], "bold $accent"), (f" {word}", "$muted"))
                parts.append((0, part.stylize(Style.from_meta({"@click": f"app.do('{name}')"}))))
        for action in self._actions if not self.selects else ():
            if not action.footer or not action.keys or (frame.in_prompt and not action.everywhere):
                continue
            if (self.narrow and action.id in VIEW_ACTIONS) or (self.filters and action.id == "view.find"):
                continue
            if unavailable(
                action,
                read_only=frame.read_only,
                controllable=frame.controllable,
                seen=frame.seen,
                file=frame.post_mortem,
                not_now=frame.not_now,
                aside=frame.aside,
            ):
                continue
            key = key_label(action.keys[0])
            if action.id == "log.previous_error":
                key = f"{frame.keys['log.next_error']}/{key}"
            lets_go = frame.held and action.id == "view.hold"
            part = line((key, "bold $accent"), (" lets go" if lets_go else f" {action.footer}", "$muted"))
            weight = 0 if lets_go else KEY_WEIGHTS.get(action.id, SELDOM)
            parts.append((weight, part.stylize(Style.from_meta({"@click": f"app.do('{action.id}')"}))))
        return fit(parts, width, frame.glyphs, gap=_gap(parts, width))


def _gap(parts: Sequence[tuple[int, Content]], width: int) -> int:
    """Columns between two keys: fewer where that leaves room for one more that is wanted often."""
    if width < TIGHT:
        return 1
    wanted = [part.cell_length + 3 for weight, part in parts if weight < SELDOM]
    return 3 if sum(wanted) - 3 <= width else 2
