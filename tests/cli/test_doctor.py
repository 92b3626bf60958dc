"""What `llmbm-console doctor` finds."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from console_program import run

from llmbm_console.core.targets import default_kind


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
    done = run("doctor", env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    if with_qemu:
        assert re.fullmatch(r"ready: \S+ boots the kernel in QEMU; \S+ --sim runs it as a process, at once", line)
    else:
        assert re.fullmatch(r"ready: \S+ runs the kernel as a process \(--sim\), because QEMU or its .* missing", line)
        assert "MISSING  QEMU" in done.stdout
