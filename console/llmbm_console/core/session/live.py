"""A live session: a machine or a line, the link over it, the state made from events, and the verbs of every face."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from llmbm_console.core.counted import counted
from llmbm_console.core.errors import NotReached, SessionError
from llmbm_console.core.link.asking import SESSION
from llmbm_console.core.link.dialogue import Dialogue
from llmbm_console.core.link.download import Download, Progress
from llmbm_console.core.link.link import Link
from llmbm_console.core.link.requests import LOADED, UNANSWERED, RequestError
from llmbm_console.core.link.streams import Way
from llmbm_console.core.machine.control import MachineControl, MachineSight
from llmbm_console.core.machine.machine import Machine
from llmbm_console.core.machine.states import SavedState
from llmbm_console.core.postmortem.plain_kernel import PlainKernel
from llmbm_console.core.reading import COMMANDS_WITHOUT_SLASH, is_command, only_reads
from llmbm_console.core.recording.recorder import Recorder
from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.session.line_log import LogFile, TextLog
from llmbm_console.core.session.live_states import States
from llmbm_console.core.session.prompts import Prompts, newest_logged
from llmbm_console.core.session.saved_files import SavedFiles
from llmbm_console.core.session.session import Listener, Outcome, Playback, Session
from llmbm_console.core.session.shared_line import SharedLine
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import LinkState, MachineState, State, Turn
from llmbm_console.core.state.store import STATE_LOADED, reduce
from llmbm_console.core.state.store_parts import cut_turn, lose_saves
from llmbm_console.core.transport.base import Transport, TransportError
from llmbm_console.core.transport.tty import ThreadedSerial, TtyTransport
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import Finished, Hello, Phase, Record, Stream

STANDS = (MachineStatus.PAUSED, MachineStatus.LOADING)  # nothing can come on its line
LEAVING = 5.0  # s in which a kernel that is told to end says that it does: at once, but the line may lose it
STOP_WAITS = "the machine is paused: the stop is sent when it goes on"
LEAVES = (*COMMANDS_WITHOUT_SLASH, "/poweroff", "/reboot")  # the kernel, and perhaps its machine, end by these


class LiveSession:
    """Implements session.Session for a kernel that runs. Either `machine` (started with the session) or `transport`."""

    def __init__(
        self,
        title: str,
        machine: Callable[[Callable[[ev.Event], None]], Machine] | None = None,
        transport: Transport | None = None,
        boots: bool = False,
        read_only: bool = False,
        patience: float = math.inf,
    ) -> None:
        self.read_only = read_only  # watches: every verb is refused that changes anything
        self._patience = patience  # s that a line is opened again before a kernel has answered on it
        self._machine = machine(self._on_machine) if machine is not None else None
        self._transport = transport
        self._boots = boots
        self._state = State(target=title, machine=MachineState(controllable=self._machine is not None, ours=boots))
        self._listeners: list[Listener] = []
        self._link: Link | None = None
        self._dialogue: Dialogue | None = None
        self._prompts = Prompts(lambda: self._state, self._emit, self._wait_for)
        self._starting: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._failure = ""
        self._told_to_leave = ""  # the line of the person that ends the kernel, from then until another one runs
        self._stop_waits = False  # for the machine to go on
        self._stopping: asyncio.Task[None] | None = None  # the answer that ran when the machine was paused
        self._asked_end = False  # the person ended or reset the machine
        self.choices = 0  # see Session.choices; may be set before the session is opened
        self._boot = 0
        self._plain = PlainKernel()
        self.recorder = Recorder(title, self._log_failed)
        self._raw_log: LogFile | None = None
        self._shared: SharedLine | None = None
        self._logs: list[LogFile | TextLog | SharedLine] = []  # all that end with the session
        self._closed = False
        self._states = States(lambda: self.machine, lambda: self._state, self._emit, self._goes_back, self._line)
        self._downloading = asyncio.Lock()  # the kernel keeps one file open
        self._saved = SavedFiles(self._machine.read_file, self._emit) if self._machine is not None and boots else None

    @property
    def state(self) -> State:
        """The state now."""
        return self._state

    @property
    def playback(self) -> Playback | None:
        """A live session has none."""
        return None

    @property
    def machine(self) -> MachineControl | None:
        """Pause, resume, reset and quit, where there is more than a line and more than watching is wanted."""
        return self._machine if not self.read_only else None

    @property
    def sight(self) -> MachineSight | None:
        """See Session.sight."""
        return self._machine

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` after each event; returns what undoes it."""
        self._listeners.append(listener)

        def undo() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return undo

    def follow(self, before: Session) -> bool:
        """See Session.follow."""
        if not isinstance(before, LiveSession) or before.state.target != self._state.target:
            return False
        known = lose_saves(cut_turn(before.state, "the session was opened again"))  # its machine ended with it
        self._state = replace(
            known, link=LinkState(), machine=self._state.machine, phase=Phase.IDLE, pending=MappingProxyType({})
        )
        self._boot = before._boot
        self.recorder = before.recorder
        self.recorder.go_on(self._log_failed)
        return True

    def note(self, severity: ev.Severity, text: str) -> None:
        """See Session.note."""
        self._emit(ev.Notice(time.monotonic(), severity, text))

    def _emit(self, event: ev.Event) -> None:
        self._state = reduce(self._state, event)
        self.recorder.event(event, self._link.position if self._link is not None else None)
        if isinstance(event, ev.RecordReceived):
            if isinstance(event.record, Finished):
                self._prompts.finished(event.record)
            elif isinstance(event.record, Hello):
                self._check_boot(event.record)
            elif isinstance(event.record, LogRecord) and self._saved is not None:
                self._saved.note(event.record, self._boot)
        elif isinstance(event, ev.CommandDone) and self._saved is not None:
            self._saved.note_text(event.output)
        for listener in tuple(self._listeners):
            try:
                listener(self._state, event)
            except Exception as error:
                # A face that fails must not take the line down with it.
                context = {"message": "a listener failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
        self._changed.set()
        for record in self._plain.told(event):
            self._emit(ev.RecordReceived(event.at, record))

    def _check_boot(self, hello: Hello) -> None:
        if self._boot and self._boot != hello.boot:
            self._prompts.fail("the machine restarted before the answer ended", "rebooted")
        self._boot = hello.boot

    # ---- life ------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Starts everything in the background."""
        if self._shared is not None and self._starting is None:
            self._shared.start()
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        try:
            transport = self._transport
            if self._machine is not None:
                transport = await self._machine.start()
            assert transport is not None
            self._link = Link(transport, self._emit, self._boots, self._tapped, self._patience)
            self._link.choices.wanted = self.choices
            self._link.followed = self._boot, newest_logged(self._state) + 1
            self._dialogue = Dialogue(self._link)
            self._link.freeze(self._state.machine.status in STANDS)  # attached to one that is paused
            self._link.start()
            if self._machine is not None:
                await self._wait_for(lambda: self._state.link.phase is not LinkPhase.OPENING, 5.0)
                await self._machine.go()
        except SessionError as error:
            self._fail(str(error))
        except Exception as error:
            self._fail(f"the machine could not be started: {type(error).__name__}: {error}")

    def _fail(self, message: str) -> None:
        self._failure = message
        self._emit(ev.Notice(time.monotonic(), "error", message))
        if self._machine is not None:
            began = self._state.machine.status not in (MachineStatus.UNKNOWN, MachineStatus.STARTING)
            became = MachineStatus.CRASHED if began else MachineStatus.ABSENT
            self._emit(ev.MachineChanged(time.monotonic(), became, message))

    def _on_machine(self, event: ev.Event) -> None:
        """Events of the machine, and what they mean for the line."""
        if isinstance(event, ev.MachineChanged):
            if self._told_to_leave and event.status is MachineStatus.STOPPED and not event.asked:
                event = replace(event, asked=True, detail=f"{self._told_to_leave} ended it, as you asked")
            elif self._told_to_leave and event.status is MachineStatus.RESETTING:
                event = replace(event, detail="")  # it was asked for
            self._asked_end = event.asked or (event.status is MachineStatus.RESETTING and not event.detail)
            link = self._link
            if link is not None:
                if self._stop_waits and event.status not in STANDS:
                    self._stop_waits = False
                    if event.status is MachineStatus.RUNNING:
                        # Begun first: a hello that waits as well must not be cut by it.
                        self._stopping = asyncio.create_task(self._stop(link))
                link.freeze(event.status in STANDS)
                if event.status is MachineStatus.RESETTING:
                    link.machine_restarts(ended=self._state.machine.status.over)
            if event.status is MachineStatus.RESETTING:
                self._prompts.fail("the machine was reset", "rebooted")
            elif event.status.over and not self._closed:
                if lost := self._states.lose():
                    went = f"{counted(lost, 'saved state', 'saved states')} went with it"
                    event = replace(event, detail=f"{event.detail}\n{went}".lstrip("\n"))
                self._failure = event.detail or "the machine has ended"
                self._prompts.fail(self._failure, "lost")
                if link is not None:
                    link.requests.fail_all("lost", self._failure)
            elif event.status is MachineStatus.RUNNING:
                self._failure, self._told_to_leave = "", ""
        self._emit(event)

    async def _wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not condition():
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(rest, 0.2)):
                    await self._changed.wait()
        return True

    def _is_ready(self) -> bool:
        link = self._link
        return link is not None and link.upkeep.ready.is_set() and link.phase in SESSION and not self._failure

    async def wait_ready(self, timeout: float, opening: float = 0.0) -> None:
        """Until the kernel answers requests. Raises NotReached, also when the session loses its patience with a line
        that does not open."""

        def settled() -> bool:
            link = self._link
            failed = self._failure or (link is not None and (link.failed or link.phase is LinkPhase.PLAIN))
            return bool(failed) or self._is_ready()

        def opened() -> bool:
            return self._link is not None and self._link.phase not in (LinkPhase.CLOSED, LinkPhase.OPENING)

        if self._transport is not None:
            await self._wait_for(lambda: settled() or opened(), opening)
        await self._wait_for(settled, timeout)
        if self._is_ready():
            return
        link = self._link
        reason = self._failure or (link.failed if link is not None else "")
        if not reason:
            now = self._state.link
            unsaid = {
                LinkPhase.WAITING: "the kernel has not answered",
                LinkPhase.MACHINE: "the kernel answered the hello, and not yet the questions behind it",
            }
            said = now.detail or unsaid.get(now.phase, "")
            reason = f"{said or 'not connected'} (link {now.phase}, machine {self._state.machine.status})"
            if now.phase is not LinkPhase.PLAIN:
                reason = f"not ready after {timeout:g} s: {reason}"
        raise NotReached(f"{self._state.target}: {reason.removeprefix(f'{self._state.target}: ')}")

    async def close(self) -> None:
        """Gives the line back, ends what was started."""
        if self._closed:
            return
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._prompts.fail("the session was closed", "lost")
        await self.copied()
        if self._link is not None:
            await self._link.close()
        elif self._transport is not None:
            await self._transport.close()
        if self._machine is not None:
            await self._machine.close()
        self.recorder.close()
        for log in self._logs:
            log.close()

    # ---- logs ------------------------------------------------------------------------------------------------------

    def log_to(self, text: Path | None, raw: Path | None) -> None:
        """Appends what is said on the line to files: clean lines with their times, octets as they came. Raises
        SessionError when one cannot be written."""
        if text is not None:
            log = TextLog(text, time.time() - time.monotonic(), self._log_failed)
            self._logs.append(log)
            self.listen(log.event)
        if raw is not None:
            self._raw_log = LogFile(raw, "ab", self._log_failed)
            self._logs.append(self._raw_log)

    def share_at(self, name: Path) -> None:
        """A pseudo-terminal under this name, for another program beside this session. Raises SessionError."""
        self._shared = SharedLine(name, self.submit, self.stop)
        self._logs.append(self._shared)
        self.listen(self._shared.event)

    def _tapped(self, way: Way, at: float, data: bytes | str) -> None:
        self.recorder.note(way, at, data)
        if self._raw_log is not None and way == "i":
            self._raw_log.write(data)

    def _log_failed(self, why: str) -> None:
        """A full disk ends a log or a recording, never the session."""
        self._emit(ev.Notice(time.monotonic(), "error", why))

    # ---- verbs -----------------------------------------------------------------------------------------------------

    def _need(self) -> tuple[Link, Dialogue]:
        if self._link is None or self._dialogue is None or self._closed:
            raise SessionError(self._failure or "the session is not open yet")
        return self._link, self._dialogue

    def _may_act(self, what: str) -> None:
        if self.read_only:
            raise SessionError(f"{what[:60]}: not sent, because this session was opened with --read-only")

    async def submit(self, line: str) -> Outcome:
        """One prompt or command, to its end."""
        link, dialogue = self._need()
        if self.read_only and (link.phase is LinkPhase.PLAIN or not only_reads(line)):
            raise SessionError("not sent: --read-only sends only what reads, such as /ctx, /zones and /log")
        if link.phase is LinkPhase.PLAIN:
            await link.sending.line(line)
            return Outcome(line, ok=True)
        if line.strip() in LEAVES:
            self._told_to_leave = line.strip()
        try:
            if is_command(line):
                return await self._command(dialogue, line)
            return await self._prompts.run(dialogue, line)
        except RequestError as error:
            if error.code == LOADED:
                cut = next((item for item in reversed(self._state.items) if isinstance(item, Turn)), None)
                return Outcome(line, ok=False, error=str(error), error_code=error.code, turn=cut)
            if line.strip() == self._told_to_leave and error.code not in UNANSWERED:
                self._told_to_leave = ""  # it was refused
            if is_command(line):
                self._emit(ev.CommandDone(time.monotonic(), line, False, "", str(error)))
            else:
                became = ev.PROMPT_UNANSWERED if error.code in UNANSWERED else ev.PROMPT_REFUSED
                asked = self._asked_end or self._told_to_leave  # the line may end before the machine that was told to
                severity: ev.Severity = "info" if asked and error.code in UNANSWERED else "error"
                self._emit(ev.Notice(time.monotonic(), severity, f"{became}{error}"))
            return Outcome(line, ok=False, error=str(error), error_code=error.code)

    async def _command(self, dialogue: Dialogue, line: str) -> Outcome:
        name, _, value = line.strip().removeprefix("/").partition(" ")
        if self._state.turn is not None and name in FIELDS and value.strip():
            return await self._set_meanwhile(line, name, value.strip())
        boot = self._boot
        output = await dialogue.run(line)
        if line.strip() in LEAVES and (link := self._link) is not None:
            # It is said before it is done: who asks next has to ask the kernel that comes, if one comes.
            await self._wait_for(lambda: link.phase not in SESSION or self._boot != boot or self._closed, LEAVING)
        if line.split()[0] == "/reset":
            # Its sample comes twice a second; nobody should see a trip that long.
            with contextlib.suppress(RequestError):
                await dialogue.fetch(Stream.SENTINEL)
        self._emit(ev.CommandDone(time.monotonic(), line, True, output))
        return Outcome(line, ok=True, output=output)

    async def _set_meanwhile(self, line: str, name: str, value: str) -> Outcome:
        """A sampling value as a command while an answer runs: the kernel takes no command then, and takes values."""
        outcome = replace(await self.set_parameter(name, value), line=line)
        told = f"{name} = {outcome.output}" if outcome.ok else ""
        self._emit(ev.CommandDone(time.monotonic(), line, outcome.ok, told, outcome.error))
        return replace(outcome, output=told)

    async def set_parameter(self, name: str, value: str) -> Outcome:
        """Sets a parameter; the output is the accepted value."""
        self._may_act(f"/{name} {value}")
        link, dialogue = self._need()
        line = f"/{name} {value}"
        if link.phase is LinkPhase.PLAIN:
            return await self.submit(line)
        self._emit(ev.ParameterRequested(time.monotonic(), name, value))
        # The kernel of a loaded state has to be greeted first, and cannot be as long as its machine stands.
        await self._wait_for(lambda: link.phase in SESSION or not link.frozen or self._closed, math.inf)
        try:
            accepted = await dialogue.set_parameter(name, value)
        except RequestError as error:
            self._emit(ev.ParameterRefused(time.monotonic(), name, value, str(error)))
            return Outcome(line, ok=False, error=str(error), error_code=error.code)
        self._emit(ev.ParameterAccepted(time.monotonic(), name, accepted))
        return Outcome(line, ok=True, output=accepted)

    async def want_choices(self, most: int) -> Outcome:
        """See Session.want_choices. A read-only session may: it changes nothing but what is told."""
        self.choices = most
        link, line = self._link, f"choices with {most} alternatives" if most else "no choices"
        if link is None:
            return Outcome(line, ok=True)
        link.choices.wanted = most
        if link.phase not in SESSION:
            return Outcome(line, ok=True)
        try:
            return Outcome(line, ok=True, output=str(await link.choices.ask()))
        except RequestError as error:
            older = "this kernel does not tell how likely its tokens are: it is older than this console"
            return Outcome(line, ok=False, error=older if error.code == "op" else str(error), error_code=error.code)

    async def stop(self) -> None:
        """By the stop byte, which acts at once, and by request, which is repeated until it was heard. While the machine
        is paused it returns at once, and however often it is called then, one stop is sent when the machine goes on."""
        self._may_act("a stop")
        link, _ = self._need()
        if not link.frozen:
            await self._stop(link)
        elif not self._stop_waits:
            self._stop_waits = True
            self.note("info", STOP_WAITS)

    async def _stop(self, link: Link) -> None:
        if link.busy or link.phase not in SESSION:
            await link.sending.emergency_stop()
        if link.phase in SESSION:
            with contextlib.suppress(RequestError):
                await link.request("stop")

    async def download(self, name: str, progress: Progress) -> bytes:
        """A file of the kernel's volume, or `mem:dump`; `progress` is told bytes so far and in all. Raises RequestError
        when the kernel refuses or the line does not let it through."""
        link, _ = self._need()
        async with self._downloading:
            return await Download(link, name, progress).run()

    async def send_break(self, seconds: float) -> None:
        """A break: takes the line back from machine mode, whatever the kernel does. Raises SessionError where the line
        has none."""
        self._may_act("a break")
        transport = self._serial_port("break")
        try:
            await transport.send_break(seconds)
        except TransportError as error:
            raise SessionError(str(error)) from error

    async def set_line(self, name: str, value: int) -> None:
        """Speed ("baud", bits per second), "dtr" or "rts" (0 or 1) of a serial port. Raises SessionError where the line
        has none. At another speed a kernel that was not heard is greeted."""
        self._may_act(f"{name} {value}")
        transport = self._serial_port("speed" if name == "baud" else name.upper())
        try:
            await transport.set_line(name, value)
        except TransportError as error:
            raise SessionError(str(error)) from error
        self._emit(ev.Notice(time.monotonic(), "info", f"{transport.describe()}: {name} is {value} now"))
        if name == "baud":
            self._need()[0].greeting.try_again()

    def _serial_port(self, what: str) -> TtyTransport | ThreadedSerial:
        transport = self._need()[0].transport
        if not isinstance(transport, TtyTransport | ThreadedSerial):
            raise SessionError(f"{transport.describe()}: this line has no {what}; only a serial port has")
        return transport

    @property
    def states(self) -> tuple[SavedState, ...]:
        """See Session.states."""
        return self._states.kept

    async def save_state(self) -> SavedState:
        """See Session.save_state."""
        self._may_act("the machine's state")
        return await self._states.save()

    async def load_state(self, number: int) -> SavedState:
        """See Session.load_state."""
        self._may_act(f"state {number}")
        return await self._states.load(number)

    def _line(self) -> tuple[int, bool]:
        """Entries of the kernel's log that are here, and whether it speaks in frames."""
        link = self._link
        return (link.streams.log.known, link.speaks_frames) if link is not None else (0, False)

    def _goes_back(self, saved: SavedState) -> None:
        """The kernel has its earlier state, and the line is open. Its answer is told anew from its first token on."""
        self._prompts.fail(STATE_LOADED, LOADED)
        self._stop_waits = False  # what it was to stop is no more
        if self._saved is not None:
            self._saved.forget()
        if self._link is not None:
            self._link.goes_back(saved.boot, saved.logged, saved.generation, in_frame=saved.in_frame)
        if saved.generation:
            self._emit(ev.PromptSent(time.monotonic(), saved.prompt, saved.generation, saved.tokens))

    async def wait_idle(self, timeout: float) -> None:
        """Until the kernel does not compute, at most `timeout` seconds."""
        link, _ = self._need()
        await self._wait_for(lambda: not link.busy, timeout)

    async def copied(self) -> None:
        """See Session.copied."""
        if self._saved is not None:
            await self._saved.finish()

    async def fetch(self, stream: Stream) -> tuple[Record, ...]:
        """Fresh records of one stream."""
        _, dialogue = self._need()
        try:
            return await dialogue.fetch(stream)
        except RequestError as error:
            raise SessionError(f"{stream}: {error}") from error
