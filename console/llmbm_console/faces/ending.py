"""Runs a face that has no screen to its end, whoever ends it: the session is closed, so that the kernel gets its line
back, a recording its last entry, and a name of --share is taken away.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any


def run_to_end(main: Coroutine[Any, Any, int]) -> int:
    """The exit status of `main`; 128 and the number of the signal where SIGTERM or SIGHUP ended it. Raises
    KeyboardInterrupt for SIGINT."""
    return asyncio.run(_with_signals(main))


async def _with_signals(main: Coroutine[Any, Any, int]) -> int:
    task, got, loop = asyncio.ensure_future(main), list[int](), asyncio.get_running_loop()

    def end(number: int) -> None:
        got.append(number)
        if len(got) == 1:  # the closing itself is not cut short by an impatient second one
            task.cancel()

    for name in ("SIGTERM", "SIGHUP"):
        if (number := getattr(signal, name, None)) is not None:
            with contextlib.suppress(NotImplementedError):  # no signal handlers in Windows' event loop
                loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not got:
            raise
        return 128 + got[0]
