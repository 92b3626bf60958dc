"""`llmbm-console exec` on the real kernel as a process: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from console_program import GREEDY, STORY, run


def test_prompt_and_answer_are_the_story() -> None:
    done = run("exec", "--sim", "--", *GREEDY, "Once upon a time")
    assert done.returncode == 0, done.stderr
    assert STORY in done.stdout


def test_json_is_one_document_per_line_with_typed_records() -> None:
    lines = (*GREEDY, "Once upon a time", "/ctx", "/zones", "/log", "/model", "/cpu", "/version")
    done = run("exec", "--sim", "--json", "--", *lines)
    assert done.returncode == 0, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [d["line"] for d in documents] == list(lines)
    prompt, ctx, zones, log, model, cpu, version = documents[3:]
    assert prompt["kind"] == "prompt"
    assert (prompt["prompt"] + prompt["text"]).startswith(STORY)
    assert (prompt["tokens"], prompt["stop_reason"], prompt["lost_tokens"]) == (160, "max_tokens", 0)
    assert int(prompt["stamp"], 16) >= 0
    assert prompt["prefill_tok_s"] > 0
    assert prompt["decode_tok_s"] > 0
    assert set(ctx["record"]) == {"model", "sampling", "kv", "sentinel"}
    assert ctx["record"]["kv"]["rows"] == prompt["kv_rows"] == prompt["prompt_tokens"] + prompt["tokens"] - 1
    assert ctx["record"]["sampling"]["temperature"] == 0
    assert ctx["record"]["sampling"]["top_p"] == 0.95
    assert {zone["arena"] for zone in zones["record"]} == {"weights", "kv", "scratch", "acts", "zonec", "keep"}
    assert all(0 <= zone["used"] <= zone["size"] for zone in zones["record"])
    assert any(event["code"] == "load" for event in log["record"])
    assert model["record"]["model"]["file"] == "stories700K.bin"
    assert cpu["record"]["hz"] > 0
    assert version["record"]["port"] == "posix"


def test_a_bench_is_a_document_with_its_figures() -> None:
    done = run("exec", "--sim", "--json", "--", "Once upon a time", "/bench 1")
    assert done.returncode == 0, done.stderr
    prompt, bench = (json.loads(line) for line in done.stdout.splitlines())
    assert prompt["decode_mb_s"] > 0
    assert prompt["read_mb_s"] > 0
    assert (bench["ok"], bench["record"]["row"]) == (True, prompt["kv_rows"])
    figures = (
        "decode_rate",
        "decode_mb_s",
        "decode_cycles",
        "prefill_rate",
        "prefill_mb_s",
        "prefill_cycles",
        "read_mb_s",
    )
    assert all(bench["record"][figure] > 0 for figure in figures)


def test_a_refused_line_fails_the_run_and_the_next_still_runs() -> None:
    done = run("exec", "--sim", "--", "/temp abc", "/nonsense", "/version")
    assert done.returncode == 1
    assert "temp" in done.stderr
    assert "abc" in done.stderr
    assert "/nonsense" in done.stderr
    assert "llmk" in done.stdout


def test_what_is_asked_behind_a_restart_waits_for_the_new_prompt() -> None:
    done = run("exec", "--sim", "--json", "--", "Once", "/reboot", "/ctx", "/reboot", ":sampling.use_preset default")
    assert (done.returncode, done.stderr) == (0, "")
    _prompt, _reboot, ctx, *_rest = (json.loads(line) for line in done.stdout.splitlines())
    assert ctx["record"]["kv"]["rows"] == 0, "asked of the kernel that came"


def test_a_script_may_end_with_its_first_failure() -> None:
    done = run("exec", "--sim", "--json", "--stop-on-error", "--", "/temp 0.5", "/temp abc", "/version")
    assert done.returncode == 1
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True, False]
    assert done.stderr.count("error: ") == 1


def test_a_trip_during_a_prompt_fails_the_run_and_says_why() -> None:
    done = run("exec", "--sim", "--", "/test_failsafe", "The")
    assert done.returncode == 1
    said = "error: The: sentinel tripped in a drill (/test_failsafe): a decode pass took "
    assert said in done.stderr, done.stderr
    assert "its budget was 1,000; /reset goes on" in done.stderr
    done = run("exec", "--sim", "--json", "--", "/test_failsafe prefill", "The", "/reset", "The")
    assert done.returncode == 1
    tripped, reset, after = (json.loads(line) for line in done.stdout.splitlines()[1:])
    assert (tripped["ok"], tripped["stop_reason"], tripped["error_code"]) == (False, "trip", "trip")
    assert tripped["error"].startswith("sentinel tripped in a drill (/test_failsafe): a prefill pass took ")
    assert (reset["ok"], after["ok"]) == (True, True)


def test_an_overrun_that_was_only_noted_is_not_the_cause_of_a_later_trip() -> None:
    done = run("exec", "--sim", "--", "/budget 1 1", "The", "/budget auto", "/test_failsafe decode 7", "The")
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 1, done.stderr
    assert "its budget was 7;" in done.stderr


def test_bad_lines_of_the_kernels_configuration_are_said_and_the_output_stays_clean(tmp_path: Path) -> None:
    (tmp_path / "repl.cfg").write_text("bogus = 1\ntemp = abc\n")
    done = run("exec", "--sim", "--config", str(tmp_path / "repl.cfg"), "--json", "--", "/version")
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.splitlines()
    assert first.startswith("kernel: warn: repl.cfg line 1: ")
    assert "bogus" in first
    assert second.startswith("kernel: warn: repl.cfg line 2: ")
    assert len(done.stdout.splitlines()) == 1
    assert run("exec", "--sim", "--", "/version").stderr == ""


def test_a_missing_model_is_an_error_that_names_it(tmp_path: Path) -> None:
    done = run("exec", "--sim", "--model", str(tmp_path / "none.bin"), "--", "/ctx")
    assert done.returncode == 1
    assert "none.bin" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_tells_how_each_token_was_chosen_when_it_is_asked_for() -> None:
    lines = ("/max_tokens 6", "Once upon a time")
    done = run("exec", "--sim", "--json", "--probabilities", "5", "--", *lines)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[1])
    choices = answer["choices"]
    numbers = [choice["index"] for choice in choices]
    assert numbers == sorted(set(numbers) & set(range(6)))
    told = [choice for choice in choices if choice["probability"] is not None]  # null: the line had no room for it
    assert told
    place = 0
    for choice in told:
        place = answer["text"].index(choice["text"], place) + len(choice["text"])
        assert len(choice["likeliest"]) == 5
        assert choice["kept"]["min_p"] >= choice["kept"]["top_k"] >= choice["kept"]["top_p"] >= choice["rank"]
        own = choice["likeliest"][choice["rank"] - 1]
        assert (own["id"], own["text"]) == (choice["id"], choice["text"])
        assert own["probability"] == pytest.approx(choice["probability"], rel=0.01, abs=1e-4)
    without = run("exec", "--sim", "--json", "--", *lines)
    assert "choices" not in json.loads(without.stdout.splitlines()[1])


def test_an_error_is_told_once_and_once_with_its_line() -> None:
    done = run("exec", "--sim", "--", "", "/test_failsafe", "Once", "more", ":machine.pause now", "/nonsense")
    assert done.returncode == 1
    empty, once, more, pause, nonsense = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert empty.startswith("error: the prompt is empty")
    assert once.startswith("error: Once: sentinel tripped")
    assert more.startswith("error: more: sentinel tripped: ")
    assert pause == "error: :machine.pause now: takes nothing behind its name, and 'now' was given"
    assert nonsense.startswith("error: /nonsense: unknown command")
    assert "refused" not in done.stderr
