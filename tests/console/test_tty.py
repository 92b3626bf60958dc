"""Serial ports: bytes through a real pseudo-terminal, and what a port is set to."""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from pathlib import Path

import pytest
from waiting import read_all

from llmbm_console.core.transport.base import PAUSE, TransportError
from llmbm_console.core.transport.tty import TtyTransport, serial_transport

BAUD = 115_200


async def test_a_serial_port_is_raw_eight_bits_and_exclusive(terminal: tuple[int, str]) -> None:
    master, name = terminal
    transport = TtyTransport(name, BAUD)
    await transport.open()
    every = bytes(range(256)) * 4
    os.write(master, every)
    assert await read_all(transport, len(every)) == every
    await transport.write(every)
    came = b""
    while len(came) < len(every):  # which it may bring in pieces
        came += os.read(master, 4096)
    assert came == every
    settings = termios.tcgetattr(transport._port.fileno())
    assert settings[2] & termios.CSIZE == termios.CS8
    assert not settings[2] & (termios.PARENB | termios.CSTOPB)
    assert settings[5] == termios.B115200
    second = TtyTransport(name, BAUD)
    with pytest.raises(TransportError, match="in use by"):
        await second.open()
    await transport.close()
    await second.open()
    await second.close()


async def test_opening_a_serial_port_leaves_the_control_lines_alone(
    terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pulse on DTR or RTS resets some boards. A pseudo-terminal has no such lines, so the calls are looked at."""
    calls: list[int] = []
    real = fcntl.ioctl

    def ioctl(descriptor: int, request: int, *rest: object) -> object:
        calls.append(request)
        return real(descriptor, request, *rest)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr("serial.serialposix.fcntl.ioctl", ioctl)
    transport = TtyTransport(terminal[1], BAUD)
    await transport.open()
    await transport.close()
    assert not {termios.TIOCMBIS, termios.TIOCMBIC, termios.TIOCMSET} & set(calls)


async def test_a_serial_port_that_never_rests_fills_no_memory(
    terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    master, name = terminal
    monkeypatch.setattr("llmbm_console.core.transport.base.MOST", 1 << 18)
    transport = TtyTransport(name, BAUD)
    await transport.open()
    os.set_blocking(master, False)
    sent = stalled = 0
    while stalled < 30:  # each of them longer than the pause after which the transport looks whether there is room
        try:
            sent += os.write(master, b"@" * 4096)
            stalled = 0
            await asyncio.sleep(0)
        except BlockingIOError:
            stalled += 1
            await asyncio.sleep(PAUSE)
        assert sent < 1 << 20, "it reads on although nobody takes what it has"
    assert sent > 1 << 18
    assert await read_all(transport, sent) == b"@" * sent, "and when somebody takes it, it reads on"
    os.write(master, b"more")
    assert await read_all(transport, 4) == b"more"
    await transport.close()


async def test_an_unplugged_port_ends_the_line(terminal: tuple[int, str]) -> None:
    master, name = terminal
    transport = TtyTransport(name, BAUD)
    await transport.open()
    os.write(master, b"last words")
    assert await read_all(transport, 10) == b"last words"
    os.close(master)
    assert await asyncio.wait_for(transport.read(), 10) == b""
    await transport.close()


async def test_a_port_that_is_not_there_lists_the_ones_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmbm_console.core.transport.tty.port_names", lambda: ["/dev/ttyS0"])
    with pytest.raises(TransportError, match=r"no such port; the ports there are: /dev/ttyS0"):
        await TtyTransport("/dev/ttyNOPE", BAUD).open()


async def test_a_port_may_be_named_without_its_folder(
    terminal: tuple[int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, path = terminal
    monkeypatch.chdir(tmp_path)
    name = path.removeprefix("/dev/")
    transport = TtyTransport(name, BAUD)
    await transport.open()
    await transport.write(b"here")
    assert os.read(master, 16) == b"here"
    await transport.close()
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).touch()
    with pytest.raises(TransportError, match="not a serial port"):
        await TtyTransport(name, BAUD).open()  # a file that is here is what its name means


async def test_a_file_is_no_port(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(TransportError, match="file"):
        await TtyTransport(str(path), BAUD).open()


async def test_a_break_on_a_pseudo_terminal_does_no_harm(terminal: tuple[int, str]) -> None:
    transport = serial_transport(terminal[1], BAUD)
    assert isinstance(transport, TtyTransport)
    with pytest.raises(TransportError, match="not open"):
        await transport.send_break(0.01)
    await transport.open()
    await transport.send_break(0.01)
    await transport.write(b"after")
    assert os.read(terminal[0], 16) == b"after"
    await transport.close()


async def test_the_speed_of_an_open_port_is_changed_and_kept(terminal: tuple[int, str]) -> None:
    transport = serial_transport(terminal[1], BAUD)
    assert isinstance(transport, TtyTransport)
    with pytest.raises(TransportError, match="not open"):
        await transport.set_line("baud", 9600)
    await transport.open()
    await transport.set_line("baud", 9600)
    assert termios.tcgetattr(terminal[0])[5] == termios.B9600
    with pytest.raises(TransportError, match="-1 is no baud that this port can do"):
        await transport.set_line("baud", -1)
    with pytest.raises(TransportError, match="dtr cannot be set"):
        await transport.set_line("dtr", 1)  # a pseudo-terminal has no such line
    await transport.close()
    await transport.open()
    assert termios.tcgetattr(terminal[0])[5] == termios.B9600
    assert transport.describe().endswith("at 9600")
    await transport.close()
