"""memory.c: what a compiler calls on its own when there is no C library, as each compiler builds it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MEMORY = HERE.parents[1] / "kernel_c" / "core" / "memory.c"
NAMES = ("memcpy", "memmove", "memset", "memcmp")
COMPILERS = {"zig": [sys.executable, "-m", "ziglang", "cc"], "gcc": ["gcc"]}


def run(command: list[str]) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", ["-O1", "-O2", "-O3", "-Os"])
def test_the_freestanding_functions_do_what_the_library_does(tmp_path: Path, compiler: str, level: str) -> None:
    if shutil.which(COMPILERS[compiler][0]) is None:
        pytest.skip(f"{compiler} is not installed")
    build = [*COMPILERS[compiler], "-std=c17", level, "-Wall", "-Wextra", "-Werror"]
    renamed = [f"-D{name}=own_{name}" for name in NAMES]
    run([*build, "-ffreestanding", *renamed, "-c", str(MEMORY), "-o", str(tmp_path / "own.o")])
    program = tmp_path / "compare"
    run([*build, str(HERE / "native" / "memory_functions.c"), str(tmp_path / "own.o"), "-o", str(program)])
    assert run([str(program)]) == "same\n"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_function_became_a_call_of_itself(tmp_path: Path, compiler: str) -> None:
    if shutil.which(COMPILERS[compiler][0]) is None:
        pytest.skip(f"{compiler} is not installed")
    listing = tmp_path / "memory.s"
    run([*COMPILERS[compiler], "-std=c17", "-O3", "-ffreestanding", "-S", str(MEMORY), "-o", str(listing)])
    calls = [
        line.split()[1]
        for line in listing.read_text().splitlines()
        if line.split()[:1] in (["call"], ["callq"], ["jmp"])
    ]
    assert not set(calls) & set(NAMES) - {"memcpy"}, calls
