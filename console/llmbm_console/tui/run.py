"""Starts the interface and ends the session, whatever way the interface ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from llmbm_console.core.machine.signals import present

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmbm_console.core.session.targets import Target
    from llmbm_console.core.settings.settings import Settings
    from llmbm_console.tui.app import ConsoleApp
    from llmbm_console.tui.session_app import SessionFactory

CHOOSE = 64  # exit status of the interface that asks for another target
LONGEST_END = 3.0  # seconds from a signal that ends the console to its end


def run_tui(
    target: str,
    session_factory: SessionFactory,
    *,
    theme: str | None = None,
    glyphs: str | None = None,
    memory: Path | None = None,
    settings: Settings | None = None,
    settings_file: Path | None = None,
    problems: Sequence[str] = (),
) -> int:
    """Runs the interface on a session and returns the exit status; CHOOSE when the person wants to open another target.

    `target` names the session for people. `session_factory` makes a session that is not yet open; it is called after
    the first paint, and again when the person asks to connect again. `theme` is the name of a theme, `glyphs` "blocks"
    or "ascii"; without them the choice of the last run holds. `memory` is where history and choices are kept, the
    user's state folder by default; while it does not know of one, a tour is offered. `settings` were read from
    `settings_file`; `problems` are told in notices. The caller has made sure that there is a terminal.
    """

    def make() -> ConsoleApp:
        # Textual writes what changed at its next tick of so many a second. Ours are the fewer, and none while nothing
        # changes, but what the pacer has drawn should not wait for another 16 ms.
        os.environ.setdefault("TEXTUAL_FPS", "120")
        from llmbm_console.core.encoding import lacking
        from llmbm_console.tui.app import ConsoleApp
        from llmbm_console.tui.memory import state_folder

        return ConsoleApp(
            target,
            session_factory,
            theme=theme,
            glyphs=glyphs,
            memory=memory or state_folder(),
            settings=settings,
            settings_file=settings_file,
            problems=problems,
            first_visit=os.environ.get("LLMBM_TOUR") != "off",
            lacking=lacking(),
        )

    return asyncio.run(_run(make))


async def _run(make: Callable[[], ConsoleApp]) -> int:
    app = make()

    loop = asyncio.get_running_loop()

    def end(number: int, _place: object) -> None:
        _end_soon(128 + number)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(app.exit, 128 + number)

    for number in present("SIGTERM", "SIGHUP"):  # not through the loop: it may be waiting for a terminal that has gone
        signal.signal(number, end)
    try:
        status = await app.run_async()
    finally:
        # A terminal that goes sends SIGCONT as well, for which Textual would read the keyboard again, and for ever.
        for number in present("SIGTSTP", "SIGCONT"):
            signal.signal(number, signal.SIG_DFL)
        if app.return_code:  # an error of ours, which nobody asked to end by
            app.keep_unsent()
        await app.disconnect()
        with contextlib.suppress(OSError):  # the terminal may have gone
            for path in app.recorded:
                print(f"recorded: {path}", file=sys.stderr)
            if app.kept_unsent:
                print("the prompt's text was not sent: arrow up brings it back in the next run", file=sys.stderr)
    return status or app.return_code or 0


def _end_soon(status: int) -> None:
    """Ends the process after LONGEST_END, whatever it waits for then.

    Textual writes through a bounded queue to a thread; when the terminal has gone, that thread is dead and the whole
    event loop can wait for the queue without an end. Children end with the process (core/machine/supervise.py).
    """
    timer = threading.Timer(LONGEST_END, os._exit, [status])
    timer.daemon = True
    timer.start()


def choose(theme: str | None, settings: Settings, memory: Path | None = None) -> Target | None:
    """Shows what could be opened now; the target that was chosen, or None. The caller has made sure that there is a
    terminal."""
    from llmbm_console.core.encoding import lacking
    from llmbm_console.core.settings.themes import load_themes, theme_folders
    from llmbm_console.tui.chosen import Chosen
    from llmbm_console.tui.glyphs import ASCII, BLOCKS, GLYPHS
    from llmbm_console.tui.memory import Remembered, state_folder
    from llmbm_console.tui.pages.start import StartApp

    themes, _problems = load_themes(theme_folders())
    chosen = Chosen(settings, None, Remembered(memory or state_folder()))
    signs = ASCII if lacking() else GLYPHS.get(chosen.get("glyphs"), BLOCKS)
    return StartApp(themes, theme or chosen.get("theme"), glyphs=signs).run()
