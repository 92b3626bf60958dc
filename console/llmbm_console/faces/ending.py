"""Runs a face that has no screen to its end, whoever ends it: the session is closed, so that the kernel gets its line
back, a recording its last entry, and a name of --share is taken away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from llmbm_console.core.errors import NotReached, SessionError, WrongUsage
from llmbm_console.core.machine.signals import on_signals

#: Exit statuses of every command; 130, 143 and 129 are those of a shell for SIGINT, SIGTERM and SIGHUP.
DONE, FAILED, WRONG_USAGE, NOT_REACHED = 0, 1, 2, 3


def status_of(error: SessionError) -> int:
    """The exit status for what ended a command."""
    kinds = {NotReached: NOT_REACHED, WrongUsage: WRONG_USAGE}
    return next((status for kind, status in kinds.items() if isinstance(error, kind)), FAILED)


def run_to_end(main: Coroutine[Any, Any, int]) -> int:
    """The exit status of `main`; 128 and the number of the signal where SIGTERM or SIGHUP ended it. Raises
    KeyboardInterrupt for SIGINT."""
    return asyncio.run(_with_signals(main))


async def _with_signals(main: Coroutine[Any, Any, int]) -> int:
    task, got = asyncio.ensure_future(main), list[int]()

    def end(number: int) -> None:
        got.append(number)
        if len(got) == 1:  # the closing itself is not cut short by an impatient second one
            task.cancel()

    on_signals(("SIGTERM", "SIGHUP"), end)
    try:
        return await task
    except asyncio.CancelledError:
        if not got:
            raise
        return 128 + got[0]
