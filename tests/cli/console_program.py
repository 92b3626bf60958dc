"""The console as a program of its own, with what is known of the included model's answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = (sys.executable, "-m", "llmbm_console")
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1")
#: The published beginning of the included model's greedy text (kernel_c/models/README.md).
STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play with her toys and her toys. One day, she"
)


def run(
    *words: object, lines: str = "", timeout: float = 120, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Started with these words and lines on its standard input, and waited for."""
    return subprocess.run(
        [*CONSOLE, *map(str, words)],
        input=lines, capture_output=True, text=True, check=False, timeout=timeout, env=env, cwd=cwd,
    )  # fmt: skip
