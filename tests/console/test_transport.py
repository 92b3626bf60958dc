"""Lines over sockets: bytes through real ones, with and without a thread; errors that say what to do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from waiting import read_all

from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import TransportError
from llmbm_console.core.transport.reader import LITTLE, SocketReader
from llmbm_console.core.transport.sockets import SocketTransport, unix_transport

BAUD = 115_200
PATIENCE = 60.0


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    path = str(tmp_path / "line")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen(1)
        server.settimeout(10)
        yield path, server


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


async def test_bytes_go_both_ways_over_a_unix_socket_and_the_end_is_seen(listener: tuple[str, socket.socket]) -> None:
    async with opened(listener) as (transport, peer):
        await transport.write(b"hello")
        assert peer.recv(16) == b"hello"
        peer.sendall(bytes(range(256)) * 100)
        assert await read_all(transport, 25_600) == bytes(range(256)) * 100
        peer.close()
        assert await asyncio.wait_for(transport.read(), 10) == b""
        await transport.close()  # `opened` does it once more


async def test_the_reader_never_waits_for_the_event_loop(listener: tuple[str, socket.socket]) -> None:
    """A writer of single bytes, as QEMU is one, fills a unix socket after some 279 of them when nobody reads."""
    async with opened(listener) as (transport, peer):
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
    async with opened(listener) as (transport, peer):
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


async def test_a_line_that_says_little_is_read_without_a_thread(listener: tuple[str, socket.socket]) -> None:
    async with opened(listener) as (transport, peer):
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
        monkeypatch.setattr("llmbm_console.core.transport.reader.OFTEN", PATIENCE)  # what waits is fetched below
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
