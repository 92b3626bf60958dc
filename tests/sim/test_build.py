"""The build as ./run uses it: it says what it builds and how long that took, only when it does, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "kernel_c" / "build.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_a_quiet_build_speaks_only_when_there_is_something_to_build(tmp_path: Path) -> None:
    first = build("sim", "--quiet", "--out", str(tmp_path))
    told = r"building the simulator \(the same kernel as a process\) \.\.\. \d+ s\n"
    assert re.fullmatch(told, first.stderr)
    again = build("sim", "--quiet", "--out", str(tmp_path))
    assert (again.stdout, again.stderr) == (f"{tmp_path / 'llmk-sim'}\n", "")
    (tmp_path / "llmk-sim").unlink()
    assert re.fullmatch(told, build("sim", "--quiet", "--out", str(tmp_path)).stderr)
    assert (tmp_path / "llmk-sim").exists()


def test_the_size_of_the_line_protocol_is_told_to_those_who_build_by_hand() -> None:
    assert build("efi").stderr.startswith("line protocol: ")
    assert build("efi", "--quiet").stderr == ""
