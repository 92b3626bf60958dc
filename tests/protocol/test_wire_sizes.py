"""The line protocol stays small: what the build prints is what this checks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_protocol_has_at_most_3000_bytes_of_code_and_4000_of_state(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "kernel_c" / "build.py", "efi", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "BOOTX64.EFI")
    figures = re.fullmatch(
        r"line protocol: (\d+) bytes of code \(framing (\d+), session (\d+)\), (\d+) of state; "
        r"beyond it: streams (\d+), operations (\d+); (\d+) of tables and texts\n",
        done.stderr,
    )
    assert figures is not None, done.stderr
    code, framing, session, state, streams, operations, tables = map(int, figures.groups())
    assert code == framing + session <= 3000
    assert framing > 1000
    assert session > 1000
    assert streams <= 1000
    assert operations <= 6500
    assert tables <= 8700
    assert state <= 4000
