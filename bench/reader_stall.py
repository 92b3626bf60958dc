"""How long the console lets a line wait: `python bench/reader_stall.py [--seconds 10]`, 700 kB/s on a unix socket and
on a pseudo-terminal.

A kernel whose host does not read stands still (SPEC, section 2): QEMU holds 279 octets for it. The peer is a process of
its own that answers the hello and then sends valid lines, damaged ones, text and terminal sequences by turns, at the
rate it was told, through the smallest buffer that the system allows. A stall is the time for which that buffer is full:
a kernel would wait so long. On the other end is a whole session: reader, decoder, repair, state. Every line that was
sent must be counted there as what it is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
import tty
from pathlib import Path

from link_faults import until

from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import ConsoleText, Event, LinkPhase, RecordReceived
from llmbm_console.core.state.state import State
from llmbm_console.core.transport.address import transport_for
from llmbm_console.core.transport.base import Transport
from llmbm_console.core.transport.tty import serial_transport
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import WINDOW, Credit, Hello, Perf, Phase, Token
from llmbm_protocol.shape import schema_id

RATE = 700_000  # octets a second: what QEMU brings through TCP at most
LINES = 1_998  # of each kind, made before: as many tokens as credits as samples among the valid ones
PIECE = 4_096
REST = 0.0005  # s between two looks of a peer that is ahead of its rate
TEXT = b'BdsDxe: loading Boot0001 \x1b[1;31m"UEFI Misc Device"\x1b[0m from PciRoot(0x0)/Pci(0x3,0x0)\r\n'
NONCE = re.compile(rb" n=([0-9a-z]+)\*")


# ---- the peer --------------------------------------------------------------------------------------------------------


def lines() -> list[bytes]:
    """What is sent, over and over: valid, damaged, text, by turns."""
    dice = random.Random(1)
    made: list[bytes] = []
    for number in range(LINES):
        record = (
            Token(generation=1, index=number, time=number, token=278, cycles=12_345_678, text=b" upon"),
            Credit(consumed=0, window=WINDOW, phase=Phase.DECODE, generation=1, tokens=number),
            Perf(time=number, phase=Phase.DECODE, generation=1, tokens=number, token_us=33_111, prompt_done=1,
                 prompt_total=2, decode_rate=30_500_000),
        )[number % 3]  # fmt: skip
        valid = to_frame(record, number & 0xFFFF)
        damaged = bytearray(valid)
        damaged[dice.randrange(10, len(valid) - 12)] ^= 0x01
        made += [valid, bytes(damaged), TEXT]
    return made


def peer(line: int, seconds: float) -> None:
    """Answers the hello, floods, and tells what it saw."""
    heard = b""
    while (hello := NONCE.search(heard)) is None:
        select.select([line], [], [])
        heard += os.read(line, 4096)
    answer = Hello(protocol=1, revision=0, schema_id=schema_id(), boot=1, machine=True, nonce=hello[1].decode(),
                   window_idle=WINDOW, window_busy=WINDOW, max_line=240, baud=0, version="flood")  # fmt: skip
    os.write(line, to_frame(answer, 0))
    block = b"".join(lines())
    os.set_blocking(line, False)
    begun = time.monotonic()
    sent, stalls = 0, []
    while True:
        now = time.monotonic()
        if now - begun > seconds and sent % len(block) == 0:
            break
        at = sent % len(block)
        piece = block[at : at + min(PIECE, int((now - begun) * RATE) - sent)]
        if not piece:
            time.sleep(REST)
            continue
        try:
            sent += os.write(line, piece)
        except BlockingIOError:
            select.select([], [line], [])
            stalls.append(time.monotonic() - now)
    took = time.monotonic() - begun
    stalls.sort()
    print(sent, took, sent // len(block) * LINES, len(stalls), stalls[-1] if stalls else 0.0,
          stalls[len(stalls) * 99 // 100] if stalls else 0.0, flush=True)  # fmt: skip
    os.set_blocking(line, True)
    sys.stdin.read()  # the line stays open until the other end has taken everything


def unix_line(path: str) -> int:
    """A listening socket's first client, with the smallest buffer."""
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen(1)
    print("there", flush=True)
    client = door.accept()[0]
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    return client.detach()


def terminal_line(path: str) -> int:
    """The far end of a pseudo-terminal under a name."""
    far, near = os.openpty()
    tty.setraw(near)
    os.symlink(os.ttyname(near), path)
    print("there", flush=True)
    return far


# ---- the console -----------------------------------------------------------------------------------------------------


class Seen:
    """What came out of the session."""

    def __init__(self, session: LiveSession) -> None:
        self.samples = self.texts = 0
        session.listen(self._take)

    def _take(self, _: State, event: Event) -> None:
        if isinstance(event, RecordReceived):
            self.samples += isinstance(event.record, Perf)
        elif isinstance(event, ConsoleText):
            self.texts += event.text.count("BdsDxe")


async def longest_turn(done: asyncio.Event) -> float:
    """The longest that the event loop was busy with something else, in s."""
    worst = 0.0
    while not done.is_set():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        worst = max(worst, time.monotonic() - before - 0.005)
    return worst


async def flood(kind: str, transport: Transport, path: Path, seconds: float) -> bool:
    """One line; True when everything was counted."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--peer", kind, str(path), "--seconds", str(seconds),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 16,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()  # the line is there
    session = LiveSession("bench", transport=transport)
    seen = Seen(session)
    await session.open()
    done = asyncio.Event()
    turns = asyncio.create_task(longest_turn(done))
    sent, took, each, count, worst, most = (float(word) for word in (await process.stdout.readline()).split())
    link = session._link
    assert link is not None
    await until(lambda: link.received_bytes >= sent)
    done.set()
    rejected = link.decoder.rejected_lines
    counts = link.phase is LinkPhase.MACHINE, seen.samples * 3, rejected, seen.texts
    print(
        f"{kind:<5} {sent / took / 1000:5.0f} kB/s for {took:.1f} s, {each:,.0f} lines of each kind: the longest stall "
        f"{worst * 1000:.1f} ms, 99 of 100 up to {most * 1000:.1f} ms ({count:,.0f} in all); the event loop busy up to "
        f"{await turns * 1000:.1f} ms at a time; counted: {counts[1]:,} valid, {rejected:,} damaged, "
        f"{seen.texts:,} of text"
    )
    await session.close()
    process.kill()
    await process.wait()
    return counts == (True, each, each, each)


async def console(seconds: float) -> int:
    """Both lines; the status is 1 when something was not counted."""
    good = True
    with tempfile.TemporaryDirectory(prefix="llmbm-bench-") as folder:
        at = Path(folder) / "unix"
        good &= await flood("unix", transport_for(f"unix:{at}", 115_200), at, seconds)
        at = Path(folder) / "pty"
        good &= await flood("pty", serial_transport(str(at), 115_200), at, seconds)
    return 0 if good else 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each flood lasts (default 10)")
    parser.add_argument("--peer", nargs=2, metavar=("KIND", "PATH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        kind, path = arguments.peer
        peer(unix_line(path) if kind == "unix" else terminal_line(path), arguments.seconds)
        return 0
    return asyncio.run(console(arguments.seconds))


if __name__ == "__main__":
    raise SystemExit(main())
