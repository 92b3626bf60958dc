"""The way into machine mode: listen, say hello in pieces that a 16-byte FIFO survives, knock when nobody answers."""

from __future__ import annotations

import asyncio
import re
import secrets
import string
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from llmbm_console.core.defaults import SPEEDS
from llmbm_protocol.codec import to_frame
from llmbm_protocol.frame import END
from llmbm_protocol.schema import PROTOCOL, Credit, HostHello, Leave, Record

STOP, ERASE = b"\x03", b"\b"
PIECE = 12  # bytes; with the FIFO's 16 this leaves room for what is still in it
PROBE = 6  # bytes of a hello that show whether it is echoed: no whole head, so that their echo is text to any receiver
PIECE_PAUSE = 0.02  # s at least between pieces
PROMPT_LIMIT = 0.05  # s at most in human mode: an echo ends it earlier, but a kernel does not echo what may be a frame
SLOW_LIMIT = 0.25  # s after a knock: a kernel that looks at its line more seldom had no room for all of a hello
BUSY_LIMIT = 0.3  # s at most in machine mode: a credit ends it earlier, and one comes every 250 ms
LISTEN = 0.05  # s before anything is sent: who talks all the time is firmware, or a kernel in machine mode
QUIET = 0.2
TRIES = (0.3, 0.5, 1.0, 2.0, 2.0)  # s to wait for the answer to each hello
#: The same where a kernel had answered: a line that loses a third of its hellos is no other one.
KNOWN_TRIES = (*TRIES, *(2.0,) * 5)
ROUNDS = 3  # of all tries, as long as the kernel is heard to start between: it may have started behind a hello
FIRMWARE_QUIET = 1.0  # s without a byte before a line that talks is spoken to
BOOT_QUIET = 8.0  # s: a starting machine fell silent without the kernel's beacon; busy computers let firmware pause
BOOT_SILENT = 45.0  # s: a starting machine that never said anything
NONCE, NONCE_LETTERS = 3, string.ascii_lowercase + string.digits  # with three letters a hello is three pieces
HEARD = 256  # bytes kept of what was heard last
CONTROLS = re.compile(rb"\x1b\[[0-9;?]*[@-~]|[\x00-\x1f\x7f]")
TEXT = bytes((*range(0x20, 0x7F), 0x08, 0x09, 0x0A, 0x0D, 0x1B))
ODD_SHARE, ODD_LEAST = 0.3, 16  # a share of odd bytes that looks like another speed, and from how many bytes on


@dataclass
class Ear:
    """What has been heard on the line, kept by the link for whoever says hello."""

    received: int = 0  # bytes since the line was opened
    odd: int = 0  # of them, those that no text in any language of a kernel or firmware has
    heard_at: float = 0.0  # last byte
    machine_frames: int = 0  # credits, tokens, samples: the line is in machine mode already
    consumed: int = 0  # of the last credit
    beacons: int = 0
    kernel_frames: int = 0  # of any kind, since the line was opened: a kernel is there
    starts: int = 0  # of them, beacons
    nonce: str = ""  # of the hello that is not answered yet
    said: list[str] = field(default_factory=list)  # nonces of all hellos
    stranger: str | None = None  # nonce of an answer that was not for the hello that waits
    echoes: bool = False  # a hello came back as text: who does that knows no frames
    last: bytes = b""  # what was heard last
    at_once: bool = False  # the line keeps what the kernel has no room for, as QEMU's does: a hello needs no pieces
    frozen: bool = False  # the machine is paused: nothing can be heard, and nothing may be said
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, data: bytes, now: float) -> None:
        """Counts what came."""
        self.heard_at = now
        self.received += len(data)
        self.last = (self.last + data)[-HEARD:]
        self.odd += len(data.translate(None, TEXT))

    def frame(self, record: Record) -> None:
        """A frame came while no session stands: a kernel is there, and in machine mode unless it says that it left."""
        self.kernel_frames += 1
        if isinstance(record, Leave):
            self.machine_frames, self.beacons = 0, 1  # it is at its prompt now
        else:
            self.machine_frames += 1
        if isinstance(record, Credit):
            self.consumed = record.consumed

    def beacon(self) -> None:
        """A kernel says that it is there, in human mode."""
        self.beacons += 1
        self.starts += 1
        self.kernel_frames += 1

    def answered(self, nonce: str) -> bool:
        """A kernel answered a hello: whether it is the one that waits. Any other answer is noted as a stranger's."""
        if nonce and nonce == self.nonce:
            self.nonce = ""
            return True
        if self.said:
            self.stranger = nonce
        return False

    def tell(self) -> None:
        """Something was heard."""
        self.changed.set()

    async def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        """Waits until the condition holds; False when it did not within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not until():
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            self.changed.clear()
            try:
                async with asyncio.timeout(rest):
                    await self.changed.wait()
            except TimeoutError:
                return until()
        return True

    async def quiet(self, seconds: float, at_most: float) -> bool:
        """Waits until no byte came for `seconds`; False when bytes still come after `at_most`, and as soon as the line
        is known to be in machine mode, where heartbeats let it never rest."""
        deadline = time.monotonic() + at_most
        while (rest := self.heard_at + seconds - time.monotonic()) > 0:
            if self.machine_frames or time.monotonic() > deadline:
                return False
            await asyncio.sleep(rest)
        return True


Write = Callable[[bytes], Awaitable[None]]


async def send_paced(
    data: bytes,
    ear: Ear,
    write: Write,
    limit: float = PROMPT_LIMIT,
    first: int = PIECE,
    echoed: Callable[[], bool] = lambda: False,
) -> int:
    """Sends without credit: small pieces, the first one of `first` bytes, each after the echo (human mode) or credit
    (machine mode) of the last, or `limit` seconds. Stops where `echoed` holds; returns how many bytes were sent."""
    starts: list[int] = [0, *range(first, len(data), PIECE)]
    for start in starts:
        piece = data[start : start + PIECE if start else first]
        received, consumed = ear.received, ear.consumed
        wanted = len(piece)

        def taken(received: int = received, consumed: int = consumed, wanted: int = wanted) -> bool:
            return ear.received - received >= wanted or (ear.consumed - consumed) % (1 << 32) >= wanted

        await write(piece)
        await asyncio.sleep(PIECE_PAUSE)
        if start + len(piece) < len(data):
            await ear.wait(taken, limit - PIECE_PAUSE)
        if echoed():
            ear.echoes = True
            return start + len(piece)
    return len(data)


async def say_hello(ear: Ear, write: Write, knock: bool, timeout: float) -> bool:
    """One try. `knock` ends whatever a person or a program left on the line first, and takes its time. True when the
    kernel answered this very hello. One without an answer is erased: to an earlier kernel it is half a prompt.
    """
    if knock:
        await write(STOP + b"\r")
        await ear.quiet(0.05, QUIET)
    ear.nonce = "".join(secrets.choice(NONCE_LETTERS) for _ in range(NONCE))
    ear.said.append(ear.nonce)
    hello = HostHello(protocol=PROTOCOL, session=secrets.randbelow(0x10000), nonce=ear.nonce)
    line = to_frame(hello, 0)[:-1] + END  # a LF would be Enter to an earlier kernel: the hello, a prompt
    if ear.machine_frames:
        line = b"\n" + line
    ear.last = b""

    gone = 0

    async def write_counted(data: bytes) -> None:
        nonlocal gone
        gone += len(data)
        await write(data)

    def echoed() -> bool:
        """All that was sent, and nothing behind it: what another program had sent may come back as well."""
        heard = CONTROLS.sub(b"", ear.last)
        at = heard.rfind(line[:PROBE])
        return at >= 0 and heard[at:] == CONTROLS.sub(b"", line[:gone])

    limit = BUSY_LIMIT if ear.machine_frames else SLOW_LIMIT if knock else PROMPT_LIMIT
    first = PROBE if not ear.machine_frames else len(line) if ear.at_once else PIECE
    sent = await send_paced(line, ear, write_counted, limit, first, echoed)
    if not ear.echoes and await ear.wait(lambda: not ear.nonce or echoed(), timeout) and not ear.nonce:
        return True
    # One that came back only when it was whole may have lost a part on the way to a kernel that has no room: once more.
    ear.echoes = ear.echoes or (knock and echoed())
    if not ear.machine_frames:
        await send_paced(ERASE * sent, ear, write, limit)
    return not ear.nonce


async def wait_for_kernel(ear: Ear, since: float) -> None:
    """A machine that was just started: firmware must not be typed at, so the kernel's beacon is awaited.

    Returns also when the line fell quiet without one, or never said anything: then the beacon was lost, or this is
    another kernel, and a hello will show which.
    """
    while not (ear.beacons or ear.machine_frames):
        now = time.monotonic()
        if ear.frozen:
            since = now
        limit, last = (BOOT_QUIET, ear.heard_at) if ear.heard_at >= since else (BOOT_SILENT, since)
        if now - last > limit:
            return
        await ear.wait(lambda: bool(ear.beacons or ear.machine_frames), 0.5)


def why_nobody_answers(ear: Ear) -> str:
    """What a person can do about a line on which no kernel answered."""
    if ear.received >= ODD_LEAST and ear.odd > ODD_SHARE * ear.received:
        share = round(100 * ear.odd / ear.received)
        speeds = ", ".join(map(str, SPEEDS[:-1])) + f" or {SPEEDS[-1]}"
        return f"{share} % of what comes is no text: the speed is probably wrong; try --baud {speeds}"
    if ear.stranger is not None and ear.stranger in ear.said:
        return f"A kernel is there, but its answer takes longer than the {max(TRIES):g} s that a hello is waited for"
    if ear.stranger is not None:
        return (
            f"A kernel answered, but not our hello (it names {ear.stranger!r}, ours was {ear.said[-1]!r}): "
            "another program talks to it on this line, or what comes was said long ago"
        )
    if ear.echoes:
        return "What was sent came back as text: another kernel, or firmware, waits for input here"
    if ear.kernel_frames:
        heard = f"it was heard to start {ear.starts} times, and " if ear.starts > 1 else ""
        restarts = "it restarts before it can answer, or " if ear.starts > 1 else ""
        return (
            f"A kernel is there: {heard}what it says arrives, but it answers nothing: {restarts}nothing that is sent "
            "reaches it. Is the wire from this computer's transmit pin to the machine's receive pin connected, and "
            "does the adapter transmit at all?"
        )
    return "Another program may hold the line, the speed may differ, or another kernel runs"


async def establish(ear: Ear, write: Write, known: bool = False) -> bool:
    """Listens for a moment, then tries until the kernel answers. False: it does not, and the line is quiet.
    `known`: a kernel had answered on this line, so silence is rather a loss than another program's.

    The first hello goes without a knock: a frame does no harm to a running answer or a half-typed line, and firmware
    gets no Enter. A kernel that started meanwhile has heard none of it, and says so: it is told anew, but not without
    end.
    """
    await ear.wait(lambda: bool(ear.machine_frames or ear.beacons), LISTEN)
    for _ in range(ROUNDS):
        beacons = ear.beacons
        if await _try(ear, write, KNOWN_TRIES if known else TRIES):
            return True
        if ear.beacons == beacons:
            break
    ear.nonce = ""
    return False


async def _try(ear: Ear, write: Write, tries: tuple[float, ...]) -> bool:
    """All tries, as long as the line is no terminal that shows what is typed."""
    for number, timeout in enumerate(tries):
        while ear.frozen:
            await ear.wait(lambda: not ear.frozen, 1.0)
        greeted = bool(ear.machine_frames or (ear.beacons and number == 0))
        if not greeted:
            # Somebody talks who is no kernel: firmware. Typing at it could stop the boot.
            await ear.quiet(FIRMWARE_QUIET if number == 0 else QUIET, 30.0)
        # In machine mode a knock would stop a running generation; a busy kernel only needs more time.
        knock = number > 0 and not ear.machine_frames
        if await say_hello(ear, write, knock, timeout if knock else max(timeout, 1.0)):
            return True
        if ear.echoes and not ear.machine_frames:
            break  # a terminal that shows what is typed: to go on would be to type prompts
    return False
