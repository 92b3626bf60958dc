"""What an earlier kernel of this kind got wrong, and this one must not: a test for each, in the order of that list.

Many of these have thorough tests of their own elsewhere; here each is shown once, in one place, by the running kernel.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, Script, header_of, put_model
from numpy_model import Model
from slow_sampler import SlowSampler
from test_conversation import STORIES
from typed_kernel import GREEDY, Kernel, Start

BEGINNING = "Once upon a time"


@pytest.fixture(scope="module")
def model() -> Model:
    """The slow, independent model of the default file."""
    return Model(DEFAULT_MODEL)


def test_row_01_rotary_positions_give_the_published_text(kernel: Kernel) -> None:
    assert kernel.ask(BEGINNING).startswith(STORIES[DEFAULT_MODEL].removeprefix(BEGINNING)[:400])


@pytest.mark.parametrize("prompt", ["Lily's dog", "naïve ½ 你好", "two\\", "UPPER lower"])
def test_row_02_the_tokenizer_merges_by_score_and_falls_back_to_bytes(
    kernel: Kernel, model: Model, prompt: str
) -> None:
    kernel.tell("/max_tokens 1")
    kernel.ask(prompt if not prompt.endswith("\\") else prompt + "\\")
    assert kernel.rows() == len(model.tokenizer.encode(prompt, bos=True))


def test_row_03_after_a_trip_reset_brings_the_chat_back(kernel: Kernel) -> None:
    text = kernel.ask(BEGINNING)
    kernel.tell("/clear", "/test_failsafe decode")
    assert "tripped" in kernel.ask(BEGINNING)
    kernel.tell("/reset", "/clear")
    assert kernel.ask(BEGINNING) == text


def test_row_04_reset_empties_the_log_ring_and_it_stays_usable(kernel: Kernel) -> None:
    kernel.tell("/reset", "/stop_nl 1")
    assert kernel.ask("/log 128").splitlines()[1].endswith("msg=stop_nl=1")


def test_row_05_a_prompt_longer_than_the_context_is_refused_with_both_numbers(start: Start, tmp_path: Path) -> None:
    Script([b"a", b"b"], seq_len=16).write(tmp_path)
    kernel = start(tmp_path)
    refused = kernel.ask("x" * 40)
    assert "the context of this model has 16 rows" in refused
    assert re.search(r"the prompt has \d+ tokens", refused)
    assert "guard=broken" not in kernel.ask("/zones")
    assert kernel.rows() == 0


@pytest.mark.parametrize("mebibytes", [1, 3])
def test_row_06_too_little_memory_is_a_sentence_with_need_and_room(
    start: Start, tmp_path: Path, mebibytes: int
) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--memory", str(mebibytes))
    assert re.search(r"not enough memory: \d+ bytes .* are needed, \d+ bytes .* are free", kernel.boot)
    assert "no model is loaded" in kernel.ask(BEGINNING)


@pytest.mark.parametrize("field", ["dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len", "hidden_dim"])
def test_row_07_every_header_field_is_checked_and_named(start: Start, tmp_path: Path, field: str) -> None:
    put_model(tmp_path)
    path = tmp_path / DEFAULT_MODEL.name
    data = bytearray(path.read_bytes())
    header = header_of(path)
    data[:28] = struct.pack("<7i", *{**header, field: 0}.values())
    path.write_bytes(data)
    kernel = start(tmp_path)
    assert re.search(rf"{field}\b.*\b0\b", kernel.boot), kernel.boot


def test_row_08_the_sign_of_the_vocabulary_says_whether_the_classifier_is_shared(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)  # positive: shared
    Script([b"a"], seq_len=16).write(tmp_path)  # negative: a classifier of its own
    data = bytearray((tmp_path / DEFAULT_MODEL.name).read_bytes())
    data[20:24] = struct.pack("<i", -header_of(DEFAULT_MODEL)["vocab_size"])
    (tmp_path / "wrong.bin").write_bytes(data)
    (tmp_path / "wrong.tok.bin").write_bytes((tmp_path / "stories700K.tok.bin").read_bytes())
    kernel = start(tmp_path)
    for name in (DEFAULT_MODEL.name, "script.bin"):
        kernel.tell(f"/load {name}")
    assert "vocab_size is -1024, but the size of the file fits 1024 (shared classifier)" in kernel.ask(
        "/load wrong.bin"
    )
    kernel.tell(f"/load {DEFAULT_MODEL.name}")


@pytest.mark.parametrize("line", ["/temp abc", "/budgets 1", "/attn fast", "/TEMP 1", "/xyzzy", "/", "/temp 0.5 0.6"])
def test_row_09_what_is_not_understood_is_refused_and_never_reaches_the_model(kernel: Kernel, line: str) -> None:
    before = kernel.ask("/ctx")
    assert kernel.ask(line)
    assert kernel.ask("/ctx") == before


def test_row_10_values_are_shown_as_they_are(kernel: Kernel) -> None:
    kernel.tell("/temp 0.05", "/seed 18446744073709551615")
    assert "temp = 0.05" in kernel.ask("/temp")
    assert "seed = 18446744073709551615" in kernel.ask("/seed")
    assert DEFAULT_MODEL.name in kernel.ask("/model")
    assert "llmk-0.1.0" in kernel.ask("/version")


def test_row_11_a_pinned_budget_is_not_learnt_over(kernel: Kernel) -> None:
    kernel.tell("/budget 123456789012 98765432109")
    kernel.ask(BEGINNING)
    words = kernel.words("/ctx")
    assert (words["prefill_max"], words["decode_max"]) == ("123456789012", "98765432109")
    assert (words["prefill_pinned"], words["decode_pinned"]) == ("1", "1")


def test_row_12_text_is_text_and_overruns_are_events(kernel: Kernel) -> None:
    text = kernel.ask(BEGINNING)
    kernel.tell("/clear", "/budget 1 1")
    told = kernel.ask(BEGINNING)
    assert told.startswith(text)
    assert "code=budget" in kernel.ask("/log 128")


def test_row_13_a_stop_pattern_is_found_in_decoded_text_and_not_shown(start: Start, tmp_path: Path) -> None:
    Script([b"one", b"\nY", b"ou", b": never"], seq_len=64).write(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/stop_you 1")
    assert kernel.ask("x").partition("\n[")[0].strip() == "one"


def test_row_14_a_character_in_two_tokens_comes_out_whole(start: Start, tmp_path: Path) -> None:
    whole = "½你".encode()
    Script([b"<", *(whole[i : i + 1] for i in range(len(whole))), b">"], seq_len=64).write(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY)
    assert kernel.ask("x").startswith("<½你>")


def test_row_15_rates_are_numbers_and_prefill_and_decode_are_told_apart(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.tell("/max_tokens 20")
    statistics = kernel.ask(BEGINNING).splitlines()[-1]
    rates = re.search(r"prefill \d+ at ([\d.]+) tok/s, decode ([\d.]+) tok/s", statistics)
    assert rates is not None, statistics
    assert 0 < float(rates[1]) < 1e7
    assert 0 < float(rates[2]) < 1e7


def test_row_16_a_file_is_written_whole_over_a_longer_one(kernel: Kernel) -> None:
    path = kernel.folder / "llmk-log.txt"
    path.write_text("old tail\n" * 10_000)
    kernel.tell("/save_log 2")
    text = path.read_text()
    assert "old tail" not in text
    assert re.search(r"crc32=[0-9a-f]{8}\n\Z", text), text[-80:]


def test_row_17_rows_are_counted_exactly_and_bos_once(kernel: Kernel, model: Model) -> None:
    kernel.tell("/max_tokens 10")
    kernel.ask(BEGINNING)
    first = len(model.tokenizer.encode(BEGINNING, bos=True))
    assert kernel.rows() == first + 9
    kernel.ask("Then")
    assert kernel.rows() == first + 10 + len(model.tokenizer.encode("Then", bos=False)) + 9


def test_row_18_a_full_context_slides_by_itself_and_says_so(start: Start, tmp_path: Path) -> None:
    Script([b"a", b"b"], loop=True, seq_len=32).write(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 30")
    assert "slide" in kernel.ask("/overflow")
    told = kernel.ask("x") + kernel.ask("y")
    assert re.search(r"\[the context was full: the newest \d+ of \d+ tokens were kept\]", told), told
    assert 0 < kernel.rows() <= 32


def test_row_19_control_c_stops_and_a_line_can_be_edited(start: Start, tmp_path: Path) -> None:
    Script([b"a", b"b"], loop=True, seq_len=30000).write(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 30000")
    kernel.send(b"x\r")
    kernel.until(lambda text: "abab" in text)
    kernel.send(b"\x03")
    assert "[stopped]" in kernel.until_prompt()
    kernel.send(b"/tempp\x7f 0.\x1b[D\x1b[D\x1b[C\x1b[C5\r")  # a letter too many, and the cursor moved there and back
    assert "temp = 0.5" in kernel.until_prompt()


def test_row_20_vector_levels_are_chosen_by_what_the_processor_has_and_agree(kernel: Kernel) -> None:
    text = kernel.ask(BEGINNING)
    best = re.search(r"kernels=(\w+)", kernel.ask("/cpu"))
    assert best is not None
    for level in ("sse2", best[1]):
        kernel.tell(f"/attn {level}", "/clear")
        assert kernel.ask(BEGINNING) == text
    assert "auto" in kernel.ask("/attn fastest")


def test_row_21_a_repeated_token_is_penalised_once(kernel: Kernel, model: Model) -> None:
    """Greedy with a penalty, against the independent sampler; per occurrence it would leave the text at once."""
    kernel.tell("/repeat 1.3", "/max_tokens 40")
    ids = model.tokenizer.encode(BEGINNING, bos=True)
    sampler = SlowSampler(seed=1, repeat=1.3)
    turn, told = list(ids), b""
    for _ in range(40):
        token = sampler.choices(model.logits(turn, []), turn)[0]
        if token == 2:
            break
        told += model.tokenizer.decode(turn[-1], token)
        turn.append(token)
    assert kernel.ask(BEGINNING) == told.decode("utf-8", "replace")


def test_row_22_off_is_off_and_one_validator_serves_command_and_configuration(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    (tmp_path / "repl.cfg").write_text("top_k = 0\ntop_p = 1.5\n")
    kernel = start(tmp_path)
    assert "top_k = 0" in kernel.ask("/top_k")
    complaint = next(line for line in kernel.boot.splitlines() if "top_p" in line)
    assert "line 2" in complaint or ":2" in complaint
    assert kernel.ask("/top_p 1.5").rstrip(".") in complaint
