"""Actions of the table in a script: by their names, with why one cannot be, and presets of one's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from console_program import run


def test_actions_of_the_table_are_carried_out_by_their_names() -> None:
    lines = (":sentinel.strict", ":kernel.zones", ":sampling.calm", ":sampling.defaults", *(":machine.pause",) * 2)
    done = run("exec", "--sim", "--json", "--", *lines, ":machine.reset", "/ctx")
    assert done.returncode == 0, done.stderr
    strict, zones, calm, defaults, paused, resumed, reset, ctx = map(json.loads, done.stdout.splitlines())
    assert (strict["kind"], strict["output"]) == ("action", "strict_budget 1")
    assert {zone["arena"] for zone in zones["record"]} == {"weights", "kv", "scratch", "acts", "zonec", "keep"}
    assert calm["ok"]
    assert defaults["output"].splitlines()[0] == "temp 0.85"
    assert (paused["output"], resumed["output"]) == ("paused", "running")
    assert reset["ok"]
    assert ctx["record"]["sampling"]["temperature"] == 0.85
    assert ctx["record"]["sentinel"]["strict"] is False, "another boot"


def test_an_action_that_cannot_be_says_why_and_what_can() -> None:
    done = run("exec", "--sim", "--", ":view.zoom", ":machine.fly", ":machine.screen", "/version")
    assert done.returncode == 1
    zoom, fly, screen = (line for line in done.stderr.splitlines() if line.startswith("error: :"))
    assert zoom == "error: :view.zoom: it changes what is on a screen, and there is none"
    assert fly.startswith("error: :machine.fly: there is no such action; `llmbm-console settings` lists them all.")
    assert "the simulator has no screen of its own" in screen
    assert "llmk" in done.stdout, "the next line still runs"


def test_a_colon_and_a_word_is_an_action_and_two_colons_are_a_prompt() -> None:
    lines = (":nonsense", ":machine.puase", ":Once upon", ":machine.pause now", "/max_tokens 4", "::Once", ": x", ":)")
    done = run("exec", "--sim", "--json", "--", *lines)
    assert done.returncode == 1
    word, slip, several, too_much, _limit, *prompts = map(json.loads, done.stdout.splitlines())
    assert [one["kind"] for one in (word, slip, several, too_much)] == ["action"] * 4
    assert "there is no such action" in word["error"]
    assert word["error"].endswith("A prompt that begins with a colon is written ::nonsense")
    assert "did you mean machine.pause?" in slip["error"]
    assert several["error"].endswith("::Once upon")
    assert "takes nothing behind its name, and 'now' was given" in too_much["error"]
    assert [one["prompt"] for one in prompts] == [":Once", ": x", ":)"]


def test_a_watched_session_carries_out_no_action_but_looks_at_the_machine() -> None:
    done = run("exec", "--sim", "--read-only", "--", ":machine.pause", ":sentinel.strict", ":machine.registers")
    assert done.returncode == 1
    assert done.stderr.count("this session only watches") == 2
    assert "with --qemu its registers can be seen" in done.stderr, "it was asked"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep configuration elsewhere")
def test_presets_of_ones_own_are_saved_used_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "llmbm-console" / "config.toml"
    save, use = ":sampling.save_preset story", ":sampling.use_preset story"
    done = run("exec", "--sim", "--json", "--", "/temp 0.7", save, "/preset wild", use, "/temp")
    assert done.returncode == 0, done.stderr
    _temp, saved, _wild, used, temp = map(json.loads, done.stdout.splitlines())
    assert saved["output"].startswith("story: temp 0.7, min_p 0.05")
    assert used["output"].splitlines()[0] == "temp 0.7"
    assert "0.7" in temp["output"]
    assert "sampling story: temp 0.7" in run("settings").stdout
    refused = run("exec", "--sim", "--", ":sampling.save_preset calm", ":sampling.use_preset", ":sampling.use_preset x")
    assert refused.returncode == 1
    assert "preset calm: one of the kernel's own; choose another name" in refused.stderr
    assert "NAME is missing: `:sampling.use_preset NAME`" in refused.stderr
    assert "there is no such preset; there are greedy, calm, default, wild, story" in refused.stderr
    gone = run("exec", "--sim", "--", ":sampling.use_preset greedy", ":sampling.delete_preset story")
    assert gone.returncode == 0, gone.stderr
    assert "story" not in file.read_text("utf-8")


@pytest.mark.parametrize("face", ["--plain", "--jsonl"])
def test_the_other_faces_take_actions_too(face: str) -> None:
    done = run("--sim", face, lines=":machine.pause\n:machine.pause\n:view.zoom\n")
    assert done.returncode == 0, done.stderr
    if face == "--plain":
        lines = done.stdout.splitlines()
        assert lines.index("paused") < lines.index("running", lines.index("paused"))
        assert any(line.startswith("# error: :view.zoom: it changes") for line in lines)
    else:
        found = [
            document for line in done.stdout.splitlines() if (document := json.loads(line))["event"] == "ActionDone"
        ]
        assert [(one["ok"], one["output"]) for one in found] == [(True, "paused"), (True, "running"), (False, "")]


KERNEL_LINES = ("/ctx", "Once", ":kernel.zones", ":sampling.calm", ":sampling.defaults", "::x")
PAUSED = "not sent: the machine is paused and answers nothing; `:machine.pause` resumes it"


def test_a_paused_machine_is_told_at_once_and_can_still_be_controlled() -> None:
    lines = (":machine.pause", *KERNEL_LINES, ":machine.pause", "/version")
    done = run("exec", "--sim", "--json", "--", *lines)
    assert done.returncode == 1
    paused, *refused, resumed, version = map(json.loads, done.stdout.splitlines())
    assert (paused["output"], resumed["output"], version["ok"]) == ("paused", "running", True)
    assert [one["error"] for one in refused] == [PAUSED] * len(KERNEL_LINES)
    assert [one["kind"] for one in refused] == ["command", "prompt", "action", "action", "action", "prompt"]


@pytest.mark.parametrize("face", ["--plain", "--jsonl"])
def test_a_face_that_lives_on_says_that_the_machine_is_paused(face: str) -> None:
    done = run(face, "--sim", lines="\n".join((":machine.pause", *KERNEL_LINES)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(PAUSED) == len(KERNEL_LINES)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep files elsewhere")
def test_a_prompt_is_asked_again_and_the_conversation_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    lines = (":chat.retry", ":chat.export", "/max_tokens 4", "Once", ":chat.retry", ":chat.retry_seed", ":chat.export")
    done = run("exec", "--sim", "--json", "--", *lines)
    early, nothing, _limit, *asked, exported = map(json.loads, done.stdout.splitlines())
    assert early["error"] == "nothing was asked yet"
    assert nothing["error"].startswith("there is no conversation yet")
    assert [one["prompt"] for one in asked] == ["Once"] * 3
    written = Path(exported["output"]).read_text("utf-8")
    assert written.count("## Turn ") == 3
    assert written.count("seed 42\n") == 2, "the third was made with another one, which is in force since"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep files elsewhere")
def test_a_bug_report_is_made_also_of_a_paused_machine_and_of_a_watched_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for options in (("--", ":machine.pause", ":session.report"), ("--read-only", "--", ":session.report")):
        done = run("exec", "--sim", *options)
        assert done.returncode == 0, done.stderr
        assert Path(done.stdout.splitlines()[-1]).name.endswith("bug-report.zip")
