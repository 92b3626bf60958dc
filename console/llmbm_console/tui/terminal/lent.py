"""The terminal lent to another program for a while. The session goes on meanwhile; nothing of it is drawn."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from llmbm_console.core.machine.signals import present

if TYPE_CHECKING:
    from llmbm_console.tui.terminal.terminal_app import TerminalApp

T = TypeVar("T")


async def lend(app: TerminalApp[Any], use: Coroutine[Any, Any, T]) -> T:
    """Gives the terminal away until `use` has ended, and returns its result. Raises what it raises, once the terminal
    is taken back, and SuspendNotSupported where it cannot be given away."""
    task = asyncio.ensure_future(use)
    try:
        with app.suspend(), _keys_of_another():
            app.lent = True
            await asyncio.wait([task])  # raises nothing of it: Textual (8.2.8) would not take the terminal back then
            app.lent = False
    finally:
        task.cancel()
    return task.result()


@contextmanager
def _keys_of_another() -> Iterator[None]:
    """Ctrl-C is for the program that has the terminal, though every program on it is told. A handler, not SIG_IGN,
    which that program would inherit."""
    before = {number: signal.signal(number, lambda *_: None) for number in present("SIGINT", "SIGQUIT")}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
