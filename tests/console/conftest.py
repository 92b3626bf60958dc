"""What the console's tests share: finding what is installed."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from live_kernel import SLOWLY, Kernel

from llmbm_console.core import paths
from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.firmware import find_firmware
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.transport.sockets import unix_transport


@pytest.fixture(scope="session")
def simulator() -> str:
    """The kernel as a process, built when it is not there."""
    try:
        return str(paths.simulator_binary())
    except SessionError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def qemu() -> str:
    """QEMU with its firmware."""
    binary = shutil.which("qemu-system-x86_64")
    if binary is None or find_firmware() is None:
        pytest.skip("QEMU or its UEFI firmware is not installed")
    return binary


@pytest.fixture
async def kernel(simulator: str, tmp_path: Path) -> AsyncIterator[Kernel]:
    one = Kernel(simulator, tmp_path)
    yield one
    await one.end()


@pytest.fixture
async def sessions() -> AsyncIterator[Callable[..., LiveSession]]:
    """Makes sessions on a unix socket; all are closed at the end."""
    made: list[LiveSession] = []

    def make(path: Path) -> LiveSession:
        made.append(LiveSession("test", transport=unix_transport(str(path))))
        return made[-1]

    yield make
    for session in made:
        await session.close()


@pytest.fixture
async def live(simulator: str) -> AsyncIterator[LiveSession]:
    """The simulator as a target, ready."""
    session = make_session(Target("sim"))
    assert isinstance(session, LiveSession)
    await session.open()
    await session.wait_ready(60)
    yield session
    await session.close()


@pytest.fixture
async def slow_live(simulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveSession]:
    """The same, but an answer takes seconds: for a test that does something while it runs."""
    program = tmp_path / "slow-sim"
    program.write_text(f'#!/bin/sh\nexec "{simulator}" {" ".join(SLOWLY)} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setattr(paths, "simulator_binary", lambda: program)
    session = make_session(Target("sim"))
    assert isinstance(session, LiveSession)
    await session.open()
    await session.wait_ready(60)
    yield session
    await session.close()


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the descriptor of its other end, and its name."""
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    yield master, name
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)
