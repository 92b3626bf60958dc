"""The host's end of the line protocol LLP/1 (protocol/SPEC.md): one line, opened, greeted, kept alive, reopened."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Callable, Iterable

from llmbm_console.core.link.asking import SESSION, Asking
from llmbm_console.core.link.choices import Choices
from llmbm_console.core.link.clock import ClockFilter
from llmbm_console.core.link.credits import Credits
from llmbm_console.core.link.decode import LineDecoder
from llmbm_console.core.link.greeting import Greeting
from llmbm_console.core.link.hello import Ear
from llmbm_console.core.link.requests import Pending, RequestError, Requests
from llmbm_console.core.link.sending import Sending
from llmbm_console.core.link.streams import FLUSH_TEXT, IN_FRAME, JOINS, RECOVERED, SKIP_EVENTS, Streams, Way
from llmbm_console.core.link.upkeep import Upkeep
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.transport.base import Transport, TransportError
from llmbm_console.core.transport.logged import LoggedTransport
from llmbm_protocol.codec import UnknownFrame
from llmbm_protocol.schema import (
    EXPIRY_MS,
    PROTOCOL,
    Counters,
    Credit,
    Data,
    Hello,
    Leave,
    LeaveReason,
    Output,
    Phase,
    Record,
    Response,
    Sample,
)

BUSY = (Phase.PREFILL, Phase.DECODE, Phase.LOAD, Phase.BENCH)
FIRST_BACKOFF, LAST_BACKOFF = 0.1, 5.0  # s between tries to open a lost line
BYE_TIMEOUT = 0.5
#: What the kernel's own end of a session means; to a word that is not here, the kernel is newer than this console.
WHY_LEFT: dict[str, str] = {
    LeaveReason.BREAK: "a break on the line gave it back to people",
    LeaveReason.CTRL_C: "Ctrl+C twice within a second gave the line back to people",
    LeaveReason.EXPIRED: f"the kernel did not hear this console for {EXPIRY_MS // 1000} s and gave the line back",
    LeaveReason.REBOOT: "the machine restarts",
}


class Link:
    """One line. Everything that happens goes to `emit`, in the order of the wire; requests are awaited."""

    def __init__(
        self,
        transport: Transport,
        emit: Callable[[ev.Event], None],
        boots: bool = False,
        tap: Callable[[Way, float, bytes | str], None] = lambda way, at, data: None,
        patience: float = math.inf,
    ) -> None:
        self.transport = transport
        self.emit = emit
        self.tap = tap  # sees all octets, and what the link does by itself
        self.position: int | None = None  # frames and texts of the octets that are being taken, this one included
        self.phase = LinkPhase.CLOSED
        self.hello: Hello | None = None
        self.credits = Credits()
        self.requests = Requests(self.credits)
        self.streams = Streams()
        self.clock = ClockFilter()
        self.engine = Phase.IDLE
        self.frozen = False  # the machine is paused: nothing can come
        self.heard_at = 0.0  # last valid frame
        self.slowest_gap = 0.25  # s between credit frames lately
        self.received_bytes = self.sent_bytes = 0
        self.round_trip: float | None = None
        self.failed = ""  # why the line is not opened any more
        self._patience = patience  # s that a line on which no kernel ever answered is opened again
        self.decoder = LineDecoder()
        self.ear = Ear()
        self.greeting = Greeting(self, boots)
        self.sending = Sending(self)
        self._asking = Asking(self)
        self.request = self._asking.request
        self.upkeep = Upkeep(self)
        self.choices = Choices(self)
        self._main: asyncio.Task[None] | None = None
        self._closing = False
        self._overruns = 0  # of the kernel's receiver, told
        self._lost_at: float | None = None
        self.followed = (0, 0)  # boot of the session that this one goes on with, and how much of its log is known
        self._restarts = False  # the machine was reset, and its kernel was not heard yet
        self._recovering = False  # what is received now came while nobody was connected

    @property
    def busy(self) -> bool:
        """True while the kernel computes."""
        return self.engine in BUSY

    # ---- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Opens the line and keeps it open, in the background."""
        self._main = asyncio.create_task(self._run())
        self._main.add_done_callback(self._broke)

    def _broke(self, task: asyncio.Task[None]) -> None:
        """The background task ends by itself only for a reason worth telling."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed = f"internal error in the link: {type(error).__name__}: {error}"
            self.emit(ev.Notice(time.monotonic(), "error", self.failed))
            self.set_phase(LinkPhase.CLOSED, self.failed)

    async def close(self) -> None:
        """Gives the line back to people and closes it. Idempotent."""
        if self._closing:
            return
        if self.phase is LinkPhase.MACHINE and not self.frozen:
            with contextlib.suppress(RequestError, TimeoutError):
                async with asyncio.timeout(BYE_TIMEOUT):
                    await self.request("bye")
        self._closing = True
        self.greeting.stop()
        if self._main is not None:
            self._main.cancel()
            await asyncio.wait([self._main])
        self.requests.fail_all("lost", "the session was closed")
        await self.transport.close()
        self.set_phase(LinkPhase.CLOSED)

    def set_phase(self, phase: LinkPhase, detail: str = "") -> None:
        """Tells a new phase, once."""
        if phase is not self.phase or detail:
            self.phase = phase
            self.emit(ev.LinkChanged(time.monotonic(), phase, clean(detail)))

    async def _run(self) -> None:
        delay = FIRST_BACKOFF
        told = ""
        give_up_at = time.monotonic() + self._patience
        while True:
            if self.phase is not LinkPhase.OPENING:
                self.set_phase(LinkPhase.OPENING)
            try:
                await self.transport.open()
            except TransportError as error:
                rest = give_up_at - time.monotonic() if self.hello is None else math.inf
                if not error.retry or rest <= 0:
                    tried = f" (tried again for {self._patience:g} s)" if error.retry and self._patience else ""
                    self._fail(f"{error}{tried}")
                    return
                if str(error) != told:  # loud once, quiet while it stays the same
                    told = str(error)
                    self.set_phase(LinkPhase.OPENING, told)
                await asyncio.sleep(min(rest, delay * random.uniform(0.8, 1.2)))
                delay = min(delay * 2, LAST_BACKOFF)
                continue
            opened_at, told = time.monotonic(), ""
            await self._serve()
            await self.transport.close()
            if time.monotonic() - opened_at > 1.0:
                delay = FIRST_BACKOFF  # a line that was good for a while is tried again at once
            if self.hello is None and time.monotonic() >= give_up_at:
                self._fail(f"{self.transport.describe()}: the line ended before a kernel had answered")
                return
            self._lost(delay)
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))
            delay = min(delay * 2, LAST_BACKOFF)

    async def _serve(self) -> None:
        """One connection, from open to its end. The reading waits for nothing but bytes."""
        logged = self.transport if isinstance(self.transport, LoggedTransport) else None
        if logged is None:
            self.decoder.begin()
        else:  # nothing is missing
            self.tap("x", time.monotonic(), JOINS)
        self.greeting.begin_line()
        tasks = [asyncio.create_task(self.sending.run()), asyncio.create_task(self.upkeep.run())]
        try:
            while data := await self.transport.read():
                if logged is not None and logged.missed:
                    self._recovered(data[: logged.missed], logged.skipped)
                    data = data[logged.missed :]
                if data:
                    self._receive(data)
        finally:
            self.choices.end()
            self.greeting.stop()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._flush_text()

    def _fail(self, why: str) -> None:
        """The line is not tried again by itself."""
        self.greeting.stop()
        self.failed = why
        self.set_phase(LinkPhase.CLOSED, why)

    def _lost(self, delay: float) -> None:
        self.greeting.stop()  # a reset while the line ended began one, which would listen to that line for ever
        if not self._restarts:  # a line that ends with a machine that is started anew is no loss
            self._lost_at = time.monotonic()
        self.requests.fail_all("lost", "the connection was lost; it is not known whether this was done")
        self.set_phase(LinkPhase.OPENING, f"{self.transport.describe()}: the line ended; opening it again")

    # ---- sessions --------------------------------------------------------------------------------------------------

    def _established(self, hello: Hello, now: float) -> None:
        """Machine mode begins with the answer itself: what follows it in the same bytes belongs to the session."""
        if hello.protocol != PROTOCOL:
            older = "the kernel" if hello.protocol < PROTOCOL else "this console"
            text = f"the kernel speaks protocol {hello.protocol}, we {PROTOCOL}: {older} is older"
            self.set_phase(LinkPhase.PLAIN, text)
            return
        rebooted = self.hello is not None and self.hello.boot != hello.boot
        if rebooted or self.hello is None:
            self.streams.restart()
            self.choices.clear()
            self.clock.clear()
        boot, logged = self.followed
        if logged and self.hello is None and hello.boot == boot:
            self.give_up(f"{SKIP_EVENTS} 0 {logged}")
        self.hello = hello
        self._overruns = 0
        self.greeting.boots = False
        self.requests.begin()
        self.requests.longest = hello.max_line
        self.credits.begin(hello.window_idle, now)
        self.sending.session_begins()
        self.engine = Phase.IDLE
        self.heard_at = now
        self.emit(ev.RecordReceived(now, hello))
        if self._lost_at is not None:
            self.emit(ev.Gap(now, now - self._lost_at, f"the line was lost for {now - self._lost_at:.1f} s"))
            self._lost_at = None
        self._restarts = False
        self.set_phase(LinkPhase.MACHINE)
        self.upkeep.session_began()
        self.sending.wake()

    def machine_restarts(self, *, ended: bool = False) -> None:
        """The machine was reset: what is pending is void, the kernel will say when it is there again. `ended`: it had
        ended before, so that nothing was said while the line was lost."""
        if ended:
            self._lost_at = None
        self._flush_text(prompt=True)  # of the kernel of before: nothing of the next one may join to it
        self._boots_anew()
        self.forget_session("rebooted", "the machine restarted")

    @property
    def speaks_frames(self) -> bool:
        """The kernel was heard in machine mode, whether it has answered us yet or not."""
        return self.phase in SESSION or self.ear.machine_frames > 0

    def goes_back(self, boot: int, logged: int, generation: int, *, in_frame: bool) -> None:
        """On a line that was just opened: the kernel goes on from an earlier moment of a boot (0: it was not heard
        yet), with so many log entries told, and in the midst of that generation (0 for none), whose tokens are asked
        for from the first on. `in_frame`: it was in machine mode, and perhaps in the midst of a frame."""
        self.decoder.begin(in_frame=in_frame)
        if in_frame:
            self.tap("x", time.monotonic(), IN_FRAME)
        if self.hello is not None:
            self.hello = self.hello.model_copy(update={"boot": boot})
        self.streams.restart()
        self.sending.forget_stops()
        self.clock.clear()
        self._lost_at = None  # the line ended because its machine was replaced
        if logged:
            self.give_up(f"{SKIP_EVENTS} 0 {logged}")
        if generation:
            self.streams.tokens.begin(generation)
        if generation or in_frame:
            self.ear.machine_frames += 1  # it was in machine mode then: no firmware is waited for, each token counts
        if not boot:  # firmware, which must not be typed at
            self.greeting.stop()
            self.greeting.machine_boots()
            self.greeting.begin()

    def _boots_anew(self) -> None:
        self._restarts = True
        self.greeting.machine_boots()

    def forget_session(self, code: str, message: str) -> None:
        """Machine mode is over: everything begins with a hello again."""
        self.upkeep.session_ended()  # before those who wait are told
        self.requests.fail_all(code, message)
        if code == "rebooted":
            self.streams.tokens.abandon()
        self.ear.machine_frames = self.ear.beacons = 0
        self.greeting.stop()
        if self.phase not in (LinkPhase.OPENING, LinkPhase.CLOSED):
            self.set_phase(LinkPhase.WAITING, message)
            self.greeting.begin()

    # ---- receiving -------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        now = time.monotonic()
        self.received_bytes += len(data)
        self.ear.take(data, now)
        self.tap("i", now, data)
        for position, heard in enumerate(self.decoder.feed(data), 1):
            self.position = position
            if isinstance(heard, str):
                self.emit(ev.ConsoleText(now, heard))
            else:
                self._frame(*heard, now)
        self.position = None
        self.ear.tell()
        self.upkeep.heard(now)

    def _recovered(self, data: bytes, skipped: int) -> None:
        """What the machine had said while nobody was connected: shown at its place, behind a mark."""
        now = time.monotonic()
        lost_at, self._lost_at = self._lost_at, None
        seconds = now - lost_at if lost_at is not None else 0.0
        what = f"{len(data)} bytes that nobody had read were taken from QEMU's log"
        if lost_at is not None:
            what = f"the line was lost for {seconds:.1f} s; {what}"
        if skipped:
            what += f", {skipped} before them were too many"
            self.decoder.begin()
        self.emit(ev.Gap(now, seconds, what))
        self._recovering = True
        self._receive(data)
        self._recovering = False

    def _flush_text(self, *, prompt: bool = False) -> None:
        """Text without line end, after a moment of quiet. The kernel's prompt to people is shown where they have the
        line, and with `prompt`; everywhere else a hello is on its way, and its answer takes the prompt back."""
        if self.decoder.holds_prompt and not (prompt or self.phase is LinkPhase.PLAIN):
            return
        text, now = self.decoder.flush(), time.monotonic()
        if text:
            self.tap("x", now, FLUSH_TEXT)
            self.emit(ev.ConsoleText(now, text))

    def flush_quiet_text(self, now: float) -> None:
        """Called by the upkeep: shows a prompt that has no line end."""
        if self.decoder.holds_text and now - self.ear.heard_at > 0.1:
            self._flush_text()

    def _frame(self, record: Record | UnknownFrame, sequence: int, now: float) -> None:
        if self.phase in SESSION:
            self.decoder.count(sequence)
            self.heard_at = now
            if self.phase is not LinkPhase.MACHINE:
                position = self.position
                self.position = position - 1 if position is not None else None  # before what this frame tells
                self.set_phase(LinkPhase.MACHINE)
                self.position = position
        if isinstance(record, Hello):
            self._hello(record, sequence, now)
        elif isinstance(record, UnknownFrame):
            pass  # a newer kernel's: its sequence number was counted, its meaning is not known
        elif self.phase in SESSION:
            self._record(record, now)
        else:
            self.ear.frame(record)
            if self._recovering and isinstance(record, RECOVERED):
                self._release(self.streams.take(record), now)
            if self.phase is LinkPhase.PLAIN:
                self.set_phase(LinkPhase.WAITING, "a kernel talks")
                self.greeting.begin()

    def _hello(self, record: Hello, sequence: int, now: float) -> None:
        refused = record.protocol != PROTOCOL and bool(record.nonce)  # the answer of another version has m=0
        if record.machine or refused:
            if self.ear.answered(record.nonce):
                self.decoder.begin_count(sequence)
                self._established(record, now)
            return
        self.ear.beacon()
        if self.phase in SESSION:
            self.forget_session("rebooted", "the machine restarted")
            self.ear.beacons = 1
        elif self.hello is not None and self.hello.boot != record.boot:
            self.requests.fail_all("rebooted", "the machine restarted")
        self.emit(ev.RecordReceived(now, record))
        if self.phase is LinkPhase.PLAIN:
            self.set_phase(LinkPhase.WAITING, "the kernel started")
            self.greeting.begin()

    def _record(self, record: Record, now: float) -> None:
        if isinstance(record, Credit):
            self._credit(record, now)
        elif isinstance(record, Response):
            self._response(record, now)
        else:
            if isinstance(record, Output):
                self.requests.on_output(record)
            elif isinstance(record, Data):
                self.requests.on_data(record)
            elif isinstance(record, Sample):
                self.requests.on_sample(record)
            elif isinstance(record, Counters):
                self._counters(record, now)
            self.choices.note(record)
            self._release(self.streams.take(record), now)
            if isinstance(record, Leave):
                self._left(record)

    def _counters(self, record: Counters, now: float) -> None:
        """An overrun cannot happen by us while we keep to the credit: a person should hear of it."""
        if record.overrun > self._overruns and self.hello is not None:
            self._overruns = record.overrun
            self.credits.limit(self.hello.window_busy)
            text = (
                f"the kernel's receiver lost octets {record.overrun} times although this console keeps to its credit: "
                "another program writes to this line, or firmware reads it"
            )
            self.emit(ev.Notice(now, "error", text))

    def _release(self, records: Iterable[Record], now: float) -> None:
        """Passes records on."""
        for record in records:
            self.emit(ev.RecordReceived(now, record))

    def give_up(self, what: str) -> None:
        """What is missing was asked for often enough: goes on behind it."""
        now = time.monotonic()
        self.tap("x", now, what)
        self._release(self.streams.give_up(what), now)

    def _credit(self, record: Credit, now: float) -> None:
        self.engine = record.phase
        self.upkeep.on_credit(now)
        if lost := self.credits.on_credit(record, now):
            self.requests.drop_partial()
        self.requests.on_credit(now, lost)
        self.sending.on_credit(now)
        self._release(self.streams.take(record), now)
        self.sending.wake()

    def _response(self, record: Response, now: float) -> None:
        self._release(self.streams.take(record), now)
        if record.busy:
            self.engine = Phase.PREFILL
        window = self.hello.window_busy if self.hello is not None else 1
        pending = self.requests.on_response(record, window)
        if pending is not None and record.ok and pending.request.op == "ping":
            self._round_trip(pending, record, now)
        self.sending.wake()

    def _round_trip(self, pending: Pending, record: Response, now: float) -> None:
        """The clocks by a ping. A repeated one gets the stored answer: nobody knows with which of them it belongs."""
        if pending.sent_at is not None and pending.tries == 0:
            trip = self.clock.add(pending.sent_at, now, record.time)
            self.round_trip = now - pending.sent_at
            self.emit(ev.ClockEstimated(now, trip.offset, trip.duration / 2))

    def _left(self, record: Leave) -> None:
        if self._closing or record.why is LeaveReason.BYE:
            self.set_phase(LinkPhase.WAITING, "the kernel is in human mode")
            return
        code = "rebooted" if record.why is LeaveReason.REBOOT else "lost"
        if code == "rebooted":
            self._boots_anew()
        word = clean(str(record.why))
        self.forget_session(code, WHY_LEFT.get(word, f"the kernel ended the session ({word})"))

    # ---- pause -----------------------------------------------------------------------------------------------------

    def freeze(self, frozen: bool) -> None:
        """The machine is paused, or goes on: no clock of ours may count the time between."""
        now = time.monotonic()
        if frozen and not self.frozen:
            self.sending.freeze(now)
        elif self.frozen and not frozen:
            self.sending.thaw(now)
            self.heard_at = now
            self.credits.thaw(now)
            self.requests.thaw(now)
            self.ear.heard_at = now
        self.frozen = self.ear.frozen = frozen
        self.ear.tell()
