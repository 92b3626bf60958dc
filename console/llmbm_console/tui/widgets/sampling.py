"""The sampling pane: a slider for each sampling parameter, what they would keep of the last token's distribution, and
what the one in hand means or why it was refused."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from llmbm_console.core.answers.distribution import Rules
from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.state.state import State, TokenInfo
from llmbm_console.tui.pages.choices import known, newest, slice_line, slice_text, told_turn, vocab_of
from llmbm_console.tui.scale import Scale
from llmbm_console.tui.text import flat, line, shortened, wrap
from llmbm_console.tui.widgets.framed import Framed
from llmbm_console.tui.widgets.slider import MOVES, Slider
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.words import Stream

#: Those that cut a distribution: the others change what it is.
CUTTING = ("temp", "min_p", "top_p", "top_k")


def accepted(state: State, name: str) -> int | None:
    """The kernel's value of a sampling parameter; None where it is not known: not every file tells them all."""
    value: int | None = told(state.sampling, FIELDS[name])
    return value


class SliderColumn(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls to the slider that has the focus; the arrows go from one to the next, also where not all have room."""

    class Scrolled(Message):
        """Other sliders are in sight."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The pane says how many are not in sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())

    def on_resize(self) -> None:
        """The one that has the focus stays in sight."""
        self.call_after_refresh(self.show_focused)
        self.post_message(self.Scrolled())

    def on_descendant_focus(self) -> None:
        """See on_resize."""
        self.show_focused()

    def show_focused(self) -> None:
        """Scrolls as far as it takes to have the slider with the focus in sight."""
        focused = next((slider for slider in self.children if slider.has_focus), None)
        if focused is not None:
            self.scroll_to_widget(focused, animate=False)

    @property
    def out_of_sight(self) -> tuple[int, int]:
        """Sliders above and below what is in sight; each takes a row."""
        above = round(self.scroll_y)
        return above, max(0, len(self.children) - above - self.size.height) if self.size.height else 0


class SamplingPanel(Framed, can_focus=True):
    """Sliders, scrolled when they do not fit, over one line of explanation. While it has the focus itself and no slider
    of it, digits go to panes as they do in the others."""

    pane, number, title_text = "sampling", 7, "Sampling"

    DEFAULT_CSS = """
    SamplingPanel { border: round $border; padding: 0 1; background: $background; layout: vertical; }
    SamplingPanel:focus-within { border: round $focus; }
    SamplingPanel.-ascii { border: ascii $border; }
    SamplingPanel.-ascii:focus-within { border: ascii $focus; }
    SamplingPanel > VerticalScroll { height: 1fr; scrollbar-size: 0 0; background: $background; }
    SamplingPanel > Static {
        height: auto; color: $muted; text-wrap: nowrap; text-overflow: ellipsis; background: $background;
    }
    SamplingPanel.-tight > Static { display: none; }
    SamplingPanel > #whatif { height: 2; display: none; }
    SamplingPanel.-whatif > #whatif { display: block; }
    SamplingPanel.-tight > #whatif { display: none; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.sliders = {
            p.name: Slider(Scale.of(p), id=f"slider-{p.name}") for p in PARAMETERS if p.sampling and p.name in FIELDS
        }
        self._last: Slider | None = None  # that had the focus
        self._column = SliderColumn()
        self._note = Static("", markup=False)
        self._noted = Content("")
        self._whatif = Static("", markup=False, id="whatif")
        self._imagined = Content("")
        self._made_from: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Sliders above the note."""
        with self._column:
            yield from self.sliders.values()
        yield self._whatif
        yield self._note

    def _draw(self) -> None:
        if (made_from := self._made_of()) == self._made_from:
            return
        self._made_from = made_from
        frame, state = self._frame, self._frame.state
        context = state.model.seq_len if state.model is not None else 0
        for name, slider in self.sliders.items():
            slider.disabled = frame.read_only
            slider.only_show(frame.held)
            slider.only_known(frame.last_known)
            slider.show(
                accepted(state, name),
                state.pending.get(name),
                Scale.of(slider.scale.parameter, context, vocab_of(state)),
                frame.glyphs,
            )
        if self.display:  # where it is not shown, presets and undo still move its sliders
            self._describe()

    def _made_of(self) -> tuple[object, ...]:
        """All that is drawn from a frame: as long as it is the same, only the sliders' own news are to be told."""
        frame, state = self._frame, self._frame.state
        token = self._last_token()
        return (
            state.sampling,
            state.pending,
            state.model,
            token.choice if token is not None else None,
            "" if frame.live else frame.stale(Stream.SAMPLING),
            *(frame.read_only, frame.held, frame.not_now, frame.live, frame.post_mortem, frame.choices),
            *(
                frame.last_known,
                frame.in_prompt,
                frame.glyphs,
                frame.keys,
                self.outer_size,
                self.display,
                self.has_focus_within,
            ),
        )

    def on_resize(self) -> None:
        """Little room goes to the sliders."""
        self.set_class(self.size.height < 6, "-tight")

    def on_slider_column_scrolled(self) -> None:
        """See SliderColumn."""
        self._describe()

    def on_slider_described(self) -> None:
        """A slider has something else to say."""
        self._describe()

    def on_key(self, event: events.Key) -> None:
        """From the pane to its sliders."""
        if self.has_focus and event.key in ("enter", *MOVES):
            event.stop()
            event.prevent_default()
            self.to_focus.focus()

    def focus_changed(self) -> None:
        """The note follows the focus."""
        self._describe()

    def on_descendant_focus(self) -> None:
        """See focus_changed."""
        self._last = next((slider for slider in self.sliders.values() if slider.has_focus), self._last)
        self._describe()

    def on_descendant_blur(self) -> None:
        """See focus_changed."""
        self._describe()

    def _last_token(self) -> TokenInfo | None:
        """The last token of which it is known how it was chosen, as long as its kernel runs and its context is not
        emptied."""
        state = self._frame.state
        turn = told_turn(state)
        emptied = state.turn is None and state.kv is not None and not state.kv.rows
        if turn is None or turn.started_at < state.boot_at or emptied or self._frame.last_known:
            return None
        return newest(state)

    def _imagine(self) -> None:
        """What the sliders as they stand would keep of the last real distribution, before anything is sent."""
        frame, state = self._frame, self._frame.state
        token = self._last_token()
        distribution = known(token.choice, vocab_of(state)) if token is not None and token.choice is not None else None
        self.set_class(distribution is not None, "-whatif")
        if state.sampling is None or distribution is None:
            told = frame.read_only or frame.choices or state.sampling is None
            hint = "" if told else f"{frame.keys['chat.probabilities']} shows what these keep"
            self._hint(hint)
            return
        self._hint("what if: the last token")
        record = state.sampling
        moved = record.model_copy(update={FIELDS[name]: self.sliders[name].imagined for name in CUTTING})
        cut, before = distribution.cut(Rules.of(moved)), distribution.cut(Rules.of(record))
        width = max(10, self.content_size.width)
        words = shortened(slice_text(distribution, cut, before, width), width, frame.glyphs.ellipsis)
        text = Content("\n").join([slice_line(distribution, cut, width, frame.glyphs), words])
        if not text.is_same(self._imagined):
            self._imagined = text
            self._whatif.update(text)

    def _hint(self, text: str) -> None:
        """The lower edge: how to leave, as digits do not go to other panes here, presets, and what else there is.
        While a value is typed none of these keys acts, and the note tells which do."""
        keys = self._frame.keys
        own = (
            (
                f"{keys['view.leave']} leaves",
                f"{keys['sampling.save_preset']} save  {keys['sampling.use_preset']} use a preset",
            )
            if self.has_focus_within and not any(slider.typed for slider in self.sliders.values())
            else ()
        )
        between, room = f" {self.glyphs.separator} ", self.edge_room
        whole = between.join(part for part in (*own, text) if part)
        self.set_heading(bottom=line((whole if len(whole) <= room else between.join(own) or text, "$muted")))

    def _describe(self) -> None:
        self._imagine()
        state = self._frame.state
        stale = (
            self._frame.stale(Stream.SAMPLING)
            if self._frame.state.sampling is not None and not self._frame.live
            else ""
        )
        sending = any(slider.wanted is not None for slider in self.sliders.values())
        word, style = ("sending", "$warn") if sending else (stale, "$warn") if stale else ("", "$muted")
        if self._frame.read_only and state.sampling is not None:
            word, style = "read only", "$muted"
        elif self._frame.held and state.sampling is not None:
            word, style = "read only", "$info"
        told = next((slider for slider in self.sliders.values() if slider.has_focus), None)
        width = max(10, self.content_size.width)
        if state.sampling is None:
            text = line(
                (
                    "No sampling record in this file." if self._frame.post_mortem else "No values yet from the kernel.",
                    "$muted",
                )
            )
        elif self._frame.read_only:
            if self._frame.post_mortem:
                told_by = "as they were when the file was written"
            else:
                told_by = "as they were at this moment" if self._frame.recorded else "this session only watches"
            text = line((told_by, "$muted"))
        elif self._frame.held:
            text = line((self._frame.not_now, "$info"))
        elif told is not None and told.problem:
            text, word, style = _lines(told.problem, width, "$bad"), "refused", "$bad"
        elif told is not None and told.typed:
            text, word, style = self._typing(told, width, word, style)
        elif told is not None:
            text = _lines(told.scale.parameter.help, width, "$muted")
        elif self.has_focus:
            text = line(("Enter or an arrow goes to the sliders", "$muted"))
        else:
            text = line((f"{self._frame.keys['pane.sampling']} goes here, left right move", "$muted"))
        above, below = self._column.out_of_sight
        more = ", ".join(f"{count} more {where}" for count, where in ((above, "above"), (below, "below")) if count)
        self.set_heading(line((more, "$info"), ("  " if more and word else "", ""), (word, style)))
        if self.content_size.width and not text.is_same(self._noted):  # laid out for a width that it has
            self._noted = text
            self._note.update(text)

    def _typing(self, slider: Slider, width: int, word: str, style: str) -> tuple[Content, str, str]:
        """What to do with what is being typed, or what is wrong with it; the word on the upper edge, and its style."""
        leaves = "Esc leaves it"
        strange = f'"{flat(slider.strange)}" is no digit' if slider.strange else ""
        if why := slider.why_not:
            told = "; ".join(part for part in (strange, why, leaves) if part)
            return _lines(told, width, "$bad"), "no value", "$bad"
        if strange:
            return _lines(f"{strange}: Enter sets {slider.typed}, {leaves}", width, "$warn"), word, style
        return line((f"Enter sets it, {leaves}", "$muted")), word, style

    @property
    def to_focus(self) -> Slider:
        """The slider that had the focus last, or the first."""
        return self._last or next(iter(self.sliders.values()))

    def step_focus(self, direction: int) -> None:
        """Moves to the slider above or below."""
        if self.has_focus:
            self.to_focus.focus()
            return
        sliders = list(self.sliders.values())
        index = next((index for index, slider in enumerate(sliders) if slider.has_focus), 0)
        sliders[(index + direction) % len(sliders)].focus()


def _lines(text: str, width: int, style: str) -> Content:
    """The text in as many rows as it takes."""
    return Content("\n").join(line((text[start:end], style)) for start, end in wrap(text, width))
