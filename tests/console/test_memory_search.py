"""What can be looked for in memory, and the way through it: borders of chunks and of arenas, both directions."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.machine.memory_search import Search, legs
from llmbm_console.core.machine.needle import MOST, NeedleError, parse_needle


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("de ad be ef", b"\xde\xad\xbe\xef"),
        ("  DE  AD ", b"\xde\xad"),
        ("0a", b"\n"),
        ("0xdeadbeef", b"\xef\xbe\xad\xde"),
        ("0x7", b"\x07"),
        ("0x00000007", b"\x07\0\0\0"),
        ("0x1_0000_0000", b"\0\0\0\0\x01\0\0\0"),
        ("f32:0.5", struct.pack("<f", 0.5)),
        ("F64: -1e-3", struct.pack("<d", -1e-3)),
        ("i8:-1", b"\xff"),
        ("u16:0x102", b"\x02\x01"),
        ("u64:18446744073709551615", b"\xff" * 8),
        ("Once upon", b"Once upon"),
        ('"de ad "', b"de ad "),
        ('"still writ', b"still writ"),
        ("grün", "grün".encode()),
        ("decade", b"decade"),
        ("f32", b"f32"),
    ],
)
def test_what_is_looked_for_is_written_as_octets_a_number_or_a_text(text: str, octets: bytes) -> None:
    assert parse_needle(text).octets == octets


def test_a_word_that_could_be_octets_says_how_those_are_written() -> None:
    assert "as octets: de ca de" in parse_needle("decade").told
    assert "octets:" not in parse_needle("decades").told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing to look for"),
        ('""', "an empty text"),
        ('"', "an empty text"),
        ("0x", "1 to 16 hexadecimal digits"),
        ("0x" + "1" * 17, "1 to 16 hexadecimal digits"),
        ("i8:128", "from -128 to 127"),
        ("u8:-1", "from 0 to 255"),
        ("u32:half", "from 0 to 4294967295"),
        ("f32:1e39", "a number that fits"),
        ("f32:", "a number that fits"),
        ("x" * (MOST + 1), f"at most {MOST}"),
        ("\ud800", "no character of UTF-8"),
    ],
)
def test_what_cannot_be_looked_for_says_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(NeedleError, match=says):
        parse_needle(text)


@given(st.text(max_size=40))
def test_any_text_is_something_to_look_for_or_a_clear_error(text: str) -> None:
    try:
        assert parse_needle(text).octets
    except NeedleError as error:
        assert any(word in str(error) for word in ("expected", "look", "UTF-8"))  # noqa: PT017


async def walk(memory: bytes, base: int, search: Search) -> tuple[list[tuple[int, str]], list[tuple[int, int]]]:
    """Everything that a search finds first in a chunk, and what was read."""
    reads: list[tuple[int, int]] = []

    async def read(address: int, length: int) -> bytes:
        assert base <= address
        assert address + length <= base + len(memory)
        reads.append((address, length))
        return memory[address - base :][:length]

    found = []
    while not search.over:
        if place := await search.step(read):
            found.append(tuple(place))
    return found, reads


@given(
    st.binary(min_size=1, max_size=80).map(lambda data: bytes(octet % 3 for octet in data)),
    st.binary(min_size=1, max_size=4).map(lambda data: bytes(octet % 3 for octet in data)),
    st.integers(0, 80),
    st.tuples(st.integers(0, 80), st.integers(0, 80)),
    st.sampled_from([1, -1]),
    st.integers(1, 9),
)
async def test_the_place_that_is_found_is_the_next_one_on_the_way_whatever_the_chunks(
    memory: bytes, sought: bytes, start: int, span: tuple[int, int], direction: int, chunk: int
) -> None:
    base = 1000
    low, high = sorted(min(at, len(memory)) for at in span)
    around = base, base + len(memory)
    way = legs((base + low, base + high), around, base + start, len(sought), direction, "kv")
    found, _reads = await walk(memory, base, Search(sought, way, direction, chunk))
    places = [base + at for at in range(len(memory)) if memory.startswith(sought, at)]
    inside = [at for at in places if base + low <= at <= base + high - len(sought)]
    ahead = [at for at in inside if (at >= base + start if direction > 0 else at <= base + start)]
    behind = [at for at in inside if at not in ahead]
    outside = [at for at in places if at not in inside]
    first = next((some for some in (ahead, behind, outside) if some), [])
    if not first:
        assert found == []
    elif first is not outside:
        assert found[0][0] == (min(first) if direction > 0 else max(first))
    else:
        assert found[0][0] in outside
        assert "outside" in found[0][1]


async def test_a_search_goes_round_within_what_is_looked_at_before_it_leaves_it() -> None:
    memory = bytearray(64)
    memory[20:22] = memory[40:42] = b"ab"
    way = legs((16, 32), (0, 64), 24, 2, 1, "kv")
    found, _reads = await walk(bytes(memory), 0, Search(b"ab", way, 1, 64))
    assert found == [(20, "from the beginning of kv"), (40, "outside of kv")]
    found, _reads = await walk(bytes(memory), 0, Search(b"ab", legs((16, 32), (0, 64), 19, 2, -1, "kv"), -1, 64))
    assert found == [(20, "from the end of kv"), (40, "outside of kv")]


async def test_a_chunk_that_could_not_be_read_is_still_to_be_looked_through() -> None:
    search = Search(b"x", legs((0, 8), (0, 8), 0, 1, 1, "kv"), 1, 4)

    async def broken(_address: int, _length: int) -> bytes:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await search.step(broken)
    assert search.done == 0
    found, reads = await walk(b"....x...", 0, search)
    assert found == [(4, "")]
    assert reads == [(0, 4), (4, 4)]
    assert (search.first, search.end, search.done) == (0, 8, 8)
