"""A serial server: pyserial's own protocol code over a real pseudo-terminal, its lines and its limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import serial
import serial.rfc2217
from waiting import read_all, until

from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import PAUSE, TransportError
from llmbm_console.core.transport.tty import ModemLines, ThreadedSerial

BAUD = 115_200
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own


class Port(serial.Serial):
    """One that notes what its lines are set to: a pseudo-terminal has none."""

    cts = dsr = ri = cd = False

    def __init__(self, *words: object, **options: object) -> None:
        self.said: list[tuple[str, bool]] = []
        super().__init__(*words, **options)
        self.said.clear()  # what opening it sets

    def _update_dtr_state(self) -> None:
        self.said.append(("dtr", self._dtr_state))

    def _update_rts_state(self) -> None:
        self.said.append(("rts", self._rts_state))

    def _update_break_state(self) -> None:
        self.said.append(("break", self._break_state))


class Rfc2217Server(threading.Thread):
    """A serial server on one TCP connection: pyserial's own protocol code over one end of a pseudo-terminal."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"rfc2217://127.0.0.1:{self.server.getsockname()[1]}"
        self.port = Port(name, BAUD, timeout=0.01)
        self.ending = threading.Event()

    def run(self) -> None:
        connection, _ = self.server.accept()
        self.connection = connection
        lock = threading.Lock()

        class Out:
            def write(self, data: bytes) -> None:
                with lock:
                    connection.sendall(data)

        manager = serial.rfc2217.PortManager(self.port, Out())

        def forward() -> None:
            with contextlib.suppress(OSError):  # the test has closed the pseudo-terminal
                while not self.ending.is_set():
                    data = self.port.read(1024)
                    if data:
                        Out().write(b"".join(manager.escape(data)))

        threading.Thread(target=forward, daemon=True).start()
        while data := connection.recv(1024):
            self.port.write(b"".join(manager.filter(data)))
        connection.close()


@pytest.fixture
def server(terminal: tuple[int, str]) -> Iterator[Rfc2217Server]:
    one = Rfc2217Server(terminal[1])
    one.start()
    yield one
    one.ending.set()


@pytest.mark.parametrize("lines", [ModemLines(), ModemLines(dtr=True, rts=False)])
async def test_modem_lines_are_left_alone_or_set_and_a_break_is_carried(
    server: Rfc2217Server, lines: ModemLines
) -> None:
    """The server's own port tells what the client asked it for."""
    said = server.port.said
    transport = transport_for(server.address, BAUD, lines)
    assert isinstance(transport, ThreadedSerial)
    with pytest.raises(TransportError, match="not open"):
        await transport.send_break(0.01)
    await transport.open()
    wanted = [] if lines == ModemLines() else [("dtr", True), ("rts", False)]
    await until(lambda: len(said) >= len(wanted))
    assert said == wanted
    await transport.send_break(0.05)
    await until(lambda: len(said) >= len(wanted) + 2)
    assert said[len(wanted) :] == [("break", True), ("break", False)]
    await transport.set_line("rts", 1)
    assert said[-1] == ("rts", True)
    await transport.close()


async def test_a_serial_server_that_never_rests_fills_no_memory_and_can_be_left(
    server: Rfc2217Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyserial's own reader is held as well: it puts each byte into a queue that has no limit."""
    module = "llmbm_console.core.transport.tty"
    monkeypatch.setattr("llmbm_console.core.transport.base.MOST", 1 << 16)
    monkeypatch.setattr(f"{module}.MOST_AHEAD", 1 << 14)
    transport = transport_for(server.address, BAUD)
    assert isinstance(transport, ThreadedSerial)
    await transport.open()
    inbox, ahead = transport._inbox, transport._port._read_buffer
    ending = threading.Event()

    def flood() -> None:
        with contextlib.suppress(OSError):  # the connection is closed
            while not ending.is_set():
                server.connection.sendall(b"@" * 65_536)

    flooding = threading.Thread(target=flood, daemon=True)
    flooding.start()
    await until(lambda: sum(map(len, inbox._chunks)) > 1 << 16 and ahead.full())
    for _ in range(30):
        await asyncio.sleep(PAUSE)
        assert sum(map(len, inbox._chunks)) < 1 << 17
        assert ahead.qsize() <= 1 << 14
    taken = await read_all(transport, 1 << 19)
    assert taken == b"@" * len(taken), "when somebody takes it, it reads on"
    await until(ahead.full)
    reader = transport._port._thread
    await transport.close()
    assert not reader.is_alive(), "pyserial's reader waits for room for ever"
    ending.set()


async def test_a_server_of_another_kind_is_told_with_what_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = transport_for(f"rfc2217://127.0.0.1:{server.getsockname()[1]}", BAUD)
        with pytest.raises(TransportError, match="a raw one is --connect tcp:HOST:PORT") as told:
            await transport.open()
        assert told.value.retry


async def test_rfc2217_carries_every_byte(terminal: tuple[int, str], server: Rfc2217Server) -> None:
    """A pseudo-terminal has no modem lines; the protocol's lines are answered, and 0xff is doubled on the way."""
    master, _name = terminal
    transport = transport_for(server.address, BAUD)
    await transport.open()
    every = bytes(range(256))
    os.write(master, every)
    assert await read_all(transport, 256) == every
    await transport.write(every)
    got, deadline = b"", time.monotonic() + 10
    while len(got) < 256 and time.monotonic() < deadline:
        got += os.read(master, 1024)
    assert got == every
    await transport.close()
