"""Long logs: `python bench/logs.py [--lines 1000000] [--live 60]`, the real console on a pseudo-terminal.

text       a text log of so many lines (about 60 MiB for a million)
raw log    the octets of a session of a real kernel with as many lines, text between its frames
recording  the same as a recording (.llcap)
live       the simulator as fast as it can, for so many seconds; 0 leaves it out

Printed: seconds until its first lines are drawn and until all of it was read, and memory at that time beside that of
the same console on a text of one line. Of the text also the time from the keys for both ends to their picture (median
of twenty), and until a filter has looked at every line. Of raw log and recording, the time from a key to its picture,
median and most, while it is read and afterwards: to move by five seconds, from mark to mark, from one end of the
transcript to the other, and to the newest moment and back. Of the live session, tokens, and its memory after a half
and after all of the time.
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

from long_session import long_session, record_one
from startup import ESCAPE, Terminal

from llmbm_console.core.recording.capture import write_capture

TURNS = 10
LONGEST = 60.0
PATIENCE = 2.0  # s: what has drawn nothing by then draws nothing
QUIET = 0.1  # s without output: what a key draws is drawn
KEYS = b"]]}[{gG"
CLOCK = re.compile(rb"[0-9]+:[0-9:]+ / [0-9]+:[0-9:]+(\+?)")  # how far a recording was played, "+": it is read still


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
    found = sum("0999" in f"{n:09}" for n in range(lines))
    begun = time.monotonic()
    os.write(terminal.fd, b"0999\r")
    until(terminal, f"/0999 {found:,} of {lines:,} lines ".encode())
    filtered = time.monotonic() - begun
    told("text log", lines, path, first, complete, memory, f", ends {1000 * lag:.0f} ms, filter {filtered:.1f} s")
    terminal.close()


def press(terminal: Terminal, key: bytes) -> tuple[float, bytes]:
    """Seconds from a key to the first of what it draws, 0 when it draws nothing, and all that was drawn until it was
    quiet again."""
    while select.select([terminal.fd], [], [], QUIET)[0]:
        os.read(terminal.fd, 1 << 16)
    os.write(terminal.fd, key)
    begun, first, seen = time.monotonic(), 0.0, b""
    while select.select([terminal.fd], [], [], QUIET if seen else PATIENCE)[0]:
        first = first or time.monotonic() - begun
        seen += os.read(terminal.fd, 1 << 16)
    return first, ESCAPE.sub(b"", seen)


def lags(terminal: Terminal, keys: bytes, turns: int) -> str:
    """Median and most of the seconds from a key to its picture."""
    took = [seconds for _ in range(turns) for key in keys if (seconds := press(terminal, bytes([key]))[0])]
    return f"{1000 * statistics.median(took):.0f} and {1000 * max(took):.0f} ms"


def recorded(name: str, path: Path, lines: int, empty: float) -> None:
    """A recording or a raw log."""
    terminal = Terminal("-m", "llmbm_console", "--seek", "60", str(path))
    first = terminal.wait_for(rb"turn [0-9]+", 60)
    press(terminal, b" ")
    loading = lags(terminal, KEYS, 2)
    shown = b""
    while not (ends := CLOCK.findall(shown)) or ends[-1]:
        shown = press(terminal, b"]")[1]
        time.sleep(0.2)
    complete = time.monotonic() - terminal.started
    memory = resident(terminal.pid) - empty
    after = lags(terminal, KEYS, 5)
    press(terminal, b".")
    newest = lags(terminal, KEYS[::-1], 5)
    told(name, lines, path, first, complete, memory, f", key {loading} while read, {after} then, {newest} at its end")
    terminal.close()


def live(seconds: float) -> None:
    """The simulator, asked again and again, with the likeliest tokens told."""
    terminal = Terminal("-m", "llmbm_console", "--sim", "--probabilities")
    terminal.wait_for(rb"kernel ready", 60)
    os.write(terminal.fd, b"/repeat 1000000\r")
    press(terminal, b"/max_tokens 250\r")
    begun, answers, half = time.monotonic(), 0, 0.0
    while (passed := time.monotonic() - begun) < seconds:
        os.write(terminal.fd, b"Once upon a time\r")
        until(terminal, rb"tok/s [^0-9]* ")
        answers += 1
        if not half and passed > seconds / 2:
            half = resident(terminal.pid)
    print(f"live: {answers} answers, memory {half:.1f} and {resident(terminal.pid):.1f} MiB", flush=True)
    terminal.close()


def told(name: str, lines: int, path: Path, first: float, complete: float, memory: float, more: str) -> None:
    """One row."""
    size = path.stat().st_size / (1 << 20)
    print(
        f"{name:<10} {lines:>9,} lines, {size:6.1f} MiB: first lines {first:5.2f} s, all {complete:6.1f} s, "
        f"memory +{memory:6.1f} MiB{more}",
        flush=True,
    )


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--live", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder) / "short.log"
        nothing.write_text("one line\n")
        terminal = Terminal("-m", "llmbm_console", str(nothing))
        terminal.wait_for(rb"one line", 60)
        empty = resident(terminal.pid)
        terminal.close()
        text_log(Path(folder) / "text.log", arguments.lines, empty)
        session = record_one(Path(folder))
        raw, capture = Path(folder) / "raw.log", Path(folder) / "run.llcap"
        entries = long_session(session, arguments.lines)
        raw.write_bytes(b"".join(entry.data for entry in entries if isinstance(entry.data, bytes)))
        recorded("raw log", raw, arguments.lines, empty)
        write_capture(capture, session.header, long_session(session, arguments.lines))
        recorded("recording", capture, arguments.lines, empty)
    if arguments.live:
        live(arguments.live)


if __name__ == "__main__":
    main()
