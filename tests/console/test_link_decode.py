"""Heartbeats as they are read: what they say again is the same record."""

from __future__ import annotations

import pytest

from llmbm_console.core.link.decode import LineDecoder
from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import encode
from llmbm_protocol.schema import Credit


def test_a_heartbeat_that_says_the_same_is_the_same_record_and_its_number_is_its_own() -> None:
    decoder = LineDecoder()
    same, other = Credit(consumed=9, window=15, events=2), Credit(consumed=10, window=15, events=2)
    data = b"".join(to_frame(record, number) for number, record in enumerate((same, same, other, same)))
    heard = [piece for piece in decoder.feed(data) if not isinstance(piece, str)]
    records = [record for record, _number in heard]
    assert records == [same, same, other, same]
    assert [number for _record, number in heard] == [0, 1, 2, 3]
    assert records[0] is records[1]
    assert records[1] is not records[3]


def test_a_heartbeat_that_cannot_be_read_is_rejected_each_time() -> None:
    decoder = LineDecoder()
    good = to_frame(Credit(consumed=9, window=15), 0)
    bad = encode("K", 1, {"c": "x"})
    heard = list(decoder.feed(good + bad + bad + good))
    assert len(heard) == 2
    assert decoder.rejected_lines == 2


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_comes_first_on_a_line_that_begins_in_a_frame_is_no_text(step: int) -> None:
    decoder = LineDecoder()
    frame = to_frame(Credit(consumed=9, window=15), 0)

    def heard(data: bytes) -> list[object]:
        pieces = (piece for at in range(0, len(data), step) for piece in decoder.feed(data[at : at + step]))
        return [piece if isinstance(piece, str) else piece[0] for piece in pieces]

    decoder.begin(in_frame=True)
    heard(b"@K 0001 of another line")
    decoder.begin(in_frame=True)
    assert heard(frame[9:] + frame) == [Credit(consumed=9, window=15)], "its rest, and a whole one"
    assert "".join(map(str, heard(b"text\r\n"))) == "text\n"
    decoder.begin(in_frame=True)
    assert "".join(map(str, heard(b"c=2*b6dcf1c1\r\nllmk> text\r\n"))) == "llmk> text\n"
    decoder.begin(in_frame=True)
    assert heard(frame)[0] == Credit(consumed=9, window=15), "it began between two frames"
    assert "".join(map(str, heard(b"text\r\n"))) == "text\n"
    assert not decoder.rejected_lines
