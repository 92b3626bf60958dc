"""Records: what is refused, what is kept although it is unknown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbm_protocol.codec import UnknownFrame, from_frame, micro_text, to_fields, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder, Rejected, RejectReason, encode
from llmbm_protocol.schema import (
    Arena,
    Cpu,
    Credit,
    Event,
    Leave,
    LogCode,
    LogLevel,
    Perf,
    Phase,
    Response,
    Sentinel,
    SentinelState,
    Token,
    Zones,
)  # fmt: skip


def read(kind: str, **fields: str) -> object:
    """The record in a frame with these fields."""
    (frame,) = FrameDecoder().feed(encode(kind, 0, fields))
    assert isinstance(frame, Frame)
    return from_frame(frame)


def refused(kind: str, **fields: str) -> str:
    """Why the record is rejected."""
    piece = read(kind, **fields)
    assert isinstance(piece, Rejected), piece
    assert piece.reason is RejectReason.RECORD
    return piece.detail


TOKEN = {"g": "1", "i": "0", "t": "5", "id": "9", "cy": "7", "s": "_the"}


def test_a_token_keeps_half_a_character() -> None:
    assert read("T", **TOKEN | {"s": "_caf%c3"}) == Token(
        generation=1, index=0, time=5, token=9, cycles=7, text=b" caf\xc3"
    )


def test_optional_fields_with_their_default_are_left_out() -> None:
    assert to_fields(Credit(consumed=151, window=15)) == {"c": "151", "w": "15"}
    assert to_fields(Credit(consumed=0, window=15, phase=Phase.DECODE)) == {"c": "0", "w": "15", "b": "decode"}
    assert read("K", c="151", w="15") == Credit(consumed=151, window=15, phase=Phase.IDLE)


def test_none_and_zero_are_told_apart() -> None:
    assert to_fields(Response(id=1, ok=True)) == {"id": "1", "ok": "1"}
    assert to_fields(Response(id=1, ok=True, count=0)) == {"id": "1", "ok": "1", "n": "0"}
    assert to_fields(Response(id=1, ok=True, value="")) == {"id": "1", "ok": "1", "v": ""}


def test_unknown_keys_are_ignored() -> None:
    assert read("K", c="151", w="15", colour="red") == Credit(consumed=151, window=15)


def test_unknown_kinds_and_streams_are_kept() -> None:
    assert read("Z", a="1") == UnknownFrame("Z", None, {"a": "1"})
    assert read("S", k="weather", t="1") == UnknownFrame("S", "weather", {"k": "weather", "t": "1"})
    assert read("S", t="1") == UnknownFrame("S", None, {"t": "1"})


def test_an_unknown_word_is_kept() -> None:
    record = read("B", why="overheat")
    assert isinstance(record, Leave)
    assert record.why == "overheat"
    assert record.why.value == "overheat"
    assert not record.why.known
    assert to_fields(record) == {"why": "overheat"}


def test_a_known_word_is_the_enumeration() -> None:
    record = read("S", k="perf", t="1", ph="decode", g="0", tok="0", us="0", pd="0", pn="0", rate="0")
    assert isinstance(record, Perf)
    assert record.phase is Phase.DECODE
    assert record.phase.known


def test_words_with_underscores_stand_as_they_are() -> None:
    event = Event(number=1, time=2, level=LogLevel.ERROR, code=LogCode.ALLOC_FAIL, arena=Arena.KV, message="no room")
    assert to_frame(event, 0).startswith(b"@E 0000 n=1 t=2 lv=error c=alloc_fail a=kv m=no_room*")


@pytest.mark.parametrize("missing", list(TOKEN))
def test_a_missing_required_field_is_named(missing: str) -> None:
    names = {"g": "generation", "i": "i", "t": "t", "id": "id", "cy": "cy", "s": "s"}
    detail = refused("T", **{key: value for key, value in TOKEN.items() if key != missing})
    assert f"Token field {names[missing][0]}" in detail
    assert "required" in detail.lower()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("g", ""), ("g", "01"), ("g", "+1"), ("g", "-1"), ("g", "_1"), ("g", "1_"), ("g", "0x1"), ("g", "1.0"),
        ("g", "a"), ("g", "4294967296"), ("g", "9" * 100), ("x", "2"), ("x", ""), ("x", "true"), ("p", "256"),
        ("s", "a,b"), ("s", "x" * 41), ("s", "%ff" * 41), ("cy", "549755813888"),
    ],
)  # fmt: skip
def test_a_value_in_another_spelling_is_refused(key: str, value: str) -> None:
    names = {"g": "generation", "x": "more", "p": "part", "s": "text", "cy": "cycles"}
    detail = refused("T", **TOKEN | {key: value})
    assert f"Token field {key}" in detail or f"Token field {names[key]}" in detail


@pytest.mark.parametrize(
    "value", ["", ".5", "1.", "01", "1.50", "0.0", "1.0000001", "9999999999", "1e3", "-1", "281474976.710656"]
)
def test_a_micro_in_another_spelling_is_refused(value: str) -> None:
    refused("S", k="perf", t="1", ph="idle", g="0", tok="0", us="0", pd="0", pn="0", rate=value)


@pytest.mark.parametrize(
    ("millionths", "text"),
    [(0, "0"), (1, "0.000001"), (850_000, "0.85"), (1_000_000, "1"), (4_294_967_295, "4294.967295")],
)
def test_micro_has_one_spelling(millionths: int, text: str) -> None:
    assert micro_text(millionths) == text
    record = read("S", k="perf", t="1", ph="idle", g="0", tok="0", us="0", pd="0", pn="0", rate=text)
    assert isinstance(record, Perf)
    assert record.decode_rate == millionths


@pytest.mark.parametrize("value", ["A", "0f", "", "x", "10000000000000000", "-1", "f" * 40])
def test_hexadecimal_has_one_spelling(value: str) -> None:
    refused("E", n="1", t="1", lv="info", c="info", m="", p=value)


@pytest.mark.parametrize("value", ["1,", ",1", "1,,2", "1,2,3", "01,2", "1;2", "68719476736,1"])
def test_a_list_in_another_form_is_refused(value: str) -> None:
    refused("S", k="zones", t="1", w=value, kv="1,2", sc="1,2", ac="1,2", zc="1,2", kp="1,2")


@pytest.mark.parametrize("value", ["%00", "%1b[2J", "%c3%a9", "%7f", "a,b"])
def test_plain_text_holds_nothing_that_harms_a_terminal(value: str) -> None:
    refused("E", n="1", t="1", lv="info", c="info", m=value)


@pytest.mark.parametrize("value", ["Idle", "idle-x", "%69dle", "", "a" * 17])
def test_what_is_no_word_is_refused(value: str) -> None:
    refused("B", why=value)


def test_the_models_check_their_values_too() -> None:
    with pytest.raises(ValidationError):
        Zones(time=1, weights=(1, 2, 3), kv=(), scratch=(), acts=(), zonec=(), keep=())
    with pytest.raises(ValidationError):
        Zones(time=1, weights=(-1,), kv=(), scratch=(), acts=(), zonec=(), keep=())
    with pytest.raises(ValidationError):
        Token(generation=-1, index=0, time=0, token=0, cycles=0, text=b"")
    with pytest.raises(ValidationError):
        Token(generation=0, index=0, time=0, token=0, cycles=0, text=b"x" * 41)
    with pytest.raises(ValidationError, match="48 octets on the wire"):
        Cpu(time=1, brand="=" * 17, level="", best="", hz=1, clock="", spread_ppm=0, invariant=True)
    with pytest.raises(ValidationError):
        Cpu(time=1, brand="Intel®", level="", best="", hz=1, clock="", spread_ppm=0, invariant=True)
    assert SentinelState("armed") is SentinelState.ARMED
    assert "percentiles" in Sentinel.model_fields


def test_a_brand_string_with_an_at_sign_survives() -> None:
    brand = "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz"
    record = Cpu(time=1, brand=brand, level="avx2", best="avx2", hz=1, clock="tsc", spread_ppm=0, invariant=True)
    (frame,) = FrameDecoder().feed(to_frame(record, 0))
    assert isinstance(frame, Frame)
    assert from_frame(frame) == record
