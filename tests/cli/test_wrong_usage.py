"""Words that cannot be carried out: an error says which, and what was expected, with a terminal or without one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from console_program import CONSOLE, ROOT, run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("exec", "--sim", "--timeout", "0", "--", "x"), "above 0"),
        (("exec", "--sim", "--memory", "lots", "--", "x"), "lots"),
        (("exec", "--sim", "--qemu", "--", "x"), "not allowed with"),
        (("exec", "--sim"), "required"),
        (("exec", "--sim", "--jsn", "--", "/ctx"), "unknown option --jsn: did you mean --json? (--help lists all)"),
        (("--plian=1", "--sim"), "unknown option --plian: did you mean --plain?"),
        (("--profile", "zzz", "exec", "--sim", "--", "hi"), "exec is a command and comes first: llmbm-console exec"),
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
        (("--serial", "/dev/tty", "--plain"), "/dev/tty: the terminal that this console runs in"),
        (("--probabilities", "21", "--sim", "--plain"), "'21' is not a whole number from 1 to 20"),
        (("--seek", "-1", "--plain", "README.md"), "'-1' is not a number from 0"),
        (("image", "out.img", "--model", "/dev/zero"), "/dev/zero: no such model file"),
    ],
)
def test_wrong_usage_is_said_without_a_traceback(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
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


def test_the_terminal_that_it_runs_in_is_no_serial_port_by_its_own_name_either() -> None:
    controller, line = os.openpty()
    try:
        name = os.ttyname(line)
        arguments = [*CONSOLE, "exec", "--serial", name, "--timeout", "3", "--", "/ctx"]
        done = subprocess.run(arguments, stdin=line, capture_output=True, text=True, timeout=60)
        assert f"{name}: the terminal that this console runs in" in done.stderr
    finally:
        os.close(line)
        os.close(controller)


def test_without_a_terminal_the_console_names_the_other_ways() -> None:
    done = run("--sim", "--read-only")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "--sim --read-only: the full screen needs a terminal" in done.stderr, "what was typed"
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
            [*CONSOLE, *arguments],
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
    done = run(*arguments, cwd=ROOT)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "terminal" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--plain --jsonl --sim", "--jsonl: not allowed with argument --plain"),
        ("--sim --smp 3", "--smp does nothing for --sim: it acts on --qemu"),
        ("exec --sim --accel tcg -- /ctx", "--accel does nothing for --sim: it acts on --qemu"),
        (
            "--plain --sim --baud 9600 --dtr on",
            "--baud does nothing for --sim: it acts on --serial and --qmp and --connect",
        ),
        ("--plain --sim --dtr on", "--dtr does nothing for --sim: it acts on --serial and --connect"),
        (
            "--jsonl --connect tcp:localhost:1 --baud 9600",
            "--baud does nothing for tcp:localhost:1: only a serial port",
        ),
        ("--sim --speed 2", "--speed does nothing for --sim: it acts on a recording"),
        ("--plain --sim --seek 2", "--seek does nothing for --sim: it acts on a recording"),
        ("exec --sim --wait 2 -- /ctx", "--wait does nothing for --sim: it acts on --serial and --qmp and --connect"),
        ("--plain --serial /dev/x --model y.bin", "--model does nothing for --serial: it acts on --qemu and --sim"),
        ("--plain README.md --memory 64", "--memory does nothing for a file: it acts on --qemu"),
        ("--plain README.md --speed 2", "--speed does nothing for --plain, which tells all of a recording at once"),
        ("exec --qemu --image a.img --model b.bin -- /ctx", "--model does nothing beside --image"),
        ("--jsonl README.md LICENSE", "--jsonl tells of one file: `"),
        ("--choose --sim", "--choose asks on the full screen what to open, and does not go together with --sim"),
        ("--choose --plain", "--choose asks on the full screen what to open, and does not go together with --plain"),
        ("serve --plain --sim", "serve shows the full screen"),
        ("exec --qemu --memory 32 -- /ctx", "--memory 32: the firmware does not start with less than 64 MiB"),
        ("break", "a break goes over a serial port: name one with --serial DEV or --connect rfc2217://..."),
        ("get / --sim", "'/' is no name of a file"),
        ("break --sim", "a break goes over a serial port"),
        ("break --serial /dev/x --record y.llcap", "--record does nothing for a break, which begins no session"),
    ],
)
def test_what_would_be_left_out_without_a_word_is_wrong_usage(arguments: str, said: str) -> None:
    done = run(*arguments.split(), cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--serial", "--qmp", "--connect", "--profile"])
def test_an_empty_name_is_no_other_target(option: str) -> None:
    done = run("exec", option, "", "--", "/version")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"argument {option}: it is empty" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write into")
def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    settings = run("settings", "--init", env=os.environ | {"XDG_CONFIG_HOME": "/proc/nowhere"})
    assert settings.returncode == 1
    assert settings.stderr == (
        "error: /proc/nowhere/llmbm-console/config.toml: cannot be written: No such file or directory\n"
    )
    image = run("image", "/")
    assert image.returncode == 1
    assert image.stderr.startswith("error: /: is not a regular file; ")


def test_an_option_of_a_profile_is_for_the_profiles_own_target(tmp_path: Path) -> None:
    folder = tmp_path / "llmbm-console"
    folder.mkdir()
    (folder / "config.toml").write_text(
        '[profiles.bench]\nserial = "/dev/no-such-port"\nbaud = 9600\n[profiles.odd]\nsim = true\nsmp = 3\n'
    )
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    assert run("exec", "--profile", "bench", "--sim", "--", "/version", env=environment).returncode == 0
    assert run("exec", "--profile", "bench", "--", "/version", env=environment).returncode == 3
    odd = run("exec", "--profile", "odd", "--", "/version", env=environment)
    assert (odd.returncode, odd.stderr) == (2, "error: --smp does nothing for --sim: it acts on --qemu\n")


def test_a_theme_whose_file_is_broken_is_told_and_not_taken_for_one_in_force(tmp_path: Path) -> None:
    themes = tmp_path / "llmbm-console" / "themes"
    themes.mkdir(parents=True)
    (themes / "mine.toml").write_text('name = "mine"\ntitle = "Mine\n')
    (themes.parent / "config.toml").write_text('theme = "mine"\n')
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    done = run("settings", env=environment)
    assert done.returncode == 1
    assert "theme    teranga (none was chosen yet)\n" in done.stdout
    assert f"error: theme mine: {themes / 'mine.toml'} is there, but cannot be used\n" in done.stderr
    assert "error: theme mine.toml: is not TOML: " in done.stderr
    assert "line 2" in done.stderr
    assert "no such theme" not in done.stderr
    plain = run("--plain", "--theme", "mine", "README.md", env=environment, cwd=ROOT)
    assert plain.stderr == f"theme mine: {themes / 'mine.toml'} is there, but cannot be used\n"


def test_a_theme_that_there_is_not_is_said_without_a_screen() -> None:
    done = run("--plain", "--theme", "nope", "README.md")
    assert done.returncode == 0
    assert done.stderr.startswith("theme nope: there is no such theme; there are ")
    assert run("--plain", "--theme", "paper", "README.md").stderr == ""
