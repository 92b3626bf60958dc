"""The conversation: exact rows, BOS once, continuing turns, and what happens when the context is full."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, PUBLISHED_MODEL, Script, put_model
from numpy_model import Model
from typed_kernel import GREEDY, Kernel, Start

STORIES = {  # the published greedy text of llama2.c, 200 steps from BOS
    DEFAULT_MODEL: """Once upon a time, there was a little girl named Lily. She loved to play with her toys \
and her toys. One day, she went to the park to play with her friends. They played together and had lots of fun.
As they were playing, Lily saw a big, red ball. She wanted to play with it, but she didn't want to play with it. \
She asked her friend, a little girl named Lily, to help her.
"Hi, Lily! What are you doing?" asked Lily.
"I'm sorry," said Lily. "I'm sorry, Lily. I didn't know what to do."
Lily said, "I'm sorry, Lily. I didn't know what to do. I will help you."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily was""",
    PUBLISHED_MODEL: """Once upon a time, there was a little girl named Lily. She loved to play outside in the park. \
One day, she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. \
She said, "I want to play with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she""",
}
BEGINNING = "Once upon a time"


@pytest.fixture(scope="session")
def model() -> Model:
    """The slow, independent model of the default file."""
    return Model(DEFAULT_MODEL)


@pytest.mark.parametrize("path", [path for path in STORIES if path.exists()], ids=lambda path: path.stem)
def test_greedy_text_is_the_published_one(start: Start, tmp_path: Path, path: Path) -> None:
    kernel = start(tmp_path / put_model(tmp_path, path).rpartition("/")[0])
    kernel.tell(*GREEDY, "/max_tokens 256")
    expected = STORIES[path].removeprefix(BEGINNING)
    assert kernel.ask(BEGINNING).startswith(expected)


def test_rows_count_every_cached_token_and_bos_once(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 10")
    kernel.ask(BEGINNING)
    first = model.tokenizer.encode(BEGINNING, bos=True)
    assert kernel.rows() == len(first) + 9  # the tenth token of the answer was not fed
    kernel.ask("Then")
    second = model.tokenizer.encode("Then", bos=False)
    assert kernel.rows() == len(first) + 10 + len(second) + 9


def test_two_turns_equal_a_fresh_prefill_of_the_same_tokens(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 30")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    for prompt in (BEGINNING, "But the dog", "said no."):
        if prompt != BEGINNING:
            ids += model.tokenizer.encode(prompt, bos=False)
        answer, text = model.greedy(ids, 30)
        assert kernel.ask(prompt) == text
        ids += answer
    assert kernel.rows() == len(ids) - 1


def test_clear_begins_a_new_story(kernel: Kernel) -> None:
    kernel.tell("/max_tokens 20")
    first = kernel.ask(BEGINNING)
    kernel.ask("Then")
    kernel.tell("/clear")
    assert kernel.rows() == 0
    assert kernel.ask(BEGINNING) == first


def slid(ids: list[int], capacity: int) -> list[int]:
    """BOS and the newest half."""
    return ids[:1] + ids[-(capacity // 2) :]


def test_a_full_context_slides_to_bos_and_the_newest_half(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 512")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    first, before = model.greedy(ids, 512 - len(ids) + 1)
    ids = slid(ids + first, 512)  # the last token has no row any more
    _, after = model.greedy(ids, 512 - len(first))
    reply = kernel.ask(BEGINNING)
    text, _, notice = reply.rpartition("\n[the context was full")
    assert text == before + after
    assert notice == ": the newest 256 of 512 tokens were kept]"
    slides = [line for line in kernel.ask("/log").splitlines() if "code=context" in line]
    assert [line.partition("first=")[2] for line in slides] == ["0x201 second=257 msg=slid, from turn 1 on"]
    assert kernel.rows() == 257 + 512 - len(first) - 1


def test_a_prompt_that_does_not_fit_slides_first(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 400")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    ids += model.greedy(ids, 400)[0]
    kernel.ask(BEGINNING)
    kernel.tell("/max_tokens 20")
    words = " ".join(["She saw a big dog."] * 30)
    prompt = model.tokenizer.encode(words, bos=False)
    assert len(ids) + len(prompt) > 512
    expected = model.greedy(slid(ids, 512) + prompt, 20)[1]
    notice, _, text = kernel.ask(words).partition("]\n")
    assert notice == f"[the context was full: the newest 256 of {len(ids) - 1} tokens were kept"
    assert text == expected


def test_overflow_clear_forgets_and_goes_on(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 512", "/overflow clear")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    first, before = model.greedy(ids, 512 - len(ids) + 1)
    _, after = model.greedy([1, first[-1]], 512 - len(first))
    assert kernel.ask(BEGINNING) == f"{before}{after}\n[the context was full: 511 tokens were forgotten]"


def test_overflow_stop_ends_the_answer_and_refuses_the_next(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 512", "/overflow stop")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    first, text = model.greedy(ids, 512 - len(ids) + 1)
    assert kernel.ask(BEGINNING) == f"{text}\n[the context is full: 512 of 512 rows; /clear, or /overflow slide]"
    assert kernel.rows() == 512
    refusal = kernel.ask("Then")
    assert "the conversation has 513 tokens" in refusal
    assert kernel.rows() == 512
    kernel.tell("/overflow slide", "/max_tokens 5")
    ids = slid(ids + first, 512) + model.tokenizer.encode("Then", bos=False)
    assert kernel.ask("Then").endswith("]\n" + model.greedy(ids, 5)[1])


def test_a_prompt_longer_than_the_context_is_refused_with_numbers(start: Start, tmp_path: Path) -> None:
    Script([b"ok"], seq_len=32).write(tmp_path)
    kernel = start(tmp_path)
    reply = kernel.ask("x" * 40)
    assert re.search(r"the prompt has 4\d tokens with BOS; the context of this model has 32 rows", reply)
    assert kernel.rows() == 0
    assert kernel.ask("x").startswith("ok")
    assert "guard=broken" not in kernel.ask("/zones")


def test_every_small_context_stays_inside_its_arena(start_checked: Start, tmp_path: Path) -> None:
    for seq_len in (2, 3, 4, 5, 8):
        folder = tmp_path / str(seq_len)
        folder.mkdir()
        Script([b"a", b"b", b"c"], loop=True, seq_len=seq_len).write(folder)
        kernel = start_checked(folder)
        kernel.tell(*GREEDY, "/max_tokens 64")
        for policy in ("slide", "clear", "stop"):
            kernel.tell(f"/overflow {policy}", "/clear")
            for prompt in ("x", "", "xyz", "x"):
                kernel.ask(prompt)
        assert "guard=broken" not in kernel.ask("/zones")
        assert kernel.rows() <= seq_len


def test_an_empty_prompt_computes_nothing(kernel: Kernel) -> None:
    kernel.ask("")
    assert kernel.rows() == 0
