"""What cannot be typed at a prompt, tested in C: arenas alone, and a booted kernel from inside."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from made_models import ROOT, put_model

NATIVE = Path(__file__).resolve().parent / "native"
CORE = ROOT / "kernel_c" / "core"
FLAGS = ["-std=gnu17", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Werror"]
INCLUDES = ["-I", str(CORE), "-I", str(ROOT / "kernel_c" / "gen"), "-I", str(NATIVE)]


def compile_and_run(program: Path, parts: list[Path], *arguments: str) -> None:
    """Builds a native test under the sanitisers and runs it; its words become the failure."""
    counting = ["--coverage"] if os.environ.get("LLMBM_COVERAGE") else []  # see kernel_c/coverage.py
    command = ["gcc", *FLAGS, *counting, *INCLUDES, *map(str, parts), "-lpthread", "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    run = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL
    )
    assert run.returncode == 0, run.stderr + run.stdout[-2000:]


def test_arenas(tmp_path: Path) -> None:
    parts = [
        NATIVE / "zones.c",
        *(CORE / name for name in ("zone.c", "text.c", "utf8.c", "error.c", "wire.c", "wire_octets.c", "crc32.c")),
    ]
    compile_and_run(tmp_path / "zones", parts)


def test_the_receiver_of_a_line_that_waits_and_of_one_that_does_not(tmp_path: Path) -> None:
    compile_and_run(tmp_path / "receiver", [NATIVE / "receiver.c", CORE / "uart.c"])


def test_inside_a_booted_kernel(checked_program: Path, tmp_path: Path) -> None:
    put_model(tmp_path)
    objects = sorted((checked_program.parent / "objects" / "asan").glob("*.o"))
    parts = [NATIVE / "in_kernel.c", *(part for part in objects if part.name != "core_repl.o")]
    assert len(parts) == len(objects)
    compile_and_run(tmp_path / "in_kernel", parts, "--files", str(tmp_path), "--serial", "none")
