"""Standard output that cannot be written, in every face and on every kind of target: a reader that left is no matter,
and a full disk, or none at all, is a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from console_program import CONSOLE, ROOT, run

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")

TALK = """  CHAT MODE ACTIVE

You: Once upon
AI:
 a time there was a bear.

[stats] tokens=6 time_ms=1000 tok_s=6.000

"""
LIVE = [
    ("exec", "--sim", "--", "/ctx"),
    ("exec", "--sim", "--json", "--", "/ctx"),
    ("exec", "--sim", "--", "Once upon a time"),
    ("--plain", "--sim"),
    ("--jsonl", "--sim"),
    ("get", "mem:dump", "--sim", "-o", "-"),
    ("--plain", "--connect", "unix:{folder}/none", "--wait", "1"),
    ("--jsonl", "--connect", "unix:{folder}/none", "--wait", "1"),
]
KINDS = ("dump.txt", "talk.txt", "text.txt", "all.llcap", "octets.raw")
FILES = [(face, "{folder}/" + name) for name in KINDS for face in ("--plain", "--jsonl")]
READERS = [
    ("dump", "{folder}/dump.txt"),
    ("dump", "--json", "{folder}/dump.txt"),
    ("dump", "{folder}/dump.txt", "{folder}/dump.txt"),
    ("explain", "{folder}/octets.raw"),
    ("explain", "--json", "{folder}/all.llcap"),
    ("image", "{folder}/out.img"),
    ("doctor",),
    ("settings",),
    ("--help",),
    ("--version",),
]
EVERY = pytest.mark.parametrize("words", [*LIVE, *FILES, *READERS], ids=" ".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each kind that can be opened, made by the kernel itself but for what a person's terminal kept."""
    folder = tmp_path_factory.mktemp("kinds")
    kept = ("--record", folder / "all.llcap", "--raw-log", folder / "octets.raw")
    done = run("exec", "--sim", *kept, "--", "/max_tokens 8", "Once upon a time")
    assert done.returncode == 0, done.stderr
    assert run("get", "mem:dump", "--sim", "-o", folder / "dump.txt").returncode == 0
    (folder / "talk.txt").write_text(TALK)
    (folder / "text.txt").write_text("a line of text\n")
    return folder


def end(words: tuple[str, ...], folder: Path, output: int) -> subprocess.CompletedProcess[str]:
    """How the program ends with such an output."""
    command = [*CONSOLE, *(word.format(folder=folder) for word in words)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
        env=os.environ | {"XDG_CONFIG_HOME": str(folder / "config")},
    )  # fmt: skip


def without_waiting(stderr: str) -> str:
    return "".join(line for line in stderr.splitlines(keepends=True) if not line.startswith("waiting: "))


@EVERY
def test_a_full_disk_is_a_sentence_and_a_status(words: tuple[str, ...], folder: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = end(words, folder, full.fileno())
    assert done.returncode == 1, done.stderr
    assert without_waiting(done.stderr) == "error: standard output cannot be written: No space left on device\n"


def test_messages_that_cannot_be_written_end_nothing(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        said = subprocess.run(
            [*CONSOLE, "exec", "--sim", "--record", tmp_path / "a.llcap", "--", "/nothing", "/temp"],
            stdout=subprocess.PIPE, stderr=full, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert (said.returncode, "temp = 0.85" in said.stdout) == (1, True), "the line behind the one that failed ran"
        wrong = subprocess.run([*CONSOLE, "dump", "none.txt"], stdout=subprocess.PIPE, stderr=full, check=False)
    assert (wrong.returncode, wrong.stdout) == (1, b"")


@EVERY
def test_a_reader_that_left_is_no_matter(words: tuple[str, ...], folder: Path) -> None:
    """What is short fits the buffer, and is written only at the end."""
    reader, writer = os.pipe()
    os.close(reader)
    done = end(words, folder, writer)
    os.close(writer)
    assert (done.returncode, without_waiting(done.stderr)) == (1, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "words", ["exec --sim --json -- /ctx -", "--plain --sim", "--sim", "settings", "exec --sim -- /x"]
)
def test_a_stream_that_is_closed_is_no_traceback_and_lends_its_number_to_nothing(words: str, closed: str) -> None:
    shell = f'exec "$0" -m llmbm_console {words} {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", shell, sys.executable],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
    )  # fmt: skip
    if words == "--sim":
        assert done.returncode == 2
    elif words == "exec --sim -- /x":
        assert (done.returncode, done.stdout) == (1, "")
    else:
        assert done.returncode == (1 if ">&-" in closed.split() else 0), done.stderr
    assert "Traceback" not in done.stderr
    if closed == ">&-" and words not in ("--sim", "exec --sim -- /x"):
        assert done.stderr == "error: standard output cannot be written: Bad file descriptor\n"
