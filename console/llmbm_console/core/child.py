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

from llmbm_console.core import supervise
from llmbm_console.core.sanitise import clean
from llmbm_console.core.session import SessionError

START_TIMEOUT = 10.0
END_TIMEOUT = 6.0


class Child:
    """One program that runs as long as the console wants it. `on_end(status, output)` is called once when it ends."""

    def __init__(self, on_end: Callable[[int, str], None]) -> None:
        #: only this user can look inside: QEMU's sockets allow everything
        self.folder = Path(tempfile.mkdtemp(prefix="llmbm-"))
        self.pid = 0
        self._on_end = on_end
        self._supervisor: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def running(self) -> bool:
        """True between start and end."""
        return self.pid != 0 and not self._ended.is_set()

    async def start(self, command: list[str]) -> None:
        """Runs `command`. Raises SessionError when it cannot be started."""
        self._supervisor = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            supervise.__file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
        assert self._supervisor.stdin is not None
        assert self._supervisor.stdout is not None
        order = {"command": command, "folder": str(self.folder), "log": str(self.folder / "output")}
        self._supervisor.stdin.write(json.dumps(order).encode() + b"\n")
        try:
            line = await asyncio.wait_for(self._supervisor.stdout.readline(), START_TIMEOUT)
            said = json.loads(line)
        except (TimeoutError, ValueError) as error:
            raise SessionError(f"{command[0]}: could not be started") from error
        if "error" in said:
            raise SessionError(f"{clean(said['error'])}; is it installed, and is it on the PATH?")
        self.pid = said["pid"]
        self._watch = asyncio.create_task(self._wait(self._supervisor.stdout))

    async def _wait(self, stdout: asyncio.StreamReader) -> None:
        status, output = -1, ""
        with contextlib.suppress(ValueError, OSError):
            said = json.loads(await stdout.readline())
            status, output = said["exit"], clean(said["said"])
        self._ended.set()
        self._on_end(status, output)

    def signal(self, number: int) -> None:
        """Sends a signal to the child (POSIX)."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait_end(self, timeout: float) -> bool:
        """True when the child has ended within `timeout` seconds."""
        try:
            await asyncio.wait_for(self._ended.wait(), timeout)
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
                await asyncio.wait_for(supervisor.wait(), END_TIMEOUT)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    supervisor.kill()
                if self.pid and not self._ended.is_set():
                    self.signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            if self._watch is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._watch, END_TIMEOUT)
        shutil.rmtree(self.folder, ignore_errors=True)
