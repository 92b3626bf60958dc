"""When the interface has done what it was asked to.

Textual's pilot sleeps 20 ms, and twice for each key, until the process seems to work little, as it also does when a
busy machine gives it no time. Here nothing is left that the event loop could run, no frame is due, and what waits a
few milliseconds for its turn had it. What a process, a thread or a longer timer brings is still for a condition to
wait for.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from textual._context import active_app

MOMENT = 0.002  # s between two looks whether another size (1/120 s) and what streams (pacer.LATEST) have been drawn
MOMENTS = 20  # in which they have, however long a busy machine makes each of them
TURNS = 500  # of the event loop, which a machine that stood still has not had after a second


async def quiet(_least: float = 0.0, longest: float = 1.0) -> None:
    """Until then, or for `longest` seconds and TURNS: takes the place and arguments of textual's wait_for_idle."""
    app = active_app.get()
    ready: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    start, moments = time.monotonic(), 0
    for turn in itertools.count():
        await asyncio.sleep(0)
        if turn >= TURNS and time.monotonic() - start >= longest:
            return
        if ready:
            continue
        if _frame_is_due(app):
            app.screen._on_timer_update()
        elif moments < MOMENTS and _is_delayed(app):
            moments += 1
            await asyncio.sleep(MOMENT)
        else:
            return


def _frame_is_due(app: Any) -> bool:
    """Whether the screen would draw itself at its next frame, at most 1/60 s from now."""
    if not app._running or not app._screen_stack or app._batch_count:
        return False
    screen = app.screen
    changed = screen._layout_required or screen._scroll_required or screen._repaint_required
    return bool(changed or screen._recompose_required or screen._dirty_widgets or screen._callbacks)


def _is_delayed(app: Any) -> bool:
    """Whether another size, or what streams, waits for its turn."""
    pacer = getattr(app, "pacer", None)
    return app._resize_timer is not None or (pacer is not None and pacer._text.is_set())
