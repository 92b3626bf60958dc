"""QEMU under control: started, paused, reset and ended, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine import accelerator
from llmbm_console.core.machine.child import Child
from llmbm_console.core.machine.firmware import Firmware, find_firmware, firmware_at
from llmbm_console.core.machine.machine import AttachedQemu, LaunchedQemu
from llmbm_console.core.machine.qemu_command import QemuOptions, QemuSockets, memory_for, qemu_command
from llmbm_console.core.machine.qmp import QmpConnection, serial_address
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import ConsoleText, Event, MachineChanged, MachineStatus, QmpEvent


def alive(pid: int) -> bool:
    """True while the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ---- children --------------------------------------------------------------------------------------------------------


async def test_a_child_ends_with_its_owner_and_its_folder_goes() -> None:
    ends: list[tuple[int, str]] = []
    child = Child(lambda status, output: ends.append((status, output)))
    await child.start(["sleep", "1000"])
    pid, folder = child.pid, child.folder
    assert alive(pid)
    assert folder.stat().st_mode & 0o777 == 0o700
    await child.close()
    assert not alive(pid)
    assert not folder.exists()
    assert ends
    assert ends[0][0] == -signal.SIGTERM


async def test_a_child_tells_its_status_and_its_last_words() -> None:
    ends: list[tuple[int, str]] = []
    child = Child(lambda status, output: ends.append((status, output)))
    await child.start(["sh", "-c", "echo out; printf '\\033]0;x\\007' >&2; exit 3"])
    await until(lambda: ends)
    assert ends[0][0] == 3
    assert ends[0][1].startswith("out\n")
    assert "\x1b" not in ends[0][1]
    await child.close()


async def test_a_child_started_again_replaces_the_one_before() -> None:
    ends: list[tuple[int, str]] = []
    child = Child(lambda status, output: ends.append((status, output)))
    await child.start(["sleep", "1000"])
    first = child.pid
    await child.start(["sleep", "1001"])
    assert not alive(first)
    assert alive(child.pid)
    assert not ends
    await child.close()


async def test_a_program_that_is_not_there_is_named() -> None:
    child = Child(lambda status, output: None)
    with pytest.raises(SessionError, match="no-such-program"):
        await child.start(["no-such-program"])
    await child.close()


OWNER = """
import asyncio, sys
from llmbm_console.core.machine.child import Child
async def main():
    child = Child(lambda status, output: None)
    await child.start({command!r})
    print(child.pid, child.folder, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""


@pytest.mark.parametrize("command", [["sleep", "1000"], ["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"]])
async def test_nothing_is_left_when_the_console_is_killed(command: list[str]) -> None:
    script = OWNER.format(command=command)
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    words = (await owner.stdout.readline()).split()
    pid, folder = int(words[0]), Path(words[1].decode())
    assert alive(pid)
    owner.kill()
    await owner.wait()
    await until(lambda: not alive(pid))
    await until(lambda: not folder.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
async def test_a_killed_supervisor_takes_the_child_with_it() -> None:
    ends: list[tuple[int, str]] = []
    child = Child(lambda status, output: ends.append((status, output)))
    await child.start(["sleep", "1000"])
    assert child._supervisor is not None
    os.kill(child._supervisor.pid, signal.SIGKILL)
    await until(lambda: not alive(child.pid))
    await until(lambda: ends)
    await child.close()


# ---- command line and firmware ---------------------------------------------------------------------------------------


def test_paths_with_commas_survive_the_command_line(tmp_path: Path) -> None:
    firmware = Firmware(Path("/f,w/CODE.fd"), Path("/f/VARS.fd"))
    options = QemuOptions("qemu", firmware, "tcg", Path("/a,b.img"))
    command = qemu_command(options, QemuSockets.in_folder(tmp_path), tmp_path / "vars")
    assert "if=none,id=disk,format=raw,file=/a,,b.img" in command
    assert "if=pflash,format=raw,unit=0,readonly=on,file=/f,,w/CODE.fd" in command


def test_memory_grows_with_the_model(tmp_path: Path) -> None:
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(b"x")
    with large.open("wb") as file:
        file.truncate(200 << 20)
    assert memory_for(small) == memory_for(None) == 256
    assert memory_for(large) >= 256 + 400


def test_a_firmware_file_finds_its_variables(tmp_path: Path) -> None:
    code, variables = tmp_path / "OVMF_CODE_4M.fd", tmp_path / "OVMF_VARS_4M.fd"
    code.write_bytes(b"")
    assert firmware_at(code) == Firmware(code, None)
    variables.write_bytes(b"")
    assert firmware_at(code) == Firmware(code, variables)
    with pytest.raises(SessionError, match="no such firmware"):
        firmware_at(tmp_path / "none.fd")


def test_the_serial_line_of_a_running_machine_is_found() -> None:
    chardevs = [
        {"label": "compat_monitor0", "filename": "unix:/run/qmp,server=on"},
        {"label": "other", "filename": "tcp:127.0.0.1:99,server=on"},
        {"label": "serial0", "filename": "disconnected:unix:/run/serial,server=on"},
    ]
    assert serial_address(chardevs, "/run/qmp") == "unix:/run/serial"
    assert serial_address([{"label": "serial0", "filename": "pty:/dev/pts/7"}], "") == "/dev/pts/7"
    with pytest.raises(SessionError, match=r"parallel0=vc.*-serial unix:"):
        serial_address([{"label": "parallel0", "filename": "vc"}], "")


# ---- QEMU ------------------------------------------------------------------------------------------------------------


def options(binary: str) -> QemuOptions:
    firmware = find_firmware()
    assert firmware is not None
    return QemuOptions(binary, firmware, "tcg", None, memory=128)


@pytest.fixture
async def booted(qemu: str) -> AsyncIterator[tuple[LiveSession, list[Event]]]:
    """A machine without a disk that runs its firmware, and all its events."""
    events: list[Event] = []
    session = LiveSession("qemu:none", machine=lambda emit: LaunchedQemu(options(qemu), None, emit), boots=True)
    session.listen(lambda state, event: events.append(event))
    await session.open()
    await until(lambda: session.state.machine.status is MachineStatus.RUNNING)
    yield session, events
    await session.close()


@pytest.mark.qemu
async def test_a_machine_is_paused_resumed_reset_and_ended(booted: tuple[LiveSession, list[Event]]) -> None:
    session, events = booted
    machine = session.machine
    assert machine is not None
    await machine.pause()
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
    await machine.resume()
    await until(lambda: session.state.machine.status is MachineStatus.RUNNING)
    await until(lambda: any(isinstance(event, ConsoleText) for event in events), what="the firmware's first words")
    await machine.reset()
    await until(lambda: any(isinstance(event, QmpEvent) and event.name == "RESET" for event in events))
    statuses = [event.status for event in events if isinstance(event, MachineChanged)]
    assert MachineStatus.RESETTING in statuses
    await machine.pause()
    await machine.reset()
    await until(lambda: session.state.machine.status is MachineStatus.RUNNING)
    await machine.quit()
    await until(lambda: session.state.machine.status is MachineStatus.STOPPED)
    ended = [event for event in events if isinstance(event, MachineChanged) and event.status is MachineStatus.STOPPED]
    assert all(event.asked for event in ended), "whoever ended it knows"
    with pytest.raises(SessionError, match="ended"):
        await machine.pause()


@pytest.mark.qemu
async def test_a_second_program_attaches_by_the_monitor_and_says_who_holds_it(
    booted: tuple[LiveSession, list[Event]],
) -> None:
    session, _ = booted
    launched = session.machine
    assert isinstance(launched, LaunchedQemu)
    assert launched._child is not None
    sockets = QemuSockets.in_folder(launched._child.folder)
    held = QmpConnection(lambda event: None)
    with pytest.raises(SessionError, match="another program holds it"):
        await held.connect(str(sockets.control))
    events: list[Event] = []
    attached = AttachedQemu(str(sockets.spare), 115_200, events.append)
    transport = await attached.start()
    assert transport.describe() == f"unix:{sockets.serial}"
    assert isinstance(events[-1], MachineChanged)
    assert events[-1].status is MachineStatus.RUNNING
    await attached.pause()
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
    await attached.close()


@pytest.mark.qemu
async def test_qemu_that_refuses_its_options_says_so(qemu: str) -> None:
    from dataclasses import replace

    wrong = replace(options(qemu), display="no-such-display")
    session = LiveSession("qemu:none", machine=lambda emit: LaunchedQemu(wrong, None, emit), boots=True)
    await session.open()
    with pytest.raises(SessionError, match="no-such-display"):
        await session.wait_ready(20)
    assert session.state.machine.status is MachineStatus.CRASHED
    await session.close()


@pytest.mark.qemu
async def test_the_accelerator_is_proven_once_and_remembered(
    qemu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The candidate is QEMU's own emulation here, which works everywhere; one with a wrong name does not."""
    monkeypatch.setattr(accelerator, "cache_file", lambda: tmp_path / "cache" / "accelerators.json")
    monkeypatch.setattr(accelerator, "candidate", lambda: ("nonsense", ""))
    name, reason = await accelerator.choose("auto", options(qemu))
    assert name == "tcg"
    assert "nonsense" in reason

    async def not_again(_: QemuOptions) -> str:
        raise AssertionError("proven a second time")

    monkeypatch.setattr(accelerator, "prove", not_again)
    assert await accelerator.choose("auto", options(qemu)) == (name, reason)
    assert await accelerator.choose("kvm", options(qemu)) == ("kvm", "")


@pytest.mark.qemu
async def test_an_accelerator_that_runs_the_firmware_is_proven(qemu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "PROOF_SECONDS", 120.0)  # a machine with other work is no broken accelerator
    assert await accelerator.prove(options(qemu)) == ""


# ---- monitors that are none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"", "closed it before it said what it is"),
        (b'{"QMP": {"version": {}, "capabilities": []}}\r\n', "closed it before it said what it is"),
        (b"UEFI Interactive Shell v2.2\r\n", "does not speak QMP; is it the machine's serial line"),
        (b'{"hello": 1}\r\n', "does not speak QMP"),
        (b"[1, 2]\r\n", "does not speak QMP"),
    ],
)
async def test_what_is_no_monitor_is_said(tmp_path: Path, greeting: bytes, why: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        if greeting:
            await reader.read(1)
        writer.close()

    path = str(tmp_path / "monitor")
    server = await asyncio.start_unix_server(serve, path)
    with pytest.raises(SessionError, match=f"{path}: no QEMU monitor answers there: .*{why}"):
        await QmpConnection(lambda event: None).connect(path)
    server.close()


async def test_a_monitor_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"no QEMU monitor answers there: .*No such file"):
        await QmpConnection(lambda event: None).connect(str(tmp_path / "none"))
