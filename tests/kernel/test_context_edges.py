"""The last row of the context: prompts that just fit, answers that end on it, patterns that lie across it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, Script, put_model
from numpy_model import Model
from typed_kernel import GREEDY, Kernel, Start

ROWS = 32


def say(start: Start, folder: Path, *pieces: bytes, rows: int = ROWS, settings: tuple[str, ...] = ()) -> Kernel:
    """A kernel whose model says these pieces. A prompt has a token for each of its bytes, and no space before it."""
    Script(pieces, seq_len=rows).write(folder)
    kernel = start(folder)
    kernel.tell(*GREEDY, *settings)
    return kernel


# ---- a pattern across an overflow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", range(1, 12))
@pytest.mark.parametrize(("policy", "rows"), [("clear", 16), ("clear", 5), ("slide", 4), ("slide", 2)])
def test_an_overflow_inside_a_stop_pattern(
    start_checked: Start, tmp_path: Path, letters: int, policy: str, rows: int
) -> None:
    """Some of the pattern's tokens are gone when it is complete: the rest leave, and nothing else."""
    pieces = (b"a",) * letters + (b"\n", b"Y", b"o", b"u", b":", b"no")
    kernel = say(start_checked, tmp_path, *pieces, rows=rows, settings=("/stop_you 1", f"/overflow {policy}"))
    for _ in range(3):
        answer = re.sub(r"\[the context was full[^]]*]\n?", "", kernel.ask("x"))
        assert answer.rstrip("\n") == "a" * letters
        assert kernel.rows() <= rows
    assert "guard=broken" not in kernel.ask("/zones")


# ---- prompts that just fit -------------------------------------------------------------------------------------------

FULL = f"[the context is full: {ROWS} of {ROWS} rows; /clear, or /overflow slide]"
LOOP = (b"a", b"b", b"c", b"d", b"e")


def tokens(count: int) -> str:
    """A text of so many tokens."""
    return "?" * count


def test_a_first_prompt_of_all_rows(start: Start, tmp_path: Path) -> None:
    """BOS and a token for every other row: the first token of the answer has no row any more."""
    kernel = say(start, tmp_path, *LOOP, settings=("/overflow stop",))
    assert kernel.ask(tokens(ROWS - 1)) == f"a\n{FULL}"
    assert kernel.rows() == ROWS
    kernel.tell("/clear", "/overflow slide")
    half = ROWS // 2
    assert (
        kernel.ask(tokens(ROWS - 1)) == f"abcde\n[the context was full: the newest {half} of {ROWS} tokens were kept]"
    )
    assert kernel.rows() == half + 1 + 4, "BOS, the newest half with the a, and bcde"


def test_a_first_prompt_of_all_rows_but_one(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, *LOOP, settings=("/overflow stop",))
    assert kernel.ask(tokens(ROWS - 2)) == f"ab\n{FULL}"
    assert kernel.rows() == ROWS


def test_a_first_prompt_of_more_than_all_rows(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, *LOOP)
    for policy in ("slide", "clear", "stop"):
        kernel.tell(f"/overflow {policy}")
        refusal = f"the prompt has {ROWS + 1} tokens with BOS; the context of this model has {ROWS} rows"
        assert kernel.ask(tokens(ROWS)) == refusal
        assert kernel.rows() == 0
    assert kernel.ask("x") == "abcde"


NOTICES = {
    "slide": "[the context was full: the newest 0 of 8 tokens were kept]\n",
    "clear": "[the context was full: 8 tokens were forgotten]\n",
}


@pytest.mark.parametrize("policy", NOTICES)
def test_a_later_prompt_of_all_rows_leaves_bos_alone(start: Start, tmp_path: Path, policy: str) -> None:
    kernel = say(start, tmp_path, *LOOP, settings=(f"/overflow {policy}",))
    assert kernel.ask("x") == "abcde"
    kernel.tell("/max_tokens 1")
    assert kernel.ask("x") == "a", "the ninth token: BOS, x, abcde, x, a"
    refusal = f"the prompt has {ROWS + 1} tokens with BOS; the context of this model has {ROWS} rows"
    assert kernel.ask(tokens(ROWS)) == refusal
    assert kernel.rows() == 8
    assert kernel.ask(tokens(ROWS - 1)) == NOTICES[policy] + "a"
    assert kernel.rows() == ROWS


def test_a_prompt_that_needs_more_than_half_leaves_less(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, *LOOP)
    assert kernel.ask(tokens(20)) == "abcde"
    notice = "[the context was full: the newest 4 of 25 tokens were kept]\n"
    assert kernel.ask(tokens(ROWS - 5)).startswith(notice + "abcde\n[the context was full")


def test_a_conversation_that_is_full_to_the_row_needs_no_room(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, *LOOP)
    assert kernel.ask(tokens(ROWS - 1 - 5)) == "abcde"
    assert kernel.rows() == ROWS
    assert kernel.ask("x") == f"[the context was full: the newest {ROWS // 2} of {ROWS - 1} tokens were kept]\nabcde"


def test_an_answer_whose_last_token_is_on_the_last_row(start: Start, tmp_path: Path) -> None:
    """That token is not fed, so the row is free; the next token has none, whatever the policy."""
    for policy in ("slide", "clear", "stop"):
        folder = tmp_path / policy
        folder.mkdir()
        kernel = say(start, folder, *LOOP, settings=("/max_tokens 2", f"/overflow {policy}"))
        assert kernel.ask(tokens(ROWS - 3)) == "ab"
        assert kernel.rows() == ROWS - 1
        kernel.tell("/clear")
        assert kernel.ask(tokens(ROWS - 2)) == "ab"
        assert kernel.rows() == ROWS


def test_a_stop_in_the_prompt_tells_how_many_tokens_wait(start: Start, tmp_path: Path) -> None:
    """They are computed before the next prompt is, and the answer is as if nothing had been stopped."""
    put_model(tmp_path)
    kernel, model = start(tmp_path, "--poll-gap-us", "10000"), Model(DEFAULT_MODEL)
    kernel.tell(*GREEDY, "/max_tokens 8", "/attn reference")
    text = "Once upon a time, " * 40
    first = model.tokenizer.encode(text, bos=True)
    assert len(first) < 500
    kernel.send(text.encode() + b"\r")
    kernel.until(lambda shown: f"{text}\n" in shown)
    kernel.send(b"\x03")
    waiting = re.search(r"\[stopped; (\d+) tokens are computed in the next turn]", kernel.until_prompt())
    assert waiting is not None
    assert kernel.rows() == len(first) - int(waiting[1])
    answer, shown = model.greedy(first + model.tokenizer.encode("Then", bos=False), 8)
    assert kernel.ask("Then") == shown
    assert kernel.rows() == len(first) + len(model.tokenizer.encode("Then", bos=False)) + len(answer) - 1


# ---- characters and patterns across tokens ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ((b"caf\xc3", b"\xa9\nY", b"ou", b": no"), "caf\xe9"),
        ((b"\xe2", b"\x82", b"\xac\n", b"You", b":\xe2\x82\xac"), "\u20ac"),
        ((b"\xf0\x9f", b"\n\xf0\x9f\x98", b"\x80\nYou", b":"), "\ufffd\n\U0001f600"),
        ((b"a\nYou\xc3", b"\xa9", b"\nYo", b"\nYo", b"u:"), "a\nYou\xe9\nYo"),
        ((b"\n", b"\n", b"Y", b"\nYou", b":"), "\n\nY"),
        ((b"\xe2\x82", b"\nYou:", b"no"), "\ufffd"),
    ],
)
def test_patterns_and_characters_over_tokens(
    start: Start, tmp_path: Path, pieces: tuple[bytes, ...], shown: str
) -> None:
    kernel = say(start, tmp_path, *pieces, settings=("/stop_you 1",))
    assert kernel.ask("x") == shown
    assert kernel.ask("x") == shown, "nothing is left over for the next answer"


def test_the_pattern_that_is_complete_first_ends_the_answer(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"a", b"\n", b"\nYou", b":", b"no", settings=("/stop_you 1", "/stop_nl 1"))
    assert kernel.ask("x") == "a"
    assert kernel.rows() == 3
    kernel.tell("/stop_nl 0", "/clear")
    kernel.ask("x")
    assert kernel.rows() == 4, "the first line end is not in the other pattern"


def test_tokens_without_bytes_inside_a_pattern_leave_with_it(start: Start, tmp_path: Path) -> None:
    kernel = say(start, tmp_path, b"a", b"\nY", b"", b"ou", b"", b":", settings=("/stop_you 1",))
    assert kernel.ask("x") == "a"
    assert kernel.rows() == 3


def test_an_answer_cut_inside_a_character_goes_on_in_the_next(start: Start, tmp_path: Path) -> None:
    """The bytes that are there are shown once, and their token is in the context for the next turn."""
    kernel = say(start, tmp_path, b"a\xe2\x82", b"\xac", b"b", settings=("/max_tokens 1",))
    assert kernel.ask("x") == "a\ufffd"
    assert kernel.ask("x") == "a\ufffd"
    assert kernel.rows() == 4, "BOS, x, the token of the first answer, x"
