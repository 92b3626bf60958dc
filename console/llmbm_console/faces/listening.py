"""How a face without a screen lives with a session: it hears it until nobody reads its output any more, and passes the
lines of standard input on."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from llmbm_console.core.errors import SessionError
from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.session.session import Listener, Session
from llmbm_console.core.state.events import (
    PROMPT_REFUSED,
    PROMPT_UNANSWERED,
    Event,
    FileSaved,
    LinkChanged,
    LinkPhase,
    MachineChanged,
    MachineStatus,
    Notice,
)
from llmbm_console.core.state.state import State
from llmbm_console.faces.ending import DONE, status_of

STANDARD_INPUT = "-"


@contextmanager
def listening(session: Session, *faces: Listener) -> Iterator[None]:
    """The faces hear the session while the block runs. When the output cannot be written any more (its reader left, as
    `| head` does, or the disk is full) the block ends with that OSError, once: what else happens is told to nobody."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    failed: OSError | None = None
    ending: asyncio.Handle | None = None

    def hear(state: State, event: Event) -> None:
        nonlocal failed, ending
        if failed is not None:
            return
        try:
            for face in faces:
                face(state, event)
        except OSError as error:
            failed = error
            # Not at once: the task itself may be what emits (a file is read without a wait), and would then be
            # cancelled where it waits next, which may be behind the block.
            ending = loop.call_soon(task.cancel)

    undo = session.listen(hear)
    try:
        yield
    except asyncio.CancelledError:
        if failed is None:
            raise
        task.uncancel()
    finally:
        undo()
        if ending is not None:
            ending.cancel()
    if failed is not None:
        raise failed


def from_start(session: Session, face: Listener) -> Listener:
    """The face hears a recording from the moment on that --seek names; anything else from its beginning."""
    playback = session.playback
    if playback is None or not playback.seek:
        return face

    begun = False

    def hear(state: State, event: Event) -> None:
        nonlocal begun
        begun = begun or event.at >= playback.start  # what came in one read has the time of the read, also later
        if begun:
            face(state, event)

    return hear


async def reached(session: Session, timeout: float) -> bool:
    """Waits until the kernel answers requests, as Session.wait_ready; False, and at once, where its machine is paused:
    it can only be told to go on then."""
    paused = asyncio.Event()

    def look(state: State, _event: Event | None = None) -> None:
        if state.machine.status is MachineStatus.PAUSED:
            paused.set()

    undo = session.listen(look)
    look(session.state)
    waits = [asyncio.ensure_future(session.wait_ready(timeout, opening=math.inf)), asyncio.ensure_future(paused.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if waits[0].done():
            waits[0].result()
        return waits[0].done()
    finally:
        undo()
        for wait in waits:
            wait.cancel()


def tell_waiting(state: State, event: Event) -> None:
    """A line that cannot be opened is tried again for as long as it takes: a person must know what is waited for."""
    if isinstance(event, LinkChanged) and event.phase is LinkPhase.OPENING and event.detail:
        print(f"waiting: {event.detail}; it is tried again by itself, Ctrl+C ends it", file=sys.stderr, flush=True)


class Problems:
    """Warnings, errors and lost connections on stderr: they belong there, never into the output. That a prompt was
    refused is told by who sent it, with the prompt."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def __call__(self, state: State, event: Event) -> None:
        if isinstance(event, Notice) and event.severity != "info":
            if event.text.startswith((PROMPT_REFUSED, PROMPT_UNANSWERED)):
                return
            print(f"{event.severity}: {event.text}", file=sys.stderr)
            if event.severity == "error":
                self._errors.append(event.text)
        elif isinstance(event, FileSaved):
            why = f" ({event.instead})" if event.instead else ""
            print(f"saved: {event.name} as {event.path}{why}", file=sys.stderr)
        elif isinstance(event, MachineChanged) and event.status is MachineStatus.PAUSED and state.turn is not None:
            print("machine: paused, in the midst of an answer, which goes on when it is resumed", file=sys.stderr)
        elif isinstance(event, LinkChanged) and event.phase in (LinkPhase.PLAIN, LinkPhase.SILENT):
            print(f"link: {event.phase}: {event.detail}", file=sys.stderr)

    def tell_end(self, error: SessionError) -> None:
        """What ended the session, unless it was said when it happened."""
        if not any(text in str(error) for text in self._errors):
            print(f"error: {error}", file=sys.stderr)


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


async def with_standard_input(lines: Sequence[str]) -> AsyncIterator[str]:
    """The lines in order; `-` stands for those of standard input, each as it comes, without empty ones."""
    for line in lines:
        if line != STANDARD_INPUT:
            yield line
            continue
        queue = stdin_lines()
        while (read := await queue.get()) is not None:
            if read.strip():
                yield read


async def run_lines(
    session: Session,
    face: Listener,
    submit: Callable[[str], Awaitable[None]],
    timeout: float,
    ready: Callable[[], None] = lambda: None,
    failed: Callable[[str], None] = lambda why: None,
) -> int:
    """Gives each line of standard input to `submit` until they end, while `face` hears the session, and closes it.
    A file has nobody to talk to and is played to its end. `ready` is called when the kernel answers, within `timeout`
    seconds, and `failed` with the reason when it cannot, beside stderr. The exit status: DONE when the session could be
    opened.
    """
    faces = [from_start(session, face)]
    if not isinstance(session, FileSession):  # what a recording tells of its line is over
        faces.append(tell_waiting)
    try:
        with listening(session, *faces):
            await session.open()
            if isinstance(session, FileSession):
                await session.wait_ready(math.inf)
                return DONE
            lines = stdin_lines()
            await reached(session, timeout)
            ready()
            while (line := await lines.get()) is not None:
                if line.strip():
                    await submit(line)
            await session.copied()
    except SessionError as error:
        failed(str(error))
        print(f"error: {error}", file=sys.stderr)
        return status_of(error)
    finally:
        await session.close()
    return DONE
