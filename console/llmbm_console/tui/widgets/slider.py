"""A slider bound both ways: what the person wants is sent, what the kernel accepted is shown, a refusal says why."""

from __future__ import annotations

import contextlib

from textual import events
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from llmbm_console.core.parameter_text import refusal
from llmbm_console.core.state.state import PendingValue
from llmbm_console.tui.glyphs import BLOCKS, Glyphs
from llmbm_console.tui.rail import rail
from llmbm_console.tui.scale import Scale
from llmbm_console.tui.text import Piece, clip, dimmed, line

NAME_WIDTH = 11
VALUE_WIDTH = 9
DEBOUNCE = 0.15  # seconds without a move before the value is sent

#: No letters: those are keys of actions, and `L` for "load a saved state" must not set another value on the way.
MOVES = {"left": -1, "right": 1, "shift+left": -10, "shift+right": 10}


class Slider(Widget, can_focus=True):
    """One parameter in one row. Left and right move, shift moves further, digits type a value, wheel and drag work.

    A typed value is set by Enter, and by going on to something else; while it is typed, letters are no commands.

    The wheel moves the knob of the slider that the pointer was moved onto: one that was scrolled below a pointer at
    rest lets the wheel go on scrolling, and so does the name, where a list that is longer than its room is taken hold
    of.
    """

    DEFAULT_CSS = """
    Slider { height: 1; background: $background; text-wrap: nowrap; text-overflow: clip; }
    Slider:hover, Slider:focus { background: $surface; }
    """
    ALLOW_SELECT = False

    class Moved(Message):
        """The person wants another value; sent once the moves have settled. `take` gives it."""

        def __init__(self, slider: Slider) -> None:
            super().__init__()
            self.slider = slider

    class Refused(Message):
        """What was typed is no value of this parameter: `why` names it, and those that are."""

        def __init__(self, slider: Slider, why: str) -> None:
            super().__init__()
            self.slider, self.why = slider, why

    class Described(Message):
        """What there is to say about this slider changed."""

    def __init__(self, scale: Scale, *, id: str) -> None:
        super().__init__(id=id)
        self.scale = scale
        self.glyphs: Glyphs = BLOCKS
        self.accepted: int | None = None  # the kernel's value
        self.wanted: int | None = None  # asked for by the person, not yet accepted
        self.pending: PendingValue | None = None
        self._moved = False  # and not taken yet
        self._asked = 0  # values that the kernel was asked for and has not answered
        self.typed = ""
        self.strange = ""  # what was pressed last, where only digits are part of what is typed
        self.problem = ""  # why what was typed or sent is not possible: until the next key, as its notice
        self.only_shows = False  # shows a value that is not the one in force now: it cannot be moved
        self.last_known = False  # its value was in force in a kernel that is no more
        self._refused = False  # a digit came meanwhile
        self._pointed = Offset(-1, -1)  # the place on the screen to which the pointer was moved over this slider
        self._timer: Timer | None = None

    # ---- from the kernel

    def show(self, accepted: int | None, pending: PendingValue | None, scale: Scale, glyphs: Glyphs) -> None:
        """The kernel's value and what is known of a change on its way."""
        if (accepted, pending, scale, glyphs) == (self.accepted, self.pending, self.scale, self.glyphs):
            return
        told = accepted != self.accepted or (pending is None and self.pending is not None)
        if told and self._settled:
            self.wanted, self.problem = None, ""  # a new value from the kernel: an old refusal is history
        self.accepted, self.pending, self.scale, self.glyphs = accepted, pending, scale, glyphs
        self.post_message(self.Described())
        self.refresh()

    def only_show(self, shows: bool) -> None:
        """Whether it only shows; what was being typed is dropped. Unlike a disabled one it keeps the focus."""
        if shows and self.typed:
            self.typed = ""
            self.refresh()
        self.only_shows = shows

    def only_known(self, last: bool) -> None:
        """Whether no kernel has its value any more: it is drawn faintly."""
        if last is not self.last_known:
            self.last_known = last
            self.refresh()

    # ---- from the person

    @property
    def value(self) -> int:
        """Where the knob is."""
        if self.wanted is not None:
            return self.wanted
        return self.accepted if self.accepted is not None else self.scale.parameter.default

    @property
    def imagined(self) -> int:
        """What it would be: the value that is being typed as soon as that is one, else where the knob is."""
        if self.typed:
            with contextlib.suppress(ValueError):
                return self.scale.parse(self.typed)
        return self.value

    @property
    def why_not(self) -> str:
        """Why what is being typed is no value of the parameter, which names those that are; empty while it is one, or
        may become one."""
        if self.typed not in ("", "."):
            try:
                self.scale.parse(self.typed)
            except ValueError as error:
                return str(error)
        return ""

    @property
    def movable(self) -> bool:
        """Whether there is a kernel that would take another value."""
        return self.accepted is not None and not self.disabled and not self.only_shows

    @property
    def parameter(self) -> str:
        """Name of the parameter."""
        return self.scale.parameter.name

    @property
    def _settled(self) -> bool:
        """Whether the knob need not stay where the person wants it: nothing is on its way there."""
        return not self._moved and not self._asked

    def want(self, value: int, *, now: bool = False) -> None:
        """Moves the knob; the value is sent when the moves have settled."""
        if not self.movable:
            return
        self.problem, self.typed, self._moved = "", "", True
        self.wanted = self.scale.clamp(value)
        self._stop_timer()
        if now:
            self.post_message(self.Moved(self))
        else:
            self._timer = self.set_timer(DEBOUNCE, lambda: self.post_message(self.Moved(self)))
        self.post_message(self.Described())
        self.refresh()

    def take(self) -> int | None:
        """The value that the knob was moved to, to be asked for now; None when it was taken already."""
        self._stop_timer()
        value = self.wanted if self._moved else None
        self._moved = False
        if self._settled:
            self.wanted = None  # unless it is asked for: it may be in force already
            self.refresh()
        return value

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def asks(self, value: int) -> None:
        """The kernel is asked for a value: the knob stands there until the last answer."""
        self._asked += 1
        self.problem = ""
        if not self._moved:
            self.wanted = value
        self.post_message(self.Described())
        self.refresh()

    def answered(self, problem: str = "") -> None:
        """The kernel took the value, or did not and says why: its own value is shown, unless the knob moved on."""
        self._asked -= 1
        self.problem = problem if self.has_focus else ""
        if self._settled:
            self.wanted = None
        self.post_message(self.Described())
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Moves and typing; everything else goes on to the panes."""
        key, character = event.key, event.character or ""
        self._forget_problem()
        self.strange = ""
        if self.only_shows:
            # The point of a number would go to now, where the rest of it would be typed and sent.
            point = character == "." and self._refused
            self._refused = character.isdecimal()
            if self._refused or point:
                event.stop()
                event.prevent_default()
            return
        if self.typed and key in ("enter", "escape", "backspace"):
            self._edit(key)
        elif character and character in "0123456789." and self.accepted is not None:
            self.typed += character
        elif self.typed and event.is_printable:
            self.strange = character  # Q in the middle of a number does not mean the machine
        elif not self.typed and key in MOVES:
            step = MOVES[key]
            self.want(self.scale.stepped(self.value, 1 if step > 0 else -1, coarse=abs(step) > 1))
        else:
            return
        event.stop()
        event.prevent_default()
        self.post_message(self.Described())
        self.refresh()

    def _edit(self, key: str) -> None:
        if key == "enter":
            self._set_typed()
        else:
            self.typed = self.typed[:-1] if key == "backspace" else ""

    def _set_typed(self) -> None:
        typed, self.typed = self.typed, ""
        try:
            self.want(self.scale.parse(typed), now=True)
        except ValueError as error:
            self.problem = refusal(self.parameter, typed, str(error))
            self.post_message(self.Refused(self, self.problem))

    def _forget_problem(self) -> None:
        if self.problem:
            self.problem = ""
            self.post_message(self.Described())
            self.refresh()

    def on_blur(self) -> None:
        """Who goes on sets what was typed, or is told why not. Whose terminal has lost the focus does not go on."""
        if self.typed and self.app.app_focus:
            self._set_typed()
        self._forget_problem()

    def _rail(self) -> tuple[int, int]:
        """First column of the rail and its width."""
        return NAME_WIDTH, max(0, self.size.width - NAME_WIDTH - VALUE_WIDTH - 1)

    def _pull(self, x: int) -> None:
        start, width = self._rail()
        if self.scale.has_rail and width > 1 and start <= x < start + width:
            self.want(self.scale.value_at((x - start) / (width - 1)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Takes hold of the knob."""
        self.capture_mouse()
        self._pull(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drags it, or makes it the one that the wheel moves."""
        self._pointed = event.screen_offset
        if event.button and self.app.mouse_captured is self:
            self._pull(event.x)

    def on_mouse_up(self) -> None:
        """Lets go."""
        self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """One step up."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """One step down."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, steps: int) -> None:
        meant = self.has_focus or (event.screen_offset == self._pointed and event.x >= NAME_WIDTH)
        if meant and self.movable:
            event.stop()
            self.want(self.scale.stepped(self.value, steps))

    def on_leave(self) -> None:
        """The pointer is elsewhere, or the list was scrolled below it."""
        self._pointed = Offset(-1, -1)

    # ---- drawing

    def render(self) -> Content:
        """Name, rail with the knob (and the kernel's value while another is on its way), value."""
        name: Piece = (f"{self.scale.parameter.name:<{NAME_WIDTH}}", "bold $focus" if self.has_focus else "$muted")
        if self.accepted is None:
            return line(name, (self.glyphs.rail * self._rail()[1], "$faint"), (f" {'-':>{VALUE_WIDTH}}", "$muted"))
        row = line(*self._rail_pieces(), (f" {self._value_text():>{VALUE_WIDTH}}", self._value_style()))
        return line(name, dimmed(row) if self.last_known else row)

    def _value_text(self) -> str:
        if self.typed:
            room, sign = VALUE_WIDTH - 1, self.glyphs.ellipsis
            typed = self.typed if len(self.typed) <= room else sign + self.typed[len(sign) - room :]
            return typed + self.glyphs.cursor
        value = self.value
        text = self.scale.text(value)
        off = self.scale.parameter.off
        told = "off" if off is not None and value == off else text
        return clip(told, VALUE_WIDTH if self.scale.has_rail else 20, self.glyphs.ellipsis)

    def _value_style(self) -> str:
        if self.problem or self.why_not:
            return "bold $bad"
        moving = self.wanted is not None and self.wanted != self.accepted
        return "$warn" if moving or self.typed else "bold $foreground" if self.has_focus else "$foreground"

    def _rail_pieces(self) -> list[Piece]:
        width = self._rail()[1]
        if not self.scale.has_rail:
            return [(" " * max(0, width - max(0, len(self._value_text()) - VALUE_WIDTH)), "")]
        moving = self.wanted is not None and self.wanted != self.accepted
        style = "$bad" if self.problem else "$warn" if moving else "$accent" if self.has_focus else "$foreground"
        ghost = self.scale.share(self.accepted or 0) if moving else None
        return rail(width, self.scale.share(self.value), ghost, style, self.glyphs)
