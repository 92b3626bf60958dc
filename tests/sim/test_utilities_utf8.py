"""utf8.c against Python's own decoder, on any bytes."""

from __future__ import annotations

import ctypes
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_library import at_edge, declare

# Bytes that look like UTF-8 more often than chance would have it.
PIECES = st.one_of(
    st.binary(max_size=6),
    st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")),
    st.text(min_size=1, max_size=2).map(lambda text: text.encode("utf-8", "replace")[:-1]),
    st.sampled_from(
        [b"\xe0\x80", b"\xed\xa0", b"\xf0\x8f", b"\xf4\x90", b"\xc0\xaf", b"\xf5", b"\xef\xbf\xbd", b"\xe2\x82"]
    ),
)
BYTES = st.lists(PIECES, max_size=8).map(b"".join)


@pytest.fixture(scope="module")
def utf8(library: ctypes.CDLL) -> ctypes.CDLL:
    declare(library)
    return library


@given(BYTES)
def test_decoding_replaces_what_python_replaces(utf8: ctypes.CDLL, data: bytes) -> None:
    found, at = "", 0
    with at_edge(utf8, data) as address:
        while at < len(data):
            code_point = ctypes.c_uint32()
            taken = utf8.utf8_decode(address + at, len(data) - at, ctypes.byref(code_point))
            assert 1 <= taken <= 4
            found += chr(code_point.value)
            at += taken
    assert at == len(data)
    assert found == data.decode("utf-8", "replace")


@given(BYTES)
def test_valid_is_what_python_accepts(utf8: ctypes.CDLL, data: bytes) -> None:
    try:
        data.decode("utf-8")
        expected = True
    except UnicodeDecodeError:
        expected = False
    with at_edge(utf8, data) as address:
        assert utf8.utf8_valid(address, len(data)) is expected


def could_become_valid(tail: bytes) -> bool:
    """Whether some bytes after these make a character: Python calls exactly that an unexpected end."""
    try:
        tail.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start == 0
    return False


@given(BYTES)
def test_held_back_is_exactly_the_character_that_may_still_be_completed(utf8: ctypes.CDLL, data: bytes) -> None:
    expected = next((count for count in (3, 2, 1) if count <= len(data) and could_become_valid(data[-count:])), 0)
    with at_edge(utf8, data) as address:
        assert utf8.utf8_incomplete_tail(address, len(data)) == expected


@given(st.text(min_size=1), st.integers(1, 3))
def test_text_in_pieces_comes_out_whole(utf8: ctypes.CDLL, text: str, size: int) -> None:
    data = text.encode("utf-8", "replace")
    shown, held = "", b""
    for start in range(0, len(data), size):
        held += data[start : start + size]
        with at_edge(utf8, held) as address:
            keep = utf8.utf8_incomplete_tail(address, len(held))
        shown += held[: len(held) - keep].decode("utf-8")
        held = held[len(held) - keep :]
    assert (shown, held) == (data.decode("utf-8"), b"")


@given(st.integers(0, 2**32 - 1) | st.integers(0, 0x110000) | st.integers(0xD7F0, 0xE010))
def test_encoding_is_pythons_and_never_a_surrogate(utf8: ctypes.CDLL, code_point: int) -> None:
    buffer = ctypes.create_string_buffer(4)
    count = utf8.utf8_encode(code_point, buffer)
    possible = code_point <= 0x10FFFF and not 0xD800 <= code_point <= 0xDFFF
    assert buffer.raw[:count] == (chr(code_point) if possible else "\ufffd").encode()


def test_the_first_byte_tells_the_length(utf8: ctypes.CDLL) -> None:
    lengths = {byte: utf8.utf8_length(byte) for byte in range(256)}
    assert {lengths[ord("a")], lengths[0x80], lengths[0xC1], lengths[0xF5], lengths[0xFF]} == {1}
    for character in "é€𝄞":
        encoded = character.encode()
        assert lengths[encoded[0]] == len(encoded)


@pytest.mark.parametrize(
    ("character", "columns"),
    [
        *((character, 1) for character in "a ~éß€─Ж"),
        *((character, 2) for character in "漢한あｗ😀"),
        *((character, 0) for character in "\u0301\u200b\x1b\x7f\x9b\ufeff"),
    ],
)
def test_columns_of_characters(utf8: ctypes.CDLL, character: str, columns: int) -> None:
    assert utf8.utf8_columns(ord(character)) == columns


def test_no_common_character_has_a_wrong_width(utf8: ctypes.CDLL) -> None:
    """Latin, Greek, Cyrillic, CJK and Hangul against the Unicode tables of Python."""
    for block in (range(0x20, 0x590), range(0x3041, 0x3100), range(0x4E00, 0x9FFF), range(0xAC00, 0xD7A4)):
        for code_point in block:
            character = chr(code_point)
            category = unicodedata.category(character)
            if category == "Cn":
                continue
            wide = unicodedata.east_asian_width(character) in "WF"
            expected = 0 if category in ("Cc", "Mn", "Me") else 2 if wide else 1
            if code_point in (0x3099, 0x309A, 0xAD):  # kana sound marks stand alone too, soft hyphens are drawn
                continue
            assert utf8.utf8_columns(code_point) == expected, hex(code_point)


@given(
    st.binary(max_size=60) | st.text(alphabet="a\n\t\r\x00\x1b\x7f\x80\x9b\xa0é€\u202e", max_size=40).map(str.encode)
)
def test_terminal_controls_are_masked_and_all_else_stays(utf8: ctypes.CDLL, data: bytes) -> None:
    buffer = ctypes.create_string_buffer(data, len(data) + 1)
    count = utf8.utf8_mask_controls(buffer, len(data))
    expected = data.decode("utf-8", "surrogateescape")
    controls = {code: "?" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
    assert buffer.raw[:count] == expected.translate(controls).encode("utf-8", "surrogateescape")
