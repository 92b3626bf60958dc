"""Budgets, trips and coming back from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, Script, put_model
from numpy_model import Model
from typed_kernel import GREEDY, Kernel, Start

from llmbm_console.core.postmortem.dump import parse_post_mortem

BEGINNING = "Once upon a time"


def test_budgets_are_learnt_at_six_times_a_pass_and_never_below_the_least(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    assert kernel.ask("/budget").count("nothing learnt yet") == 2
    kernel.ask(BEGINNING)
    words = kernel.words("/ctx")
    for phase in ("prefill", "decode"):
        assert int(words[f"{phase}_max"]) >= 500_000
        assert words[f"{phase}_pinned"] == "0"
        assert int(words[f"{phase}_last"]) > 0
    assert int(words["decode_p50"]) <= int(words["decode_p95"]) <= int(words["decode_p99"])
    assert int(words["prefill_passes"]) == 1  # five tokens in one
    assert int(words["decode_passes"]) == 159


def test_a_pinned_budget_is_not_changed_by_learning(kernel: Kernel) -> None:
    kernel.tell("/budget 123456789012 98765432109")
    kernel.ask(BEGINNING)
    words = kernel.words("/ctx")
    assert (words["prefill_max"], words["decode_max"]) == ("123456789012", "98765432109")
    assert (words["prefill_pinned"], words["decode_pinned"]) == ("1", "1")
    kernel.tell("/budget auto 5000000")
    words = kernel.words("/ctx")
    assert (words["prefill_max"], words["decode_max"]) == ("0", "5000000")
    kernel.tell("/budget auto")
    assert "pinned" not in kernel.ask("/budget")


def test_one_budget_is_pinned_by_its_name_and_the_other_stays(kernel: Kernel) -> None:
    kernel.tell("/budget auto", "/budget decode 2000000")
    words = kernel.words("/ctx")
    assert (words["prefill_pinned"], words["decode_pinned"], words["decode_max"]) == ("0", "1", "2000000")
    kernel.tell("/budget prefill 7000000000", "/budget decode auto")
    words = kernel.words("/ctx")
    assert (words["prefill_pinned"], words["decode_pinned"], words["prefill_max"]) == ("1", "0", "7000000000")


def test_one_of_a_thing_is_told_in_the_singular(kernel: Kernel) -> None:
    kernel.tell("/clear", "/budget 1 1", "/stats 1", "/max_tokens 2")
    text = kernel.ask(BEGINNING)
    assert re.search(r"^\[over budget: 1 prefill and 1 decode pass; see /budget and /log\]$", text, re.MULTILINE), text
    assert re.findall(r"\d+ pass\w*", kernel.ask("/budget")) == ["1 pass", "1 pass"]
    kernel.tell("/clear", "/budget auto", "/max_tokens 1")
    assert re.search(r"^\[1 token, prefill ", kernel.ask(BEGINNING), re.MULTILINE)
    assert kernel.ask("/clear") == "The conversation is forgotten: 5 rows are free again."


def verdict(kernel: Kernel) -> str:
    """What the console says of the file that a trip wrote."""
    return parse_post_mortem((kernel.folder / "llmk-failsafe.txt").read_bytes(), "llmk-failsafe.txt").verdict


def test_an_overrun_is_counted_and_logged_and_goes_on(kernel: Kernel) -> None:
    text = kernel.ask(BEGINNING)
    kernel.tell("/clear", "/budget 1 1")
    assert kernel.ask(BEGINNING).startswith(text)
    words = kernel.words("/ctx")
    assert (words["prefill_overruns"], words["decode_overruns"]) == ("1", "159")
    assert kernel.ask("/log 128").count("code=budget") == 5  # four of a phase: the rest is counted only
    assert "last_err=budget" in kernel.ask("/zones")
    assert not (kernel.folder / "llmk-failsafe.txt").exists()


def test_strict_mode_trips_and_reset_brings_the_chat_back(kernel: Kernel) -> None:
    text = kernel.ask(BEGINNING)
    kernel.tell("/clear", "/budget 500000000000 1000", "/strict_budget 1")
    reply = kernel.ask(BEGINNING)
    first, _, notice = reply.partition("\n")
    assert text.startswith(first)
    assert notice == "[sentinel tripped: decode pass over its budget; see llmk-failsafe.txt; type /reset to go on]"
    assert kernel.rows() == 5  # the tripped pass does not count
    for prompt in (BEGINNING, "more"):
        assert "sentinel tripped: decode pass over its budget; type /reset to go on" in kernel.ask(prompt)
    assert verdict(kernel).startswith("The sentinel tripped: a decode pass took ")
    zones = kernel.ask("/zones")
    assert "state=tripped" in zones
    assert re.search(r"\[SCRATCH\].* used=0 ", zones)
    assert re.search(r"\[ACTS\].* used=0 ", zones)
    kernel.tell("/strict_budget 0", "/reset", "/clear", "/budget 500000000000 500000000000")
    assert "state=armed" in kernel.ask("/zones")
    assert kernel.ask(BEGINNING) == text


@pytest.mark.parametrize("phase", ["prefill", "decode", "both"])
def test_test_failsafe_trips_once_and_touches_no_setting(kernel: Kernel, phase: str) -> None:
    before = kernel.ask("/budget")
    kernel.ask(f"/test_failsafe {phase}")
    assert kernel.ask("/budget") == before
    tripped = "decode" if phase == "decode" else "prefill"
    assert f"[sentinel tripped: {tripped} pass over its budget" in kernel.ask(BEGINNING)
    head = (kernel.folder / "llmk-failsafe.txt").read_text().splitlines()[0]
    assert head.startswith("llmk-failsafe format=1 ")
    assert head.endswith(f"cause=budget phase={tripped}")
    assert verdict(kernel).startswith(f"The sentinel tripped in a drill (/test_failsafe): a {tripped} pass took ")
    kernel.ask("/reset")
    assert "strict=0" in kernel.ask("/zones")
    kernel.tell("/clear")
    assert "tripped" not in kernel.ask(BEGINNING)


def test_test_failsafe_with_many_cycles_passes_and_is_over(kernel: Kernel) -> None:
    text = kernel.ask(BEGINNING)
    kernel.tell("/clear", "/test_failsafe both 500000000000")
    assert kernel.ask(BEGINNING) == text
    assert "state=armed" in kernel.ask("/zones")


def test_the_conversation_goes_on_after_trip_and_reset_as_if_nothing_had_been(kernel: Kernel) -> None:
    model = Model(DEFAULT_MODEL)
    kernel.tell("/max_tokens 20")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    ids += model.greedy(ids, 20)[0]
    kernel.ask(BEGINNING)
    rows = kernel.rows()
    kernel.ask("/test_failsafe prefill 10")
    kernel.ask("Then")  # trips at its first pass: the prompt is in the conversation, but not cached yet
    kernel.tell("/reset")
    assert kernel.rows() == rows
    ids += model.tokenizer.encode("Then", bos=False) + model.tokenizer.encode("she", bos=False)
    assert kernel.ask("she") == model.greedy(ids, 20)[1]


def test_reset_empties_the_log_and_it_stays_usable(kernel: Kernel) -> None:
    kernel.tell("/budget 1 1")
    kernel.ask(BEGINNING)
    kernel.tell("/reset")
    log = kernel.ask("/log 128").splitlines()
    assert len(log) == 2
    assert log[1].endswith("msg=reset")
    kernel.tell("/stop_nl 1")
    assert kernel.ask("/log 1").endswith("msg=stop_nl=1")


def test_reset_forgets_what_was_learnt_and_keeps_what_was_pinned(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.ask(BEGINNING)
    kernel.tell("/budget 7000000000")
    kernel.ask("/reset")
    words = kernel.words("/ctx")
    assert (words["prefill_max"], words["prefill_pinned"]) == ("7000000000", "1")
    assert (words["decode_max"], words["decode_passes"], words["decode_overruns"]) == ("0", "0", "0")


@pytest.mark.parametrize("line", ["/attn reference", "/threads 1"])
def test_other_kernels_or_processors_are_learnt_anew_and_pinned_budgets_stay(
    start: Start, tmp_path: Path, line: str
) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.tell("/max_tokens 8")
    kernel.ask(BEGINNING)
    kernel.tell("/budget 7000000000")
    assert int(kernel.words("/ctx")["decode_max"]) > 0
    kernel.tell(line)
    words = kernel.words("/ctx")
    assert (words["prefill_max"], words["decode_max"]) == ("7000000000", "0")


def test_a_stop_keeps_the_rows_exact_and_the_next_turn_goes_on(start: Start, tmp_path: Path) -> None:
    Script([b"a", b"b", b"c"], loop=True, seq_len=30000).write(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 30000")
    kernel.send(b"xyz\r")
    kernel.until(lambda text: "abcabc" in text)
    kernel.send(b"\x03")
    text = kernel.until_prompt().partition("\n")[2]
    answer, _, notice = text.partition("\n")
    assert notice.strip() == "[stopped]"
    prompt = kernel.rows() + 1 - len(answer)  # one token for each letter, the last one without a row
    kernel.tell("/clear", "/max_tokens 1")
    kernel.ask("xyz")
    assert kernel.rows() == prompt


def test_a_trip_is_survived_under_the_sanitisers(start_checked: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start_checked(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 20")
    text = kernel.ask(BEGINNING)
    for phase in ("prefill", "decode", "both"):
        kernel.tell("/clear", f"/test_failsafe {phase}")
        assert "tripped" in kernel.ask(BEGINNING)
        kernel.tell("/reset", "/clear")
        assert kernel.ask(BEGINNING) == text
