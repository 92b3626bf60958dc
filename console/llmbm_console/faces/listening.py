"""How a face without a screen hears a session: until nobody reads its output any more."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from llmbm_console.core.events import Event, LinkChanged, LinkPhase
from llmbm_console.core.session import Listener, Session
from llmbm_console.core.state import State


@contextmanager
def listening(session: Session, *faces: Listener) -> Iterator[None]:
    """The faces hear the session while the block runs. When the reader of the output leaves (`| head`), the block ends
    with BrokenPipeError, once: whatever else happens is told to nobody."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    ending: asyncio.TimerHandle | None = None

    def end() -> None:
        """Again and again: asyncio.wait_for before Python 3.12 loses a cancellation that comes with a result."""
        nonlocal ending
        task.cancel()
        ending = loop.call_later(0.1, end)

    def hear(state: State, event: Event) -> None:
        if ending is not None:
            return
        try:
            for face in faces:
                face(state, event)
        except BrokenPipeError:
            end()

    undo = session.listen(hear)
    try:
        yield
    except asyncio.CancelledError:
        if ending is None:
            raise
        while task.uncancel():
            pass
        raise BrokenPipeError from None
    finally:
        undo()
        if ending is not None:
            ending.cancel()


def tell_waiting(state: State, event: Event) -> None:
    """A line that cannot be opened is tried again for as long as it takes: a person must know what is waited for."""
    if isinstance(event, LinkChanged) and event.phase is LinkPhase.OPENING and event.detail:
        print(f"waiting: {event.detail}; it is tried again by itself, Ctrl+C ends it", file=sys.stderr, flush=True)


def stdin_lines() -> asyncio.Queue[str | None]:
    """The lines of standard input as they come, then None. Read by a thread, which works for files, pipes and terminals
    on every system; nothing waits for it at the end, when it may still hang in a read."""
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        # Its own file object: Python's end would wait for the lock of sys.stdin, which a blocked read holds.
        with suppress(RuntimeError), open(0, encoding=sys.stdin.encoding, errors="replace", closefd=False) as lines:
            while line := lines.readline():
                loop.call_soon_threadsafe(queue.put_nowait, line.rstrip("\r\n"))
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    return queue
