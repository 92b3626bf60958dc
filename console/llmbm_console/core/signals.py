"""Signals that an event loop hears."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable


def on_signals(names: tuple[str, ...], call: Callable[[int], object]) -> None:
    """From now on the running loop calls `call` with the number of a signal of these names ("SIGTERM"). Names that
    this system does not have are left out, and Windows' event loop hears none."""
    loop = asyncio.get_running_loop()
    for name in names:
        if (number := getattr(signal, name, None)) is not None:
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, call, int(number))
