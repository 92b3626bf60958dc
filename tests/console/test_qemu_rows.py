"""Rows of the failure table (protocol/SPEC.md, section 12) on real firmware: a console, a bad cable and QEMU's serial
port. One machine serves all tests; each leaves it at its prompt.

The pause, the reset and what is read from QEMU's log are in test_live_qemu.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from live_kernel import PROMPT, Line, collect
from waiting import until

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core import paths
from llmbm_console.core.errors import SessionError
from llmbm_console.core.image.boot_image import build_image
from llmbm_console.core.machine.firmware import find_firmware
from llmbm_console.core.machine.qemu_command import QemuOptions, QemuSockets, qemu_command
from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.transport.sockets import unix_transport
from llmbm_protocol.schema import StopReason

pytestmark = pytest.mark.qemu

BOOT = 120.0  # s that firmware and kernel may take on a busy computer
CLEAR_LINE = b"\x15"  # Ctrl-U: of the program that waited in vain before, half a hello may stand at the prompt
CONSOLE = """
import asyncio, sys
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.transport.sockets import unix_transport
async def main():
    session = LiveSession("killed", transport=unix_transport(sys.argv[1]))
    await session.open()
    await session.wait_ready(60)
    print("ready", flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""


class Machine:
    """QEMU as a person starts it: it belongs to no console, and its serial port is a socket."""

    def __init__(self, binary: str, folder: Path) -> None:
        firmware = find_firmware()
        assert firmware is not None
        if firmware.variables is not None:
            shutil.copyfile(firmware.variables, folder / "variables")
        self.folder, self.sockets = folder, QemuSockets.in_folder(folder)
        model = paths.default_model()
        self.tokenizer = paths.find_tokenizer(model)
        build_image(folder / "disk.img", paths.kernel_image(), model, self.tokenizer)
        options = QemuOptions(binary, firmware, "tcg", folder / "disk.img")
        command = qemu_command(options, self.sockets, folder / "variables")
        self._command = [word for word in command if word != "-S"]
        self.start()

    def start(self) -> None:
        """Switches it on. What its firmware says while nobody listens is lost, as on a cable."""
        with (self.folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def kill(self) -> None:
        """Its plug is pulled."""
        self.process.kill()
        self.process.wait()


def at_a_terminal(path: Path) -> bytes:
    """What a person sees who waits for a prompt and asks for the version."""
    said, asked, deadline = b"", False, time.monotonic() + BOOT
    with socket.socket(socket.AF_UNIX) as terminal:
        while terminal.connect_ex(os.fspath(path)) != 0:
            assert time.monotonic() < deadline, f"{path}: nobody listens"
            time.sleep(0.02)
        terminal.settimeout(1.0)
        while said.count(b"llmk> ") < 2:
            assert time.monotonic() < deadline, said[-600:]
            with contextlib.suppress(TimeoutError):
                said += terminal.recv(4096)
            if b"llmk> " in said and not asked:
                asked = True
                terminal.sendall(CLEAR_LINE + b"/version\r")
    return said


@pytest.fixture(scope="module")
def machine(qemu: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    one = Machine(qemu, tmp_path_factory.mktemp("machine"))
    try:
        at_a_terminal(one.sockets.serial)
        yield one
    finally:
        one.kill()


@asynccontextmanager
async def attached(path: Path) -> AsyncIterator[LiveSession]:
    """A session on a line where a kernel runs."""
    session = LiveSession("test", transport=unix_transport(str(path)))
    try:
        await session.open()
        await session.wait_ready(60)
        yield session
    finally:
        await session.close()


@pytest.fixture
async def line(machine: Machine, tmp_path: Path) -> AsyncIterator[Line]:
    """A session behind a middleman, on a line that is good until the test says otherwise."""
    async with (
        Chaos(tmp_path / "front", machine.sockets.serial, seed=1) as chaos,
        attached(tmp_path / "front") as session,
    ):
        assert (await session.set_parameter("max_tokens", "40")).ok
        yield Line(chaos, session, collect(session))
        chaos.calm()


async def test_a_bad_line_loses_no_token_and_runs_nothing_twice(line: Line) -> None:
    first = (await line.whole_answer()).number
    for way in (line.chaos.up, line.chaos.down):
        way.flip_bit, way.drop_line, way.double_line = 0.0005, 0.05, 0.05
    line.chaos.up.drop_byte = 0.01
    for number in range(1, 4):
        await line.seed(number)
        assert (await line.whole_answer()).number == first + number
    for way in line.chaos.ways.values():
        assert way.damaged > 0


async def test_a_file_arrives_whole_through_a_line_that_leaves_holes(line: Line, machine: Machine) -> None:
    line.chaos.down.drop_line = 0.1
    data = await asyncio.wait_for(line.session.download(machine.tokenizer.name, lambda done, total: None), 120)
    assert data == machine.tokenizer.read_bytes()
    assert line.chaos.ways["down"].counts["drop_line"] > 0


async def test_the_stop_octet_ends_an_answer_at_once(line: Line) -> None:
    assert (await line.session.set_parameter("max_tokens", "256")).ok
    running = asyncio.create_task(line.session.submit(PROMPT))
    await until(lambda: line.session.state.turn and line.session.state.turn.tokens)
    assert line.session._link is not None
    await line.session._link.sending.emergency_stop()
    outcome = await asyncio.wait_for(running, 60)
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.reason is StopReason.STOPPED
    await line.seed(1)


async def test_a_kernel_that_tripped_tells_its_state_from_memory(line: Line) -> None:
    assert (await line.session.submit("/test_failsafe decode 1")).ok
    outcome = await asyncio.wait_for(line.session.submit(PROMPT), 60)
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.reason is StopReason.TRIP
    dump = await asyncio.wait_for(line.session.download("mem:dump", lambda done, total: None), 60)
    told = parse_post_mortem(dump, "llmk-dump.txt")
    assert told.complete, told.problems
    assert b"tripped" in dump
    assert (await line.session.submit("/reset")).ok
    await line.whole_answer()


async def test_a_second_console_is_told_who_may_hold_the_line_and_takes_nothing(line: Line, machine: Machine) -> None:
    second = LiveSession("second", transport=unix_transport(str(machine.sockets.serial)))
    await second.open()
    with pytest.raises(SessionError, match="Another program may hold the line"):
        await second.wait_ready(60)
    await second.close()
    await line.whole_answer()


async def test_a_person_has_the_line_back_after_a_console_was_killed(machine: Machine) -> None:
    console = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONSOLE, machine.sockets.serial, stdout=subprocess.PIPE
    )
    assert console.stdout is not None
    assert await asyncio.wait_for(console.stdout.readline(), 60) == b"ready\n"
    console.kill()
    await console.wait()
    said = await asyncio.to_thread(at_a_terminal, machine.sockets.serial)
    assert b" why=expired*" in said
    assert b"schema" in said.partition(b" why=expired*")[2]


async def test_a_machine_that_was_killed_and_started_again_has_its_console_back(machine: Machine) -> None:
    async with attached(machine.sockets.serial) as session:
        assert (await session.set_parameter("max_tokens", "256")).ok
        running = asyncio.create_task(session.submit(PROMPT))
        await until(lambda: session.state.turn and session.state.turn.tokens)
        machine.kill()
        machine.start()
        outcome = await asyncio.wait_for(running, BOOT)
        assert (outcome.ok, outcome.error_code) == (False, "rebooted")
        await until(lambda: session.state.boots == 2, BOOT)  # till then the firmware may have passed for a terminal
        await session.wait_ready(BOOT)
        again = await asyncio.wait_for(session.submit(PROMPT), 60)
        assert again.ok
        assert again.turn is not None
        assert again.turn.number == 1
