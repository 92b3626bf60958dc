"""One hash for a model, its numbers and a position: at every level, with one to four threads, decoded and prefilled."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from engine_harness import Harness
from gguf_files import Q4_0, Q8_0, gguf_of, tokens_of
from golden_logits import GOLDEN, POSITIONS, PROMPT, PROMPT_POSITION, hash_of
from llama2_files import model_file, read_legacy
from llama2_model import ExactModel

CHUNK = 64  # tokens of a pass at most
BOS = 1


@pytest.fixture(scope="module")
def files(own_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, bool]]:
    """The included model in every format: the file, and whether it is quantised while it is loaded."""
    folder = tmp_path_factory.mktemp("golden")
    shape, weights = read_legacy(own_model.read_bytes())
    tokens = tokens_of(own_model.with_suffix(".tok.bin").read_bytes())
    made = {
        "v1.bin": model_file(dataclasses.replace(shape, version=1), weights),
        "v2.bin": model_file(dataclasses.replace(shape, version=2, group=32), weights),
        "q8_0.gguf": gguf_of(shape, weights, tokens, Q8_0).encode(),
        "q4_0.gguf": gguf_of(shape, weights, tokens, Q4_0).encode(),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return {
        "fp32-v0": (own_model, False),
        "fp32-v1": (folder / "v1.bin", False),
        "int8-v0": (own_model, True),
        "int8-v2": (folder / "v2.bin", False),
        "Q8_0": (folder / "q8_0.gguf", False),
        "Q4_0": (folder / "q4_0.gguf", False),
    }


def decoded(harness: Harness, ids: list[int]) -> dict[int, str]:
    """The hashes, one token at a time."""
    rows = [harness.forward(token, position) for position, token in enumerate(ids)]
    return {position: hash_of(rows[position].tobytes()) for position in POSITIONS}


def prefilled(harness: Harness, ids: list[int]) -> dict[int, str]:
    """The hashes, as many tokens in a pass as lead to the next of them."""
    found, done = {}, 0
    for position in POSITIONS:
        while done <= position:
            some = ids[done : min(done + CHUNK, position + 1)]
            logits = harness.prefill(some, done)
            done += len(some)
        found[position] = hash_of(logits.tobytes())
    return found


def check(harness: Harness, want: dict[int, str]) -> None:
    ids = [BOS, *harness.greedy(POSITIONS[-1])]
    for level in harness.levels():
        harness.call("level", level)
        for threads in (1, 2, 3, 4):
            assert int(harness.call("threads", threads)) == threads
            assert decoded(harness, ids) == want, (level, threads)
            assert prefilled(harness, ids) == want, (level, threads)
    harness.call("threads", 1)


@pytest.mark.parametrize("name", ["fp32-v0", "fp32-v1", "int8-v0", "int8-v2", "Q8_0", "Q4_0"])
def test_the_included_model_has_its_golden_hashes(
    harness: Harness, files: dict[str, tuple[Path, bool]], name: str
) -> None:
    path, q8 = files[name]
    harness.load(path, q8=q8)
    check(harness, GOLDEN["stories700K", name.partition("-")[0]])


def test_the_published_model_has_its_golden_hashes(harness: Harness, published_model: Path) -> None:
    harness.load(published_model)
    check(harness, GOLDEN["stories260K", "fp32"])


def test_the_prompt_leads_into_the_same_rows(harness: Harness, own_model: Path) -> None:
    vocab = harness.load(own_model)["vocab"]
    harness.call("tokenizer", vocab, payload=own_model.with_suffix(".tok.bin").read_bytes())
    ids = harness.encode(PROMPT.encode())
    assert len(ids) == PROMPT_POSITION + 1
    assert ids == [BOS, *harness.greedy(PROMPT_POSITION)]


@pytest.mark.parametrize(("numbers", "version", "group"), [("fp32", 0, 0), ("int8", 2, 32)])
def test_the_hashes_are_those_of_llama2s_order_of_arithmetic(
    harness: Harness, own_model: Path, numbers: str, version: int, group: int
) -> None:
    """Made anew by a slow model, up to a row in the fifth panel of keys."""
    shape, weights = read_legacy(own_model.read_bytes())
    harness.load(own_model, q8=numbers == "int8")
    last = POSITIONS[4]
    exact = ExactModel(dataclasses.replace(shape, version=version, group=group), weights, harness.exponential)
    for position, token in enumerate([BOS, *harness.greedy(last)]):
        logits = exact.forward(token, position)
        if position in POSITIONS:
            assert hash_of(logits.tobytes()) == GOLDEN["stories700K", numbers][position]
