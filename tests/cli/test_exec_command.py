"""`llmbm-console exec` on the real kernel as a process: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmbm_console.core.targets import default_kind

ROOT = Path(__file__).resolve().parents[2]
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1")
#: The published beginning of the included model's greedy text (kernel_c/models/README.md).
STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play with her toys and her toys. One day, she"
)


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llmbm_console", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL
    )


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


def damaged(change: str) -> bytes:
    """The included model, damaged in one way."""
    data = bytearray((ROOT / "kernel_c/models/stories700K.bin").read_bytes())
    fields = {
        "dim": 0,
        "hidden_dim": 4,
        "n_layers": 8,
        "n_heads": 12,
        "n_kv_heads": 16,
        "vocab_size": 20,
        "seq_len": 24,
    }
    if change in fields:
        data[fields[change] : fields[change] + 4] = (1 << 30).to_bytes(4, "little")
    elif change == "cut":
        del data[len(data) // 2 :]
    elif change == "nan":
        data[5000:5004] = b"\x00\x00\xc0\x7f"
    return bytes(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("dim", "dim is 1073741824"),
        ("hidden_dim", "hidden_dim"),
        ("n_layers", "n_layers"),
        ("n_heads", "n_heads"),
        ("n_kv_heads", "n_kv_heads"),
        ("vocab_size", "vocab_size"),
        ("seq_len", "seq_len"),
        ("cut", "bytes"),
        ("nan", "finite"),
    ],
)
def test_a_damaged_model_is_refused_with_the_field(tmp_path: Path, change: str, said: str) -> None:
    (tmp_path / "bad.bin").write_bytes(damaged(change))
    tokenizer = ROOT / "kernel_c/models/stories700K.tok.bin"
    (tmp_path / "bad.tok.bin").write_bytes(tokenizer.read_bytes())
    done = run("exec", "--sim", "--model", str(tmp_path / "bad.bin"), "--", "Once upon a time")
    assert done.returncode == 1
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("cut", [0, 3, 100, 5000])
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, cut: int) -> None:
    (tmp_path / "m.bin").write_bytes((ROOT / "kernel_c/models/stories700K.bin").read_bytes())
    (tmp_path / "m.tok.bin").write_bytes((ROOT / "kernel_c/models/stories700K.tok.bin").read_bytes()[:cut])
    done = run("exec", "--sim", "--model", str(tmp_path / "m.bin"), "--", "Once upon a time")
    assert done.returncode == 1
    assert "tokenizer" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("; /models lists files, /load FILE loads one\n"), "what to do is said whole"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("exec", "--sim", "--timeout", "0", "--", "x"), "above 0"),
        (("exec", "--sim", "--memory", "lots", "--", "x"), "lots"),
        (("exec", "--sim", "--qemu", "--", "x"), "not allowed with"),
        (("exec", "--sim"), "required"),
        (("exec", "--sim", "--jsn", "--", "/ctx"), "unknown option --jsn: did you mean --json? (--help lists all)"),
        (("--plian=1", "--sim"), "unknown option --plian: did you mean --plain?"),
        (("ports", "--qqqqqq"), "unknown option --qqqqqq (--help"),
        (("one.txt", "two.txt", "three.txt"), "'three.txt' is one argument too many"),
        (("exec", "--sim", "--model", "README.md", "--", "x"), "README.md: not a model file; expected"),
        (("exec", "--connect", "carrier-pigeon:9", "--", "x"), "carrier-pigeon"),
        (("exec", "--connect", "unix:/nonexistent/socket", "--timeout", "3", "--", "/ctx"), "/nonexistent/socket"),
        (("exec", "--serial", "/dev/no-such-port", "--timeout", "3", "--", "/ctx"), "/dev/no-such-port"),
        (("/no/such/file.txt", "--plain"), "/no/such/file.txt"),
        (("/dev/zero", "--plain"), "/dev/zero: a pipe or a device"),
        (("dump", "/dev/zero"), "/dev/zero: it is too much for a post-mortem file"),
        (("--serial", "/tmp", "--plain"), "/tmp: not a serial port"),
        (("--probabilities", "21", "--sim", "--plain"), "'21' is not a whole number from 1 to 20"),
        (("--seek", "-1", "--plain", "README.md"), "'-1' is not a number from 0"),
        (("image", "out.img", "--model", "/dev/zero"), "/dev/zero: no such model file"),
    ],
)
def test_wrong_usage_is_said_without_a_traceback(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments, timeout=60)
    assert done.returncode in (1, 2, 3)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "usage:" not in done.stderr


def test_a_pipe_that_nobody_writes_into_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for arguments in (("--plain", str(pipe)), ("exec", "--sim", "--model", str(pipe), "--", "x")):
        assert "pipe" in run(*arguments).stderr
    assert "pipe: no such model file" in run("image", str(tmp_path / "x.img"), "--model", str(pipe)).stderr


def test_the_version_is_an_answer_and_a_recording_may_begin_at_its_beginning(tmp_path: Path) -> None:
    assert run("--version").stdout.startswith("llmbm-console ")
    (tmp_path / "some.txt").write_text("a line")
    assert run("--plain", "--seek", "0", str(tmp_path / "some.txt")).returncode == 0


def test_without_a_terminal_the_console_names_the_other_ways() -> None:
    done = run("--sim", "--seek", "4")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "--sim --seek 4: the full screen needs a terminal" in done.stderr, "what was typed"
    assert "exec" in done.stderr
    assert "--plain" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("gone.txt",), ("--plain", "gone"), ("--jsonl", "gone"), ("dump", "gone"), ("serve", "gone"), ("gone",)],
)
def test_a_file_that_is_not_there_ends_every_face_alike(arguments: tuple[str, ...]) -> None:
    controller, line = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "llmbm_console", *arguments],
            stdin=line, stdout=line, stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd=ROOT,
            env=os.environ | {"TERM": "xterm-256color"},
        )  # fmt: skip
    finally:
        os.close(controller)
        os.close(line)
    assert done.returncode == 1
    assert "gone" in done.stderr
    assert "no such file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("no-such.txt",), 1, "no-such.txt: no such file"),
        (("console",), 1, "console: cannot be read: Is a directory"),
        (("--sim", "--model", "nope.bin"), 1, "nope.bin: no such model file"),
        (("--model", "nope.bin"), 1, "nope.bin: no such model file"),
        (("frobnicate",), 1, "'frobnicate' is no command, and there is no such file (--help lists all)"),
        (("exce", "--sim", "--", "/ctx"), 2, "'exce' is no command, and there is no such file: did you mean exec?"),
        (("--bogus",), 2, "unknown option --bogus (--help lists all)"),
        (("doctor", "--qq"), 2, "unknown option --qq (--help lists all)"),
        (("--sim", "README.md"), 2, "README.md: a file is a target of its own and does not go together with --sim"),
        (("--plain", "README.md", "--probabilities"), 2, "cannot be asked for --probabilities"),
        (("exec", "--connect", "bogus", "--", "/ctx"), 2, "'bogus' is no address: expected unix:PATH, tcp:HOST:PORT"),
        (("--plain", "--connect", "tcp:x:99999"), 2, "expected tcp:HOST:PORT with a port from 1 to 65535"),
        (("get", "x", "--connect", "tcp:localhost:1", "--dtr", "on"), 2, "lines of a serial port"),
        (("exec", "--profile", "gone", "--", "/ctx"), 2, "there is no such profile"),
    ],
)
def test_what_is_wrong_is_said_whether_or_not_there_is_a_terminal(
    arguments: tuple[str, ...], status: int, said: str
) -> None:
    command = [sys.executable, "-m", "llmbm_console", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "terminal" not in done.stderr


def test_a_theme_that_there_is_not_is_said_without_a_screen() -> None:
    done = run("--plain", "--theme", "nope", "README.md")
    assert done.returncode == 0
    assert done.stderr.startswith("theme nope: there is no such theme; there are ")
    assert run("--plain", "--theme", "paper", "README.md").stderr == ""


def test_plain_face_tells_a_story_from_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmbm_console", "--plain", "--sim"],
        input="\n".join((*GREEDY, "Once upon a time")) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert STORY in done.stdout
    assert "\x1b" not in done.stdout


def test_doctor_names_what_is_there() -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("Python", "QEMU", "UEFI firmware", "simulator", "terminal"):
        assert word in done.stdout


@pytest.mark.parametrize("with_qemu", [True, False])
def test_the_last_line_of_doctor_is_what_a_start_without_words_does(with_qemu: bool, tmp_path: Path) -> None:
    if with_qemu and default_kind() != "qemu":
        pytest.skip("QEMU or its firmware is not installed")
    path = os.environ["PATH"] if with_qemu else str(tmp_path)
    command = [sys.executable, "-m", "llmbm_console", "doctor"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    if with_qemu:
        assert re.fullmatch(r"ready: \S+ boots the kernel in QEMU; \S+ --sim runs it as a process, at once", line)
    else:
        assert re.fullmatch(r"ready: \S+ runs the kernel as a process \(--sim\), because QEMU or its .* missing", line)
        assert "MISSING  QEMU" in done.stdout


def test_plain_says_how_it_ends_and_ends_so() -> None:
    command = [sys.executable, "-m", "llmbm_console", "--plain", "--sim"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = next(line for line in process.stdout if line.startswith("# ready"))
        assert said.endswith("; Ctrl+D ends\n")
        assert process.poll() is None
        process.stdin.close()  # what Ctrl+D is to a program
        assert process.wait(60) == 0


def test_help_and_version_do_not_load_the_interface() -> None:
    code = (
        "import sys\n"
        "from llmbm_console.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('textual', 'rich', 'pydantic')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("[]"), done.stdout[-300:]


def test_the_window_is_painted_before_the_schema_is_loaded() -> None:
    """Building the validators takes as long as the rest of the start: the first paint must not wait for them."""
    code = (
        "import sys, llmbm_console.tui.app\n"
        "late = ('pydantic', 'llmbm_protocol.schema', 'llmbm_console.core.capture')\n"
        "print([m for m in late if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_core_never_imports_textual() -> None:
    core = ROOT / "console/llmbm_console/core"
    code = "import sys, importlib\n" + "".join(
        f"importlib.import_module('llmbm_console.core.{'.'.join(p.relative_to(core).with_suffix('').parts)}')\n"
        for p in sorted(core.rglob("*.py"))
        if p.name not in ("__init__.py", "supervise.py")
    )
    code += "print([m for m in sys.modules if m.split('.')[0] == 'textual'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


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


def test_actions_of_the_table_are_carried_out_by_their_names() -> None:
    lines = (
        ":sentinel.strict",
        ":kernel.zones",
        ":sampling.calm",
        ":sampling.defaults",
        ":machine.pause",
        ":machine.pause",
    )
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


def test_a_watched_session_carries_out_no_action() -> None:
    done = run("exec", "--sim", "--read-only", "--", ":machine.pause", ":sentinel.strict")
    assert done.returncode == 1
    assert done.stderr.count("this session only watches") == 2


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
    done = subprocess.run(
        [sys.executable, "-m", "llmbm_console", "--sim", face],
        input=":machine.pause\n:machine.pause\n:view.zoom\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
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
