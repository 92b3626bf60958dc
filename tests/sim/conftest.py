"""The simulator's port with a kernel that obeys single orders, and the C utilities as a library."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # sim_machine and native_library are plain modules beside the tests

from sim_machine import CORE, POSIX, ROOT, Boot, Machine  # noqa: E402

UTILITIES = [CORE / f"{name}.c" for name in ("text", "number", "error", "utf8")]
FLAGS = [
    *(
        "-std=c17",
        "-O1",
        "-g",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wconversion",
        "-Wshadow",
        "-Wvla",
        "-Wstrict-prototypes",
    ),
    *(f"-I{CORE}", f"-I{ROOT / 'kernel_c' / 'gen'}", f"-I{POSIX}"),
]
ZIG = [sys.executable, "-m", "ziglang", "cc"]
# A fault in a test library must name itself and not only end the test run.
TRAPS = ["-fsanitize=undefined", "-fsanitize-trap=undefined"]


def compile_c(output: Path, sources: list[Path], *flags: str) -> Path:
    """Compiles and links; the compiler's words become the failure."""
    command = [*ZIG, *FLAGS, *flags, *map(str, sources), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The utilities and the UART model."""
    output = tmp_path_factory.mktemp("library") / "library.so"
    sources = [HERE / "native" / "library.c", POSIX / "uart16550.c", *UTILITIES]
    return ctypes.CDLL(str(compile_c(output, sources, "-shared", "-fPIC", *TRAPS)))


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The port with the kernel of native/probe_kernel.c."""
    output = tmp_path_factory.mktemp("probe") / "probe-sim"
    sources = [HERE / "native" / "probe_kernel.c", *sorted(POSIX.glob("*.c")), *UTILITIES]
    return compile_c(output, sources, *TRAPS)


@pytest.fixture
def boot(probe: Path, tmp_path: Path) -> Iterator[Boot]:
    """Starts a machine with the given options on the test's folder `volume`; every machine is ended after the test."""
    volume = tmp_path / "volume"
    volume.mkdir()
    started: list[Machine] = []

    def start(*options: str, **settings: int) -> Machine:
        machine = Machine([str(probe), "--files", str(volume), "--die-with-parent", *options], tmp_path, **settings)
        started.append(machine)
        return machine

    yield start
    for machine in started:
        machine.kill()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """The folder that is the machine's volume."""
    return tmp_path / "volume"
