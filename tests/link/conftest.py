"""Simulators with the stored model, built once for all tests."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # link_client is a plain module beside the tests

from altered_kernel import altered_kernel
from link_client import SLOW, Boot, Host, Simulator

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "kernel_c" / "models"


@pytest.fixture(scope="session")
def program(product: Callable[[str], Path]) -> Path:
    """The simulator."""
    return product("sim")


@pytest.fixture(scope="session")
def checked_program(product: Callable[[str], Path]) -> Path:
    """The simulator under the address and undefined behaviour sanitisers."""
    return product("asan")


def starter(program: Path, folder: Path, running: list[Simulator]) -> Boot:
    """A function that starts kernels in a folder with the stored model."""

    def start(*options: str) -> Simulator:
        for name in ("stories700K.bin", "stories700K.tok.bin"):
            shutil.copy(MODELS / name, folder)
        (folder / "repl.cfg").write_text("temp=0\nnorepeat=0\nrepeat=1\nmax_tokens=256\nseed=7\n")
        simulator = Simulator(program, folder, *options)
        running.append(simulator)
        return simulator

    return start


@pytest.fixture
def boot(program: Path, tmp_path: Path) -> Iterator[Boot]:
    """Starts the simulator; it must end well after the test."""
    running: list[Simulator] = []
    yield starter(program, tmp_path, running)
    for simulator in running:
        simulator.end()


@pytest.fixture
def boot_checked(checked_program: Path, tmp_path: Path) -> Iterator[Boot]:
    """The same with the sanitisers."""
    running: list[Simulator] = []
    yield starter(checked_program, tmp_path, running)
    for simulator in running:
        simulator.end()


@pytest.fixture
def boot_altered(program: Path, tmp_path: Path) -> Callable[..., Simulator]:
    """Starts a simulator with one line of its sources altered; ending it is the test's."""

    def start(source: str, line: str, instead: str, *options: str) -> Simulator:
        folder = tmp_path / "altered"
        folder.mkdir()
        return starter(altered_kernel(program, source, line, instead, folder), tmp_path, [])(*options)

    return start


@pytest.fixture
def person(boot: Boot) -> Host:
    """A line in human mode, at the prompt."""
    return boot().connect()


@pytest.fixture
def host(boot: Boot) -> Host:
    """A line in machine mode."""
    return boot().session()


@pytest.fixture
def slow_host(boot: Boot) -> Host:
    """A line in machine mode to a kernel whose generations last."""
    return boot(*SLOW).session()
