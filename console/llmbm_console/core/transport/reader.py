"""Who reads a socket: a thread of its own while much comes, the event loop while little does.

QEMU writes to a unix socket one byte at a time and stalls the guest after about 279 of them when nobody reads: the
reading must not wait for the event loop, which may be drawing for some 20 ms. What a serial line brings in such a time
finds room, and so does more than that when it is written line by line. To hand each token from one thread to the other
cost a tenth of what the screen takes (bench/tui.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from llmbm_console.core.transport.base import PAUSE, Inbox

CHUNK = 16_384
TOGETHER = 0.004  # s; what comes so soon after the last delivery waits: to wake the loop costs more than a token does
OFTEN = 0.008  # s between reads of whole lines that follow each other closely: a line has room for some 250 of them
SPAN = 1.0  # s over which it is counted how much comes
LITTLE = 11_520  # bytes in a span: what a line of 115200 bit/s carries, 279 in 24 ms
MORE = 65_536  # the same, of whole lines: a thousand tokens and what goes with them
BROKEN = 4  # less than one of so many pieces is no whole line where a sender writes lines


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
        self._since, self._lately = time.monotonic(), 0  # the span that runs, and the bytes in it
        self._pieces = self._broken = 0  # reads in it, and those of them that did not end with a line
        self._before = 0  # bytes in the span before
        self._watchable = True  # the loop can read sockets
        self._stopped = False
        self._begin()

    @property
    def threaded(self) -> bool:
        """True while the thread reads."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ends the reading; bytes that were read already are still delivered."""
        self._stopped = True
        self._unwatch()
        with contextlib.suppress(OSError):
            self._wake_there.send(b"x")
        self._thread.join(timeout=2.0)
        self._wake_here.close()
        self._wake_there.close()
        self._deliver()

    def _receive(self) -> bool:
        """Takes what there is; False at the end."""
        try:
            data = self._line.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if data:
            self._chunks.append(data)
            self._lately += len(data)
            self._pieces += 1
            self._broken += not data.endswith(b"\n")
            self._inbox.received += len(data)
        return bool(data)

    @property
    def _little(self) -> bool:
        """Whether the loop can read what comes in this span."""
        return self._lately <= (MORE if self._broken * BROKEN < self._pieces else LITTLE)

    @property
    def _often(self) -> bool:
        """Whether lines follow each other so closely that each of them would wake the loop."""
        return max(self._lately, self._before) > LITTLE

    def _new_span(self, now: float) -> None:
        self._since, self._before, self._lately, self._pieces, self._broken = now, self._lately, 0, 0, 0

    # ---- the thread

    def _begin(self) -> None:
        """The thread reads from now on."""
        self._thread = threading.Thread(target=self._run, name="line reader", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector, selectors.DefaultSelector() as woken:
            selector.register(self._line, selectors.EVENT_READ)
            selector.register(self._wake_here, selectors.EVENT_READ)
            woken.register(self._wake_here, selectors.EVENT_READ)
            while True:
                if self._inbox.full:
                    self._schedule()
                    if woken.select(PAUSE):
                        return
                    continue
                left = self._chunks and not self._scheduled.is_set()  # a delivery on its way takes all there is
                rest = max(0.0, self._delivered_at + TOGETHER - time.monotonic()) if left else None
                ready = [key.fileobj for key, _ in selector.select(rest)]
                if self._wake_here in ready:
                    return
                if not ready:
                    self._schedule()
                    continue
                if not self._receive():
                    self._call(self._end)
                    return
                now = time.monotonic()
                if now - self._since >= SPAN:
                    if self._little and self._watchable:
                        self._call(self._watch)
                        return
                    self._new_span(now)
                if self._chunks and now - self._delivered_at >= TOGETHER:
                    self._schedule()

    def _schedule(self) -> None:
        """Lets the loop take what was read, unless it is about to."""
        self._delivered_at = time.monotonic()
        if not self._scheduled.is_set():
            self._scheduled.set()
            self._call(self._deliver)

    def _call(self, what: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(what)

    # ---- the loop

    def _deliver(self) -> None:
        self._scheduled.clear()
        for _ in range(len(self._chunks)):  # not those that come meanwhile: there may be no end of them
            self._inbox.put(self._chunks.popleft())

    def _end(self) -> None:
        self._deliver()
        self._inbox.end()

    def _watch(self) -> None:
        """The loop reads from now on."""
        self._deliver()
        if self._stopped:
            return
        self._new_span(time.monotonic())
        try:
            self._loop.add_reader(self._line, self._readable)
        except NotImplementedError:  # Windows
            self._watchable = False
            self._begin()

    def _unwatch(self) -> None:
        with contextlib.suppress(NotImplementedError):
            self._loop.remove_reader(self._line)

    def _readable(self) -> None:
        if not self._read_here():
            return
        half = bool(self._chunks) and not self._chunks[-1].endswith(b"\n")
        if not half:
            self._deliver()
        if not self._little:
            self._unwatch()
            self._begin()
        elif half or self._often:  # a line that comes byte by byte would wake us with each
            self._unwatch()
            self._loop.call_later(OFTEN if self._often else TOGETHER, self._read_rest)

    def _read_rest(self) -> None:
        if self._stopped or not self._read_here():
            return
        more = bool(self._chunks)
        self._deliver()
        if not self._little:
            self._begin()
        elif more and self._often:
            self._loop.call_later(OFTEN, self._read_rest)
        else:
            self._loop.add_reader(self._line, self._readable)

    def _read_here(self) -> bool:
        """Takes what there is, in the loop; False at the end, which is told."""
        now = time.monotonic()
        if now - self._since >= SPAN:
            self._new_span(now)
        if self._receive():
            return True
        self._unwatch()
        self._end()
        return False
