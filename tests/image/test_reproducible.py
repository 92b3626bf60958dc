"""Two builds of the same sources in two folders are the same bytes: what one checks, the other may boot."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def built_in(folder: Path) -> bytes:
    """BOOTX64.EFI of a copy of the sources in `folder`."""
    shutil.copytree(ROOT / "kernel_c", folder / "kernel_c", ignore=shutil.ignore_patterns("models", "__pycache__"))
    command = [sys.executable, str(folder / "kernel_c" / "build.py"), "efi", "--out", str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / "out" / "BOOTX64.EFI").read_bytes()


def test_two_builds_in_two_folders_are_the_same_bytes(tmp_path: Path) -> None:
    first = built_in(tmp_path / "a")
    second = built_in(tmp_path / "another, longer folder")
    assert len(first) > 50_000
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()
    assert str(tmp_path).encode() not in first  # nor does it tell where it was made
