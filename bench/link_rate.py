"""How fast bytes become state: `python bench/link_rate.py`. Decoder, repair and store together, without a face.

A line at 115200 baud carries at most 11,520 bytes a second; the wish is to keep up with 1000 tokens a second.
"""

from __future__ import annotations

import asyncio
import time

from llmbm_console.core.link.link import Link
from llmbm_console.core.sanitise import ConsoleCleaner
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.state.state import State
from llmbm_console.core.state.store import reduce
from llmbm_console.core.transport.sockets import unix_transport
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import Credit, Finished, Phase, Record, StopReason, Token

GENERATIONS, TOKENS = 40, 256
CHUNK = 512  # bytes in one read


def stream() -> bytes:
    """Whole answers, with a credit after every eighth token."""
    records: list[Record] = []
    for generation in range(1, GENERATIONS + 1):
        for index in range(TOKENS):
            records.append(
                Token(generation=generation, index=index, time=index, token=278, cycles=12_345_678, text=b" upon")
            )
            if index % 8 == 7:
                records.append(
                    Credit(consumed=9, window=15, phase=Phase.DECODE, generation=generation, tokens=index + 1)
                )
        records.append(
            Finished(
                generation=generation, time=1, reason=StopReason.EOS, tokens=TOKENS, prompt_tokens=3, prefill_us=1,
                decode_us=2, kv_rows=3, turn=1,
            )
        )  # fmt: skip
    return b"".join(to_frame(record, number & 0xFFFF) for number, record in enumerate(records))


async def main() -> None:
    """Prints the rates."""
    data = stream()
    state = State()

    def emit(event: object) -> None:
        nonlocal state
        state = reduce(state, event)  # type: ignore[arg-type]

    link = Link(unix_transport("/nowhere"), emit)
    link.phase = LinkPhase.MACHINE
    begin = time.perf_counter()
    worst = 0.0
    for at in range(0, len(data), CHUNK):
        before = time.perf_counter()
        link._receive(data[at : at + CHUNK])
        worst = max(worst, time.perf_counter() - before)
    seconds = time.perf_counter() - begin
    count = GENERATIONS * TOKENS
    assert sum(len(getattr(item, "tokens", ())) for item in state.items) == count
    print(f"bytes to state       {count / seconds:10,.0f} tokens/s   {len(data) / seconds / 1e6:6.2f} MB/s")
    print(f"longest {CHUNK}-byte read {worst * 1000:10.2f} ms")

    noise = ('BdsDxe: loading Boot0001 \x1b[1;31m"UEFI Misc Device"\x1b[0m from PciRoot(0x0)\r\n' * 20_000).encode()
    cleaner = ConsoleCleaner()
    begin = time.perf_counter()
    for at in range(0, len(noise), 4096):
        cleaner.feed(noise[at : at + 4096])
    print(f"console text         {len(noise) / (time.perf_counter() - begin) / 1e6:10.2f} MB/s cleaned")


if __name__ == "__main__":
    asyncio.run(main())
