"""Bytes from the line become text that cannot harm a terminal: once, here; nothing downstream sees an escape byte.

Two uses: `decode_text` for the text of tokens and of command output (every control character becomes visible), and
`ConsoleCleaner` for what a person would read on the line (escape sequences are removed, CR and BS edit the line).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

REPLACEMENT = "\ufffd"
MAX_SEQUENCE = 512  # characters of an escape sequence; a longer one is given up, what follows is text again
MAX_HELD = 1024  # characters of a line that are held back for editing by CR and BS


def _unsafe_ranges() -> Iterator[range]:
    """Code points that hide, reorder or break lines, beside the control characters."""
    yield range(0x80, 0xA0)  # C1 controls: 0x9b is CSI on some terminals
    yield range(0x061C, 0x061D)  # Arabic letter mark: bidi
    yield range(0x180E, 0x180F)  # Mongolian vowel separator: zero width
    yield range(0x200E, 0x2010)  # left-to-right and right-to-left marks; what joins, parts and spaces letters is text
    yield range(0x2028, 0x202F)  # line and paragraph separators, bidi embedding and override
    yield range(0x2060, 0x2070)  # word joiner, invisible operators, bidi isolates
    yield range(0xD800, 0xE000)  # lone surrogates cannot be written
    yield range(0xFEFF, 0xFF00)  # byte order mark
    yield range(0xFFF9, 0xFFFC)  # interlinear annotation
    yield range(0xE0000, 0xE0200)  # tags and further variation selectors: invisible text


_UNSAFE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f" + "".join(f"\\U{r.start:08x}-\\U{r.stop - 1:08x}" for r in _unsafe_ranges()) + "]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else REPLACEMENT


def clean(text: str) -> str:
    """Text with no controls but LF and TAB: C0 and DEL become pictures (U+2400...), other dangers U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_visible, text)


def is_clean(text: str) -> bool:
    """True when `clean` would change nothing."""
    return _UNSAFE.search(text) is None


def decode_text(pending: bytes, data: bytes, final: bool = False) -> tuple[str, bytes]:
    """Decodes `pending + data` as UTF-8 as far as it goes; returns clean text and the bytes of an unfinished character.

    Pure, so that a state can hold `pending`. With `final` nothing is kept: an unfinished character becomes U+FFFD.
    """
    whole = pending + data
    text, used = codecs.utf_8_decode(whole, "replace", final)
    return clean(text), whole[used:]


def _c1_or_replacement(error: UnicodeError) -> tuple[str, int]:
    """A lone byte 0x80..0x9f is an 8-bit control to an old terminal and is treated so; other bad bytes are U+FFFD."""
    assert isinstance(error, UnicodeDecodeError)
    if error.end - error.start == 1 and 0x80 <= error.object[error.start] < 0xA0:
        return chr(error.object[error.start]), error.end
    return REPLACEMENT, error.end


codecs.register_error("llmbm-line", _c1_or_replacement)
_LineDecoder = codecs.getincrementaldecoder("utf-8")

#: Where a run ends: what begins an escape sequence, and what edits the line. Everything else is copied in one piece.
_SINGLE = re.compile(r"[\x08\x0a\x0d\x1b\x90\x98\x9b\x9d-\x9f]")
_STRING_STARTS = frozenset("]PX^_")  # OSC, DCS, SOS, PM, APC after ESC
_C1_STRINGS = frozenset("\x9d\x90\x98\x9e\x9f")
_CANCEL = frozenset("\x18\x1a")


class EscapeFilter:
    """Removes ANSI escape sequences from text, one character at a time where it must, so that chunking does not matter.

    A sequence ends at its final character, at CAN or SUB, at a line end (a torn sequence must not eat the next line),
    or after MAX_SEQUENCE characters.
    """

    def __init__(self) -> None:
        self._mode = ""  # "", "esc", "charset", "csi", "string", "string-esc"
        self._length = 0

    @property
    def inside(self) -> bool:
        """True in the middle of a sequence."""
        return self._mode != ""

    def feed(self, text: str) -> Iterator[str]:
        """Yields CR, LF and BS each alone, and runs of all other text, which may hold other controls."""
        position, end = 0, len(text)
        while position < end:
            if self._mode:
                kept = self._step(text[position])
                if kept:
                    yield kept
                position += 1
                continue
            match = _SINGLE.search(text, position)
            if match is None:
                yield text[position:]
                return
            if match.start() > position:
                yield text[position : match.start()]
            character = match[0]
            position = match.end()
            if not self._start(character):
                yield character

    def _start(self, character: str) -> bool:
        """True when the character begins a sequence."""
        if character == "\x1b":
            self._mode = "esc"
        elif character == "\x9b":
            self._mode = "csi"
        elif character in _C1_STRINGS:
            self._mode = "string"
        else:
            return False
        self._length = 0
        return True

    def _step(self, character: str) -> str:
        """One character inside a sequence; returns it when it is not a part of it."""
        self._length += 1
        if character in "\r\n" or self._length > MAX_SEQUENCE:
            self._mode = ""
            return character if character in "\r\n" or character >= " " else ""
        if character in _CANCEL:
            self._mode = ""
            return ""
        if self._mode.startswith("string"):
            self._in_string(character)
            return ""
        if character == "\x1b":
            self._mode, self._length = "esc", 0
            return ""
        return self._in_sequence(character)

    def _in_string(self, character: str) -> None:
        if character in "\x07\x9c" or (self._mode == "string-esc" and character == "\\"):
            self._mode = ""
        else:
            self._mode = "string-esc" if character == "\x1b" else "string"

    def _in_sequence(self, character: str) -> str:
        mode, self._mode = self._mode, ""
        if mode == "csi":
            if not "\x40" <= character <= "\x7e":
                self._mode = "csi"
            return ""
        if " " <= character <= "/":
            self._mode = "charset"  # ESC ( B and the like: intermediates, then one final
        elif mode == "esc" and character == "[":
            self._mode = "csi"
        elif mode == "esc" and character in _STRING_STARTS:
            self._mode = "string"
        return ""


class ConsoleCleaner:
    """Bytes of the human console to clean text: UTF-8, escape sequences, CR and BS.

    The line that is being written is held back, because CR and BS may still change it. `feed` returns finished lines,
    `flush` (after a moment of quiet) what there is of the last one. What was flushed cannot be changed any more: a CR
    after it begins a new line. Any chunking gives the same text for the same flushes.
    """

    def __init__(self) -> None:
        self._decoder = _LineDecoder("llmbm-line")
        self._escapes = EscapeFilter()
        self._line: list[str] = []
        self._cursor = 0
        self._flushed = False  # a part of this line is already out
        self._return = False  # a CR came; what follows decides what it means

    @property
    def held(self) -> bool:
        """True when `flush` has something to give."""
        return bool(self._line)

    @property
    def line(self) -> str:
        """What it would give."""
        return "".join(self._line)

    def drop(self) -> None:
        """Forgets the line that is being written, as if it had not begun."""
        self._take()

    def feed(self, data: bytes) -> str:
        """Takes bytes as they came; returns what is certain now."""
        out: list[str] = []
        for piece in self._escapes.feed(self._decoder.decode(data)):
            if piece == "\r":
                self._return = True
            elif piece == "\n":
                self._return = False
                out.append(self._take() + "\n")
                self._flushed = False
            elif piece == "\b":
                self._carriage(out)
                self._cursor = max(0, self._cursor - 1)
            else:
                self._carriage(out)
                self._put(clean(piece), out)
        return "".join(out)

    def flush(self) -> str:
        """The unfinished line so far. A character whose bytes are not all there yet stays."""
        text = self._take()
        self._flushed = self._flushed or bool(text)
        return text

    def _carriage(self, out: list[str]) -> None:
        """A CR that no LF followed: the line is written over, or, where it is already out, a new one begins."""
        if not self._return:
            return
        self._return = False
        if self._flushed:
            out.append(self._take() + "\n")
            self._flushed = False
        self._cursor = 0

    def _put(self, text: str, out: list[str]) -> None:
        for start in range(0, len(text), MAX_HELD):
            piece = text[start : start + MAX_HELD]
            while piece:
                room = MAX_HELD - self._cursor
                part, piece = piece[:room], piece[room:]
                self._line[self._cursor : self._cursor + len(part)] = part
                self._cursor += len(part)
                if self._cursor >= MAX_HELD:
                    out.append(self._take())
                    self._flushed = True

    def _take(self) -> str:
        text = "".join(self._line)
        self._line.clear()
        self._cursor = 0
        return text
