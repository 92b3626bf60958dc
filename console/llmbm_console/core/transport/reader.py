"""A thread that does nothing but read a socket.

QEMU writes to a unix socket one byte at a time and stalls the guest after about 279 of them when nobody reads: the
reading must not wait for the event loop, which may be drawing.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import threading
import time
from collections import deque

from llmbm_console.core.transport.base import Inbox

CHUNK = 65_536
TOGETHER = 0.004  # s; what comes so soon after the last delivery waits: to wake the loop costs more than a token does


class SocketReader:
    """Reads `line` (non-blocking) until its end or until `stop`, and hands the bytes to an Inbox in the event loop."""

    def __init__(self, line: socket.socket, inbox: Inbox) -> None:
        self._line = line
        self._inbox = inbox
        self._loop = asyncio.get_running_loop()
        self._wake_here, self._wake_there = socket.socketpair()
        self._chunks: deque[bytes] = deque()
        self._delivered_at = 0.0
        self._scheduled = threading.Event()  # a delivery is on its way into the loop
        self._thread = threading.Thread(target=self._run, name="line reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; bytes that it has read already are still delivered."""
        with contextlib.suppress(OSError):
            self._wake_there.send(b"x")
        self._thread.join(timeout=2.0)
        self._wake_here.close()
        self._wake_there.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._line, selectors.EVENT_READ)
            selector.register(self._wake_here, selectors.EVENT_READ)
            while True:
                left = self._chunks and not self._scheduled.is_set()  # a delivery on its way takes all there is
                rest = max(0.0, self._delivered_at + TOGETHER - time.monotonic()) if left else None
                ready = [key.fileobj for key, _ in selector.select(rest)]
                if self._wake_here in ready:
                    break
                if not ready:
                    self._schedule()
                    continue
                try:
                    data = self._line.recv(CHUNK)
                except (BlockingIOError, InterruptedError):
                    continue
                except OSError:
                    break
                if not data:
                    break
                self._chunks.append(data)
                if time.monotonic() - self._delivered_at >= TOGETHER:
                    self._schedule()
        self._call(self._end)

    def _schedule(self) -> None:
        """Lets the loop take what was read, unless it is about to."""
        self._delivered_at = time.monotonic()
        if not self._scheduled.is_set():
            self._scheduled.set()
            self._call(self._deliver)

    def _call(self, what: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(what)  # type: ignore[arg-type]

    def _deliver(self) -> None:
        self._scheduled.clear()
        while self._chunks:
            self._inbox.put(self._chunks.popleft())

    def _end(self) -> None:
        self._deliver()
        self._inbox.end()
