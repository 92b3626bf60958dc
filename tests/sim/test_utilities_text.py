"""text.c, number.c and error.c: against Python's formatting and numbers, at every size of a buffer."""

from __future__ import annotations

import ctypes
import re
from ctypes import c_bool, c_char_p, c_int, c_long, c_longlong, c_size_t, c_uint, c_uint64, c_ulong, c_ulonglong
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_library import Error, Text, at_edge, declare


@pytest.fixture(scope="module")
def text(library: ctypes.CDLL) -> ctypes.CDLL:
    declare(library)
    return library


def formatted(library: ctypes.CDLL, capacity: int, form: str, *arguments: object) -> tuple[bytes, bool]:
    """text_format into a buffer of this size, which ends where the memory ends."""
    with at_edge(library, b"\xee" * capacity) as address:
        target = Text()
        library.text_init(ctypes.byref(target), address, capacity)
        library.text_format(ctypes.byref(target), form.encode(), *arguments)
        found = ctypes.string_at(address)
        assert len(found) == target.length < capacity
        return found, target.truncated


FLAGS = st.sampled_from(["", "-", "0", "5", "-5", "05", "012", "-30", "1"])


@given(FLAGS, st.sampled_from("dux"), st.integers(-(2**63), 2**64 - 1))
def test_numbers_are_formatted_as_in_c(text: ctypes.CDLL, flags: str, letter: str, value: int) -> None:
    sizes = {"": (c_int, c_uint, 32), "l": (c_long, c_ulong, 64), "ll": (c_longlong, c_ulonglong, 64)}
    for length, (signed, unsigned, bits) in sizes.items():
        argument = (signed if letter == "d" else unsigned)(value & (2**bits - 1))
        expected = f"%{flags}{letter}" % argument.value
        assert formatted(text, 100, f"%{flags}{length}{letter}", argument) == (expected.encode(), False)


def test_size_and_capital_hexadecimal(text: ctypes.CDLL) -> None:
    assert formatted(text, 64, "%zu %08X %X %%", c_size_t(2**64 - 1), c_uint(0xBEEF), c_uint(10)) == (
        b"18446744073709551615 0000BEEF A %",
        False,
    )


@given(st.binary(max_size=20).filter(lambda data: 0 not in data), st.integers(-25, 25), st.integers(0, 25))
def test_strings_with_width_and_precision(text: ctypes.CDLL, data: bytes, width: int, precision: int) -> None:
    padded = data.ljust(-width) if width < 0 else data.rjust(width)
    assert formatted(text, 64, "<%*s>", c_int(width), c_char_p(data)) == (b"<" + padded + b">", False)
    with at_edge(text, data) as address:  # with a precision, a string need not end with NUL
        count = min(precision, len(data))
        found = formatted(text, 64, "%.*s|", c_int(count), ctypes.c_void_p(address))
    assert found == (data[:count] + b"|", False)


def test_a_missing_string_is_said_and_not_read(text: ctypes.CDLL) -> None:
    assert formatted(text, 64, "[%s]", None) == (b"[(null)]", False)


@given(st.text(alphabet="abc%", max_size=40), st.integers(1, 50))
def test_what_does_not_fit_is_left_out_and_told(text: ctypes.CDLL, content: str, capacity: int) -> None:
    buffer = ctypes.create_string_buffer(b"\xee" * capacity, capacity + 1)
    truncated = c_bool()
    length = text.test_text_string(buffer, capacity, content.encode(), ctypes.byref(truncated))
    assert buffer.raw[: length + 1] == content.encode()[: capacity - 1] + b"\0"
    assert truncated.value == (len(content) > capacity - 1)


def test_a_huge_width_ends_with_the_buffer(text: ctypes.CDLL) -> None:
    assert formatted(text, 8, "%*d", c_int(-(2**31)), c_int(7)) == (b"7      ", True)


@given(st.integers(0, 2**64 - 1), st.integers(0, 6))
def test_millionths_have_no_needless_zeros(text: ctypes.CDLL, value: int, decimals: int) -> None:
    buffer = ctypes.create_string_buffer(64)
    text.test_text_micro(buffer, 64, value, decimals)
    found = buffer.value.decode()
    whole, _, fraction = found.partition(".")
    assert Fraction(found) == Fraction(value, 1_000_000)
    assert str(int(whole)) == whole
    assert len(fraction) >= decimals
    assert len(fraction) == decimals or not fraction.endswith("0")


# ---- numbers

NUMERIC = st.text(alphabet="0123456789.abcfxABF-+ _e\0\n", max_size=24)
NEAR_THE_END = st.integers(2**64 - 20, 2**64 + 20)


def parsed(library: ctypes.CDLL, name: str, content: str) -> int | None:
    """The number, or None when it is refused; a refusal leaves the result alone."""
    data, value = content.encode(), c_uint64(0xA5A5)
    with at_edge(library, data) as address:
        accepted = getattr(library, name)(address, len(data), ctypes.byref(value))
    assert accepted or value.value == 0xA5A5
    return value.value if accepted else None


@given(NUMERIC | NEAR_THE_END.map(str) | st.integers(0, 2**70).map(str))
def test_only_decimal_digits_that_fit_are_a_number(text: ctypes.CDLL, content: str) -> None:
    expected = int(content) if re.fullmatch("[0-9]+", content) and int(content) < 2**64 else None
    assert parsed(text, "number_u64", content) == expected


NO_NUMBER, LARGEST = 2**64 - 1, 2**64 - 2


def read_number(library: ctypes.CDLL, content: str, base: int | None) -> int:
    """What number_read says, or without a base number_hex."""
    with at_edge(library, content.encode()) as address:
        if base is None:
            return int(library.number_hex(address, len(content)))
        return int(library.number_read(address, len(content), base))


@given(NUMERIC | NEAR_THE_END.map(lambda value: f"{value:x}") | st.integers(0, 2**70).map(lambda value: f"{value:x}"))
def test_only_lower_case_hexadecimal_digits_are_a_number(text: ctypes.CDLL, content: str) -> None:
    digits = re.fullmatch("[0-9a-f]+", content)
    assert read_number(text, content, None) == (min(int(content, 16), LARGEST) if digits else NO_NUMBER)


@given(
    NUMERIC | NEAR_THE_END.map(str) | st.integers(0, 2**70).map(lambda value: f"{value:x}"), st.sampled_from((10, 16))
)
def test_a_number_has_one_spelling_in_each_base(text: ctypes.CDLL, content: str, base: int) -> None:
    digits = "0-9" if base == 10 else "0-9a-f"
    spelling = re.fullmatch(f"0|[{digits}]+", content) and (content == "0" or content[0] != "0")
    assert read_number(text, content, base) == (min(int(content, base), LARGEST) if spelling else NO_NUMBER)


@given(NUMERIC | st.decimals(0, 10**14, places=6).map(str) | st.integers(18446744073709, 18446744073710).map(str))
def test_only_plain_decimals_of_six_places_are_millionths(text: ctypes.CDLL, content: str) -> None:
    expected = None
    if re.fullmatch(r"[0-9]+|[0-9]*\.[0-9]{1,6}", content):
        value = Fraction(content if content[0] != "." else "0" + content) * 1_000_000
        expected = int(value) if value < 2**64 else None
    assert parsed(text, "number_micro", content) == expected


@pytest.mark.parametrize(
    ("content", "value"),
    [("1", 1_000_000), (".5", 500_000), ("0.85", 850_000), ("18446744073709.551615", 2**64 - 1)]
    + [(refused, None) for refused in ("", ".", "1.", "1.0000000", "+1", "-1", "1e3", " 1", "18446744073709.551616")],
)
def test_spellings_of_decimals(text: ctypes.CDLL, content: str, value: int | None) -> None:
    assert parsed(text, "number_micro", content) == value


# ---- errors


def test_an_error_is_its_code_and_text_and_always_false(text: ctypes.CDLL) -> None:
    error = Error()
    text.error_set.restype = c_bool
    assert not text.error_set(ctypes.byref(error), 3, b"temp %s: expected 0 to %u", b"abc", c_uint(2))
    assert (error.code, error.text) == (3, b"temp abc: expected 0 to 2")


@given(st.integers(0, 8), st.sampled_from("aé€😀"))
def test_a_long_error_is_cut_at_a_whole_character(text: ctypes.CDLL, offset: int, character: str) -> None:
    error = Error()
    content = "x" * offset + character * 300
    text.error_set(ctypes.byref(error), 3, b"%s", content.encode())
    found = error.text.decode()  # raises when a character is cut
    assert content.startswith(found)
    assert len(error.text) > 199 - 4
