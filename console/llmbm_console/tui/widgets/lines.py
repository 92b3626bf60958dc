"""A scrolling list of ready-made lines by Textual's line API.

Only what is visible is rendered, and a change repaints only its rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scrollbar import ScrollBarRender
from textual.selection import Selection
from textual.strip import Strip

from llmbm_console.core.counted import counted
from llmbm_console.tui.finding import counts, places_of
from llmbm_console.tui.glyphs import Glyphs
from llmbm_console.tui.text import plain
from llmbm_console.tui.widgets.edged import Edged, Look
from llmbm_console.tui.widgets.framed import Framed
from llmbm_console.tui.widgets.line_bar import LateBar, WholeCells


class Line(NamedTuple):
    """One row: its text, the component class it is drawn with, and how much of its beginning is not copied."""

    text: str
    style: str
    gutter: int = 0
    gutter_style: str = ""
    soft: bool = False  # the next row continues this one
    marks: tuple[tuple[int, int, str], ...] = ()  # parts drawn with other component classes, in their order


NO_LINE = Line("", "")  # below the last one
KEPT_SCREENS = 8  # so many times the visible rows are kept ready
MOST_COPIED = 100_000  # rows of one selection


class Place(NamedTuple):
    """What is seen of a list, and what is marked in it."""

    top: float  # row
    following: bool
    selected_row: int
    found: str
    found_column: int


class LineView(LateBar, Edged, Framed, can_focus=True):
    """Rows to scroll, select and copy; follows the end until it is scrolled up."""

    END = "the newest"  # what stands at the end, in words

    DEFAULT_CSS = """
    LineView {
        border: round $border; padding: 0 1; background: $background;
        scrollbar-size: 1 1; scrollbar-color: $border; scrollbar-color-hover: $muted; scrollbar-color-active: $focus;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        overflow-x: hidden; overflow-y: scroll;
    }
    LineView:focus { border: round $focus; }
    LineView.-ascii { border: ascii $border; }
    LineView.-ascii:focus { border: ascii $focus; }
    """

    #: The arrows move a selection where there is one; a scroll view's own only scroll.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "screen.step(-1)", show=False),
        Binding("down", "screen.step(1)", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows: list[Line] = []
        self.following = True
        self.selected_row = -1
        self.found = ""  # where it was found last, in words
        self._found_column = 0  # of that place, in the selected row
        self._kept: Place | None = None  # to come back to
        self.sought = ""  # what is looked for, as it was written; its places are marked
        self._styles_for: dict[str, Style] = {}
        self._drawn: dict[int, tuple[Line, Strip]] = {}  # rows as they went to the screen, frame and filters included
        self._window, self._window_of = Size(0, 0), Size(0, 0)

    def set_glyphs(self, glyphs: Glyphs) -> None:
        """Another set of signs, for the scroll bar too."""
        super().set_glyphs(glyphs)
        self.vertical_scrollbar.renderer = WholeCells if glyphs.border == "ascii" else ScrollBarRender  # type: ignore[misc]

    # ---- content

    @property
    def window(self) -> Size:
        """Columns and rows of the text that is seen. To work it out, Textual asks the screen where the widget is: it is
        wanted several times for each picture, and another one only with another size of the whole."""
        outer = self.outer_size
        if outer != self._window_of:
            self._window_of, self._window = outer, self.scrollable_content_region.size
        return self._window

    @property
    def row_count(self) -> int:
        """How many rows there are. With `row_line`, what a view overrides that makes its rows when they are seen."""
        return len(self.rows)

    def row_line(self, row: int) -> Line:
        """One row, the same object as long as it is the same."""
        return self.rows[row]

    def set_rows(self, first: int, rows: list[Line], *, removed: int = 0) -> None:
        """Replaces the rows from `first` on, after `removed` rows went from the beginning."""
        if removed:
            del self.rows[:removed]
        old = len(self.rows)
        del self.rows[first:]
        self.rows.extend(rows)
        self.rows_changed(first, old, removed=removed)

    def rows_changed(self, first: int, old: int, *, removed: int = 0) -> None:
        """Draws what changed: `removed` rows went from the beginning, of the `old` ones that were left those from
        `first` on are others."""
        count = self.row_count
        if removed:
            self.selected_row = max(-1, self.selected_row - removed)
            if self._kept is not None:
                kept, gone = self._kept, max(-1, self._kept.selected_row - removed)
                self._kept = kept._replace(top=max(0.0, kept.top - removed), selected_row=gone)
        grown = count != self.virtual_size.height or bool(removed)
        width, height = self.window
        if grown:
            self.grow(width, count)
        if self.following:
            if grown and self.max_scroll_y != self.scroll_offset.y:
                # scroll_end would stop animations, of which there are none, and send two messages about it
                self.scroll_target_y = self.scroll_y = float(self.max_scroll_y)
        elif removed:
            self.scroll_to(y=max(0, self.scroll_offset.y - removed), animate=False, immediate=True)
        if removed or self.text_selection is not None:
            self.refresh()
        else:
            top = max(0, first - self.scroll_offset.y)
            bottom = min(height, max(old, count) - self.scroll_offset.y)
            if top < bottom:
                self.refresh(Region(0, top, width, bottom - top))

    # ---- following the end

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Scrolling up stops following, reaching the end resumes it."""
        if round(old) != round(new):
            self.refresh(Region(0, 0, *self.window))
        at_end = new >= self.max_scroll_y
        # Text that grows moves the end away without a scroll; only a move upwards stops following.
        if at_end != self.following and (at_end or new < old):
            self.following = at_end
            self.follow_changed()
        self.place_bar()

    def follow_changed(self) -> None:
        """Called when following began or ended."""

    def below_words(self) -> str:
        """What the lower edge says while the end is not followed; empty while it is."""
        if self.following:
            return ""
        below = max(0, self.row_count - self.scroll_offset.y - self.window.height)
        if not below:
            return ""
        return f"{counted(below, 'line')} below {self.glyphs.separator} {self._frame.press('view.live')} to {self.END}"

    def follow(self) -> None:
        """Goes to the end and follows it."""
        self.following = True
        self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.follow_changed()

    def step(self, direction: int) -> bool:
        """See Stepped."""
        self.scroll_relative(y=direction, animate=False)
        return True

    def page(self, direction: int) -> bool:
        """See Stepped."""
        self.scroll_relative(y=direction * max(1, self.size.height - 1), animate=False)
        return True

    def top(self) -> bool:
        """See Stepped."""
        self.scroll_home(animate=False)
        return True

    def on_resize(self) -> None:
        """A follower stays at the end."""
        if self.following:
            self.call_after_refresh(self.scroll_end, animate=False, immediate=True, x_axis=False)

    # ---- finding

    class Sought(Message):
        """Something else is looked for, or nothing."""

    @property
    def _in_any_case(self) -> str:
        return plain(self.sought).casefold()

    def find(self, text: str) -> int:
        """Marks every place of a text, whatever its case, and goes to the newest one; returns how many there are."""
        self.sought, self.found = text, ""
        self.selected_row = -1
        _rows, ends = counts(self.rows, self._in_any_case)
        if ends:
            self.step_found(-1)
        else:
            self.found_changed()
        self.post_message(self.Sought())
        self.refresh()
        return ends[-1] if ends else 0

    @property
    def places(self) -> int:
        """How many places there are of what is looked for."""
        _rows, ends = counts(self.rows, self._in_any_case)
        return ends[-1] if ends else 0

    def _columns(self, row: int) -> list[int]:
        """Where places begin in a row."""
        return [place[0].start for place in places_of(self.rows, row, self._in_any_case) if place[0].row == row]

    def step_found(self, direction: int) -> bool:
        """Goes to the next (1) or previous (-1) place of what is looked for, behind the last one to the first and the
        other way round; False when there is none at all."""
        rows, ends = counts(self.rows, self._in_any_case)
        if not rows:
            self.found = f'"{self.sought}": not found'
            self.found_changed()
            return False
        start = self.selected_row if self.selected_row >= 0 else (self.row_count if direction < 0 else -1)
        among = bisect_left(rows, start)
        place = ends[among - 1] if among else 0  # so many are above the row
        if among < len(rows) and rows[among] == start:
            side = bisect_right if direction > 0 else bisect_left
            place += side(self._columns(start), self._found_column)
        place -= direction < 0
        around = "" if 0 <= place < ends[-1] else ", from the top" if direction > 0 else ", from the end"
        place %= ends[-1]
        among = bisect_right(ends, place)
        self._found_column = self._columns(rows[among])[place - (ends[among - 1] if among else 0)]
        self.select(rows[among])
        self.found = f'"{self.sought}": {place + 1:,} of {ends[-1]:,}{around}'
        self.found_changed()
        return True

    def keep_place(self) -> None:
        """Remembers what is seen and marked, to come back to it."""
        self._kept = Place(self.scroll_offset.y, self.following, self.selected_row, self.found, self._found_column)

    def back_to_place(self) -> None:
        """To what was remembered last; the rows that it was in have to be there again."""
        kept, self._kept = self._kept, None
        if kept is None:
            return
        self.selected_row, self.found, self._found_column = kept.selected_row, kept.found, kept.found_column
        if kept.following:
            self.follow()
        else:
            self.following = False
            self.scroll_to(y=kept.top, animate=False, immediate=True)
            self.follow_changed()
        self.found_changed()
        self.refresh()

    def found_changed(self) -> None:
        """Called when another place was found; `found` says which one."""

    def select(self, row: int) -> None:
        """Marks a row and brings it into view."""
        self.selected_row = max(-1, min(row, self.row_count - 1))
        height = self.window.height
        if self.selected_row >= 0 and not self.scroll_offset.y <= self.selected_row < self.scroll_offset.y + height:
            self.following = False
            self.scroll_to(y=max(0, self.selected_row - height // 2), animate=False, immediate=True)
            self.follow_changed()
        self.refresh()

    # ---- drawing

    def notify_style_update(self) -> None:
        """Another theme has other styles."""
        self._styles_for.clear()
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        style = self._styles_for.get(name)
        if style is None:
            style = self.get_component_rich_style(name) if name else self.rich_style
            self._styles_for[name] = style
        return style

    def look_changed(self) -> None:
        """Nor is any row what it was. The strips keep what was made of them on their way to the terminal: until then
        they stay the same objects, wherever they are scrolled to. Textual keeps lines by their place on the screen and
        would render all of them anew for each row of text that is added."""
        super().look_changed()
        self._drawn.clear()

    def row_strips(self, rows: range, look: Look) -> list[Strip]:
        """Rows between the frame's edges, as they go to the terminal."""
        top, count, selection = self.scroll_offset.y, self.row_count, self.text_selection
        if len(self._drawn) > KEPT_SCREENS * self.size.height:
            self._drawn.clear()
        strips = []
        for row in range(top + rows.start, top + rows.stop):
            line = self.row_line(row) if row < count else NO_LINE
            known = self._drawn.get(row)
            if known is None or (known[0] is not line and known[0] != line):
                known = line, look.around(self.row_content(row, line, look.room, selection))
                self._drawn[row] = known
            strips.append(known[1])
        return strips

    def render_line(self, y: int) -> Strip:
        """One visible row."""
        row = self.scroll_offset.y + y
        line = self.row_line(row) if row < self.row_count else NO_LINE
        return self.row_content(row, line, self.window.width, self.text_selection)

    def row_content(self, row: int, item: Line, width: int, selection: Selection | None) -> Strip:
        """What stands in a row of `width` columns."""
        if item is NO_LINE:
            return Strip.blank(width, self._style(""))
        style = self._style(item.style)
        if row == self.selected_row:
            style += Style(bgcolor=self._selection_style().bgcolor)
        segments = []
        if item.gutter:
            segments.append(Segment(item.text[: item.gutter], self._style(item.gutter_style or item.style)))
        if item.marks:
            segments += self._marked(item, style)
        else:
            segments.append(Segment(item.text[item.gutter :], style))
        if self.sought:
            segments = self._found(segments, row)
        if selection is not None and (span := selection.get_span(row)) is not None:
            segments = self._selected(item, segments, span)
        strip = Strip(segments).adjust_cell_length(width, style if row == self.selected_row else self._style(""))
        return strip.apply_offsets(0, row)

    def _marked(self, item: Line, style: Style) -> list[Segment]:
        """The text behind the gutter, with its marks."""
        segments, place = [], item.gutter
        for start, end, name in item.marks:
            segments += [
                Segment(item.text[place:start], style),
                Segment(item.text[start:end], style + self._style(name)),
            ]
            place = end
        segments.append(Segment(item.text[place:], style))
        return [segment for segment in segments if segment.text]

    def _selection_style(self) -> Style:
        return self.screen.get_component_rich_style("screen--selection")

    def _found(self, segments: list[Segment], row: int) -> list[Segment]:
        """The row with every place of what is looked for in reverse, and the one that was gone to underlined."""
        for place in places_of(self.rows, row, self._in_any_case) if row < len(self.rows) else ():
            here = place[0][:2] == (self.selected_row, self._found_column)
            for part in place:
                if part.row == row:
                    lit = Style(reverse=True, underline=here or None)
                    segments = _lit(segments, (part.start, part.end), lit)
        return segments

    def _selected(self, item: Line, segments: list[Segment], span: tuple[int, int]) -> list[Segment]:
        start, end = span
        end = len(item.text) if end == -1 else end
        return _lit(segments, (start, end), Style(bgcolor=self._selection_style().bgcolor))

    # ---- copying

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text without ornaments; rows that were only wrapped are joined again."""
        parts: list[str] = []
        first = selection.start.y if selection.start is not None else 0
        last = selection.end.y if selection.end is not None else self.row_count - 1
        for row in range(max(0, first), min(last, self.row_count - 1, first + MOST_COPIED) + 1):
            span, item = selection.get_span(row), self.row_line(row)
            if span is None:
                continue
            start, end = span
            end = len(item.text) if end == -1 else end
            parts.append(item.text[max(item.gutter, start) : max(item.gutter, end)])
            parts.append(" " if item.soft else "\n")
        return ("".join(parts[:-1]), "\n") if parts else None

    def selection_updated(self, selection: Selection | None) -> None:
        """A selection is drawn."""
        self.refresh()


def _lit(segments: list[Segment], span: tuple[int, int], more: Style) -> list[Segment]:
    """The segments with a style added to the characters of a span."""
    start, end = span
    marked: list[Segment] = []
    position = 0
    for text, style, _control in segments:
        low, high = max(0, start - position), max(0, min(len(text), end - position))
        if low < high:
            lit = (style or Style()) + more
            marked += [Segment(text[:low], style), Segment(text[low:high], lit), Segment(text[high:], style)]
        else:
            marked.append(Segment(text, style))
        position += len(text)
    return [segment for segment in marked if segment.text]
