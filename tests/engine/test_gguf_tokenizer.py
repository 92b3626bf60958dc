"""The tokenizer inside a GGUF file: the ids and the bytes of the same tokenizer in llama2.c's own file."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf_files as gf
import pytest
from engine_harness import EngineError, Harness
from gguf_files import BYTE, CONTROL, SPACE, TEXT, UNUSED, USER, Gguf, gguf_of
from hypothesis import given, settings
from hypothesis import strategies as st
from llama2_files import Shape, random_weights
from llama2_tokenizer import BYTES, SPECIAL, SlowTokenizer, tokenizer_file
from test_tokenizer import SOME_BYTES, TEXTS

FORMAT = 10


def with_words(pieces: list[tuple[float, bytes]]) -> Gguf:
    """A small model with this vocabulary."""
    shape = Shape(dim=16, hidden=16, heads=1, kv_heads=1, layers=1, vocab=len(pieces))
    return gguf_of(shape, random_weights(shape, 1), pieces)


def replaced(file: Gguf, key: str, kind: int, index: int, value: object) -> Gguf:
    """The file with one element of an array changed."""
    name = f"tokenizer.ggml.{key}"
    old = file.key(name)
    assert isinstance(old, tuple)
    items = [value if i == index else item for i, item in enumerate(old[1])]
    return file.with_key(name, gf.ARRAY, (kind, items))


def refusal(harness: Harness, file: Gguf) -> str:
    with pytest.raises(EngineError) as caught:
        harness.call("words", 0, payload=file.encode())
    assert caught.value.code == FORMAT
    return str(caught.value)


@pytest.fixture(scope="module")
def file(own_model: Path) -> bytes:
    return own_model.with_suffix(".tok.bin").read_bytes()


@pytest.fixture(scope="module")
def loaded(harness: Harness, file: bytes) -> Harness:
    harness.call("words", 0, payload=with_words(gf.tokens_of(file)).encode())
    return harness


@pytest.fixture(scope="module")
def slow(file: bytes) -> SlowTokenizer:
    return SlowTokenizer(file, 1024)


@pytest.mark.parametrize("text", TEXTS)
def test_known_texts_have_the_ids_of_the_other_file(loaded: Harness, slow: SlowTokenizer, text: bytes) -> None:
    ids = loaded.encode(text)
    assert ids == slow.encode(text)
    assert loaded.decode(ids[1:]) == text


@given(text=SOME_BYTES)
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_the_ids_of_the_other_file(loaded: Harness, slow: SlowTokenizer, text: bytes) -> None:
    ids = loaded.encode(text)
    assert ids == slow.encode(text)
    assert loaded.decode(ids[1:]) == text


def test_the_large_published_tokenizer(harness: Harness, published_tokenizer: Path) -> None:
    data = published_tokenizer.read_bytes()
    harness.call("words", 0, payload=with_words(gf.tokens_of(data)).encode())
    slow = SlowTokenizer(data, 32000)
    for text in [*TEXTS[:8], b"The quick brown fox jumps over the lazy dog. " * 8]:
        ids = harness.encode(text)
        assert ids == slow.encode(text)
        assert harness.decode(ids[1:]) == text


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_random_vocabularies_merge_as_llama2_does(sanitised: Harness, data: st.DataObject) -> None:
    letters = st.text("ab ", min_size=1, max_size=6).map(str.encode)
    scores = st.sampled_from([-3.0, -2.0, -1.5, -1.0, 0.0, 5.0, -2e10])
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), *data.draw(st.lists(st.tuples(scores, letters), max_size=25))]
    sanitised.call("words", 0, payload=with_words(pieces).encode())
    slow = SlowTokenizer(tokenizer_file(pieces), len(pieces))
    text = data.draw(st.text("abc ", max_size=60)).encode()
    assert sanitised.encode(text) == slow.encode(text)


def test_text_never_becomes_a_control_token_or_an_unused_one(harness: Harness) -> None:
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), (0.0, b"x"), (5.0, b"xx"), (9.0, b"xxx")]
    file = with_words(pieces)
    for kind in (CONTROL, UNUSED):
        harness.call("words", 0, payload=replaced(file, "token_type", gf.INT32, 261, kind).encode())
        assert harness.encode(b"xxx") == [1, 259, 260, 260, 260]
        assert harness.decode([261]) == b"xx"
    harness.call("words", 0, payload=file.encode())
    assert harness.encode(b"xxx") == [1, 259, 262]


def test_text_that_looks_like_a_byte_token_stays_text(harness: Harness) -> None:
    pieces = [*SPECIAL, *BYTES, *((-1.0, b"%c" % c) for c in b" <0x41>"), (0.0, b"<0"), (0.0, b"<0x"), (0.0, b"<0x4")]
    harness.call("words", 0, payload=with_words([*pieces, (0.0, b"<0x41")]).encode())
    assert harness.decode(harness.encode(b"<0x41>")[1:]) == b"<0x41>"


def test_a_vocabulary_without_byte_tokens_says_unknown(harness: Harness) -> None:
    pieces = [*SPECIAL, (0.0, b" "), (0.0, b"a"), (-1.0, b" a")]
    harness.call("words", 0, payload=with_words(pieces).encode())
    assert harness.encode("aö".encode()) == [1, 5, 0, 0]


def test_only_the_whole_sign_is_a_space(harness: Harness) -> None:
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), (0.0, b"q")]
    file = replaced(with_words(pieces), "tokens", gf.STRING, 260, SPACE[:2] + SPACE + b"q" + SPACE[:1])
    harness.call("words", 0, payload=file.encode())
    assert harness.decode([260], previous=2) == SPACE[:2] + b" q" + SPACE[:1]


@pytest.mark.parametrize("kind", [0, USER, 7, -1])
def test_a_token_of_another_type_is_refused_with_its_number(harness: Harness, kind: int) -> None:
    file = replaced(with_words([*SPECIAL, *BYTES, (0.0, b" "), (0.0, b"a")]), "token_type", gf.INT32, 260, kind)
    want = f"gguf: tokenizer.ggml.token_type of token 260 is {kind}, expected 1 (text), 2 (unknown), 3 (control), "
    assert refusal(harness, file).startswith(want)


def test_byte_tokens_are_all_there_in_their_places(harness: Harness) -> None:
    file = with_words([*SPECIAL, *BYTES, (0.0, b" "), (0.0, b"a")])
    for token in (2, 259):
        wrong = f"gguf: tokenizer.ggml.token_type says that token {token} is a byte, expected 3 to 258"
        assert refusal(harness, replaced(file, "token_type", gf.INT32, token, BYTE)) == wrong
    swapped = replaced(file, "tokens", gf.STRING, 70, b"<0x44>")
    assert refusal(harness, swapped) == "gguf: token 70 is a byte, but its text is not <0x43>"
    for token in (4, 70, 258):
        missing = f"gguf: tokenizer.ggml.token_type has bytes, but token {token} is none, expected all of 3 to 258"
        assert refusal(harness, replaced(file, "token_type", gf.INT32, token, TEXT)) == missing
    assert "but token 3 is none" in refusal(harness, replaced(file, "token_type", gf.INT32, 3, TEXT))


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_scores_are_numbers(harness: Harness, score: float) -> None:
    file = replaced(with_words([*SPECIAL, (0.0, b" "), (0.0, b"a")]), "scores", gf.FLOAT32, 4, score)
    assert refusal(harness, file) == "gguf: tokenizer.ggml.scores of token 4 is not a finite number"


def test_a_vocabulary_of_nothing_is_refused(harness: Harness) -> None:
    file = with_words([*SPECIAL, (0.0, b" ")]).with_key("tokenizer.ggml.tokens", gf.ARRAY, (gf.STRING, [b""] * 4))
    assert refusal(harness, file) == "gguf: every token of tokenizer.ggml.tokens is empty"


def test_a_file_that_changes_while_it_is_read_writes_nothing_beyond_its_memory(sanitised: Harness, file: bytes) -> None:
    """Between measuring and loading: another length of the first token moves all that follow."""
    data = with_words(gf.tokens_of(file)).encode()
    for count in (1, 2, 9, 100):
        with pytest.raises(EngineError):
            sanitised.call("words", count, payload=data)


def test_every_token_may_be_as_long_as_the_limit(sanitised: Harness) -> None:
    pieces = [*SPECIAL, *BYTES, (0.0, b" "), *((-float(i), struct.pack("<H", i) * 256) for i in range(300, 340))]
    sanitised.call("words", 0, payload=with_words(pieces).encode())
    assert sanitised.decode([270]) == pieces[270][1]
