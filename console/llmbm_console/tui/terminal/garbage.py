"""When Python's collector of reference cycles goes through everything: while the kernel idles.

A session keeps what it heard, so there are more objects with every token, and going through all of them takes tens of
milliseconds (bench/tui.py: 47 ms after 15,000 tokens), in which no token would be drawn. What a pass has seen and is
still in use is not gone through again.
"""

from __future__ import annotations

import gc

THRESHOLDS = (5_000, 20, 100)  # new objects, passes through the new ones, passes through the young ones


def begin() -> None:
    """What is there by now stays to the end."""
    keep()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


def keep() -> None:
    """What is there now stays, and no pass goes through it again."""
    gc.freeze()


def collect() -> None:
    """Now is a good moment. Not while something is open that will be closed: it would never be found."""
    if gc.get_count()[2]:  # passes through the young ones since the last whole one: there is something new
        gc.collect()
        keep()


def forget() -> None:
    """A session has ended: what it kept may go."""
    gc.unfreeze()
