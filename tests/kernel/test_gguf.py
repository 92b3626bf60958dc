"""GGUF files in the whole kernel: one file is a model and its tokenizer."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import gguf_files as gf
import pytest
from gguf_files import F16, F32, NAMES, Q4_0, Q8_0, gguf_of, kept_by_the_engine, tokens_of
from llama2_files import Shape, Weights, model_file, read_legacy
from made_models import DEFAULT_MODEL, PUBLISHED_MODEL, put_model
from test_model_formats import PROMPT, says_at_every_level, slow_text, weights_arena
from typed_kernel import GREEDY, Kernel, Start

from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_protocol.samples import Model

KINDS = {"f32": F32, "f16": F16, "q8": Q8_0, "q4": Q4_0}


def converted(model: Path, kind: int, **others: int) -> gf.Gguf:
    """A stored model as GGUF."""
    shape, weights = read_legacy(model.read_bytes())
    return gguf_of(shape, weights, tokens_of(model.with_suffix(".tok.bin").read_bytes()), kind, **others)


@pytest.fixture(scope="module")
def trained() -> tuple[Shape, Weights]:
    """The default model's shape and weights."""
    return read_legacy(DEFAULT_MODEL.read_bytes())


@pytest.fixture
def exported(start: Start, tmp_path: Path) -> Kernel:
    """The default model as f32.gguf, f16.gguf, q8.gguf and q4.gguf, and no other file."""
    for name, kind in KINDS.items():
        (tmp_path / f"{name}.gguf").write_bytes(converted(DEFAULT_MODEL, kind).encode())
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 60")
    return kernel


def test_one_file_boots_and_says_where_its_tokenizer_is(exported: Kernel) -> None:
    assert "Model f16.gguf: the first .bin or .gguf file that loads (" in exported.boot
    assert "Loaded f16.gguf with its own tokenizer: 707808 parameters, " in exported.boot
    words = exported.words("/model")
    assert (words["model"], words["format"]) == ("f16.gguf", "fp32-gguf")
    assert words["tokenizer"] == "f16.gguf"


@pytest.mark.parametrize("model", [DEFAULT_MODEL, PUBLISHED_MODEL], ids=lambda path: path.stem)
def test_float32_says_what_the_llama2_file_says(start: Start, tmp_path: Path, model: Path) -> None:
    if not model.exists():
        pytest.skip("the published model is not beside this checkout")
    put_model(tmp_path, model, "old.bin")
    (tmp_path / "new.gguf").write_bytes(converted(model, F32).encode())
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 150")
    texts = []
    for name in ("old.bin", "new.gguf"):
        kernel.tell(f"/load {name}", "/clear")
        texts.append([kernel.ask(PROMPT), kernel.ask("Zoë said 漢字"), kernel.ask("  two  spaces")])
    assert texts[0] == texts[1]
    assert len(texts[0][0]) > 100


@pytest.mark.parametrize("name", ["q8", "q4"])
def test_blocks_say_what_a_slow_model_of_the_same_numbers_says_at_every_level(
    exported: Kernel, trained: tuple[Shape, Weights], name: str
) -> None:
    shape = dataclasses.replace(trained[0], version=2, group=32)
    want = slow_text(shape, kept_by_the_engine(converted(DEFAULT_MODEL, KINDS[name]), shape), 60)
    exported.tell(f"/load {name}.gguf")
    says_at_every_level(exported, want)


def test_blocks_of_eight_bits_are_an_int8_file(exported: Kernel, trained: tuple[Shape, Weights]) -> None:
    shape = dataclasses.replace(trained[0], version=2, group=32)
    put_model(exported.folder, name="int8.bin")
    (exported.folder / "int8.bin").write_bytes(
        model_file(shape, kept_by_the_engine(converted(DEFAULT_MODEL, Q8_0), shape))
    )
    exported.tell("/load int8.bin")
    text, arena = exported.ask(PROMPT), weights_arena(exported)
    for name in ("q8", "q4"):
        exported.tell(f"/load {name}.gguf")
        words = exported.words("/model")
        assert (words["format"], words["group"]) == ("int8-gguf", "32")
        assert weights_arena(exported) == arena
        if name == "q8":
            assert exported.ask(PROMPT) == text


def test_half_precision_becomes_float32_or_int8_on_request(exported: Kernel, trained: tuple[Shape, Weights]) -> None:
    shape = trained[0]
    halves = gf.weights_of(converted(DEFAULT_MODEL, F16), shape)
    assert exported.ask(PROMPT) == slow_text(shape, halves, 60).strip()
    exported.tell("/load f16.gguf q8")
    assert exported.words("/model")["format"] == "int8-gguf"
    assert exported.ask(PROMPT) == slow_text(dataclasses.replace(shape, version=2, group=32), halves, 60).strip()


def test_the_parameter_q8_holds_for_gguf_files_too(start: Start, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(converted(DEFAULT_MODEL, F32).encode())
    (tmp_path / "repl.cfg").write_text("q8=1\n")
    kernel = start(tmp_path)
    assert "Model model.gguf: the first that loads of the usual names (" in kernel.boot
    assert kernel.words("/model")["format"] == "int8-gguf"


def test_a_known_name_with_bin_comes_first(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path, name="model.bin")
    (tmp_path / "stories15M.gguf").write_bytes(converted(DEFAULT_MODEL, F32).encode())
    assert "Loaded model.bin" in start(tmp_path).boot
    (tmp_path / "model.bin").unlink()
    assert "Loaded stories15M.gguf" in start(tmp_path).boot


@pytest.mark.parametrize("name", ["STORIE~1.GGU", "models/Tales.GGUF", "models/model.gguf", "odd.bin"])
def test_names_that_a_volume_may_show(start: Start, tmp_path: Path, name: str) -> None:
    """Without long names FAT has three letters; and a file is what its first bytes say, whatever its name."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(converted(DEFAULT_MODEL, Q4_0).encode())
    kernel = start(tmp_path)
    assert f"Loaded {name} with its own tokenizer" in kernel.boot
    assert f"* {name}: 707808 parameters, " in kernel.ask("/models")


def test_the_list_of_models_shows_their_numbers(exported: Kernel) -> None:
    (exported.folder / "bad.gguf").write_bytes(b"GGUF\x03\0\0\0" + bytes(16))
    text = exported.ask("/models")
    for name, shown in [("f32", "fp32"), ("f16", "fp32"), ("q8", "int8"), ("q4", "int8")]:
        size = (exported.folder / f"{name}.gguf").stat().st_size
        assert re.search(rf" {name}\.gguf: 707808 parameters, {size} bytes, {shown}-gguf, dim 96", text)
    assert "not a model: bad.gguf: gguf: the file has 0 tensors, expected 1..4096" in text


def test_what_becomes_other_than_the_file_says_is_told(exported: Kernel) -> None:
    mixed = converted(DEFAULT_MODEL, Q8_0, embedding=F16)
    (exported.folder / "mixed.gguf").write_bytes(mixed.encode())
    reply = exported.ask("/load mixed.gguf")
    assert "mixed.gguf: 1 of 43 matrices are not in blocks of 32; they become int8 while loading" in reply
    (exported.folder / "long.gguf").write_bytes(mixed.with_key("llama.context_length", gf.UINT32, 131072).encode())
    reply = exported.ask("/load long.gguf")
    assert "long.gguf: a context of 131072 rows; 8192 are used, the most of a GGUF file" in reply
    assert exported.words("/model")["seq"] == "8192"
    assert "rows" not in exported.ask("/load f16.gguf")


def test_widths_without_groups_of_32_become_floats(start: Start, tmp_path: Path) -> None:
    if not PUBLISHED_MODEL.exists():
        pytest.skip("the published model is not beside this checkout")
    (tmp_path / "small.gguf").write_bytes(converted(PUBLISHED_MODEL, Q8_0, w2=F16).encode())
    kernel = start(tmp_path)
    said = "small.gguf: widths 64 and 172 are not both multiples of 32; all weights are float32"
    assert said in kernel.boot
    assert kernel.words("/model")["format"] == "fp32-gguf"
    kernel.tell(*GREEDY)
    assert "little girl named Lily" in kernel.ask(PROMPT)


def test_the_context_is_what_the_memory_has_room_for(start: Start, tmp_path: Path) -> None:
    file = converted(DEFAULT_MODEL, Q8_0).with_key("llama.context_length", gf.UINT32, 8192)
    (tmp_path / "long.gguf").write_bytes(file.encode())
    kernel = start(tmp_path, "--memory", "12")
    found = re.search(r"long.gguf: a context of 8192 rows; (\d+) are used, which the memory has room for", kernel.boot)
    assert found, kernel.boot
    assert int(found[1]) in (1024, 2048, 4096)
    assert kernel.words("/model")["seq"] == found[1]
    kernel.tell(*GREEDY, "/max_tokens 20")
    assert "little girl" in kernel.ask(PROMPT)
    refused = start(tmp_path, "--memory", "1")
    assert re.search(r"No model: .*\d+ bytes (\(\d+ MiB\) )?are needed", refused.boot), refused.boot


def test_wrong_files_leave_the_loaded_model_alone(exported: Kernel) -> None:
    text = exported.ask(PROMPT)
    good = (exported.folder / "q8.gguf").read_bytes()
    file = converted(DEFAULT_MODEL, Q8_0)
    kinds = file.key("tokenizer.ggml.token_type")
    assert isinstance(kinds, tuple)
    chatty = file.with_key("tokenizer.ggml.token_type", gf.ARRAY, (gf.INT32, [*kinds[1][:-1], gf.USER])).encode()
    for data, wanted in [
        (good[:-1], "it is cut off, copy it again"),
        (good[:1000], "it is cut off"),
        (chatty, "tokenizer.ggml.token_type of token 1023 is 4, expected 1 (text)"),
        (good[:4] + b"\1" + good[5:], "version 1, expected 2 or 3"),
        (good.replace(b"llama.block_count", b"llama.block_kount"), "the key llama.block_count is missing"),
        (
            good.replace(b"blk.3.attn_q", b"blk.9.attn_q"),
            "tensor blk.9.attn_q.weight is unknown in a llama of 6 layers",
        ),
    ]:
        (exported.folder / "bad.gguf").write_bytes(data)
        reply = exported.ask("/load bad.gguf")
        assert reply.startswith("bad.gguf: gguf: ")
        assert wanted in reply
    exported.tell("/clear")
    assert exported.ask(PROMPT) == text


def test_wrong_numbers_end_in_rescue_and_can_be_left(exported: Kernel) -> None:
    file = converted(DEFAULT_MODEL, Q8_0)
    data = bytearray(file.encode())
    data[file.starts[b"blk.5.ffn_up.weight"] + 9] = 0x80
    (exported.folder / "bad.gguf").write_bytes(data)
    assert "bad.gguf: gguf: tensor blk.5.ffn_up.weight has the int8 weight -128" in exported.ask("/load bad.gguf")
    assert "no model is loaded" in exported.ask(PROMPT)
    exported.tell("/load q8.gguf")
    assert "little girl" in exported.ask(PROMPT)


def test_formats_take_turns_and_leave_nothing_behind(exported: Kernel) -> None:
    put_model(exported.folder, name="old.bin")
    exported.tell("/load q8.gguf")
    text, zones = exported.ask(PROMPT), exported.ask("/zones")
    for _ in range(5):
        exported.tell(*(f"/load {name}" for name in ("f32.gguf", "old.bin", "q4.gguf", "f16.gguf q8", "q8.gguf")))
    assert exported.ask(PROMPT) == text
    assert exported.ask("/zones") == zones


def test_every_kind_loads_and_speaks_under_the_sanitisers(start_checked: Start, tmp_path: Path) -> None:
    for name, kind in KINDS.items():
        (tmp_path / f"{name}.gguf").write_bytes(converted(DEFAULT_MODEL, kind).encode())
    kernel = start_checked(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 5")
    for name in KINDS:
        kernel.tell(f"/load {name}.gguf")
        assert kernel.ask(PROMPT)
    assert kernel.ask("/models").count("gguf, dim 96") == len(NAMES) - 2


def test_the_console_boots_a_gguf_file_alone(tmp_path: Path) -> None:
    model = tmp_path / "tales.gguf"
    model.write_bytes(converted(DEFAULT_MODEL, Q4_0).encode())
    command = [sys.executable, "-m", "llmbm_console", "exec", "--sim", "--model", model, "--json", "--", "/model"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)["record"]["model"]
    assert (record["file"], record["format"], record["group"]) == ("tales.gguf", "int8-gguf", 32)


def test_the_dump_has_the_numbers_of_the_weights(exported: Kernel) -> None:
    exported.tell("/load q4.gguf", "/save_dump")
    found = parse_post_mortem((exported.folder / "llmk-dump.txt").read_bytes(), "llmk-dump.txt")
    assert found.complete, found.problems
    [model] = [record for record in found.records if isinstance(record, Model)]
    assert (model.file, model.format, model.group) == ("q4.gguf", "int8-gguf", 32)
