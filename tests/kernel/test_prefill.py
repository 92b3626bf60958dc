"""Prompts that are computed many tokens at a time: what a person sees is that of one token at a time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, put_model
from numpy_model import Model
from typed_kernel import GREEDY, Kernel, Start
from wire_kernel import WireKernel

CHUNK = 64  # tokens of a pass at most
SENTENCE = "Lily and her dog went to the park, and there they saw a big red ball. "
FIVE = "Once upon a time"  # tokens, with BOS


def encoded(model: Model, text: str, bos: bool) -> list[int]:
    ids: list[int] = model.tokenizer.encode(text, bos=bos)
    return ids


@pytest.mark.parametrize("sentences", [1, 4, 9])
def test_a_long_prompt_is_answered_as_by_the_slow_model(kernel: Kernel, sentences: int) -> None:
    model = Model(DEFAULT_MODEL)
    ids = encoded(model, SENTENCE * sentences, bos=True)
    kernel.tell("/max_tokens 12")
    assert kernel.ask(SENTENCE * sentences) == model.greedy(ids, 12)[1]
    words = kernel.words("/ctx")
    assert int(words["kv_pos"]) == len(ids) + 11
    assert int(words["prefill_passes"]) == -(-len(ids) // CHUNK)
    assert int(words["decode_passes"]) == 11


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("stop_after", [0, 1, 3, None])
def test_a_stopped_prompt_keeps_the_rows_of_its_finished_passes_and_goes_on_in_the_next_turn(
    program: Path, tmp_path: Path, threads: int, stop_after: int | None
) -> None:
    put_model(tmp_path)
    kernel, model = WireKernel(program, tmp_path, "--poll-gap-us", "1000"), Model(DEFAULT_MODEL)
    kernel.set(temp=0, norepeat=0, repeat=1, attn="reference", threads=threads, max_tokens=6)
    ids = encoded(model, SENTENCE * 14, bos=True)
    got = kernel.say(SENTENCE * 14, stop_after)
    assert got.finished is not None
    done = got.finished.prompt_tokens
    if stop_after is None or done == len(ids):
        assert done == len(ids)
        ids += got.tokens
    else:
        assert done % CHUNK == 0
        assert (got.finished.reason, got.finished.kv_rows, got.tokens) == ("stopped", done, [])
    ids += encoded(model, "So", bos=False)
    assert kernel.say("So").tokens == model.greedy(ids, 6)[0]
    kernel.end()


def budget(kernel: Kernel) -> tuple[int, int]:
    """Of the last prefill pass: its budget and what each of its tokens took."""
    words = kernel.words("/ctx")
    return int(words["prefill_max"]), int(words["prefill_last"])


def learnt(before: int, cycles: int) -> int:
    """The rule of learning: up by a sixteenth of the way, down by half of it."""
    target = max(6 * cycles, 500_000)
    return before + (target - before) // 16 if target > before else before - (before - target) // 2


def test_budgets_are_learnt_for_passes_of_about_the_same_number_of_tokens(start: Start, tmp_path: Path) -> None:
    """A token of a long pass is cheaper: what was learnt from it would break at the next short prompt."""
    put_model(tmp_path)
    kernel = start(tmp_path, "--clock-hz", "10000000000")  # so fine that no budget is the least one
    kernel.tell("/max_tokens 1", "/stats 0", "/attn reference")
    kernel.ask(FIVE)
    first, cycles = budget(kernel)
    assert first == max(6 * cycles, 500_000)
    kernel.tell("/clear")
    kernel.ask(SENTENCE * 3)  # one pass of other size
    assert int(kernel.words("/ctx")["prefill_passes"]) == 2
    other, cycles = budget(kernel)
    assert other == max(6 * cycles, 500_000)
    kernel.tell("/clear")
    kernel.ask(FIVE)
    again, cycles = budget(kernel)
    assert again == learnt(first, cycles)


def test_a_pinned_budget_is_for_a_token_whatever_the_size_of_the_pass(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--clock-hz", "1000000000")
    kernel.tell("/max_tokens 1", "/stats 0", "/budget 500000000000 500000000000")
    kernel.ask(SENTENCE * 5)
    cycles = int(kernel.words("/ctx")["prefill_last"])
    text = kernel.ask("/budget")
    assert re.search(rf"prefill +500000000000 cycles a token, pinned; last pass {cycles}, 2 passes", text), text


def test_a_trip_in_a_long_prompt_leaves_the_rows_of_the_passes_before(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel, model = start(tmp_path), Model(DEFAULT_MODEL)
    kernel.tell(*GREEDY, "/max_tokens 5")
    ids = encoded(model, SENTENCE, bos=True)
    kernel.ask(SENTENCE)
    ids += model.greedy(ids, 5)[0]
    rows = kernel.rows()
    kernel.ask("/test_failsafe prefill")
    assert "[sentinel tripped: prefill pass over its budget" in kernel.ask(SENTENCE * 5)
    assert kernel.rows() == rows
    kernel.tell("/reset")
    ids += encoded(model, SENTENCE * 5, bos=False) + encoded(model, "So", bos=False)
    assert kernel.ask("So") == model.greedy(ids, 5)[1]
