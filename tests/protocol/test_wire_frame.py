"""The frame codec: one spelling, any chunking, nothing accepted that was not sent."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import record
from vector_cases import joined, records

from llmbm_protocol.codec import from_frame, to_frame
from llmbm_protocol.frame import END, Frame, FrameDecoder, FrameError, Noise, Rejected, RejectReason, encode
from llmbm_protocol.schema import MAX_LINE, Record

GOOD = b"@R 0001 id=1 ok=1 t=104120*f49d052f\r\n"


@given(record(), st.integers(0, 0xFFFF))
def test_what_was_encoded_is_decoded(one: Record, sequence: int) -> None:
    raw = to_frame(one, sequence)
    assert len(raw) <= MAX_LINE
    (frame,) = FrameDecoder().feed(raw)
    assert isinstance(frame, Frame)
    assert (frame.kind, frame.sequence) == (one.kind, sequence)
    assert from_frame(frame) == one


_PARTS = st.one_of(
    record().map(lambda one: to_frame(one, 1)),
    st.binary(max_size=40),
    st.sampled_from([b"@q 00", b"@R 0001 id="]),
)


@given(st.lists(_PARTS), st.data())
def test_chunking_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    whole = joined(stream)
    assert joined(stream, cuts) == whole
    assert joined(stream, list(range(len(stream)))) == whole


@given(st.lists(record(), min_size=5, max_size=5), st.data())
def test_one_damaged_byte_costs_two_lines_at_most_and_invents_none(sent: list[Record], data: st.DataObject) -> None:
    lines = [to_frame(one, number) for number, one in enumerate(sent)]
    stream = bytearray(b"".join(lines))
    at = data.draw(st.integers(0, len(stream) - 1))
    how = data.draw(st.sampled_from(["change", "lose", "insert"]))
    byte = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(list(b"@*\r\n%_ ="))))
    if how == "change":
        stream[at] = byte
    elif how == "lose":
        del stream[at]
    else:
        stream.insert(at, byte)
    frames = [piece for piece in joined(bytes(stream)) if isinstance(piece, Frame)]
    originals = [FrameDecoder().feed(line)[0] for line in lines]
    bodies = [(one.kind, one.sequence, one.fields) for one in originals if isinstance(one, Frame)]
    found = [bodies.index((one.kind, one.sequence, one.fields)) for one in frames]
    assert found == sorted(set(found))
    assert len(found) >= len(lines) - 2


@given(st.binary(max_size=600))
def test_every_byte_comes_out_again_in_order(stream: bytes) -> None:
    raw = b"".join(piece.raw for piece in joined(stream))
    assert raw == stream or raw == _without_line_feed_after_rejected_return(stream)


def _without_line_feed_after_rejected_return(stream: bytes) -> bytes:
    """The one byte that is dropped: the LF of a CR LF behind a line that looked like a frame."""
    decoder = FrameDecoder()
    kept = bytearray()
    for number in range(len(stream)):
        dropped = stream[number : number + 1] == b"\n" and _ended_with_return(decoder)
        decoder.feed(stream[number : number + 1])
        if not dropped:
            kept += stream[number : number + 1]
    return bytes(kept)


def _ended_with_return(decoder: FrameDecoder) -> bool:
    return decoder._after_return


def _damaged(generator: random.Random, lines: list[bytes]) -> bytes:
    """One line, damaged as lines are damaged: bits, bytes, bursts, splices, injected noise, exchanged digits."""
    line = bytearray(generator.choice(lines))
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        at, kind = generator.randrange(len(line)), generator.randrange(7)
        if kind == 0:
            line[at] ^= 1 << generator.randrange(8)
        elif kind == 1:
            line[at] = generator.randrange(256)
        elif kind == 2:
            del line[at]
        elif kind == 3:
            line[at : at + 4] = generator.randbytes(generator.randrange(1, 6))
        elif kind == 4:
            line[at:] = generator.choice(lines)[at:]
        elif kind == 5:
            line[at:at] = generator.choice((b"BdsDxe: ", b"\x1b[2J", b"@", b"\r\n", b" ", b"\x00"))
        elif at + 1 < len(line):
            line[at], line[at + 1] = line[at + 1], line[at]
        if not line:
            return b"\n"
    return bytes(line)


def test_no_damaged_line_is_accepted() -> None:
    """LLMBM_FUZZ_LINES=10000000 is the long form. An accepted frame must be one that was sent, octet for octet."""
    count = int(os.environ.get("LLMBM_FUZZ_LINES", "200000"))
    generator = random.Random(20)
    lines = [to_frame(one, sequence) for _, sequence, one in records()]
    sent = {line[: line.index(b"*") + 9] for line in lines}
    decoder = FrameDecoder()
    accepted = rejected = 0
    for _ in range(count):
        for piece in decoder.feed(_damaged(generator, lines)):
            if isinstance(piece, Frame):
                assert piece.raw.rstrip(b"\r\n" + END) in sent, piece
                accepted += 1
            elif isinstance(piece, Rejected):
                rejected += 1
    assert rejected > count / 2
    assert (
        accepted < count / 3
    )  # damage that left the line whole: lost line ends, noise before it, a splice with itself


def test_memory_is_bounded() -> None:
    decoder = FrameDecoder()
    for chunk in [b"@T 0001 s=" + b"x" * 100_000, b"@" * 100_000, b"@q 0000 " * 30_000]:
        decoder.feed(chunk)
        assert len(decoder.pending) < MAX_LINE


def test_hostile_input_does_not_take_forever() -> None:
    """Each of these made a backtracking expression explode; with possessive ones the work is linear."""
    decoder = FrameDecoder()
    for line in [b"@T 0001 s=" + b"a" * 225, b"@T 0001" + b" a=" * 70, b"@T 0001 a=" + b"%41" * 70 + b"%"] * 300:
        assert all(isinstance(piece, Rejected) for piece in decoder.feed(line + b"\n"))


def test_flush_gives_back_what_was_held() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b"llmk> @q 00") == [Noise(b"llmk> ")]
    assert decoder.pending == b"@q 00"
    assert decoder.flush() == [Noise(b"@q 00")]
    assert decoder.feed(GOOD)[0].raw == GOOD[:-1]


def test_a_rejected_line_says_why() -> None:
    (piece,) = FrameDecoder().feed(GOOD.replace(b"f49d052f", b"f49d052e"))
    assert piece == Rejected(GOOD[:-3] + b"e\r", RejectReason.CHECKSUM, "checksum f49d052e, computed f49d052f")


@pytest.mark.parametrize(
    ("kind", "sequence", "fields"),
    [
        ("TT", 0, {}),
        ("1", 0, {}),
        ("é", 0, {}),
        ("T", 65536, {}),
        ("T", -1, {}),
        ("T", 0, {"Key": ""}),
        ("T", 0, {"keyisninelong": ""}),
        ("T", 0, {"s": "a b"}),
        ("T", 0, {"s": "a\n"}),
        ("T", 0, {"s": "%4"}),
        ("T", 0, {"s": "@"}),
        ("T", 0, {"s": "é"}),
        ("T", 0, {"s": "x" * 240}),
        ("T", 0, {f"a{number}": "" for number in range(25)}),
    ],
)
def test_the_encoder_writes_nothing_malformed(kind: str, sequence: int, fields: dict[str, str]) -> None:
    with pytest.raises(FrameError):
        encode(kind, sequence, fields)


@settings(max_examples=300)
@given(st.binary(max_size=30), st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_a_frame_is_found_behind_any_noise(noise: bytes, end: bytes) -> None:
    pieces = joined(noise + b"\n" + GOOD[:-2] + end)
    assert isinstance(pieces[-1], Frame)
