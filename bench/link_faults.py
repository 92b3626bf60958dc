"""How the line stands what real lines do: `python bench/link_faults.py [--long]`, with a kernel in the simulator.

overruns   the 16550 model with its baud clock, over poll gaps of 1 to 200 ms and one-way latencies of 0.1 to 16 ms
requests   each of many requests executed exactly once, at 1 % lost octets and 10 % lost lines in both directions
hello      from the opening of the line to machine mode: at a prompt, while firmware talks, and from the end of its talk
reconnect  from the moment the line is there again to machine mode
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from llmbm_console.chaos.faults import NOISE
from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.paths import default_model, find_tokenizer, simulator_binary
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import Event, LinkPhase, RecordReceived
from llmbm_console.core.transport.sockets import unix_transport
from llmbm_protocol.schema import Hello, Stream

GAPS_MS = (1, 2, 5, 10, 20, 50, 100, 200)
LATENCIES_MS = (0.1, 1, 4, 16)
PROMPT = "Once upon a time"


async def until(condition: Callable[[], object], timeout: float = 60.0) -> float:
    """When the condition began to hold."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not happen within {timeout:g} s")
        await asyncio.sleep(0.001)
    return time.monotonic()


@contextlib.asynccontextmanager
async def kernel(*options: str, fill: Callable[[Path], None] | None = None) -> AsyncIterator[Kernel]:
    """A simulator with the small model on a unix socket, or with the one that `fill` wrote into its volume under the
    same name."""
    folder = Path(tempfile.mkdtemp(prefix="llmbm-bench-"))
    one = Kernel(folder)
    try:
        if fill is not None:
            (folder / "volume").mkdir()
            fill(folder / "volume")
        await one.start(*options)
        yield one
    finally:
        await one.end()
        shutil.rmtree(folder, ignore_errors=True)


class Kernel:
    """One process, its line and what it counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.line, self.errors = folder / "line", folder / "errors"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> None:
        """Starts it; an earlier one must have ended."""
        volume = self.folder / "volume"
        volume.mkdir(exist_ok=True)
        for source in (model := default_model(), find_tokenizer(model)):
            if not (volume / source.name).exists():
                shutil.copy(source, volume)
        self.line.unlink(missing_ok=True)
        with self.errors.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                simulator_binary(), "--files", volume, "--serial", f"unix:{self.line}", "--uart-stats",
                "--die-with-parent", *options, stdin=asyncio.subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
        await until(self.line.exists)

    async def end(self) -> dict[str, int]:
        """Ends it; returns the counters of its UART."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()
        found = re.findall(r"uart received=.*", self.errors.read_text())
        return {n: int(v) for n, v in (word.split("=") for word in found[-1].split()[1:])} if found else {}


async def opened(path: Path, timeout: float = 60.0) -> LiveSession:
    """A session that is ready."""
    session = LiveSession("bench", transport=unix_transport(str(path)))
    await session.open()
    await session.wait_ready(timeout)
    return session


# ---- overruns --------------------------------------------------------------------------------------------------------


async def visit(gap_ms: float, latency_ms: float) -> tuple[int, float]:
    """A visit of a console with queries, settings, a command, a prompt and a stop; overruns, and seconds."""
    options = ("--uart", "16550", "--poll-gap-us", str(int(gap_ms * 1000)), "--latency-us", str(int(latency_ms * 1000)))
    async with kernel(*options) as one:
        begun = time.monotonic()
        session = await opened(one.line)
        await session.set_parameter("max_tokens", "12")
        await session.submit("/ctx")
        running = asyncio.create_task(session.submit(PROMPT))
        for number in range(3):
            await session.set_parameter("seed", str(number))
        await session.fetch(Stream.ZONE)
        await session.stop()
        await asyncio.wait_for(running, 120)
        took = time.monotonic() - begun
        await session.close()
        return (await one.end())["overruns"], took


async def overruns(long: bool) -> int:
    """The table; returns the sum."""
    gaps = GAPS_MS if long else (2, 20, 200)
    latencies = LATENCIES_MS if long else (0.1, 16)
    total = 0
    print("overruns (seconds of the visit)   " + "".join(f"{latency:>12g} ms" for latency in latencies))
    for gap in gaps:
        cells = []
        for latency in latencies:
            count, took = await visit(gap, latency)
            total += count
            cells.append(f"{count:>7} ({took:4.1f})")
        print(f"  poll gap {gap:>4} ms                " + " ".join(f"{cell:>14}" for cell in cells), flush=True)
    return total


# ---- exactly once ----------------------------------------------------------------------------------------------------


def is_hello(event: Event) -> bool:
    """A session of the protocol begins."""
    return isinstance(event, RecordReceived) and isinstance(event.record, Hello) and event.record.machine


async def worker(number_of_line: int, count: int) -> tuple[int, int, int, int]:
    """A share of the requests on a line of its own: how many were not done once, faults, repetitions, sessions."""
    async with kernel() as one, Chaos(one.folder / "front", one.line, seed=number_of_line) as chaos:
        session = await opened(one.folder / "front")
        await session.set_parameter("max_tokens", "1")
        hellos: list[object] = [session.state.hello]
        session.listen(lambda _, event: hellos.append(event) if is_hello(event) else None)
        chaos.up.drop_byte, chaos.up.drop_line, chaos.down.drop_line = 0.01, 0.1, 0.1
        wrong = generations = uncertain = 0
        for index in range(count):
            if index % 50 == 49:  # executed twice, it makes two generations
                while not (await session.submit("/clear")).ok:
                    await session.wait_ready(60)
                outcome = await session.submit(PROMPT)
                number = outcome.turn.number if outcome.turn is not None else 0
                if outcome.error_code == "lost":  # the session ended under it: a person is told that nobody knows
                    uncertain += 1
                    await session.wait_ready(60)
                    continue
                good = outcome.ok and generations < number <= generations + 1 + uncertain
                generations, uncertain = max(number, generations), 0
            else:
                outcome = await session.set_parameter("seed", str(index))
                good = (outcome.ok, outcome.output) == (True, str(index))
            if not good:
                wrong += 1
                print(f"line {number_of_line}, request {index}: {outcome.error or outcome}", flush=True)
        chaos.calm()
        repeated = session._link.requests.retries if session._link is not None else 0
        await session.close()
        return wrong, chaos.damaged, repeated, len(hellos)


async def requests(count: int, lines: int) -> int:
    """Requests that would show a second execution, on lines that lose; returns how many were not done once."""
    begun = time.monotonic()
    results = await asyncio.gather(*(worker(number, count // lines) for number in range(lines)))
    wrong, faults, repeated, sessions = (sum(column) for column in zip(*results, strict=True))
    print(f"requests: {count} on {lines} lines, 1 % of octets and 10 % of lines to the kernel and 10 % of lines "
          f"from it lost: {wrong} not done exactly once, {faults} faults, {repeated} repetitions, {sessions} sessions, "
          f"{time.monotonic() - begun:.0f} s")  # fmt: skip
    return wrong


# ---- hello and reconnect ---------------------------------------------------------------------------------------------


async def machine_mode(session: LiveSession) -> float:
    """When machine mode began."""
    return await until(lambda: session.state.link.phase is LinkPhase.MACHINE)


def say_noise(chaos: Chaos, seconds: float) -> asyncio.Task[None]:
    """Firmware that talks for a while, whatever is said to it."""

    async def talk() -> None:
        dice = random.Random(1)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for writer in chaos._readers:
                writer.write(dice.choice(NOISE))
            await asyncio.sleep(dice.random() * 0.2)

    return asyncio.create_task(talk())


def summary(name: str, seconds: Sequence[float]) -> None:
    """Median and worst."""
    print(f"{name:<44} median {statistics.median(seconds) * 1000:6.0f} ms, worst {max(seconds) * 1000:6.0f} ms")


async def hello(rounds: int) -> None:
    """From the first octet sent, and from the opening of the line; and on one where firmware talks for two seconds."""
    said: list[float] = []
    attached: list[float] = []
    noisy: list[float] = []
    behind: list[float] = []
    async with kernel() as one:
        for _ in range(rounds):
            session = LiveSession("bench", transport=unix_transport(str(one.line)))
            begun = time.monotonic()
            await session.open()
            first = await until(lambda: session._link is not None and session._link.sent_bytes)  # noqa: B023
            done = await machine_mode(session)
            said.append(done - first)
            attached.append(done - begun)
            await session.wait_ready(20)
            await session.close()
        for number in range(max(3, rounds // 4)):
            async with Chaos(one.folder / f"noisy{number}", one.line, seed=number) as chaos:
                session = LiveSession("bench", transport=unix_transport(str(one.folder / f"noisy{number}")))
                begun = time.monotonic()
                await session.open()
                await until(lambda: chaos.clients)
                await say_noise(chaos, 2.0)
                silent = time.monotonic()
                done = await machine_mode(session)
                noisy.append(done - begun)
                behind.append(done - silent)
                await session.wait_ready(20)
                await session.close()
    summary("hello, from its first octet", said)
    summary("hello, from the opening of the line", attached)
    summary("hello, from the opening, firmware talks 2 s", noisy)
    summary("hello, from the end of firmware noise", behind)


async def reconnect(rounds: int) -> None:
    """The line is cut and at once there again."""
    took: list[float] = []
    async with kernel() as one, Chaos(one.folder / "front", one.line, seed=1) as chaos:
        session = await opened(one.folder / "front")
        for _ in range(rounds):
            chaos.cut()
            begun = time.monotonic()
            await until(lambda: session.state.link.phase is not LinkPhase.MACHINE)
            took.append(await machine_mode(session) - begun)
            await session.wait_ready(20)
            await asyncio.sleep(1.1)  # a line that was good for a while is opened again at once
        await session.close()
    summary("reconnect", took)


# ---- the whole -------------------------------------------------------------------------------------------------------


async def run(arguments: argparse.Namespace) -> int:
    """Everything that was asked for; the status is 1 when something must not be."""
    long, bad = arguments.long, 0
    if "overruns" in arguments.what:
        bad += await overruns(long)
    if "requests" in arguments.what:
        bad += await requests(*((10_000, 20) if long else (200, 10)))
    if "hello" in arguments.what:
        await hello(40 if long else 8)
    if "reconnect" in arguments.what:
        await reconnect(10 if long else 3)
    return 1 if bad else 0


def main() -> int:
    """The command line."""
    parts = ("overruns", "requests", "hello", "reconnect")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=parts, help=f"of {', '.join(parts)} (default: all)")
    parser.add_argument("--long", action="store_true", help="the whole table and 10,000 requests: an hour or less")
    arguments = parser.parse_args()
    if unknown := set(arguments.what) - set(parts):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(parts)}")
    os.nice(5)
    return asyncio.run(run(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
