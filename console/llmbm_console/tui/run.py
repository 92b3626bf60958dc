"""Starts the interface and ends the session, whatever way the interface ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmbm_console.tui.app import SessionFactory


def run_tui(
    target: str,
    session_factory: SessionFactory,
    *,
    theme: str | None = None,
    glyphs: str | None = None,
    memory: Path | None = None,
) -> int:
    """Runs the interface on a session and returns the exit status.

    `target` names the session for people. `session_factory` makes a session that is not yet open; it is called after
    the first paint, and again when the person asks to connect again. `theme` is the name of a theme, `glyphs` "blocks"
    or "ascii"; without them the choice of the last run holds. `memory` is where history and choices are kept, the
    user's state folder by default. The caller has made sure that there is a terminal.
    """
    return asyncio.run(_run(target, session_factory, theme, glyphs, memory))


async def _run(target: str, factory: SessionFactory, theme: str | None, glyphs: str | None, memory: Path | None) -> int:
    from llmbm_console.tui.app import ConsoleApp, default_memory

    app = ConsoleApp(target, factory, theme=theme, glyphs=glyphs, memory=memory or default_memory())
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):
        if (number := getattr(signal, name, None)) is not None:
            with contextlib.suppress(NotImplementedError):  # no signal handlers in Windows' event loop
                loop.add_signal_handler(number, app.exit, 128 + number)
    try:
        status = await app.run_async()
    finally:
        await app.disconnect()
    return status or 0
