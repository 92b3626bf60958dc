"""Model files of llama2.c's versions 1 and 2 in the whole kernel: the default model, exported again."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from llama2_files import Shape, Weights, model_file, random_model, read_legacy
from llama2_model import SlowModel
from made_models import DEFAULT_MODEL, put_model
from numpy_model import BOS, EOS, Tokenizer
from typed_kernel import GREEDY, Kernel, Start

from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_protocol.samples import Model

PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def trained() -> tuple[Shape, Weights]:
    """The default model's shape and weights."""
    return read_legacy(DEFAULT_MODEL.read_bytes())


@pytest.fixture
def exported(start: Start, tmp_path: Path, trained: tuple[Shape, Weights]) -> Kernel:
    """The default model as old.bin (version 0), float.bin (version 1) and int8.bin (version 2)."""
    shape, weights = trained
    for name, version, group in [("old", 0, 0), ("float", 1, 0), ("int8", 2, 32)]:
        put_model(tmp_path, name=f"{name}.bin")
        data = model_file(dataclasses.replace(shape, version=version, group=group), weights)
        (tmp_path / f"{name}.bin").write_bytes(data)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 60")
    return kernel


def slow_text(shape: Shape, weights: Weights, count: int) -> str:
    """What the slow model continues the prompt with."""
    tokenizer = Tokenizer(DEFAULT_MODEL.with_name(DEFAULT_MODEL.stem + ".tok.bin"), shape.vocab)
    model, ids, text = SlowModel(shape, weights), tokenizer.encode(PROMPT, bos=True), b""
    logits = [model.forward(token) for token in ids][-1]
    for _ in range(count):
        token = int(np.argmax(logits))
        if token in (BOS, EOS):
            break
        text += tokenizer.decode(ids[-1], token)
        ids.append(token)
        logits = model.forward(token)
    return text.decode()


def says_at_every_level(kernel: Kernel, want: str) -> None:
    """The answer to PROMPT at every level that this processor has."""
    assert len(want) > 100
    for level in ("reference", "sse2", "avx2", "avx512", "avx512_vnni"):
        if "cannot" in kernel.ask(f"/attn {level}"):
            continue
        kernel.tell("/clear")
        assert kernel.ask(PROMPT) == want.strip()


def test_int8_text_is_that_of_a_slow_model_at_every_level(exported: Kernel, trained: tuple[Shape, Weights]) -> None:
    shape, weights = trained
    want = slow_text(dataclasses.replace(shape, version=2, group=32), weights, 60)
    exported.tell("/load int8.bin")
    says_at_every_level(exported, want)


def test_versions_0_and_1_say_the_same(exported: Kernel) -> None:
    texts = []
    for name in ("old.bin", "float.bin"):
        exported.tell(f"/load {name}", "/clear")
        texts.append(exported.ask(PROMPT))
    assert texts[0] == texts[1]
    assert len(texts[0]) > 100


def test_the_model_is_described_with_its_numbers(exported: Kernel) -> None:
    for name, number_format, group in [("old", "fp32-v0", None), ("float", "fp32-v1", None), ("int8", "int8-v2", "32")]:
        exported.tell(f"/load {name}.bin")
        words = exported.words("/model")
        assert (words["format"], words.get("group")) == (number_format, group)
        assert words["bytes"] == str((exported.folder / f"{name}.bin").stat().st_size)
        assert words["parameters"] == "707808"


def weights_arena(kernel: Kernel) -> tuple[int, int]:
    """Size and use of the arena of the weights, in bytes."""
    found = re.search(r"\[WEIGHTS\] .*? size=(\d+) .*? used=(\d+) ", kernel.ask("/zones"))
    assert found
    return int(found[1]), int(found[2])


def test_the_arena_of_the_weights_is_used_to_the_byte(exported: Kernel) -> None:
    sizes = {}
    for name in ("old", "float", "int8"):
        exported.tell(f"/load {name}.bin")
        size, used = weights_arena(exported)
        assert size == used
        sizes[name] = used
    assert sizes["old"] == sizes["float"]
    assert sizes["int8"] < 0.34 * sizes["old"]


def test_formats_take_turns_and_leave_nothing_behind(exported: Kernel) -> None:
    exported.tell("/load int8.bin")
    text, zones = exported.ask(PROMPT), exported.ask("/zones")
    for _ in range(10):
        exported.tell("/load old.bin", "/load int8.bin")
    assert exported.ask(PROMPT) == text
    assert exported.ask("/zones") == zones


def test_wrong_files_of_version_2_leave_the_loaded_model_alone(
    exported: Kernel, trained: tuple[Shape, Weights]
) -> None:
    text = exported.ask(PROMPT)
    good = (exported.folder / "int8.bin").read_bytes()
    (exported.folder / "bad.tok.bin").write_bytes((exported.folder / "int8.tok.bin").read_bytes())
    for data, wanted in [
        (good[:-1], "1 are missing"),
        (good + b"\0", "1 too many"),
        (good[:36] + b"\2" + good[37:], "shared_classifier is 2, expected 0 or 1"),
        (good[:37] + b"\x40" + good[38:], "group_size is 64, expected a divisor of dim 96"),
        (good[:4] + b"\3" + good[5:], "llama2.c format version 3, expected 0, 1 or 2"),
    ]:
        (exported.folder / "bad.bin").write_bytes(data)
        assert wanted in exported.ask("/load bad.bin")
    exported.tell("/clear")
    assert exported.ask(PROMPT) == text


def test_float_weights_are_quantised_on_request(exported: Kernel) -> None:
    exported.tell("/load int8.bin")
    text, arena = exported.ask(PROMPT), weights_arena(exported)
    for name, number_format in [("old", "int8-v0"), ("float", "int8-v1")]:
        exported.tell(f"/load {name}.bin q8")
        words = exported.words("/model")
        assert (words["format"], words["group"]) == (number_format, "32")
        assert weights_arena(exported) == arena
        assert exported.ask(PROMPT) == text
    exported.tell("/load old.bin")
    assert exported.words("/model")["format"] == "fp32-v0"
    exported.tell("/load   old.bin   q8")
    assert exported.words("/model")["format"] == "int8-v0"


def test_a_shape_that_cannot_be_quantised_leaves_the_loaded_model_alone(exported: Kernel) -> None:
    put_model(exported.folder, name="odd.bin")
    shape = Shape(dim=32, hidden=44, vocab=1024)
    (exported.folder / "odd.bin").write_bytes(random_model(shape))
    loaded = exported.ask("/model")
    reply = exported.ask("/load odd.bin q8")
    assert "odd.bin: model: dim 32 and hidden_dim 44 are not both divisible by 16" in reply
    assert reply.endswith("; load it without q8")
    assert exported.ask("/model") == loaded
    exported.tell("/load odd.bin")


def test_the_list_of_models_shows_their_numbers(exported: Kernel) -> None:
    text = exported.ask("/models")
    for name, number_format in [("old", "fp32-v0"), ("float", "fp32-v1"), ("int8", "int8-v2")]:
        assert re.search(rf" {name}\.bin: 707808 parameters, \d+ bytes, {number_format}, dim 96", text)


def test_repl_cfg_asks_for_int8_where_the_shape_allows_it(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    put_model(tmp_path, name="odd.bin")
    (tmp_path / "odd.bin").write_bytes(random_model(Shape(dim=32, hidden=44, vocab=1024)))
    (tmp_path / "repl.cfg").write_text("q8=1\nmodel=stories700K.bin\n")
    kernel = start(tmp_path)
    assert kernel.words("/model")["format"] == "int8-v0"
    assert "odd.bin stays as it is: model: dim 32 and hidden_dim 44" in kernel.ask("/load odd.bin")
    assert kernel.words("/model")["format"] == "fp32-v0"
    kernel.tell("/load stories700K.bin")
    assert kernel.words("/model")["format"] == "int8-v0"


def test_the_dump_has_the_numbers_of_the_weights(exported: Kernel) -> None:
    exported.tell("/load int8.bin", "/save_dump")
    found = parse_post_mortem((exported.folder / "llmk-dump.txt").read_bytes(), "llmk-dump.txt")
    assert found.complete, found.problems
    [model] = [record for record in found.records if isinstance(record, Model)]
    assert (model.file, model.format, model.group) == ("int8.bin", "int8-v2", 32)
