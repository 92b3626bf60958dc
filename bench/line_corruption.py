"""How many damaged lines are taken for good ones: `python bench/line_corruption.py [--count 10000000]`.

Good lines of every record are damaged as lines do it to them and as parsers like it least (digits changed for digits),
and given to the console's decoder and to the kernel's receiver, compiled from its own source. A line that comes out and
is none of the good ones was wrongly accepted: status 1.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import END, Frame, FrameDecoder
from llmbm_protocol.schema import (
    Counters,
    Credit,
    Data,
    Event,
    HostHello,
    LogCode,
    LogLevel,
    Output,
    Perf,
    Phase,
    Record,
    Request,
    Token,
)

ROOT = Path(__file__).resolve().parents[1]
BATCH = 20_000
ENDS = b"\r\n" + END  # one for another leaves the frame what it was
HARNESS = r"""
#include "wire.h"
#include <stdio.h>
int main(void)
{
    static struct wire_receiver receiver;
    static char line[WIRE_LINE_BYTES + 1], block[65536];
    size_t count, length = 0;
    while ((count = fread(block, 1, sizeof block, stdin)) > 0)
        for (size_t i = 0; i < count; i++) {
            if (block[i] == '@')
                length = 0;
            if (length < WIRE_LINE_BYTES)
                line[length++] = block[i];
            if (wire_receive(&receiver, (uint8_t)block[i]) == WIRE_FRAME)
                printf("%.*s\n", (int)(length - 1), line);
        }
    return 0;
}
"""


def originals() -> list[bytes]:
    """Good lines, numbered so that their digits vary."""
    lines: list[bytes] = []
    for n in range(200):
        records: tuple[Record, ...] = (
            Token(generation=n, index=n * 7, time=104_233 + n, token=278 + n, cycles=12_345_678 * n, text=b" upon a"),
            Credit(consumed=151 + n, window=15, phase=Phase.DECODE, generation=n, tokens=n, events=131),
            Perf(time=104_400 + n, phase=Phase.DECODE, generation=n, tokens=5, token_us=33_120 + n, prompt_done=4,
                 prompt_total=4, decode_rate=30_500_000),
            Event(number=n, time=104_418, level=LogLevel.WARN, code=LogCode.BUDGET, first=n << 20, second=65_536,
                  message="decode pass over its budget"),
            Output(id=n + 1, index=n, text=b"  #0 tsc=53628972581296 t=0 level=info\n"),
            Data(id=n + 1, offset=n * 64, data=b"Zone_B: base=0x100000\r\n@q 0001"),
            Counters(overrun=n, framing=0, breaks=0, checksum=n, too_long=0, malformed=0, dropped=17),
            HostHello(protocol=1, session=n, nonce=f"{n:x}"),
            Request(id=n + 1, op="set", parameter="temp", value=f"0.{n}"),
        )  # fmt: skip
        lines += [to_frame(record, n) for record in records]
    return lines


class Damage:
    """Damaged lines from a seed."""

    def __init__(self, lines: list[bytes], seed: int) -> None:
        self.lines, self.dice = lines, random.Random(seed)
        self.good = {line.rstrip(ENDS) for line in lines}
        self.kinds = (self.flip, self.drop, self.double, self.swap, self.burst, self.digit, self.splice, self.insert)

    def line(self) -> bytes:
        """One that is no good line any more."""
        dice = self.dice
        while True:
            line = dice.choice(self.lines)
            damaged = bytes(dice.choice(self.kinds)(bytearray(line), int(dice.random() * len(line))))
            if damaged.rstrip(ENDS) not in self.good:
                return damaged

    def flip(self, line: bytearray, at: int) -> bytearray:
        """One to three bits."""
        line[at] ^= 1 << int(self.dice.random() * 8)
        for _ in range(int(self.dice.random() * 3)):
            line[int(self.dice.random() * len(line))] ^= 1 << int(self.dice.random() * 8)
        return line

    def drop(self, line: bytearray, at: int) -> bytearray:
        """One to four octets."""
        del line[at : at + 1 + int(self.dice.random() * 4)]
        return line

    def double(self, line: bytearray, at: int) -> bytearray:
        """An octet twice."""
        line.insert(at, line[at])
        return line

    def swap(self, line: bytearray, at: int) -> bytearray:
        """Neighbours change places."""
        at = max(1, at)
        line[at - 1], line[at] = line[at], line[at - 1]
        return line

    def burst(self, line: bytearray, at: int) -> bytearray:
        """Up to twelve octets of noise."""
        size = min(1 + int(self.dice.random() * 12), len(line) - at)
        line[at : at + size] = self.dice.randbytes(size)
        return line

    def digit(self, line: bytearray, at: int) -> bytearray:
        """A hexadecimal digit for another one, as near as possible."""
        for place in range(at, len(line)):
            if line[place] in b"0123456789abcdef":
                line[place] = self.dice.choice(b"0123456789abcdefABCDEF +-")
                break
        return line

    def splice(self, line: bytearray, at: int) -> bytearray:
        """The head of one line and the tail of another."""
        other = self.dice.choice(self.lines)
        return line[: max(1, at)] + other[max(1, int(self.dice.random() * len(other))) :]

    def insert(self, line: bytearray, at: int) -> bytearray:
        """Noise between octets."""
        line[at:at] = self.dice.randbytes(1 + int(self.dice.random() * 3))
        return line


def console_accepts(decoder: FrameDecoder, stream: bytes) -> list[bytes]:
    """What the console's decoder takes for lines."""
    return [piece.raw.rstrip(ENDS) for piece in decoder.feed(stream) if isinstance(piece, Frame)]


def receiver(folder: Path) -> Path:
    """The kernel's receiver as a program."""
    (folder / "harness.c").write_text(HARNESS, encoding="ascii")
    core, program = ROOT / "kernel_c" / "core", folder / "harness"
    sources = [
        folder / "harness.c",
        *(core / name for name in ("wire_receive.c", "wire_octets.c", "wire.c", "crc32.c", "number.c", "text.c")),
    ]
    command = [sys.executable, "-m", "ziglang", "cc", "-O2", "-fno-strict-aliasing", "-fno-sanitize=all"]
    subprocess.run([*command, "-I", core, "-I", ROOT / "kernel_c" / "gen", *sources, "-o", program], check=True)
    return program


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000, help="damaged lines (default 200,000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.nice(5)
    damage = Damage(originals(), arguments.seed)
    decoder, begun, done, wrong = FrameDecoder(), time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "accepted").open("w+b") as accepted:
        process = subprocess.Popen([receiver(Path(folder))], stdin=subprocess.PIPE, stdout=accepted)
        assert process.stdin is not None
        good = b"".join(damage.lines)
        process.stdin.write(good)  # that they are taken shows that nothing else keeps the damaged ones out
        taken = len(console_accepts(decoder, good))
        while done < arguments.count:
            size = min(BATCH, arguments.count - done)
            stream = b"".join(damage.line() for _ in range(size))
            process.stdin.write(stream)
            found = console_accepts(decoder, stream)
            wrong += sum(line not in damage.good for line in found)
            done += size
        process.stdin.close()
        assert process.wait() == 0
        accepted.seek(0)
        lines = accepted.read().splitlines()
        kernel_wrong = sum(line.rstrip(ENDS) not in damage.good for line in lines)
    if taken < len(damage.lines) or len(lines) < len(damage.lines):
        print(f"of {len(damage.lines)} good lines the console took {taken}, the kernel {len(lines)}", file=sys.stderr)
        return 1
    print(f"{done} damaged lines: wrongly accepted by the console {wrong}, by the kernel {kernel_wrong} "
          f"({time.monotonic() - begun:.0f} s)")  # fmt: skip
    return 1 if wrong or kernel_wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
