"""Text for the screen: no character that a terminal would obey, no markup, and lines cut to cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.events import Key
from textual.filter import LineFilter

from llmbm_console.tui.sure_width import drawn, hold, is_sure

#: A run of text and the style it is drawn in ("$warn", "bold $accent", "" for the panel's own).
Piece = tuple[str, str]

# C0 without tab and line feed, DEL, C1, bidirectional controls and lone surrogates.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


_COLUMN = re.compile(r"(?<=\S) {2,}(?=\S)")  # what stands before a column of a table


def _visible(match: re.Match[str]) -> str:
    """The picture of a control character, or the replacement sign where Unicode has none."""
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"


def safe(text: str) -> str:
    """The text with every character that a terminal could obey made visible; tabs become spaces, line feeds stay."""
    if text.isascii() and text.isprintable():
        return text
    if "\t" in text:
        text = text.replace("\t", "    ")
    return _UNSAFE.sub(_visible, text)


def writes(key: Key) -> bool:
    """Whether a key writes its character: what a paste would keep, also where that has no picture of its own, such as
    what joins two signs."""
    character = key.character
    return key.is_printable or (character is not None and character >= "\xa0" and safe(character) == character)


def plain(text: str) -> str:
    """As `safe`, to be laid out: `sure_width.own` has it as it was."""
    return hold(safe(text))


def flat(text: str) -> str:
    """As `plain`, on one line."""
    return plain(text).replace("\n", " ")


def line(*pieces: Piece | Content) -> Content:
    """One line of styled pieces. Nothing in them is read as markup."""
    return _styled(*pieces) if all(type(piece) is tuple for piece in pieces) else _assembled(pieces)


def _assembled(pieces: Iterable[Piece | Content]) -> Content:
    return Content.assemble(*(piece if isinstance(piece, Content) else (flat(piece[0]), piece[1]) for piece in pieces))


@lru_cache(maxsize=1024)
def _styled(*pieces: Piece) -> Content:
    """The gauges say four times a second what they said before: half of what they take was to build it again."""
    return _assembled(pieces)


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """At most `width` cells of one line of text; a cut is marked."""
    # A line may be a hundred thousand characters long: no more are looked at than can be shown.
    text = flat(text[: max(0, width) * 4 + 8])
    if cell_len(text) <= width:
        return text
    keep = max(0, width - len(ellipsis))
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > keep:
            return (text[:index] + ellipsis)[: max(0, width)]
    return text


def middle(text: str, width: int, ellipsis: str = "…") -> str:
    """At most `width` cells of the name of a file: its beginning and its ending stay, of a path rather the name."""
    text = flat(text)
    if cell_len(text) <= width:
        return text
    name = text.rpartition("/")[2]
    if name != text and cell_len(name) + cell_len(ellipsis) + 1 <= width:
        return clip(text, width - cell_len(name) - 1, ellipsis) + "/" + name
    keep = width - cell_len(ellipsis)
    if keep < 4:
        return clip(name, width, ellipsis)
    end = name[-1:]
    for start in range(len(name) - 2, -1, -1):
        if cell_len(name[start:]) > keep // 2:
            break
        end = name[start:]
    return clip(name, width - cell_len(end), ellipsis) + end


def common_start(names: Sequence[str]) -> str:
    """What all of them begin with; there is at least one."""
    first, last = min(names), max(names)  # all others are between these two, and begin as both do
    return first[: next((at for at, sign in enumerate(first) if not last.startswith(sign, at)), len(first))]


def first_words(text: str, room: int = 24) -> str:
    """The beginning of what somebody wrote, between quotation marks, in a sentence of ours."""
    return f'"{clip(flat(text), room)}"'


def first_fitting(ways: Sequence[str], room: int) -> str:
    """The first of some wordings that is no longer than the room; else the last, which is the shortest."""
    return next((way for way in ways if len(way) <= room), ways[-1])


def both_names(one: str, other: str, width: int, ellipsis: str = "…") -> str:
    """At most `width` cells of two names of files: each is cut in its middle, or where that would leave the same of
    both, before the place from which they differ."""
    one, other = flat(one), flat(other)
    between = " and "
    room = max(0, width - len(between))
    share = min(cell_len(one), max(room // 2, room - cell_len(other)))
    rooms = share, room - share
    names = (one, other)
    if one != other and len({middle(name, min(rooms), ellipsis) for name in names}) == 1:
        same = len(common_start(names))
        names = (ellipsis + one[same:], ellipsis + other[same:])
        return between.join(clip(name, cells, ellipsis) for name, cells in zip(names, rooms, strict=True))
    return between.join(middle(name, cells, ellipsis) for name, cells in zip(names, rooms, strict=True))


_UNIT = "%|[KMGT]?i?B(?:/s)?|[GM]Hz|[mµ]?s|min|h|tok(?:ens?|/s)?|baud|ppm|bits?|err"
#: A number with its unit: "5.6 MiB", "119 / 256", "115200 baud", "3 min 20 s".
_NUMBER = r"\d(?:[\w.,:/]*\w)?"
_QUANTITY = re.compile(rf"(?<![\w.])[-+~>]?{_NUMBER}(?: / {_NUMBER})?(?: (?:{_UNIT})(?!\w)(?: \d+ (?:s|min)\b)?)?")


def _whole(text: str, end: int) -> tuple[int, str]:
    """Where a text that is cut before `end` ends, so that no number is half shown or without its unit, and what comes
    before the mark of the cut: a blank, where the mark could be taken for digits that are missing."""
    for found in _QUANTITY.finditer(text, 0, min(len(text), end + 40)):
        if found.start() < end < found.end():
            end = found.start()
            break
    kept = len(text[:end].rstrip(" ,;:(/"))
    if not text[:kept][-1:].isdigit():
        return kept, ""
    return (kept, " ") if kept < end else _whole(text, kept - 1)


def shorten(text: str, width: int, ellipsis: str = "…") -> str:
    """As `clip`, for prose with numbers: one that has no room is left out with its unit, not cut."""
    clipped = clip(text, width, ellipsis)
    whole = flat(text[: len(clipped) + 40])
    if len(whole) <= len(clipped) or clipped == whole:
        return clipped
    end, gap = _whole(whole, max(0, len(clipped) - len(ellipsis)))
    return (whole[:end] + gap + ellipsis)[: max(0, width)]


def dimmed(content: Content) -> Content:
    """The same line, all of it faint: what was so once."""
    return content.stylize("not bold not reverse $muted")


def shortened(content: Content, width: int, ellipsis: str = "…") -> Content:
    """A styled line of at most `width` cells, cut as `shorten` does it."""
    if content.cell_length <= width:
        return content
    text = content.plain
    kept = len(clip(text, width, ellipsis)) - len(ellipsis)
    if kept < 0:
        return Content("")
    end, gap = _whole(text, kept)
    return Content.assemble(content[:end], (gap + ellipsis, "$muted"))


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Start and end of each line of `text`, broken at spaces to at most `width` cells; a longer word, which is a path
    as a rule, behind one of its slashes.

    Greedy, so the lines of a longer text with the same beginning are the same up to the last one. The space at a break
    belongs to no line.
    """
    width = max(1, width)
    spans: list[tuple[int, int]] = []
    position = 0
    for paragraph in text.split("\n"):
        end = position + len(paragraph)
        _wrap_paragraph(text, position, end, width, spans)
        position = end + 1
    return spans


def wrap_table(text: str, width: int) -> list[tuple[int, int, int]]:
    """As `wrap`, for what may be a table: start, end, and by how many cells the row is moved in. A line that does not
    fit goes on below its last column's beginning, where that leaves it two fifths of the room, else further in than
    it begins."""
    spans: list[tuple[int, int, int]] = []
    position = 0
    for paragraph in text.split("\n"):
        rows = wrap(paragraph, width)
        if len(rows) > 1 and (indent := _indent_below(paragraph, width)):
            rest = rows[1][0]
            rows = [rows[0], *((rest + start, rest + end) for start, end in wrap(paragraph[rest:], width - indent))]
        else:
            indent = 0
        spans += ((position + start, position + end, indent if row else 0) for row, (start, end) in enumerate(rows))
        position += len(paragraph) + 1
    return spans


def _indent_below(row: str, width: int) -> int:
    begin = len(row) - len(row.lstrip(" "))
    columns = [cell_len(row[: match.end()]) for match in _COLUMN.finditer(row, begin, width)]
    places = (*reversed(columns), begin + 2 if begin else 0)
    return next((place for place in places if place <= width * 3 // 5), 0)


def _wrap_paragraph(text: str, start: int, end: int, width: int, spans: list[tuple[int, int]]) -> None:
    narrow = text[start:end].isascii()
    while True:
        limit = min(end, start + width) if narrow else _fitting(text, start, end, width)
        if limit >= end:
            spans.append((start, end))
            return
        space = limit if text[limit] == " " else text.rfind(" ", start + 1, limit)
        if space > start:
            spans.append((start, space))
            start = space + 1
        else:
            limit = text.rfind("/", start, limit) + 1 or limit
            spans.append((start, limit))
            start = limit


def _fitting(text: str, start: int, end: int, width: int) -> int:
    """Index after the last character that fits into `width` cells, at least one character on."""
    used = 0
    for index in range(start, end):
        used += get_character_cell_size(text[index])
        if used > width:
            return max(index, start + 1)
    return end


class ControlFilter(LineFilter):
    """The last net: whatever a widget draws, no control character leaves the process inside a line, and nothing that
    terminals take for more or fewer cells than were counted."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in the same cells, with controls made visible."""
        if all(is_sure(segment.text) for segment in segments):
            return segments
        return [
            segment if is_sure(segment.text) else Segment(_drawn(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def _drawn(text: str) -> str:
    return drawn(safe(text).replace("\n", " "))
