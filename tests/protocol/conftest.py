"""The kernel's wire code as ordinary programs, compiled with the kernel's own warnings by zig and by gcc with
sanitisers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))  # vector_cases and native_cases are plain modules beside the tests

WIRE_SOURCES = sorted((ROOT / "kernel_c" / "core").glob("wire*.c"))
WARNINGS = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wvla", "-Wstrict-prototypes"]
INCLUDES = [f"-I{ROOT / 'kernel_c' / 'core'}", f"-I{ROOT / 'kernel_c' / 'gen'}"]
COMPILERS = {
    "zig": [sys.executable, "-m", "ziglang", "cc", "-O2", "-fno-sanitize=all", "-fno-strict-aliasing"],
    "gcc-asan": [
        "gcc",
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-fno-strict-aliasing",
    ],
}

Program = Callable[[bytes], str]


@dataclass(frozen=True)
class Native:
    """One compiler and where it puts its programs."""

    name: str
    folder: Path

    def build(self, source: Path) -> Program:
        """Compiles a source with the kernel's wire code; the program maps its input to its output and must end
        with 0."""
        output = self.folder / source.stem
        if not output.exists():
            command = [
                *COMPILERS[self.name],
                *WARNINGS,
                *INCLUDES,
                str(source),
                *map(str, WIRE_SOURCES),
                "-o",
                str(output),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

        def run(data: bytes) -> str:
            result = subprocess.run([str(output)], input=data, capture_output=True, check=False, timeout=120)
            assert result.returncode == 0, result.stderr.decode()
            return result.stdout.decode("latin-1")

        return run


@pytest.fixture(scope="session", params=list(COMPILERS))
def native(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Native:
    """Each compiler in turn."""
    if request.param == "gcc-asan" and not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    return Native(request.param, tmp_path_factory.mktemp(f"native-{request.param}"))
