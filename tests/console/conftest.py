"""What the console's tests share: finding what is installed."""

from __future__ import annotations

import shutil

import pytest

from llmbm_console.core.firmware import find_firmware
from llmbm_console.core.session import SessionError


@pytest.fixture(scope="session")
def simulator() -> str:
    """The kernel as a process, built when it is not there."""
    from llmbm_console.core.paths import simulator_binary

    try:
        return str(simulator_binary())
    except SessionError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def qemu() -> str:
    """QEMU with its firmware."""
    binary = shutil.which("qemu-system-x86_64")
    if binary is None or find_firmware() is None:
        pytest.skip("QEMU or its UEFI firmware is not installed")
    return binary
