"""The tokenizer: what llama2.c gives for any bytes, and files that are not tokenizers."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from engine_harness import EngineError, Harness
from hypothesis import given, settings
from hypothesis import strategies as st
from llama2_tokenizer import BYTES, SPECIAL, SlowTokenizer, tokenizer_file

FORMAT, TOOLONG = 10, 8
VOCAB = 1024
TEXTS = [
    b"",
    b" ",
    b"Once upon a time",
    b"  two  spaces  ",
    b"line\nbreak\n\n\ttab\r\n",
    "Zoë said 漢字 to 😀.".encode(),
    b"<s> </s> <unk> <0x41>",
    b"\xff\xfe broken \xe6\xbc and \x80\x80\x80\x80\x80\x80",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"\x00 inside \x00",
]
WORDS = st.lists(
    st.sampled_from(["Once", " upon", " a", " time", "Lily", ",", "\n", "ö", "漢", "😀", " the", "zq", " "])
)
SOME_BYTES = st.one_of(st.text().map(str.encode), st.binary(), WORDS.map(lambda words: "".join(words).encode()))


@pytest.fixture(scope="module")
def file(own_model: Path) -> bytes:
    return own_model.with_suffix(".tok.bin").read_bytes()


@pytest.fixture(scope="module")
def slow(file: bytes) -> SlowTokenizer:
    return SlowTokenizer(file, VOCAB)


@pytest.fixture(scope="module")
def loaded(harness: Harness, file: bytes) -> Harness:
    harness.call("tokenizer", VOCAB, payload=file)
    return harness


@pytest.mark.parametrize("text", TEXTS)
def test_known_texts_are_encoded_as_llama2_does(loaded: Harness, slow: SlowTokenizer, text: bytes) -> None:
    assert loaded.encode(text) == slow.encode(text)
    assert loaded.encode(text, bos=False) == slow.encode(text, bos=False)


@given(text=SOME_BYTES)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_encoded_as_llama2_does_and_come_back(loaded: Harness, slow: SlowTokenizer, text: bytes) -> None:
    ids = loaded.encode(text)
    assert ids == slow.encode(text)
    assert loaded.decode(ids[1:]) == text


@given(ids=st.lists(st.integers(3, VOCAB - 1), max_size=30), previous=st.sampled_from([1, 2, 500]))
@settings(max_examples=100, deadline=None)
def test_any_ids_are_decoded_as_llama2_does(
    loaded: Harness, slow: SlowTokenizer, ids: list[int], previous: int
) -> None:
    assert loaded.decode(ids, previous) == slow.decode(ids, previous)


def test_an_id_outside_the_vocabulary_decodes_to_nothing(loaded: Harness) -> None:
    assert loaded.decode([VOCAB]) == loaded.decode([2**32 - 1]) == b""


def test_a_long_prompt_is_encoded_as_llama2_does(loaded: Harness, slow: SlowTokenizer) -> None:
    words = random.Random(1)
    text = b" ".join(words.choice([b"Lily", b"was", b"happy", b"sun", b"\xc3\xb6l", b"xyzzy"]) for _ in range(260))
    assert loaded.encode(text) == slow.encode(text)


@pytest.mark.parametrize(
    "text", [b"a" * 8191, b"Lily went to the park. " * 356, "漢".encode() * 2730, bytes(range(256)) * 31]
)
def test_the_longest_texts_come_back(loaded: Harness, text: bytes) -> None:
    assert loaded.decode(loaded.encode(text)[1:]) == text


def test_longer_texts_are_refused(loaded: Harness) -> None:
    with pytest.raises(EngineError, match="the text has 8192 bytes, at most 8191 can be encoded at once") as caught:
        loaded.encode(b"a" * 8192)
    assert caught.value.code == TOOLONG


@pytest.mark.parametrize("capacity", [0, 1, 5])
def test_too_many_tokens_are_refused_with_both_numbers(loaded: Harness, capacity: int) -> None:
    count = len(loaded.encode(b"One day a cat sat"))
    with pytest.raises(EngineError, match=f"the text has {count} tokens, at most {capacity} fit") as caught:
        loaded.encode(b"One day a cat sat", capacity=capacity)
    assert caught.value.code == TOOLONG
    assert len(loaded.encode(b"One day a cat sat", capacity=count)) == count


def test_equal_scores_merge_from_the_left(harness: Harness) -> None:
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), (0.0, b"a"), (-1.0, b"aa"), (-2.0, b"aaa"), (-1.0, b" a"), (-3.0, b"aaaa")]
    file = tokenizer_file(pieces)
    harness.call("tokenizer", len(pieces), payload=file)
    slow = SlowTokenizer(file, len(pieces))
    for count in range(40):
        assert harness.encode(b"a" * count) == slow.encode(b"a" * count)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_random_vocabularies_merge_as_llama2_does(sanitised: Harness, data: st.DataObject) -> None:
    letters = st.text("ab ", min_size=1, max_size=6).map(str.encode)
    extra = data.draw(
        st.lists(st.tuples(st.sampled_from([-3.0, -2.0, -1.5, -1.0, 0.0, 5.0, -2e10]), letters), max_size=25)
    )
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), *extra]
    file = tokenizer_file(pieces, 8)
    sanitised.call("tokenizer", len(pieces), payload=file)
    slow = SlowTokenizer(file, len(pieces))
    text = data.draw(st.text("abc ", max_size=60)).encode()
    assert sanitised.encode(text) == slow.encode(text)


def test_a_character_has_four_bytes_at_most(harness: Harness) -> None:
    face = "😀".encode()
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), (0.0, face), (0.0, face + b"\x80")]
    file = tokenizer_file(pieces)
    harness.call("tokenizer", len(pieces), payload=file)
    for text in (face, face + b"\x80\x81", face * 2 + b"\x80"):
        assert harness.encode(text) == SlowTokenizer(file, len(pieces)).encode(text)


def test_a_vocabulary_without_byte_tokens_says_unknown(harness: Harness) -> None:
    pieces = [*SPECIAL, (0.0, b" "), (0.0, b"a"), (-1.0, b" a")]
    harness.call("tokenizer", len(pieces), payload=tokenizer_file(pieces))
    assert harness.encode(b"az") == [1, 5, 0]
    assert harness.encode("aö".encode()) == [1, 5, 0, 0]


def refusal(harness: Harness, file: bytes, vocab: int) -> str:
    with pytest.raises(EngineError) as caught:
        harness.call("tokenizer", vocab, payload=file)
    assert caught.value.code == FORMAT
    return str(caught.value)


def test_each_wrong_part_of_a_file_is_named(harness: Harness) -> None:
    pieces = [*SPECIAL, (0.0, b" "), (0.0, b"abc")]
    good = tokenizer_file(pieces)
    last = len(good) - 3 - 8
    another = "more tokens: the file is cut off or belongs to another model"
    assert refusal(harness, good[:-1], 5) == f"tokenizer: 2 bytes are left for the 3 of token 4 and 0 {another}"
    assert refusal(harness, good[: last - 1], 5) == f"tokenizer: 27 bytes are left for the 5 of token 1 and 3 {another}"
    assert refusal(harness, good + b"?", 5).startswith("tokenizer: 1 byte follows the last of 5 tokens")
    assert refusal(harness, good, 4).startswith("tokenizer: 11 bytes follow the last of 4 tokens")
    assert another in refusal(harness, good, 6)
    assert refusal(harness, good, 500).startswith(f"tokenizer: the file has {len(good)} bytes, 500 tokens need 4004 to")
    for length, shown in ((7, "7"), (-1, "-1"), (2**31 - 1, "2147483647")):
        wrong = good[: last + 4] + struct.pack("<i", length) + good[last + 8 :]
        assert refusal(harness, wrong, 5).startswith(f"tokenizer: the length of token 4 is {shown}, expected 0..6")
    for score in (float("nan"), float("inf"), float("-inf")):
        wrong = good[:last] + struct.pack("<f", score) + good[last + 4 :]
        assert refusal(harness, wrong, 5) == "tokenizer: the score of token 4 is not a finite number"
    for longest in (0, -1, 513, 2**31 - 1):
        wrong = struct.pack("<i", longest) + good[4:]
        assert refusal(harness, wrong, 5) == f"tokenizer: max_token_length is {longest}, expected 1..512"


def test_every_truncation_is_refused(sanitised: Harness, file: bytes) -> None:
    for size in [*range(60), *range(61, len(file), 499), len(file) - 1]:
        refusal(sanitised, file[:size], VOCAB)


@given(at=st.integers(0, 3000), junk=st.binary(min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_damaged_files_never_crash(sanitised: Harness, file: bytes, at: int, junk: bytes) -> None:
    damaged = file[:at] + junk + file[at + len(junk) :]
    try:
        sanitised.call("tokenizer", VOCAB, payload=damaged)
        refused = None
    except EngineError as error:
        refused = error.code
    assert refused in (None, FORMAT)
    if refused is None:
        assert sanitised.encode(b"Once upon a time \xff\x00")[0] == 1


def test_the_large_published_tokenizer(harness: Harness, published_tokenizer: Path) -> None:
    file = published_tokenizer.read_bytes()
    harness.call("tokenizer", 32000, payload=file)
    slow = SlowTokenizer(file, 32000)
    for text in [*TEXTS[:8], b"The quick brown fox jumps over the lazy dog. " * 8]:
        ids = harness.encode(text)
        assert ids == slow.encode(text)
        assert harness.decode(ids[1:]) == text
