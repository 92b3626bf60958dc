"""What the tests in QEMU share: machines, images, the trial of the port."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from qemu_machine import PLAIN, QEMU, Boot, QemuMachine, Setup, firmware_builds

from llmbm_console.core.image.boot_image import build_image
from llmbm_console.core.paths import default_model, find_tokenizer

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "kernel_c"


def build_module() -> ModuleType:
    """kernel_c/build.py, which is a program and no package."""
    spec = importlib.util.spec_from_file_location("kernel_build", KERNEL / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def _qemu_is_installed() -> None:
    if shutil.which(QEMU) is None or not firmware_builds():
        pytest.skip("QEMU or its UEFI firmware is not installed")


@pytest.fixture(scope="session")
def kernel(product: Callable[[str], Path]) -> Path:
    """BOOTX64.EFI of this tree."""
    return product("efi")


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The UEFI port with native/port_trial.c in the place of the core."""
    target = build_module().targets()["efi"]
    core = [KERNEL / "core" / name for name in ("text.c", "utf8.c", "memory.c", "cpu.c")]
    sources = [
        *core,
        *sorted((KERNEL / "port" / "uefi").glob("*.c")),
        Path(__file__).parent / "native" / "port_trial.c",
    ]
    output = tmp_path_factory.mktemp("trial") / "BOOTX64.EFI"
    common = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-I", str(KERNEL / "core")]
    command = [*target.compiler, *common, *target.compile, *map(str, sources), *target.link, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def default_image(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel with the model that comes with it; tests boot copies."""
    image = tmp_path_factory.mktemp("image") / "boot.img"
    build_image(image, kernel, default_model(), find_tokenizer(default_model()))
    return image


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Boot]:
    """Boots a copy of an image; its path is the machine's `image`. The machine ends with the test."""
    running: list[QemuMachine] = []

    def start(image: Path, setup: Setup = PLAIN) -> QemuMachine:
        shutil.copyfile(image, tmp_path / "disk.img")
        machine = QemuMachine(tmp_path / "disk.img", tmp_path, setup)
        running.append(machine)
        return machine

    yield start
    for machine in running:
        machine.close()


@pytest.fixture(scope="session")
def simulator(product: Callable[[str], Path]) -> Path:
    """llmk-sim of this tree."""
    return product("sim")
