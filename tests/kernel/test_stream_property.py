"""Answers on their way out, token by token: what is held back, and that it is no byte more than it must be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_native import CORE, FLAGS, INCLUDES, NATIVE

YOU, EMPTY_LINE = b"\nYou:", b"\n\n"


@dataclass
class Out:
    """What a line of input made go out."""

    shown: bytes = b""
    tokens: list[tuple[int, bytes]] = field(default_factory=list)
    dropped: int | None = None


class Stream:
    """The program around stops.c."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> Out:
        """One line and what it made go out."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        words = self.process.stdout.readline().split()
        assert words[-1:] == ["."], f"the program ended at {line!r}"
        out = Out()
        for place, word in enumerate(words[:-1]):
            if word == "stop":
                out.dropped = int(words[place + 1])
                break
            if ":" in word:
                token, _, piece = word.partition(":")
                out.tokens.append((int(token), bytes.fromhex(piece)))
            else:
                out.shown += bytes.fromhex(word)
        return out


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """stops.c under the sanitisers."""
    program = tmp_path_factory.mktemp("stream") / "stream"
    parts = [NATIVE / "stream.c", CORE / "stops.c", CORE / "utf8.c"]
    built = subprocess.run(
        ["gcc", *FLAGS, *INCLUDES, *map(str, parts), "-o", str(program)], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    running = Stream(program)
    yield running
    assert running.process.stdin is not None
    running.process.stdin.close()
    assert running.process.wait(10) == 0


def without_beginnings(text: bytes, patterns: list[bytes]) -> bytes:
    """A text without its longest end that begins a pattern."""
    for count in range(max(map(len, patterns), default=1) - 1, 0, -1):
        if any(len(pattern) > count and text.endswith(pattern[:count]) for pattern in patterns):
            return text[:-count]
    return text


#: Every proper beginning of a character's bytes; the last byte is never in it, so one character of 64 is enough.
BEGINNINGS = {
    chr(point).encode()[:count]
    for point in range(0x80, 0x110000, 64)
    if not 0xD800 <= point < 0xE000
    for count in range(1, len(chr(point).encode()))
}


def whole_characters(text: bytes) -> bytes:
    """A text without an end that more bytes could make a character."""
    return next((text[:-count] for count in (1, 2, 3) if count <= len(text) and text[-count:] in BEGINNINGS), text)


PARTS = [b"\n", b"\n\n", b"Y", b"\nYo", b"u", b":", b"You:", b"\nYou", b"u:", b"a", b" the", b"\nYou: x\n\n"]
HALVES = [b"\xc3", b"\xa9", b"\xe2\x82", b"\xac", b"\xf0\x9f", b"\x98", b"\x80", b"\xff", b"\xed\xa0", b"\xe0"]
PIECES = st.one_of(
    st.sampled_from(PARTS + HALVES),
    st.text(max_size=30).map(str.encode),
    st.binary(max_size=100),
)


def first_found(text: bytes, patterns: list[bytes]) -> int | None:
    """Where the pattern begins that is complete first."""
    found = [(text.find(pattern) + len(pattern), text.find(pattern)) for pattern in patterns if pattern in text]
    return min(found)[1] if found else None


@given(pieces=st.lists(PIECES, max_size=14), you=st.booleans(), empty_line=st.booleans())
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_no_more_is_held_back_than_must_be(stream: Stream, pieces: list[bytes], you: bool, empty_line: bool) -> None:
    """After every token: all bytes but what may begin a pattern, and of these whole characters."""
    patterns = [YOU] * you + [EMPTY_LINE] * empty_line
    text, shown = b"", b""
    sent: list[tuple[int, bytes]] = []
    stream.ask(f"begin {you:d} {empty_line:d}")
    for index, piece in enumerate(pieces):
        out = stream.ask(f"token {index} {piece.hex()}")
        text, shown, sent = text + piece, shown + out.shown, sent + out.tokens
        found = first_found(text, patterns)
        if found is not None:
            text = text[:found]
            assert out.dropped == index + 1 - len(sent)
            break
        assert out.dropped is None
        certain = without_beginnings(text, patterns)
        assert shown == whole_characters(certain)
        assert [piece for _, piece in sent] == pieces[: len(sent)]
        assert sum(map(len, pieces[: len(sent)])) <= len(certain)
        assert len(sent) == index + 1 or sum(map(len, pieces[: len(sent) + 1])) > len(certain)
    last = stream.ask("end")
    sent += last.tokens
    assert shown + last.shown == text
    assert b"".join(piece for _, piece in sent) == text
    assert [index for index, _ in sent] == list(range(len(sent)))
    assert all(piece or not pieces[index] for index, piece in sent), "a token of which nothing is shown was never said"
