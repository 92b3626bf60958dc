"""A line above the hex lens: the entropy of what it looks at, by address."""

from __future__ import annotations

from textual.content import Content
from textual.message import Message
from textual.style import Style

from llmbm_console.core.machine.byte_classes import Kind, Sample, samples
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import line, shortened
from llmbm_console.tui.widgets.hex_reach import unreached
from llmbm_console.tui.widgets.hex_view import HexView
from llmbm_console.tui.widgets.strips import Strip

NAME, TOLD = "entropy", 14  # columns of what is told of the place in view


class ByteStrip(Strip):
    """A sign for each part of the lens's arena: its height is the entropy of a sample of it. Zeros are a line, text has
    a colour, and the part in view is lit; a click goes to a part. Samples are asked for by a message."""

    class SamplesWanted(Message):
        """Samples of memory are wanted, under a key with which they are handed over."""

        def __init__(self, key: object, places: list[Sample]) -> None:
            super().__init__()
            self.key, self.places = key, places

    def __init__(self, lens: HexView, *, id: str) -> None:
        super().__init__(id=id)
        self._lens = lens
        self._key: object = None  # of the samples that were asked for last
        self._places: list[Sample] = []
        self._kinds: dict[int, Kind] = {}
        self._reason = ""  # why there are none

    def put(self, key: object, kinds: dict[int, Kind]) -> bool:
        """Samples came, by their number; False when others are wanted by now."""
        if key == self._key:
            self._kinds |= kinds
            self.show(self._frame)
        return key == self._key

    def fail(self, key: object, reason: str) -> None:
        """There are none."""
        if key == self._key:
            self._reason = reason
            self.show(self._frame)

    def content_for(self, frame: Frame, width: int) -> Content:
        """The line; empty while memory cannot be read."""
        span, room = self._lens.span, width - len(NAME) - TOLD - 2
        if unreached(frame).reason or span.end <= span.first or room < 4:
            return Content("")
        key = (span.first, span.end, room, frame.state.machine.since)
        if key != self._key:
            self._key, self._kinds, self._reason = key, {}, ""
            self._places = samples(span.first, span.end, room)
            self.post_message(self.SamplesWanted(key, self._places))
        name = line((f"{NAME} ", "$muted"))
        if self._reason:
            return shortened(line(name, (self._reason, "$muted")), width, frame.glyphs.ellipsis)
        cells, size = len(self._places), span.end - span.first
        here = max(0, min(cells - 1, (self._lens.place - span.first) * cells // size))
        parts = [self._cell(frame, number, lit=number == here) for number in range(cells)]
        kind = self._kinds.get(here)
        word = "" if kind is None else "zeros" if kind.zero else f"{kind.bits:.1f} bits of 8"
        return line(name, *parts, (f" {word}", "$foreground"))

    def _cell(self, frame: Frame, number: int, *, lit: bool) -> Content:
        kind, levels = self._kinds.get(number), frame.glyphs.levels
        if kind is None:
            sign, style = " ", "$faint"
        elif kind.zero:
            sign, style = frame.glyphs.track, "$border"
        else:
            sign = levels[min(len(levels) - 1, int(kind.bits / 8 * len(levels)))]
            style = "$accent" if kind.text else "$muted"
        cell = line((sign, f"reverse {style}" if lit else style))
        return cell.stylize(Style.from_meta({"@click": f"app.look_at({self._places[number].address})"}))
