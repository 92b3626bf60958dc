"""Long logs: `python bench/logs.py [--lines 1000000] [--captured 100000]`, the real console on a pseudo-terminal.

text       a text log of so many lines (about 60 MiB for a million)
raw log    the octets of a line, frames among them, with as many lines as --captured says
recording  the same as a recording (.llcap)
Printed: seconds until its first lines are drawn and until all of it was read, memory at that time beside that of the
same console on a text of one line; of the text also the time from the keys for both ends to their picture (median of
twenty), and until a filter has looked at every line.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import statistics
import tempfile
import time
from pathlib import Path

from link_rate import stream
from startup import ESCAPE, Terminal

from llmbm_console.core.capture import Entry, Header, write_capture

TURNS = 10
LONGEST = 60.0


def resident(process: int) -> float:
    """MiB of memory of its own: the pages of a file that is looked at are not among them."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found is not None else 0.0


def until(terminal: Terminal, pattern: bytes, seen: bytes = b"") -> tuple[float, bytes]:
    """Seconds until the pattern was drawn after `seen`, and what was drawn."""
    begun = time.monotonic()
    while time.monotonic() < begun + LONGEST:
        if re.search(pattern, ESCAPE.sub(b"", seen)):
            return time.monotonic() - begun, seen
        if select.select([terminal.fd], [], [], 0.05)[0]:
            seen += os.read(terminal.fd, 1 << 16)
    raise TimeoutError(f"{pattern!r} was not drawn within {LONGEST:.0f} s")


def scrolled(terminal: Terminal, keys: list[tuple[bytes, bytes]]) -> float:
    """Median seconds from a key to its picture."""
    took = []
    for _ in range(TURNS):
        for key, pattern in keys:
            os.write(terminal.fd, key)
            took.append(until(terminal, pattern)[0])
    return statistics.median(took)


def text_log(path: Path, lines: int, empty: float) -> None:
    """A text."""
    with path.open("w") as file:
        file.writelines(f"2026-11-26T14:02:{n % 60:02}.000 line {n:09} of the kernel's console\n" for n in range(lines))
    terminal = Terminal("-m", "llmbm_console", str(path))
    first = terminal.wait_for(rb"line 000000003", 60)
    until(terminal, f" {lines:,} lines ".encode(), terminal.raw)
    complete = time.monotonic() - terminal.started
    memory = resident(terminal.pid) - empty
    last = f"line {lines - 1:09}".encode()
    lag = scrolled(terminal, [(b"G", last), (b"g", rb"line 000000000")])
    os.write(terminal.fd, b"/")
    until(terminal, rb"!without")
    os.write(terminal.fd, b"0999\r")
    begun = time.monotonic()
    until(terminal, rb"/0999 1,[0-9]+ of [0-9,]+ lines ")
    filtered = time.monotonic() - begun
    told("text log", lines, path, first, complete, memory, f", ends {1000 * lag:.0f} ms, filter {filtered:.1f} s")
    terminal.close()


def recorded(name: str, path: Path, lines: int, empty: float) -> None:
    """A recording or a raw log, played as fast as may be."""
    terminal = Terminal("-m", "llmbm_console", "--speed", "64", str(path))
    first = terminal.wait_for(rb"upon", 60)
    until(terminal, rb"the recording ends here", terminal.raw)
    complete = time.monotonic() - terminal.started
    memory = resident(terminal.pid) - empty
    told(name, lines, path, first, complete, memory, "")
    terminal.close()


def told(name: str, lines: int, path: Path, first: float, complete: float, memory: float, more: str) -> None:
    """One row."""
    size = path.stat().st_size / (1 << 20)
    print(
        f"{name:<10} {lines:>9,} lines, {size:6.1f} MiB: first lines {first:5.2f} s, all {complete:6.1f} s, "
        f"memory +{memory:6.1f} MiB{more}",
        flush=True,
    )


def octets(lines: int) -> list[bytes]:
    """So many lines of whole answers."""
    one = stream().splitlines(keepends=True)
    return (one * (lines // len(one) + 1))[:lines]


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--captured", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder) / "short.log"
        nothing.write_text("one line\n")
        terminal = Terminal("-m", "llmbm_console", str(nothing))
        terminal.wait_for(rb"one line", 60)
        empty = resident(terminal.pid)
        terminal.close()
        text_log(Path(folder) / "text.log", arguments.lines, empty)
        lines = octets(arguments.captured)
        raw = Path(folder) / "raw.log"
        raw.write_bytes(b"".join(lines))
        recorded("raw log", raw, len(lines), empty)
        capture = Path(folder) / "run.llcap"
        write_capture(capture, Header(llcap=1, target="bench"), (Entry(n / 1000, "i", x) for n, x in enumerate(lines)))
        recorded("recording", capture, len(lines), empty)


if __name__ == "__main__":
    main()
