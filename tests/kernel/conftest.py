"""Kernels to type at, built once for all tests, each in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# link_client and engine_harness are plain modules beside the tests of their areas.
sys.path.append(str(Path(__file__).resolve().parents[1] / "link"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))

from made_models import put_model
from typed_kernel import GREEDY, Kernel, Start


@pytest.fixture(scope="session")
def program(product: Callable[[str], Path]) -> Path:
    """The simulator."""
    return product("sim")


@pytest.fixture(scope="session")
def checked_program(product: Callable[[str], Path]) -> Path:
    """The simulator under the address and undefined behaviour sanitisers."""
    return product("asan")


def starter(program: Path, running: list[Kernel]) -> Start:
    """A function that starts kernels and notes them for the end."""

    def start(folder: Path, *options: str) -> Kernel:
        kernel = Kernel(program, folder, *options)
        running.append(kernel)
        return kernel

    return start


def end_all(running: list[Kernel]) -> None:
    """Every kernel must end by itself, cleanly and without a word from a sanitiser."""
    for kernel in running:
        status = kernel.close()
        assert status == 0, kernel.errors.decode("utf-8", "replace")
        assert b"Sanitizer" not in kernel.errors, kernel.errors.decode("utf-8", "replace")


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    """Starts the simulator in a folder; ends it after the test."""
    running: list[Kernel] = []
    yield starter(program, running)
    end_all(running)


@pytest.fixture
def start_checked(checked_program: Path) -> Iterator[Start]:
    """The same with the sanitisers."""
    running: list[Kernel] = []
    yield starter(checked_program, running)
    end_all(running)


@pytest.fixture
def kernel(start: Start, tmp_path: Path) -> Kernel:
    """The default model, greedy and without statistics."""
    put_model(tmp_path)
    kernel = start(tmp_path)
    kernel.tell(*GREEDY)
    return kernel
