"""What a script gets on standard output: in every encoding, line by line, and files that are fetched."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from console_program import CONSOLE, run

from llmbm_console.faces.get import write_whole

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_json_line_is_one_in_every_encoding(encoding: str) -> None:
    prompt = "caf\xe9 \u20ac"
    command = [*CONSOLE, "exec", "--sim", "--json", "--", "/max_tokens 2", prompt]
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(encoding).splitlines()[1])["prompt"] == prompt
    assert done.stderr == b""


def test_text_without_letters_in_the_encoding_is_written_as_escapes() -> None:
    command = [*CONSOLE, "exec", "--sim", "--", "/max_tokens 2", "caf\xe9"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\xe9" in done.stdout


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_octets_of_an_argument_that_are_no_text_make_no_line_invalid(words: tuple[str, ...]) -> None:
    command = [*map(os.fsencode, (*CONSOLE, "exec", "--sim", *words, "--", "/max_tokens 2")), b"caf\xe9"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if words:
        assert json.loads(done.stdout.decode("utf-8").splitlines()[1])["prompt"] == "caf\ufffd"


def test_a_dash_is_the_lines_of_standard_input_in_their_place() -> None:
    command = [*CONSOLE, "exec", "--sim", "--json", "--", "/version", "-", "/cpu"]
    done = subprocess.run(
        command, input="/temp 0.5\n\n  \n/nonsense\r\n/temp", capture_output=True, text=True, check=False
    )
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["line"] for one in documents] == ["/version", "/temp 0.5", "/nonsense", "/temp", "/cpu"]
    assert [one["ok"] for one in documents] == [True, True, False, True, True]
    assert done.returncode == 1


def test_an_interrupted_script_ends_with_130_and_its_answer_so_far() -> None:
    command = [*CONSOLE, "exec", "--sim", "--json", "--", "/version", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate()
    assert (process.returncode, rest, said) == (130, b"", b"")
    assert json.loads(first)["ok"]


def test_a_fetched_file_replaces_what_a_link_leads_to_and_leaves_devices_alone(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    place, link = tmp_path / "real" / "dump.txt", tmp_path / "link.txt"
    place.write_text("old")
    link.symlink_to(place)
    done = subprocess.run([*CONSOLE, "get", "mem:dump", "--sim", "-o", str(link)], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert link.is_symlink()
    assert place.read_bytes().startswith(b"llmk-dump ")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["dump.txt", "link.txt", "real"]
    full = subprocess.run([*CONSOLE, "get", "mem:dump", "--sim", "-o", "/dev/full"], capture_output=True, check=False)
    assert full.returncode == 1
    assert b"/dev/full: cannot be written" in full.stderr
    assert Path("/dev/full").is_char_device()


def test_a_file_that_the_disk_has_no_room_for_leaves_the_old_one_and_no_half(tmp_path: Path) -> None:
    place = tmp_path / "dump.txt"
    place.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(place, bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert place.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["dump.txt"]


def test_a_picture_is_told_in_a_sentence_where_there_is_no_screen(tmp_path: Path) -> None:
    (tmp_path / "screen.ppm").write_bytes(b"P6\n2 2\n255\n" + bytes(12))
    done = run("--plain", str(tmp_path / "screen.ppm"))
    assert done.returncode == 0, done.stderr
    assert "A picture of 2 x 2 pixels" in done.stdout
