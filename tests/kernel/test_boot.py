"""From switch-on to the prompt: which model, which settings, and a rescue prompt when there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, Script, put_model
from typed_kernel import GREEDY, Start


def said(start: Start, folder: Path) -> str:
    """The name of the model that a boot chose, by what it answers."""
    kernel = start(folder)
    kernel.tell("/stats 0", "/temp 0")
    return kernel.ask("x")


def test_the_boot_shows_version_processor_model_and_progress_of_loading(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    boot = start(tmp_path).boot
    assert re.search(r"^llmk-[\d.]+ on Linux .* \(posix\), boot [0-9a-f]{8}$", boot, re.MULTILINE)
    assert "Model stories700K.bin: the first .bin or .gguf file that loads (" in boot
    assert "; model=FILE in repl.cfg chooses another" in boot
    assert re.search(
        r"Loaded stories700K.bin with stories700K.tok.bin: 707808 parameters, 2864028 bytes, [\d.]+ MB/s, \d+\.\d{3} s",
        boot,
    )


def test_models_are_looked_for_in_the_known_order(start: Start, tmp_path: Path) -> None:
    order = ["zebra", "model", "stories15M", "stories110M", "stories200M", "stories260M", "stories300M"]
    for name in order:
        Script([name.encode()]).write(tmp_path, f"{name}.bin")
        assert said(start, tmp_path) == name
    (tmp_path / "repl.cfg").write_text("model=zebra.bin\n")
    assert said(start, tmp_path) == "zebra"


def test_the_root_comes_before_models_and_others_by_name(start: Start, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    Script([b"deep"]).write(tmp_path / "models", "abc.bin")
    assert said(start, tmp_path) == "deep"
    Script([b"root"]).write(tmp_path, "xyz.bin")
    assert said(start, tmp_path) == "root"
    Script([b"first"]).write(tmp_path, "bcd.bin")
    assert said(start, tmp_path) == "first"
    (tmp_path / "repl.cfg").write_text("model = abc.bin  # found in models/\n")
    assert said(start, tmp_path) == "deep"


def test_a_missing_configured_model_is_told_and_the_search_goes_on(start: Start, tmp_path: Path) -> None:
    Script([b"ok"]).write(tmp_path)
    (tmp_path / "repl.cfg").write_text("model=absent.bin\n")
    boot = start(tmp_path).boot
    assert "Model absent.bin: named in repl.cfg\n  refused: absent.bin cannot be opened: there is no such file" in boot
    assert "Loaded script.bin" in boot


def test_the_tokenizer_is_the_one_beside_the_model_else_the_common_one(start: Start, tmp_path: Path) -> None:
    Script([b"own"]).write(tmp_path)
    (tmp_path / "script.tok.bin").rename(tmp_path / "tokenizer.bin")
    assert said(start, tmp_path) == "own"
    (tmp_path / "models").mkdir()
    (tmp_path / "tokenizer.bin").rename(tmp_path / "models" / "tokenizer.bin")
    assert said(start, tmp_path) == "own"
    (tmp_path / "models" / "tokenizer.bin").unlink()
    kernel = start(tmp_path)
    assert (
        "script.bin has no tokenizer: neither script.tok.bin nor tokenizer.bin nor models/tokenizer.bin is there"
        in kernel.boot
    )


def test_repl_cfg_sets_every_parameter_by_both_names(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    (tmp_path / "repl.cfg").write_bytes(
        b"\xef\xbb\xbf# settings\r\n; another comment\r\n\r\n"
        b"temperature = 0.5\r\nmin_p=0.1\r\ntop_p=0.9 ; nucleus\r\ntop_k=7\r\n"
        b"no_repeat_ngram=3\r\nrepeat_penalty=1.2\r\nmax_tokens=400\r\nseed=9\r\nstats=0\r\nstop_you=1\r\nstop_nl=1\r\n"
        b"overflow=stop\r\nattn=sse2\r\nbudget_prefill=8000000\r\nbudget_decode=9000000\r\nstrict_budget=1"
    )
    kernel = start(tmp_path)
    assert "ignored" not in kernel.boot
    words = kernel.words("/ctx")
    expected = {
        "temp": "0.5", "min_p": "0.1", "top_p": "0.9", "top_k": "7", "norepeat": "3", "repeat": "1.2",
        "max_tokens": "400", "seed": "9", "prefill_max": "8000000", "decode_max": "9000000",
        "prefill_pinned": "1", "decode_pinned": "1",
    }  # fmt: skip
    assert {key: words[key] for key in expected} == expected
    assert "strict=1" in kernel.ask("/zones")
    assert "kernels=sse2 (chosen with /attn)" in kernel.ask("/cpu")
    for name, value in (("stats", "0"), ("stop_you", "1"), ("stop_nl", "1"), ("overflow", "stop")):
        assert kernel.ask(f"/{name}").startswith(f"{name} = {value} ")


def test_bad_lines_of_repl_cfg_are_told_with_their_numbers_and_boot_goes_on(start: Start, tmp_path: Path) -> None:
    Script([b"ok"]).write(tmp_path)
    (tmp_path / "repl.cfg").write_bytes(
        b"temp=0.7\ntemp=hot\nnothing\n=5\nTEMP=1\ntop_k=\nsockets=2x\n"
        b"baud=300\nseed=1 2\n\x00\xff=\x80\nmax_tokens=100000\ntop_p=0.5"
    )
    kernel = start(tmp_path)
    for number, reason in {
        2: 'temp cannot be "hot": expected 0 to 2',
        3: 'expected key=value, found "nothing"',
        4: 'unknown key ""',
        5: 'unknown key "TEMP"',
        6: 'top_k cannot be "": expected 0 (off) to 262144',
        7: 'unknown key "sockets"',
        8: 'baud cannot be "300": expected 9600, 19200, 38400, 57600 or 115200',
        9: 'seed cannot be "1 2": expected 0 to 18446744073709551615',
        10: "unknown key",
    }.items():
        assert f"repl.cfg line {number} ignored: {reason}" in kernel.boot
    assert "max_tokens is 256, the most that this model's context allows" in kernel.boot
    words = kernel.words("/ctx")
    assert (words["temp"], words["top_p"], words["max_tokens"]) == ("0.7", "0.5", "256")
    log = kernel.ask("/log 128")
    assert "msg=repl.cfg line 2: temp cannot be" in log
    assert kernel.ask("x").startswith("ok")


def test_without_a_model_a_rescue_prompt_with_all_diagnostics(start: Start, tmp_path: Path) -> None:
    kernel = start(tmp_path)
    assert "No model: no model file (.bin or .gguf) in the root or in models/" in kernel.boot
    assert "/load FILE" in kernel.boot
    kernel.send(b"\r")
    kernel.until(lambda text: text.endswith("rescue> "))
    kernel.until_prompt()
    refusal = kernel.ask("Once upon a time")
    assert refusal.startswith("no model is loaded: no model file (.bin or .gguf) in the root or in models/")
    assert "model=none reason=no model file" in kernel.ask("/ctx")
    assert "[KEEP]" in kernel.ask("/zones")
    assert "model=none" in kernel.ask("/model")
    assert "No .bin or .gguf file" in kernel.ask("/models")
    assert kernel.ask("/save_dump").startswith("wrote llmk-dump.txt, ")
    for command in (
        "/cpu",
        "/version",
        "/log",
        "/help",
        "/sampling",
        "/budget",
        "/clear",
        "/reset",
        "/test_failsafe",
        "/save_log",
    ):
        assert "unknown" not in kernel.ask(command)
    Script([b"saved"]).write(tmp_path)
    assert "script.bin is loaded" in kernel.ask("/load script.bin")
    kernel.tell("/stats 0", "/temp 0", "/reset")
    assert kernel.ask("x") == "saved"


def test_load_changes_the_model_and_a_refused_file_keeps_the_old_one(start: Start, tmp_path: Path) -> None:
    Script([b"one"]).write(tmp_path, "one.bin")
    (tmp_path / "models").mkdir()
    Script([b"two"]).write(tmp_path / "models", "two words.bin")
    (tmp_path / "broken.bin").write_bytes(b"\x01\x00\x00\x00" * 20)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY)
    assert kernel.ask("x") == "one"
    assert "broken.bin: model: dim is 1, expected" in kernel.ask("/load broken.bin")
    assert "cannot be opened" in kernel.ask("/load ../one.bin")
    assert kernel.ask("x") == "one"
    listing = kernel.ask("/models")
    assert "* one.bin: " in listing
    assert "  models/two words.bin: " in listing
    assert "not a model: broken.bin: model: dim is 1" in listing
    kernel.tell("/load models/two words.bin")
    assert kernel.rows() == 0
    assert kernel.ask("x") == "two"
    assert "model=models/two_words.bin" in kernel.ask("/model")
    log = kernel.ask("/log 128")  # it moves to the new arena with all it had
    assert re.search(r"#0 .* msg=llmk-[\d.]+ started$", log)
    assert [name in log for name in ("msg=one.bin", "msg=models/two words.bin")] == [True, True]


def test_loading_again_and_again_gives_the_memory_back(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--memory", "12")  # two of these models at once would not fit
    for _ in range(5):
        kernel.tell("/load stories700K.bin")
    assert "guard=broken" not in kernel.ask("/zones")


def test_too_little_memory_is_said_with_what_is_needed_and_what_is_free(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--memory", "4")
    assert re.search(
        r"not enough memory: \d{7} bytes \(\d+ MiB\) are needed, \d+ bytes \(\d+ MiB\) are free", kernel.boot
    )
    assert "rescue" not in kernel.ask("/save_log")
    assert "no model is loaded: not enough memory" in kernel.ask("x")


def test_a_small_model_needs_little_memory(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path, "--memory", "8")
    assert f"Loaded {DEFAULT_MODEL.name}" in kernel.boot


@pytest.mark.parametrize("level", ["reference", "sse2", "avx2", "avx512", "avx512_vnni"])
def test_every_level_gives_the_same_text(start: Start, tmp_path: Path, level: str) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.tell("/stats 0", "/temp 0", "/max_tokens 60", "/budget 500000000000 500000000000")
    best = kernel.ask("Once upon a time")
    reply = kernel.ask(f"/attn {level}")
    assert reply == f"attn = {level}" or re.search(
        f"attn cannot be {level}: this processor or system has no .*avx", reply
    )
    kernel.tell("/clear")
    assert kernel.ask("Once upon a time") == best
