"""No damaged line is taken for a good one: the short form of bench/line_corruption.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench" / "line_corruption.py"


def test_no_damaged_line_is_accepted_by_either_end() -> None:
    command = [sys.executable, BENCH, "--count", "200000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200000 damaged lines: wrongly accepted by the console 0, by the kernel 0" in done.stdout
