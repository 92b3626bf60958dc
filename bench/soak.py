"""A long session on a bad line: `python bench/soak.py [--minutes 60]`, with a kernel in the simulator.

A 16550 at 115200 bit/s with polls up to 2 ms apart, 1 % of lines lost and bits flipped in both directions; one prompt
after the other at a hundred tokens a second. Each minute: tokens, faults, and the memory of console and kernel. At the
end: every token that the kernel sent was received or is counted as lost, and no memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from link_faults import kernel, opened

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.session.live import LiveSession

RATE = 100.0  # tokens a second
PROMPTS = ("Once upon a time", "The little dog", "Lily and Tom went to the park", "One day a bird")
OPTIONS = ("--uart", "16550", "--poll-gap-us", "2000", "--latency-us", "1000")


@dataclass
class Totals:
    """So far."""

    answers: int = 0
    sent: int = 0  # by the kernel's own count
    received: int = 0
    lost: int = 0
    failed: int = 0  # prompts whose fate is not known: the session began anew under them


def resident(process: int | str) -> float:
    """MiB of memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / (1 << 20)


async def prompt(session: LiveSession, totals: Totals) -> None:
    """One answer, counted."""
    outcome = await session.submit(PROMPTS[totals.answers % len(PROMPTS)])
    turn = outcome.turn
    if not outcome.ok or turn is None or turn.finished is None:
        totals.failed += 1
        await session.wait_ready(60)
        return
    totals.answers += 1
    totals.sent += turn.finished.tokens
    totals.received += len(turn.tokens)
    totals.lost += turn.lost_tokens


async def soak(minutes: float) -> int:
    """Runs; returns how many tokens are neither received nor counted as lost."""
    totals, first = Totals(), 0.0
    async with kernel(*OPTIONS) as one, Chaos(one.folder / "front", one.line, seed=1) as chaos:
        session = await opened(one.folder / "front")
        for way in (chaos.up, chaos.down):
            way.drop_line, way.flip_bit = 0.01, 1e-5
        assert one.process is not None
        begun, told = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < minutes * 60:
            await prompt(session, totals)
            if passed >= told * 60:
                told += 1
                console = resident("self")
                first = first or console
                print(
                    f"{passed / 60:5.1f} min  {totals.sent:>8} tokens, {totals.lost} lost, {chaos.damaged} faults, "
                    f"memory: console {console:.1f} MiB, kernel {resident(one.process.pid):.1f} MiB",
                    flush=True,
                )
            await asyncio.sleep(max(0.0, begun + totals.sent / RATE - time.monotonic()))
        took = time.monotonic() - begun
        console = resident("self")
        await session.close()
        counters = await one.end()
    missing = totals.sent - totals.received - totals.lost
    print(
        f"{took / 60:.1f} min, {totals.answers} answers, {totals.sent / took:.0f} tokens/s: {totals.sent} sent = "
        f"{totals.received} received + {totals.lost} counted as lost + {missing}; {totals.failed} of unknown fate, "
        f"{chaos.damaged} faults, {counters['overruns']} overruns; memory {first:.1f} to {console:.1f} MiB"
    )
    return missing


def main() -> int:
    """0 when nothing is unaccounted for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    return int(asyncio.run(soak(parser.parse_args().minutes)) != 0)


if __name__ == "__main__":
    raise SystemExit(main())
