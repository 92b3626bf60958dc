"""What a person sees of an answer: whole characters, no stop pattern, notices only below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import Script
from typed_kernel import GREEDY, Kernel, Start


def say(start: Start, folder: Path, *pieces: bytes, settings: tuple[str, ...] = ()) -> Kernel:
    """A kernel whose model says these pieces."""
    Script(pieces).write(folder)
    kernel = start(folder)
    kernel.tell(*GREEDY, *settings)
    return kernel


def test_characters_split_over_tokens_come_whole(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"caf", b"\xc3", b"\xa9 ", b"\xe2\x82", b"\xac ", b"\xf0", b"\x9f\x98", b"\x80", b"!")
    assert kernel.ask("x") == "café € 😀!"


def test_an_incomplete_character_at_the_end_is_not_kept_for_the_next_answer(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"caf", b"\xc3")
    assert kernel.ask("x") == "caf\N{REPLACEMENT CHARACTER}"
    assert kernel.ask("x") == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"Hi", b"\nYou:", b" no"),
        (b"Hi", b"\n", b"You", b":", b" no"),
        (b"Hi\nY", b"ou", b": no"),
        (b"Hi", b"\n", b"Y", b"o", b"u", b": no", b"more"),
    ],
)
def test_a_stop_pattern_is_matched_on_bytes_and_not_shown(
    start: Start, tmp_path: Path, pieces: tuple[bytes, ...]
) -> None:
    kernel = say(start, tmp_path, *pieces, settings=("/stop_you 1",))
    assert kernel.ask("x") == "Hi"
    kernel.tell("/stop_you 0")
    assert kernel.ask("x").endswith("You: no" + ("more" if pieces[-1] == b"more" else ""))


def test_tokens_of_a_matched_pattern_leave_the_context(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"Hi", b"\n", b"You", b":", b" no", settings=("/max_tokens 1",))
    kernel.ask("x")
    kept = kernel.rows() + 1  # the one token of the answer has no row yet
    kernel.tell("/clear", "/max_tokens 100", "/stop_you 1")
    assert kernel.ask("x") == "Hi"
    assert kernel.rows() == kept


def test_a_beginning_that_is_no_pattern_is_shown(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"a\n", b"Yo", b"\nYou", b"r\n", b"\n", b"\nYou", settings=("/stop_you 1",))
    assert kernel.ask("x") == "a\nYo\nYour\n\n\nYou"


def test_an_empty_line_stops_when_asked(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"one\n", b"two\n", b"\nthree", settings=("/stop_nl 1",))
    assert kernel.ask("x") == "one\ntwo"


def test_eos_ends_the_answer_and_is_not_shown(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"The", b" end.")
    assert kernel.ask("x") == "The end."


def test_overruns_are_told_after_the_answer_and_not_inside(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"one", b" two", b" three", settings=("/budget 1 1",))
    text, _, notices = kernel.ask("x").partition("\n")
    assert text == "one two three"
    assert re.fullmatch(r"\[over budget: \d+ prefill and 3 decode passes; see /budget and /log\]", notices), notices
    assert "code=budget" in kernel.ask("/log")


def test_one_pass_is_told_as_one(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"one", settings=("/budget 1 1",))
    assert " and 1 decode pass; see" in kernel.ask("x")
    assert re.search(r"prefill .*, 1 pass, 1 over the budget", kernel.ask("/budget"))


def test_statistics_tell_prefill_and_decode_apart(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"one", b" two", b" three", settings=("/stats 1",))
    line = kernel.ask("x").splitlines()[-1]
    bound = r"[\d.]+ GB/s \(\d+ % of reading alone\)"
    assert re.fullmatch(
        rf"\[3 tokens, prefill \d at [\d.]+ tok/s, decode [\d.]+ tok/s at {bound}, \d of 64 rows\]", line
    ), line
    kernel.tell("/stats 0")
    assert kernel.ask("x") == "one two three"
