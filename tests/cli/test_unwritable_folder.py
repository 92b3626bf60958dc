"""Where nothing can be written into the person's folders, what the kernel wrote is kept elsewhere, and that is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from console_program import run

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write into")


@pytest.mark.parametrize("face", ["exec", "--plain", "--jsonl"])
def test_a_dump_is_kept_and_its_place_and_the_reason_are_told(face: str, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_STATE_HOME": "/proc/nowhere", "TMPDIR": str(tmp_path)}
    words = ("exec", "--sim", "--", "/save_dump") if face == "exec" else (face, "--sim")
    done = run(*words, lines="/save_dump\n", env=environment)
    assert done.returncode == 0, done.stderr
    (kept,) = tmp_path.rglob("*-llmk-dump.txt")
    assert kept.read_bytes().startswith(b"llmk-dump ")
    why = "/proc/nowhere/llmbm-console/files cannot be written: No such file or directory"
    if face == "--jsonl":
        saved = next(one for line in done.stdout.splitlines() if (one := json.loads(line))["event"] == "FileSaved")
        assert saved["path"] == str(kept)
        assert saved["instead"].startswith(why)
    else:
        told = done.stderr if face == "exec" else done.stdout
        assert f"{kept} ({why}" in told


def test_a_copy_is_told_by_a_script_before_it_ends(tmp_path: Path) -> None:
    done = run("exec", "--sim", "--", "/save_dump", env=os.environ | {"XDG_STATE_HOME": str(tmp_path)})
    (kept,) = tmp_path.rglob("*-llmk-dump.txt")
    assert done.stderr == f"saved: llmk-dump.txt as {kept}\n"
