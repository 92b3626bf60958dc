"""How fast the host decodes the line protocol: `python bench/wire_rate.py`. A line at 115200 baud carries 300 lines a
second."""

from __future__ import annotations

import time
from collections.abc import Callable

from llmbm_protocol.codec import from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import Event, LogCode, LogLevel, Perf, Phase, Record, Token, Zones

RECORDS: tuple[Record, ...] = (
    *(Token(generation=12, index=i, time=104_233, token=278, cycles=12_345_678, text=b" upon") for i in range(8)),
    Perf(time=1, phase=Phase.DECODE, generation=3, tokens=3, token_us=33_111, prompt_done=1, prompt_total=2,
    decode_rate=30_500_000), Zones(time=2, weights=(438_304_768,) * 2, kv=(75_497_472,) * 2, scratch=(1, 2),
    acts=(1, 2), zonec=(1, 2), keep=(1, 2)), Event(number=131, time=5, level=LogLevel.WARN, code=LogCode.BUDGET,
    message="decode pass over its budget"),
)  # fmt: skip
ROUNDS = 5_000


def best(work: Callable[[], object], count: int) -> float:
    """Items per second, the best of three runs."""
    seconds: list[float] = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return count / min(seconds)


def main() -> None:
    """Prints the three rates."""
    stream = b"".join(to_frame(record, number) for number, record in enumerate(RECORDS)) * ROUNDS
    count = len(RECORDS) * ROUNDS

    def decode(chunk: int) -> list[Frame]:
        decoder = FrameDecoder()
        pieces = [piece for at in range(0, len(stream), chunk) for piece in decoder.feed(stream[at : at + chunk])]
        return [piece for piece in pieces if isinstance(piece, Frame)]

    frames = decode(4096)
    assert len(frames) == count
    print(f"stream: {count} lines, {len(stream) / count:.0f} octets a line")
    print(f"frames, 4096-octet reads: {best(lambda: decode(4096), count):12,.0f} lines/s")
    print(f"frames,   64-octet reads: {best(lambda: decode(64), count):12,.0f} lines/s")
    print(f"frames to records:        {best(lambda: [from_frame(frame) for frame in frames], count):12,.0f} records/s")
    print(f"records to lines:         {best(lambda: [to_frame(r, 0) for r in RECORDS], len(RECORDS)):12,.0f} lines/s")


if __name__ == "__main__":
    main()
