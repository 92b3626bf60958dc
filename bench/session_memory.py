"""The memory of the console over a long session: `python bench/session_memory.py [--minutes 3]`, the real console on a
pseudo-terminal of 120x36, and a kernel in the simulator whose answers follow one another as fast as they can be drawn.

Printed: a row each half minute, with the tokens so far and the memory of the console's own beside that before the first
prompt; then what the last half of the time added. What grows at first is what is kept on purpose: the newest text and
events, the octets for a recording, the states of the last twenty minutes.

`--hours H [--rate R]`: hours of a session at R tokens a second, as fast as they can be taken in: the answers of a
real kernel again and again with later times, into the store, the flight recorder, the timeline and the interface, which
draws on no terminal. Printed: ten rows with the memory of this process, and how far one can look back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time

from fast_session import fast_session
from latency import Relay
from link_faults import Kernel, kernel
from logs import resident
from startup import Terminal

from tui import PASTED, drain

STEP = 30.0  # s from row to row
POLL_GAP = "100"  # us: the kernel's least time between two tokens


def session(one: Kernel, minutes: float) -> None:
    """Lets answer follow answer and prints the rows."""
    front = one.folder / "front"
    relay = Relay(one.line, front)
    terminal = Terminal("-m", "llmbm_console.cli", "--connect", f"unix:{front}")
    terminal.wait_for(rb"kernel ready", 30)
    os.write(terminal.fd, b"/max_tokens 256\r")
    drain(terminal.fd, 2)
    first, asked, rows = resident(terminal.pid), 0, [0.0]

    def ask(_data: bytes, _now: float) -> None:
        nonlocal asked
        if asked == relay.answers:
            os.write(terminal.fd, PASTED)
            asked += 1

    begun = time.monotonic()
    ask(b"", begun)
    while len(rows) <= minutes * 60 / STEP:
        drain(terminal.fd, begun + len(rows) * STEP - time.monotonic(), ask)
        relay.sent.clear()
        rows.append(resident(terminal.pid) - first)
        passed = len(rows) * STEP - STEP
        print(
            f"{passed / 60:5.1f} min  {relay.answers:>6,} answers  {relay.tokens:>9,} tokens   "
            f"{first:.1f} MiB before, +{rows[-1]:.1f} MiB",
            flush=True,
        )
    terminal.close()
    half = len(rows) // 2
    print(f"the last {(len(rows) - 1 - half) * STEP / 60:.1f} min: {rows[-1] - rows[half]:+.1f} MiB")


async def measure(minutes: float) -> None:
    """With a kernel."""
    async with kernel("--poll-gap-us", POLL_GAP) as one:
        await asyncio.to_thread(session, one, minutes)


def main() -> int:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--rate", type=float, default=100.0)
    options = parser.parse_args()
    if options.hours:
        asyncio.run(fast_session(options.hours * 3600, options.rate))
    else:
        asyncio.run(measure(options.minutes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
