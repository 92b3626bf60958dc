"""Signals by their names."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


def present(*names: str) -> Iterator[signal.Signals]:
    """The signals of these names ("SIGTERM") that this system has: Windows lacks some."""
    for name in names:
        if (number := getattr(signal, name, None)) is not None:
            yield number


def on_signals(names: tuple[str, ...], call: Callable[[int], object]) -> None:
    """From now on the running loop calls `call` with the number of a signal of these names. Names that this system does
    not have are left out, and Windows' event loop hears none."""
    loop = asyncio.get_running_loop()
    for number in present(*names):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, call, int(number))
