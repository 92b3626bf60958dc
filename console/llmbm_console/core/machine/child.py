"""A child process with a private folder, owned by supervise.py so that neither outlives the console."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine import supervise
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state.events import MachineStatus

START_TIMEOUT = 10.0
END_TIMEOUT = 6.0


def status_of_end(status: int, *, asked: bool) -> MachineStatus:
    """What a machine has become whose program ended with an exit status."""
    return MachineStatus.STOPPED if asked or status == 0 else MachineStatus.CRASHED


def told_end(program: str, status: int, output: str, *, asked: bool) -> str:
    """How a program ended, and whether this console had asked it to; with what it said last, where it failed."""
    if asked:
        return f"{program} ended, as you asked"
    if status == 0:
        return f"{program} ended, and nobody here asked it to"
    name = next((one.name for one in signal.Signals if one == -status), "")
    how = f"{program} was killed by {name}" if name else f"{program} ended with status {status}"
    return f"{how}: {output}" if output else how


class Child:
    """One program that runs as long as the console wants it; it can be started anew in the same folder.

    `on_end(status, output)` is called when it ends and was not replaced by a new start.
    """

    def __init__(self, on_end: Callable[[int, str], None]) -> None:
        #: only this user can look inside: QEMU's sockets let everybody in
        self.folder = Path(tempfile.mkdtemp(prefix="llmbm-"))
        self.pid = 0
        self._on_end = on_end
        self._supervisor: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._started: asyncio.Future[dict[str, Any]] | None = None
        self._ended = asyncio.Event()

    @property
    def running(self) -> bool:
        """True between start and end."""
        return self.pid != 0 and not self._ended.is_set()

    async def start(self, command: list[str]) -> None:
        """Runs `command`, ending what ran before. Raises SessionError when it cannot be started."""
        if self._supervisor is None:
            await self._supervise()
        assert self._supervisor is not None
        assert self._supervisor.stdin is not None
        started = self._started = asyncio.get_running_loop().create_future()
        self.pid = 0
        self._supervisor.stdin.write(json.dumps({"command": command}).encode() + b"\n")
        try:
            async with asyncio.timeout(START_TIMEOUT):
                said = await started
        except TimeoutError:
            raise SessionError(f"{command[0]}: could not be started within {START_TIMEOUT:g} s") from None
        if "error" in said:
            raise SessionError(f"{clean(said['error'])}; is it installed, and is it on the PATH?")

    async def _supervise(self) -> None:
        self._supervisor = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", supervise.__file__, str(self.folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=os.name == "posix",
            limit=1 << 20,
        )
        assert self._supervisor.stdout is not None
        self._reader = asyncio.create_task(self._read(self._supervisor.stdout))

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            said = json.loads(line)
            if "exit" in said:
                if said["pid"] == self.pid:
                    self._end(said["exit"], said["said"])
            elif self._started is not None and not self._started.done():
                if "pid" in said:
                    self.pid = said["pid"]
                    self._ended.clear()
                self._started.set_result(said)
        if self.running:
            self._end(-1, "its supervisor was killed")

    def _end(self, status: int, output: str) -> None:
        self._ended.set()
        self._on_end(status, clean(output))

    def signal(self, number: int) -> None:
        """Sends a signal to the child (POSIX)."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait_end(self, timeout: float) -> bool:
        """True when the child has ended within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Ends the child and removes the folder. Idempotent."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            if supervisor.stdin is not None:
                supervisor.stdin.close()
            try:
                async with asyncio.timeout(END_TIMEOUT):
                    await supervisor.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    supervisor.terminate()
            if self._reader is not None:
                await asyncio.wait([self._reader], timeout=END_TIMEOUT)
        shutil.rmtree(self.folder, ignore_errors=True)
