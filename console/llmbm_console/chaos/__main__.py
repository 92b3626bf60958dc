"""`python -m llmbm_console.chaos --listen unix:A --to unix:B --seed 7 --flip 1e-4`: a bad line, on demand."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from llmbm_console.chaos.endpoints import AddressError, split
from llmbm_console.chaos.faults import SmallFifo
from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.machine.signals import on_signals
from llmbm_console.target_arguments import number

RATES = {
    "flip": ("flip_bit", "bit flips per octet"),
    "drop": ("drop_byte", "lost octets per octet"),
    "burst": ("burst", "bursts of 12 damaged octets, per octet"),
    "drop-line": ("drop_line", "lost lines per line"),
    "dup": ("double_line", "doubled lines per line"),
    "splice": ("splice", "lost line ends per line"),
    "noise": ("noise", "firmware noise before a line, per line"),
}


def probability(word: str) -> float:
    """A number from 0 to 1."""
    return number(word, lambda value: 0.0 <= value <= 1.0, "a probability from 0 to 1")


def milliseconds(word: str) -> float:
    """A time in ms, as seconds."""
    return number(word, lambda value: 0.0 <= value < 1e7, "a time in milliseconds") / 1000


def address(word: str) -> str:
    """One of the four kinds."""
    try:
        split(word)
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return word


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="llchaos", description="A middleman on a serial line that damages what passes, reproducibly from a seed."
    )
    made.add_argument("--listen", required=True, type=address, help="unix:PATH, tcp:HOST:PORT or pty:PATH")
    made.add_argument("--to", required=True, type=address, help="the kernel: unix:, tcp:, or serial:DEVICE")
    made.add_argument("--seed", default="0", help="any word; the same one gives the same damage (default 0)")
    made.add_argument("--way", choices=("both", "up", "down"), default="both", help="up is to the kernel")
    for name, (_, meaning) in RATES.items():
        made.add_argument(f"--{name}", type=probability, default=0.0, metavar="P", help=meaning)
    made.add_argument("--delay", type=milliseconds, default=0.0, metavar="MS", help="of everything, each way")
    made.add_argument("--jitter", type=milliseconds, default=0.0, metavar="MS", help="up to so much more")
    made.add_argument("--one-byte", action="store_true", help="each octet in a write of its own")
    made.add_argument("--stall", type=probability, default=0.0, metavar="P", help="per chunk: 200 ms of nothing")
    made.add_argument("--fifo16", type=milliseconds, default=0.0, metavar="MS",
                      help="the kernel's receiver holds 16 octets and is looked at so often")  # fmt: skip
    made.add_argument("--cut-at", type=int, metavar="N", help="end the connection after N octets from the kernel, once")
    made.add_argument("--share", action="store_true", help="a second client reads and writes the line of the first")
    return made


def configured(arguments: argparse.Namespace) -> Chaos:
    """The middleman that the arguments describe."""
    chaos = Chaos(arguments.listen, arguments.to, arguments.seed, arguments.share)
    for way in ("up", "down"):
        pace = chaos.pace[way]
        pace.delay, pace.jitter = arguments.delay, arguments.jitter
        pace.one_byte, pace.stall = arguments.one_byte, arguments.stall
        if arguments.way in ("both", way):
            for name, (fault, _) in RATES.items():
                setattr(chaos.ways[way].faults, fault, getattr(arguments, name.replace("-", "_")))
    chaos.fifo = SmallFifo(arguments.fifo16) if arguments.fifo16 else None
    chaos.cut_at = arguments.cut_at
    return chaos


def report(chaos: Chaos) -> str:
    """What was done, a line for each way."""
    lines = [
        f"{way}: {damager.octets} octets, " + (", ".join(f"{k} {n}" for k, n in damager.counts.items()) or "no damage")
        for way, damager in chaos.ways.items()
    ]
    lines.append(f"clients {chaos.clients}, cuts {chaos.cuts}, lost in the FIFO {chaos.fifo.lost if chaos.fifo else 0}")
    return "\n".join(lines)


async def run(arguments: argparse.Namespace) -> None:
    """Until it is interrupted."""
    ended = asyncio.Event()
    on_signals(("SIGINT", "SIGTERM"), lambda _number: ended.set())
    chaos = configured(arguments)
    async with chaos:
        print(f"{arguments.listen} -> {arguments.to}, seed {arguments.seed}", flush=True)
        await ended.wait()
    print(report(chaos), flush=True)


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when it was ended, 1 when an address cannot be used."""
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(parser().parse_args(argv)))
    except (OSError, AddressError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
