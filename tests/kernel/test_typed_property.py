"""Conversations typed by a person: prompts over several lines arrive to the byte, and the screen shows what it should.

What the slow kernel says to the same prompts decides. A long run with new examples:

    LLMK_EXAMPLES=2000 pytest --timeout 0 tests/kernel/test_typed_property.py
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from babbling_model import write_babbling_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy_model import Model
from slow_kernel import SlowKernel
from typed_kernel import GREEDY, Kernel

EXAMPLES = int(os.environ.get("LLMK_EXAMPLES", "0"))


@dataclass
class Person:
    """A kernel to type at, and the slow kernel with the same model."""

    kernel: Kernel
    model: Model

    def begin(self, *commands: str) -> SlowKernel:
        """Forgets the conversation."""
        self.kernel.tell("/clear", *commands)
        return SlowKernel(self.model)

    def type(self, keys: str) -> str:
        """Types keys as they are; returns the kernel's words to the last line of them."""
        self.kernel.send(keys.encode())
        shown = self.kernel.until_prompt()
        for line in keys.removesuffix("\r").split("\r"):
            assert shown.startswith(line + "\n"), (line, shown)
            shown = shown.removeprefix(line + "\n").removeprefix("... ")
        return shown


@pytest.fixture(scope="module")
def person(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """One kernel for the whole file."""
    folder = tmp_path_factory.mktemp("typed")
    path = write_babbling_model(folder, 48, seed=6)
    kernel = Kernel(program, folder)
    kernel.tell(*GREEDY)
    yield Person(kernel, Model(path))
    assert kernel.close() == 0


def shown(text: bytes) -> str:
    """An answer as a terminal reads it from the serial line: no control of it but line end and tab comes through."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "?", text.decode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("keys", "prompt"),
    [
        ("one\\\rtwo\r", "one\ntwo"),
        ("one\\\rtwo\\\r;;\r", "one\ntwo"),
        ("one\\\r\\\rtwo\r", "one\n\ntwo"),
        ("one\\\r\r", "one\n"),
        ("one\\\r\\\r;;\r", "one\n"),
        ("one\\\r;; two\r", "one\n;; two"),
        ("one\\\r;;\\\r;;\r", "one\n;;"),
        ("one\\\r/clear\r", "one\n/clear"),
        ("one\\\\\r", "one\\"),
        ("one\\\rtwo\\\\\r", "one\ntwo\\"),
        ("\\\\\r", "\\"),
        (";;\r", ";;"),
        ("\\\rx\r", "\nx"),
        ("\u00e9\u20ac\\\r\U0001f600\\\r;;\r", "\u00e9\u20ac\n\U0001f600"),
    ],
)
def test_what_a_prompt_over_several_lines_is(person: Person, keys: str, prompt: str) -> None:
    slow = person.begin("/max_tokens 12", "/overflow slide", "/stop_you 0", "/stop_nl 0")
    slow.max_tokens = 12
    got, want = person.type(keys), slow.say(prompt)
    assert not want.close_call
    assert got == shown(want.text)
    assert person.kernel.rows() == want.rows


def test_lines_without_a_byte_are_no_prompt(person: Person) -> None:
    person.begin()
    assert "the prompt is empty" in person.type("\\\r;;\r")
    assert person.kernel.rows() == 0


# ---- random conversations --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prompt:
    """Lines, and whether `;;` ends them."""

    lines: tuple[str, ...]
    marked: bool

    def keys(self) -> str:
        """As it is typed. Only the last line may end with a backslash: then two stand for it."""
        *first, last = self.lines
        if self.marked:
            return "".join(f"{line}\\\r" for line in self.lines) + ";;\r"
        return "".join(f"{line}\\\r" for line in first) + last + ("\\" if last.endswith("\\") else "") + "\r"

    def text(self) -> str:
        """As the model gets it."""
        return "\n".join(self.lines)


LETTERS = st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="\\@\x7f")
LINE = st.one_of(
    st.lists(st.sampled_from(["the", " ", "a", "x.", "You:", "\u20ac", "\U0001f600"]), max_size=8).map("".join),
    st.text(LETTERS, max_size=12),
)
FIRST_LINE = LINE.filter(lambda line: line[:1] not in ("", "/", ";") and line.split()[:1] not in (["quit"], ["exit"]))
PROMPTS = st.one_of(
    FIRST_LINE.map(lambda line: Prompt((line,), False)),
    FIRST_LINE.map(lambda line: Prompt((line + "\\",), False)),
    st.builds(
        lambda first, rest, marked: Prompt((first, *rest), marked),
        FIRST_LINE,
        st.lists(LINE, min_size=1, max_size=3),
        st.booleans(),
    ),
)


@given(
    prompts=st.lists(PROMPTS, min_size=1, max_size=6),
    overflow=st.sampled_from(["slide", "clear", "stop"]),
    max_tokens=st.sampled_from([1, 9, 40, 120]),
    you=st.booleans(),
    empty_line=st.booleans(),
)
@settings(
    max_examples=EXAMPLES or 100,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_the_screen_shows_what_the_slow_kernel_says(
    person: Person, prompts: list[Prompt], overflow: str, max_tokens: int, you: bool, empty_line: bool
) -> None:
    """Text, notices before and after it with what was kept, and the rows."""
    slow = person.begin(
        f"/overflow {overflow}", f"/max_tokens {max_tokens}", f"/stop_you {you:d}", f"/stop_nl {empty_line:d}"
    )
    slow.overflow, slow.max_tokens = overflow, max_tokens
    slow.stop_at(b"\nYou:", you)
    slow.stop_at(b"\n\n", empty_line)
    for prompt in prompts:
        got, want = person.type(prompt.keys()), slow.say(prompt.text())
        if want.close_call:
            return  # two tokens are equally likely, and the line does not tell which was taken
        if want.refused:
            assert got.startswith(want.refused)
        else:
            assert got == shown(want.notice_before.encode() + want.text + want.notice_after.encode())
        assert person.kernel.rows() == slow.rows
