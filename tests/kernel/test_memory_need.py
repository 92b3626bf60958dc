"""Memory: what was computed is what is used, to the byte, and nothing is added after a model was loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, Script, put_model
from test_gguf import converted
from test_many_loads import put_zero_model
from typed_kernel import GREEDY, Kernel, Start

ARENAS = ["WEIGHTS", "KV", "SCRATCH", "ACTS", "ZONEC", "KEEP"]
PROMPT = "Once upon a time there was a little girl who had a red ball and a blue ball and a dog named Spot. "


def arenas(kernel: Kernel) -> dict[str, tuple[int, ...]]:
    """Size, use, peak and last allocation of every arena."""
    text = kernel.ask("/zones")
    found = re.findall(r"\[(\w+)\] base=\S+ size=(\d+) .*? used=(\d+) .*? peak=(\d+) .*? last=(\d+) ", text)
    assert [name for name, *_ in found] == ARENAS
    return {name: tuple(map(int, numbers)) for name, *numbers in found}


def need_and_peak(kernel: Kernel) -> tuple[int, int]:
    found = re.search(r"Zone B: .* need=(\d+) \([\d.]+ MiB\) peak=(\d+) ", kernel.ask("/zones"))
    assert found
    return int(found[1]), int(found[2])


def is_used_to_the_byte(kernel: Kernel) -> int:
    """The computed need of the loaded model, which every arena's size, use and peak add up to."""
    need, peak = need_and_peak(kernel)
    found = arenas(kernel)
    assert all(size == used == most for size, used, most, _ in found.values()), found
    assert need == peak == sum(size for size, *_ in found.values())
    return need


def told(text: str) -> tuple[int, int]:
    """What the message of a load says: computed, and at the peak."""
    found = re.findall(r"Memory: (\d+) bytes \(\d+ MiB\) computed, (\d+) at the peak; \d+ more while loading", text)
    assert found, text
    return int(found[-1][0]), int(found[-1][1])


def live_through_much(kernel: Kernel) -> None:
    """Prompts that slide the window several times, a stop of the sentinel, files, listings and figures."""
    kernel.tell("/max_tokens 200", "/overflow slide")
    for turn in range(6):
        kernel.ask(PROMPT * (1 + turn))
    kernel.tell("/save_dump", "/save_log", "/models", "/clear", "/overflow clear")
    kernel.ask(PROMPT * 4)
    kernel.ask("/test_failsafe decode 1000")
    kernel.ask(PROMPT)
    kernel.tell("/reset")
    kernel.ask(PROMPT)
    for level in ("reference", "sse2", "auto"):
        kernel.tell(f"/attn {level}")
        kernel.ask("A cat")
    kernel.tell("/threads 2")
    kernel.ask("A dog")
    kernel.tell("/threads auto", "/bench")


@pytest.mark.parametrize("name", ["old.bin", "new.gguf"])
def test_a_long_life_adds_nothing_to_any_arena(start: Start, tmp_path: Path, name: str) -> None:
    put_model(tmp_path, name="old.bin")
    (tmp_path / "new.gguf").write_bytes(converted(DEFAULT_MODEL, 8).encode())
    Script([b"a", b"b"], loop=True).write(tmp_path, "small.bin")
    kernel = start(tmp_path)
    kernel.tell(*GREEDY)
    reply = kernel.ask(f"/load {name}")
    computed = is_used_to_the_byte(kernel)
    assert told(reply) == (computed, computed)
    before = arenas(kernel)
    live_through_much(kernel)
    assert kernel.ask(PROMPT)
    assert arenas(kernel) == before
    kernel.tell("/load small.bin")
    assert is_used_to_the_byte(kernel) < computed
    kernel.tell(f"/load {name}")
    assert arenas(kernel) == before


@pytest.mark.parametrize("words", ["old.bin", "old.bin q8", "q4.gguf", "small.bin"])
def test_the_message_of_a_load_says_what_zones_shows(start: Start, tmp_path: Path, words: str) -> None:
    put_model(tmp_path, name="old.bin")
    (tmp_path / "q4.gguf").write_bytes(converted(DEFAULT_MODEL, 2).encode())
    Script([b"a", b"b"], loop=True).write(tmp_path, "small.bin")
    kernel = start(tmp_path)
    assert told(kernel.boot) == need_and_peak(kernel)
    reply = kernel.ask(f"/load {words}")
    assert told(reply) == need_and_peak(kernel)
    assert told(reply)[0] == is_used_to_the_byte(kernel)


def test_without_a_model_only_the_log_and_the_files_have_memory(start: Start, tmp_path: Path) -> None:
    kernel = start(tmp_path)
    assert is_used_to_the_byte(kernel) == arenas(kernel)["ZONEC"][0]


def test_a_model_that_cannot_fit_leaves_the_loaded_one_alone(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--memory", "7")
    kernel.tell(*GREEDY, "/max_tokens 20", f"/load {DEFAULT_MODEL.name} q8")
    text, zones = kernel.ask(PROMPT), kernel.ask("/zones")
    large = put_zero_model(tmp_path, dim=256, hidden_dim=768, n_layers=6, n_heads=8, n_kv_heads=8)
    refused = kernel.ask(f"/load {large}")
    assert re.search(
        r"not enough memory: (\d+) bytes \(\d+ MiB\) are needed, (\d+) bytes \(\d+ MiB\) are free", refused
    )
    assert kernel.ask("/zones") == zones
    kernel.tell("/clear")
    assert kernel.ask(PROMPT) == text
