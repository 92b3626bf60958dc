"""No byte from the line may reach the terminal as anything but text, however the bytes are cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.sanitise import (
    MAX_HELD,
    MAX_SEQUENCE,
    ConsoleCleaner,
    EscapeFilter,
    clean,
    decode_text,
    is_clean,
)

hostile = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(
            [b"\x1b[31m", b"\x1b]0;title\x07", b"\x1bP1$r\x1b\\", b"\x9b2J", b"\xc2\x9b2J", b"\x1b]52;c;AAAA", b"\x1bc"]
        ),
        st.sampled_from([b"\r", b"\n", b"\r\n", b"\b \b", b"\x18", b"\x7f", b"abc", "é€😀".encode(), b"\xe2\x82"]),
    ),
    max_size=20,
).map(b"".join)


def assert_harmless(text: str) -> None:
    for character in text:
        if character in "\n\t":
            continue
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp"), hex(ord(character))
        assert unicodedata.bidirectional(character) not in (
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        )  # fmt: skip
        assert ord(character) not in (0x200E, 0x200F, 0x2060, 0xFEFF, 0x061C)
        assert not 0xE0000 <= ord(character) <= 0xE007F


def console(data: bytes, cuts: list[int] | None = None) -> str:
    cleaner, out, start = ConsoleCleaner(), [], 0
    for cut in [*sorted(cuts or []), len(data)]:
        out.append(cleaner.feed(data[start:cut]))
        start = max(start, cut)
    return "".join([*out, cleaner.flush()])


@given(st.text(st.characters(codec=None), max_size=50))
def test_cleaned_text_is_harmless_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert_harmless(cleaned)
    assert is_clean(cleaned)
    assert clean(cleaned) == cleaned
    assert len(cleaned) == len(text)


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_every_control_but_lf_and_tab_becomes_visible(code: int) -> None:
    shown = clean(chr(code))
    expected = (
        chr(code) if code in (9, 10) else chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "\ufffd"
    )
    assert shown == expected


@given(hostile, st.lists(st.integers(0, 200), max_size=6))
def test_token_bytes_give_the_same_text_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    text, pending, start = "", b"", 0
    for cut in [*sorted(cuts), len(data)]:
        more, pending = decode_text(pending, data[start:cut])
        text, start = text + more, max(start, cut)
    more, pending = decode_text(pending, b"", final=True)
    assert pending == b""
    assert text + more == decode_text(b"", data, final=True)[0]
    assert_harmless(text + more)


def test_a_character_split_over_tokens_appears_with_the_later_one() -> None:
    text, pending = decode_text(b"", b"caf\xc3")
    assert (text, pending) == ("caf", b"\xc3")
    assert decode_text(pending, b"\xa9!") == ("é!", b"")


@given(hostile, st.lists(st.integers(0, 200), max_size=6))
def test_console_text_is_harmless_and_independent_of_chunking(data: bytes, cuts: list[int]) -> None:
    whole = console(data)
    assert console(data, cuts) == whole
    assert console(data, list(range(len(data)))) == whole
    assert_harmless(whole)


@given(hostile)
def test_flushing_in_the_middle_never_lets_a_control_through(data: bytes) -> None:
    cleaner = ConsoleCleaner()
    out = []
    for byte in data:
        out += [cleaner.feed(bytes([byte])), cleaner.flush()]
    assert_harmless("".join(out))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", "red\n"),
        (b"a\x1b]0;owned\x07b\n", "ab\n"),
        (b"a\x1b]52;c;cHduZWQ=\x1b\\b\n", "ab\n"),
        (b"a\x1bPq#0;2;0\x1b\\b\n", "ab\n"),
        (b"a\x1b_apc\x9cb\n", "ab\n"),
        (b"a\x9b2Jb\n", "ab\n"),
        (b"a\xc2\x9b2Jb\n", "ab\n"),
        (b"a\x1b(Bb\x1bcd\n", "abd\n"),
        (b"a\x1b]unterminated\nnext\n", "a\nnext\n"),
        (b"50%\r100%\n", "100%\n"),
        (b"abc\rx\n", "xbc\n"),
        (b"one\r\ntwo\r\r\nthree\r\n", "one\ntwo\nthree\n"),
        (b"helpo\b \b\blo\n", "hello\n"),
        (b"\x00\x07\n", "␀␇\n"),
        ("naïve €".encode() + b"\n", "naïve €\n"),
        (b"\xff\xfe\n", "\ufffd\ufffd\n"),
    ],
)
def test_the_line_discipline(data: bytes, shown: str) -> None:
    assert console(data) == shown


def test_what_was_flushed_is_not_rewritten() -> None:
    cleaner = ConsoleCleaner()
    assert cleaner.feed(b"You: ") == ""
    assert cleaner.flush() == "You: "
    assert cleaner.feed(b"\rNew") == "\n"
    assert cleaner.flush() == "New"
    assert cleaner.feed(b"\r\n") == "\n"


def test_an_endless_sequence_is_given_up() -> None:
    text = console(b"\x1b]" + b"x" * (MAX_SEQUENCE + 100))
    assert 100 <= len(text) <= 101


def test_a_line_without_end_is_passed_on() -> None:
    cleaner = ConsoleCleaner()
    assert len(cleaner.feed(b"y" * 100_000)) >= 100_000 - MAX_HELD


def test_a_flood_of_controls_is_taken_in_runs() -> None:
    """One piece for each would keep a console from its keys: 4 MiB of NUL may wait to be read."""
    assert list(EscapeFilter().feed("\0" * 1000 + "\x07\x9a" + "\r" + "\0")) == ["\0" * 1000 + "\x07\x9a", "\r", "\0"]
    cleaner = ConsoleCleaner()
    assert cleaner.feed(b"\0" * 2000 + b"\n") == "\u2400" * 2000 + "\n"
