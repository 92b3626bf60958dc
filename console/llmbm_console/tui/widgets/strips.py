"""Lines without a frame: what they have in common, the line of views, and the verdict of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip as TextualStrip
from textual.style import Style

from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.arrange import TABS
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import flat, line, middle, shorten, shortened, wrap
from llmbm_console.tui.widgets.edged import Edged, Look

#: Titles of views where there is no room for the whole ones.
SHORT = {"memory": "Mem", "machine": "Mach"}


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
        if with_keys.cell_length <= width:
            return with_keys
        spaced = self._views(frame, keys=False)
        if spaced.cell_length <= width:
            return spaced
        tight = self._views(frame, keys=False, tight=True)
        if tight.cell_length > width:
            tight = self._views(frame, keys=False, tight=True, titles=SHORT)
        return shortened(tight, width, frame.glyphs.ellipsis)

    def _views(
        self, frame: Frame, *, keys: bool, tight: bool = False, titles: Mapping[str, str] = MappingProxyType({})
    ) -> Content:
        if frame.state.log is not self._log:
            self._log = frame.state.log
            self._troubles = sum(1 for entry in self._log if entry.to_look_at)
        troubles = self._troubles
        parts: list[Content] = []
        for name, title, panes in TABS:
            if not self.narrow and name == "sampling":
                continue  # it stands in the main view
            title = titles.get(name, title)
            label = f"{title} {troubles} " if name == "log" and troubles else f"{title} "
            label = label if tight else f" {label}"
            style = "bold reverse $accent" if name == self.tab else "$warn" if name == "log" and troubles else "$muted"
            action = f"pane.{panes[0]}" if name == "sampling" else f"view.{'console' if name == 'chat' else name}"
            key = frame.keys[action] if keys and name != self.tab else ""
            part = line((f" {key}" if key else "", "bold $accent"), (label, style))
            if name != self.tab:
                part = part.stylize(Style.from_meta({"@click": f"app.do('{action}')"}))
            parts.append(part)
        return Content("" if self.narrow else " ").join(parts)


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
        what = "FILE" if state.file_kind in ("text", "picture") else "POST-MORTEM"
        kind = line((f"{what}  ", "bold $info"), (f"{state.file_kind}  ", "bold $foreground"))
        path = middle(state.file_path, width - kind.cell_length, frame.glyphs.ellipsis)
        rows = verdict_lines(state.verdict, width, max(0, self.content_size.height - 1), frame.glyphs)
        return Content("\n").join([shortened(line(kind, (path, "$muted")), width, frame.glyphs.ellipsis), *rows])
