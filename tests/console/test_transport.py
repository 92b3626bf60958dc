"""Lines: bytes through real sockets, a real pseudo-terminal, a real rfc2217 server; errors that say what to do."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import socket
import termios
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import serial
import serial.rfc2217
from waiting import until

from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import PAUSE, Transport, TransportError
from llmbm_console.core.transport.reader import LITTLE, SocketReader
from llmbm_console.core.transport.sockets import SocketTransport, unix_transport
from llmbm_console.core.transport.tty import ModemLines, ThreadedSerial, TtyTransport, serial_transport

BAUD = 115_200
PATIENCE = 60.0


async def read_all(transport: Transport, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await asyncio.wait_for(transport.read(), 10)
        if not more:
            break
        data += more
    return data


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    path = str(tmp_path / "line")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen(1)
        server.settimeout(10)
        yield path, server


async def test_bytes_go_both_ways_over_a_unix_socket_and_the_end_is_seen(listener: tuple[str, socket.socket]) -> None:
    path, server = listener
    transport = transport_for(f"unix:{path}", BAUD)
    await transport.open()
    peer, _ = server.accept()
    await transport.write(b"hello")
    assert peer.recv(16) == b"hello"
    peer.sendall(bytes(range(256)) * 100)
    assert await read_all(transport, 25_600) == bytes(range(256)) * 100
    peer.close()
    assert await asyncio.wait_for(transport.read(), 10) == b""
    await transport.close()
    await transport.close()


async def test_the_reader_never_waits_for_the_event_loop(listener: tuple[str, socket.socket]) -> None:
    """A writer of single bytes, as QEMU is one, fills a unix socket after some 279 of them when nobody reads."""
    path, server = listener
    transport = unix_transport(path)
    await transport.open()
    peer, _ = server.accept()
    peer.settimeout(5)
    done = threading.Event()

    def trickle() -> None:
        for number in range(5000):
            peer.send(bytes([number & 0xFF]))
        done.set()

    thread = threading.Thread(target=trickle)
    thread.start()
    # The loop is blocked here, as by a slow face: only the reader's own thread can empty the socket.
    assert done.wait(20), "the writer stalled while the event loop was busy"
    thread.join()
    assert await read_all(transport, 5000) == bytes(number & 0xFF for number in range(5000))
    await transport.close()
    peer.close()


@asynccontextmanager
async def opened(listener: tuple[str, socket.socket]) -> AsyncIterator[tuple[SocketTransport, socket.socket]]:
    """A line that is open, and its other end."""
    path, server = listener
    transport = unix_transport(path)
    await transport.open()
    peer, _ = server.accept()
    yield transport, peer
    await transport.close()
    peer.close()


async def calm(transport: SocketTransport, peer: socket.socket) -> SocketReader:
    """Says so little on a line that the loop reads it."""
    reader = transport._reader
    assert reader is not None
    while reader.threaded:
        peer.sendall(b"@K\n")
        assert (await read_all(transport, 3)).endswith(b"\n")
        await asyncio.sleep(0.01)
    return reader


async def test_a_line_that_never_rests_fills_no_memory(listener: tuple[str, socket.socket]) -> None:
    """Sent without end while nobody reads, it has to wait; the loop is not kept from anything by what has come."""
    path, server = listener
    transport = unix_transport(path)
    await transport.open()
    peer, _ = server.accept()
    peer.settimeout(2.0)

    def flood() -> int:
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 256 << 20:
                sent += peer.send(b"@" * 65_536)
        return sent

    sent = await asyncio.to_thread(flood)
    assert sent < 16 << 20
    got = 0
    while got < sent:
        data = await transport.read()
        assert len(data) <= 1 << 16, "so much keeps the loop from a signal for half a second"
        got += len(data)
    await transport.close()
    peer.close()


async def test_a_line_that_says_little_is_read_without_a_thread(listener: tuple[str, socket.socket]) -> None:
    path, server = listener
    transport = unix_transport(path)
    await transport.open()
    peer, _ = server.accept()
    reader = await calm(transport, peer)
    peer.sendall(b"a line\n")
    assert await read_all(transport, 7) == b"a line\n"
    peer.sendall(b"llmk> ")  # without an end
    assert await read_all(transport, 6) == b"llmk> "
    assert not reader.threaded
    peer.sendall(b"last")
    peer.close()
    assert await read_all(transport, 5) == b"last"
    assert await asyncio.wait_for(transport.read(), 10) == b""
    await transport.close()


async def test_a_line_that_begins_to_say_much_has_its_thread_again(
    listener: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(listener) as (transport, peer):
        peer.settimeout(PATIENCE)
        reader = await calm(transport, peer)
        monkeypatch.setattr("llmbm_console.core.transport.reader.SPAN", PATIENCE)  # a busy machine may send slowly
        expected = bytes(number & 0xFF for number in range(16_000))
        peer.sendall(expected)
        assert await read_all(transport, len(expected)) == expected
        assert reader.threaded
        for number in range(2000):
            # The loop is blocked here, and without a reader 279 of them fill the line.
            peer.send(bytes([number & 0xFF]))
        assert await read_all(transport, 2000) == bytes(number & 0xFF for number in range(2000))


async def test_whole_lines_are_read_without_a_thread_and_together_where_there_are_many(
    listener: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(listener) as (transport, peer):
        reader = await calm(transport, peer)
        monkeypatch.setattr("llmbm_console.core.transport.reader.SPAN", PATIENCE)
        monkeypatch.setattr("llmbm_console.core.transport.reader.TOGETHER", PATIENCE)  # what waits is fetched below
        line = b"@T" + b"x" * 60 + b"\n"
        for _ in range(LITTLE // len(line) + 1):
            peer.sendall(line)
            assert (await read_all(transport, len(line))) == line
        assert not reader.threaded
        for _ in range(8):
            peer.sendall(line)
            await asyncio.sleep(0.01)  # in which the loop would take it
        received = reader._inbox.received
        reader._read_rest()
        assert reader._inbox.received == received + 8 * len(line), "one look for all that came since the last one"
        assert await transport.read() == line * 8
        assert not reader.threaded


async def test_a_line_that_the_loop_reads_can_be_closed(listener: tuple[str, socket.socket]) -> None:
    path, server = listener
    transport = unix_transport(path)
    await transport.open()
    peer, _ = server.accept()
    await calm(transport, peer)
    peer.sendall(b"half a line")
    await asyncio.sleep(0)
    await transport.close()
    assert await asyncio.wait_for(transport.read(), 10) in (b"half a line", b"")
    assert await asyncio.wait_for(transport.read(), 10) == b""
    await transport.open()
    again, _ = server.accept()
    again.sendall(b"again\n")
    assert await read_all(transport, 6) == b"again\n"
    await transport.close()
    for end in (peer, again):
        end.close()


async def test_tcp_sends_small_writes_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = transport_for(f"tcp:127.0.0.1:{server.getsockname()[1]}", BAUD)
        await transport.open()
        line = transport._line  # type: ignore[attr-defined]
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        peer, _ = server.accept()
        peer.sendall(b"x")
        assert await read_all(transport, 1) == b"x"
        peer.close()
        await transport.close()


async def test_a_line_can_be_opened_again(listener: tuple[str, socket.socket]) -> None:
    path, server = listener
    transport = unix_transport(path)
    for text in (b"first", b"second"):
        await transport.open()
        peer, _ = server.accept()
        peer.sendall(text)
        assert await read_all(transport, len(text)) == text
        peer.close()
        assert await asyncio.wait_for(transport.read(), 10) == b""
    await transport.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("unix:/nowhere/at/all", "no such socket"),
        ("tcp:127.0.0.1:1", "nobody listens"),
        ("tcp:host.invalid:99", "cannot be resolved"),
    ],
)
async def test_a_line_that_is_not_there_says_what_to_do(url: str, said: str) -> None:
    with pytest.raises(TransportError, match=said) as caught:
        await transport_for(url, BAUD).open()
    assert caught.value.retry


@pytest.mark.parametrize(
    "url", ["", "unix", "unix:", "tcp:host", "tcp:host:0", "tcp:host:x", "http://x", "unix:" + "x" * 200]
)
def test_a_wrong_address_names_the_right_forms(url: str) -> None:
    with pytest.raises(TransportError, match=r"unix:|tcp:|bytes") as caught:
        transport_for(url, BAUD)
    assert not caught.value.retry


# ---- serial ports ----------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    yield master, name
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


async def test_a_serial_port_is_raw_eight_bits_and_exclusive(terminal: tuple[int, str]) -> None:
    master, name = terminal
    transport = TtyTransport(name, BAUD)
    await transport.open()
    every = bytes(range(256)) * 4
    os.write(master, every)
    assert await read_all(transport, len(every)) == every
    await transport.write(every)
    assert os.read(master, 4096) == every
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


async def test_a_file_is_no_port(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    with pytest.raises(TransportError, match="file"):
        await TtyTransport(str(path), BAUD).open()


class Rfc2217Server(threading.Thread):
    """A serial server on one TCP connection: pyserial's own protocol code over one end of a pseudo-terminal."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"rfc2217://127.0.0.1:{self.server.getsockname()[1]}"
        self.port = serial.Serial(name, BAUD, timeout=0.01)
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


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own
@pytest.mark.parametrize("lines", [ModemLines(), ModemLines(dtr=True, rts=False)])
async def test_modem_lines_are_left_alone_or_set_and_a_break_is_carried(
    terminal: tuple[int, str], lines: ModemLines
) -> None:
    """The server's own port tells what the client asked it for."""
    server = Rfc2217Server(terminal[1])
    port, said = server.port, list[tuple[str, bool]]()
    for name in ("dtr", "rts", "break"):
        setattr(port, f"_update_{name}_state", lambda name=name: said.append((name, getattr(port, f"_{name}_state"))))
    for line in ("cts", "dsr", "ri", "cd"):
        setattr(type(port), line, property(lambda self: False))
    server.start()
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
    server.ending.set()


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


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own
async def test_a_serial_server_that_never_rests_fills_no_memory_and_can_be_left(
    terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyserial's own reader is held as well: it puts each byte into a queue that has no limit."""
    module = "llmbm_console.core.transport.tty"
    monkeypatch.setattr("llmbm_console.core.transport.base.MOST", 1 << 16)
    monkeypatch.setattr(f"{module}.MOST_AHEAD", 1 << 14)
    server = Rfc2217Server(terminal[1])
    server.port._update_dtr_state = lambda: None
    server.port._update_rts_state = lambda: None
    for line in ("cts", "dsr", "ri", "cd"):
        setattr(type(server.port), line, property(lambda self: False))
    server.start()
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
    assert await read_all(transport, 1 << 19) >= b"@" * (1 << 19), "when somebody takes it, it reads on"
    await until(ahead.full)
    reader = transport._port._thread
    await transport.close()
    assert not reader.is_alive(), "pyserial's reader waits for room for ever"
    ending.set()
    server.ending.set()


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own
async def test_a_server_of_another_kind_is_told_with_what_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport = transport_for(f"rfc2217://127.0.0.1:{server.getsockname()[1]}", BAUD)
        with pytest.raises(TransportError, match="a raw one is --connect tcp:HOST:PORT") as told:
            await transport.open()
        assert told.value.retry


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial's own
async def test_rfc2217_carries_every_byte(terminal: tuple[int, str]) -> None:
    """A pseudo-terminal has no modem lines; the protocol's lines are answered, and 0xff is doubled on the way."""
    master, name = terminal
    server = Rfc2217Server(name)
    server.port._update_dtr_state = lambda: None
    server.port._update_rts_state = lambda: None
    for line in ("cts", "dsr", "ri", "cd"):
        setattr(type(server.port), line, property(lambda self: False))
    server.start()
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
    server.ending.set()
