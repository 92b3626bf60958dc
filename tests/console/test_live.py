"""A session with a real kernel in the simulator: everything a face can ask of it, and everything that can break."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from chaos import Chaos
from waiting import until

from llmbm_console.core.events import ConsoleText, Event, LinkChanged, LinkPhase, MachineStatus, RecordReceived
from llmbm_console.core.live import LiveSession
from llmbm_console.core.paths import default_model, find_tokenizer
from llmbm_console.core.session import SessionError
from llmbm_console.core.simulator import Simulator
from llmbm_console.core.state import Command, Seam, Turn
from llmbm_console.core.targets import Target, make_session
from llmbm_console.core.transport.sockets import unix_transport
from llmbm_protocol.schema import KvCache, Output, Phase, SamplingState, StopReason, Stream, Token, Zone

PROMPT = "Once upon a time"


class Kernel:
    """A simulator of its own, as a machine that nobody launched: only its line is known."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.socket = folder / "serial"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str, serial: str = "") -> None:
        files = self.folder / "volume"
        files.mkdir(exist_ok=True)
        model = default_model()
        for source in (model, find_tokenizer(model)):
            with contextlib.suppress(FileExistsError):
                os.link(source, files / source.name)
        self.socket.unlink(missing_ok=True)
        words = ["--files", str(files), "--serial", serial or f"unix:{self.socket}", *options]
        self.process = await asyncio.create_subprocess_exec(
            self.binary, *words, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        if not serial:
            await until(self.socket.exists)

    async def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def kernel(simulator: str, tmp_path: Path) -> AsyncIterator[Kernel]:
    one = Kernel(simulator, tmp_path)
    yield one
    await one.end()


@pytest.fixture
async def sessions() -> AsyncIterator[Callable[..., LiveSession]]:
    """Makes sessions on a unix socket; all are closed at the end."""
    made: list[LiveSession] = []

    def make(path: Path) -> LiveSession:
        made.append(LiveSession("test", transport=unix_transport(str(path))))
        return made[-1]

    yield make
    for session in made:
        await session.close()


@pytest.fixture
async def live(simulator: str) -> AsyncIterator[LiveSession]:
    """The simulator as a target, ready."""
    session = make_session(Target("sim"))
    assert isinstance(session, LiveSession)
    await session.open()
    await session.wait_ready(20)
    yield session
    await session.close()


def collect(session: LiveSession) -> list[Event]:
    events: list[Event] = []
    session.listen(lambda state, event: events.append(event))
    return events


def records(events: list[Event], kind: type) -> list[object]:
    return [e.record for e in events if isinstance(e, RecordReceived) and isinstance(e.record, kind)]


# ---- what a face can ask --------------------------------------------------------------------------------------------


async def test_a_ready_session_knows_everything_the_main_screen_shows(live: LiveSession) -> None:
    state = live.state
    assert state.link.phase is LinkPhase.MACHINE
    assert state.hello is not None
    assert state.version is not None
    assert state.version.boot == state.hello.boot
    assert state.cpu is not None
    assert state.model is not None
    assert state.model.file == "stories700K.bin"
    assert None not in (state.tokenizer, state.sampling, state.sentinel, state.kv)
    assert len(state.arenas) == 6
    assert live.machine is not None
    assert state.machine.controllable
    assert state.target == "sim:stories700K"
    await until(lambda: live.state.perf and live.state.zones and live.state.link.clock_offset)


async def test_a_prompt_streams_and_ends_as_a_turn(live: LiveSession) -> None:
    events = collect(live)
    outcome = await live.submit(PROMPT)
    assert outcome.ok
    turn = outcome.turn
    assert turn is not None
    assert turn is live.state.items[-1]
    assert turn.prompt == PROMPT
    assert turn.finished is not None
    assert len(turn.tokens) == turn.finished.tokens > 20
    assert turn.lost_tokens == 0
    assert outcome.output == turn.text
    tokens = records(events, Token)
    assert [token.index for token in tokens if isinstance(token, Token)] == list(range(len(turn.tokens)))
    assert len(live.state.decode_cycles) == len(turn.tokens) - 1
    assert live.state.phase is Phase.IDLE


async def test_a_command_gives_its_whole_output(live: LiveSession) -> None:
    outcome = await live.submit("/help")
    assert outcome.ok
    assert "/zones" in outcome.output
    assert "/version" in outcome.output
    assert isinstance(live.state.items[-1], Command)
    assert "\r" not in outcome.output


async def test_a_refused_command_is_an_outcome(live: LiveSession) -> None:
    outcome = await live.submit("/nonsense")
    assert not outcome.ok
    assert outcome.error_code == "op"
    assert "nonsense" in outcome.error
    item = live.state.items[-1]
    assert isinstance(item, Command)
    assert item.error == outcome.error


async def test_a_parameter_is_set_by_request_and_by_command(live: LiveSession) -> None:
    outcome = await live.set_parameter("temp", "0.5")
    assert (outcome.ok, outcome.output) == (True, "0.5")
    await until(lambda: live.state.sampling and live.state.sampling.temperature == 500_000)
    assert not live.state.pending
    await live.submit("/temp 0.25")
    await until(lambda: live.state.sampling and live.state.sampling.temperature == 250_000)
    refused = await live.set_parameter("temp", "9")
    assert (refused.ok, refused.error_code) == (False, "range")
    assert live.state.pending["temp"].error == refused.error
    assert live.state.sampling is not None
    assert live.state.sampling.temperature == 250_000


async def test_records_are_fetched(live: LiveSession) -> None:
    zones = await live.fetch(Stream.ZONE)
    assert len(zones) == 6
    assert all(isinstance(zone, Zone) for zone in zones)
    (kv,) = await live.fetch(Stream.KV)
    assert isinstance(kv, KvCache)
    (sampling,) = await live.fetch(Stream.SAMPLING)
    assert isinstance(sampling, SamplingState)


async def test_a_long_prompt_is_staged_whole(live: LiveSession) -> None:
    await live.set_parameter("max_tokens", "1")
    prompt = "The little dog — naïve, brave & 100% happy — ran to the big tree. " * 3
    outcome = await live.submit(prompt)
    assert outcome.ok, outcome.error
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.prompt_tokens > 40


async def test_a_running_generation_is_stopped(live: LiveSession) -> None:
    await live.set_parameter("max_tokens", "256")
    running = asyncio.create_task(live.submit(PROMPT))
    await until(lambda: live.state.turn and len(live.state.turn.tokens) > 5)
    await live.stop()
    outcome = await asyncio.wait_for(running, 20)
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.reason is StopReason.STOPPED
    assert outcome.turn.finished.tokens < 250
    again = await live.submit("/version")
    assert again.ok, "the line still belongs to the console after a stop"


async def test_a_second_prompt_during_a_generation_is_refused_and_harmless(live: LiveSession) -> None:
    running = asyncio.create_task(live.submit(PROMPT))
    await until(lambda: live.state.turn and live.state.turn.tokens)
    second = await live.submit("Another")
    assert (second.ok, second.error_code) == (False, "busy")
    outcome = await asyncio.wait_for(running, 20)
    assert outcome.ok


async def test_pause_raises_no_alarm_and_resume_goes_on(live: LiveSession) -> None:
    assert live.machine is not None
    events = collect(live)
    await live.machine.pause()
    await until(lambda: live.state.machine.status is MachineStatus.PAUSED)
    asked = asyncio.create_task(live.submit("/version"))
    await asyncio.sleep(1.6)  # longer than the heartbeat may be late
    assert not asked.done()
    await live.machine.resume()
    assert (await asyncio.wait_for(asked, 20)).ok
    phases = [event.phase for event in events if isinstance(event, LinkChanged)]
    assert LinkPhase.SLOW not in phases
    assert LinkPhase.SILENT not in phases


async def test_a_reset_fails_what_runs_and_the_session_goes_on_with_the_next_boot(live: LiveSession) -> None:
    assert live.machine is not None
    assert live.state.hello is not None
    boot = live.state.hello.boot
    await live.set_parameter("max_tokens", "256")
    running = asyncio.create_task(live.submit(PROMPT))
    await until(lambda: live.state.turn and live.state.turn.tokens)
    await live.machine.reset()
    outcome = await asyncio.wait_for(running, 20)
    assert (outcome.ok, outcome.error_code) == (False, "rebooted")
    await live.wait_ready(20)
    assert live.state.hello is not None
    assert live.state.hello.boot != boot
    assert live.state.boots == 2
    assert any(isinstance(item, Seam) for item in live.state.items)
    assert any(isinstance(item, Turn) and item.cut for item in live.state.items)
    assert (await live.submit(PROMPT)).ok


async def test_the_kernels_own_reboot_is_noticed_without_any_help(live: LiveSession) -> None:
    assert live.state.hello is not None
    boot = live.state.hello.boot
    await live.submit("/reboot")
    await until(lambda: live.state.hello and live.state.hello.boot != boot)
    await live.wait_ready(20)
    assert (await live.submit("/version")).ok


async def test_the_end_of_the_machine_is_told(live: LiveSession) -> None:
    assert live.machine is not None
    await live.machine.quit()
    await until(lambda: live.state.machine.status is MachineStatus.STOPPED)
    with pytest.raises(SessionError, match="ended"):
        await live.wait_ready(1)
    assert not (await live.submit("/version")).ok


# ---- a line that somebody else's kernel is on ------------------------------------------------------------------------


async def test_the_line_is_given_back_to_people(kernel: Kernel, sessions: Callable[..., LiveSession]) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    await session.open()
    await session.wait_ready(20)
    await session.close()
    reader, writer = await asyncio.open_unix_connection(str(kernel.socket))
    writer.write(b"/version\r")
    said = await asyncio.wait_for(reader.readuntil(b"llmk> "), 20)
    assert b"llmk-" in said
    assert b"@K" not in said
    writer.close()


async def test_a_console_that_was_killed_finds_its_way_back_into_a_running_answer(
    kernel: Kernel, sessions: Callable[..., LiveSession]
) -> None:
    """The kernel is in machine mode already, and computes: the new session catches up from the first token."""
    await kernel.start("--poll-gap-us", "20000")  # an answer of seconds
    first = sessions(kernel.socket)
    await first.open()
    await first.wait_ready(20)
    await first.set_parameter("max_tokens", "256")
    running = asyncio.create_task(first.submit(PROMPT))
    await until(lambda: first.state.turn and len(first.state.turn.tokens) > 3)
    assert first._link is not None
    assert first._link._main is not None
    first._link._main.cancel()  # as a crash would: no goodbye
    await first._link.transport.close()
    second = sessions(kernel.socket)
    await second.open()
    await second.wait_ready(20)
    await until(lambda: any(isinstance(item, Turn) for item in second.state.items))
    turn = next(item for item in second.state.items if isinstance(item, Turn))
    assert turn.finished is not None
    assert turn.finished.reason is not StopReason.STOPPED, "attaching must not stop what runs"
    assert turn.lost_tokens == 0
    assert len(turn.tokens) == turn.finished.tokens
    running.cancel()


async def test_a_cut_line_is_opened_again_and_the_answer_is_whole(
    kernel: Kernel, sessions: Callable[..., LiveSession], tmp_path: Path
) -> None:
    await kernel.start("--poll-gap-us", "20000")  # an answer of seconds
    async with Chaos(tmp_path / "front", str(kernel.socket), seed=1) as chaos:
        session = sessions(chaos.front)
        await session.open()
        await session.wait_ready(20)
        await session.set_parameter("max_tokens", "256")
        running = asyncio.create_task(session.submit(PROMPT))
        await until(lambda: session.state.turn and len(session.state.turn.tokens) > 3)
        chaos.cut()
        outcome = await asyncio.wait_for(running, 30)
        assert outcome.ok, outcome.error
        assert outcome.turn is not None
        assert outcome.turn.finished is not None
        assert len(outcome.turn.tokens) == outcome.turn.finished.tokens
        assert chaos.clients == 2
        seams = [item for item in session.state.items if isinstance(item, Seam)]
        assert any("lost for" in seam.text for seam in seams)
        assert session.state.boots == 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_request_is_done_once_on_a_line_that_loses_bytes(
    kernel: Kernel, sessions: Callable[..., LiveSession], tmp_path: Path, seed: int
) -> None:
    await kernel.start()
    async with Chaos(tmp_path / "front", str(kernel.socket), seed) as chaos:
        session = sessions(chaos.front)
        await session.open()
        await session.wait_ready(20)
        chaos.up.drop_byte = chaos.up.flip_bit = 0.003
        chaos.down.drop_line = chaos.down.double_line = 0.04
        chaos.down.flip_bit = 0.0003
        for number in range(20):
            outcome = await asyncio.wait_for(session.submit(f"/seed {number}"), 60)
            assert outcome.ok, outcome.error
        helped = await asyncio.wait_for(session.submit("/help"), 60)
        prompted = await asyncio.wait_for(session.submit(PROMPT), 60)
        chaos.up.drop_byte = chaos.up.flip_bit = chaos.down.drop_line = chaos.down.flip_bit = 0.0
        assert chaos.damaged > 10
        assert (await session.submit("/help")).output == helped.output
        assert prompted.turn is not None
        assert prompted.turn.finished is not None
        assert prompted.turn.lost_tokens == 0
        assert len(prompted.turn.tokens) == prompted.turn.finished.tokens
        # One prompt was sent, one generation was made: nothing ran twice.
        assert prompted.turn.number == 1
        (sampling,) = await session.fetch(Stream.SAMPLING)
        assert isinstance(sampling, SamplingState)


@pytest.mark.parametrize("gap_us", [200, 5000])
async def test_a_small_fifo_survives(kernel: Kernel, sessions: Callable[..., LiveSession], gap_us: int) -> None:
    """The 16550 model that QEMU does not have. A kernel that polls its prompt too rarely for the window it grants (a
    busy computer is enough for that) overruns once; then the window is narrowed for good, and nothing is lost."""

    def overruns() -> int:
        counters = session.state.link.counters
        return counters.overrun if counters is not None else 0

    await kernel.start("--uart", "16550", "--poll-gap-us", str(gap_us), "--latency-us", "1000")
    session = sessions(kernel.socket)
    await session.open()
    await session.wait_ready(60)
    assert (await asyncio.wait_for(session.set_parameter("max_tokens", "40"), 30)).ok
    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn and session.state.turn.tokens)
    for number in range(5):
        assert (await asyncio.wait_for(session.set_parameter("seed", str(number)), 30)).ok
    outcome = await asyncio.wait_for(running, 60)
    assert outcome.turn is not None
    assert outcome.turn.lost_tokens == 0
    assert (await asyncio.wait_for(session.submit("/cpu"), 60)).ok
    assert overruns() <= 4


async def test_a_stalled_kernel_is_slow_then_silent_then_back(
    kernel: Kernel, sessions: Callable[..., LiveSession]
) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    await session.open()
    await session.wait_ready(20)
    assert kernel.process is not None
    kernel.process.send_signal(signal.SIGSTOP)
    await until(lambda: session.state.link.phase is LinkPhase.SLOW, 5)
    await until(lambda: session.state.link.phase is LinkPhase.SILENT, 10)
    kernel.process.send_signal(signal.SIGCONT)
    await until(lambda: session.state.link.phase is LinkPhase.MACHINE, 5)
    assert (await session.submit("/version")).ok


async def test_a_line_without_a_kernel_becomes_a_plain_terminal(
    tmp_path: Path, sessions: Callable[..., LiveSession]
) -> None:
    """Something that only echoes, with hostile bytes in its banner."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x1b]0;owned\x07\x1b[2Jlogin: \x9b31m\xff\x00")
        while data := await reader.read(100):
            got.append(data)

    path = tmp_path / "line"
    server = await asyncio.start_unix_server(serve, path)
    session = sessions(path)
    events = collect(session)
    await session.open()
    with pytest.raises(SessionError, match="no kernel answered"):
        await session.wait_ready(60)
    assert session.state.link.phase is LinkPhase.PLAIN
    assert (await session.submit("root")).ok
    await until(lambda: b"".join(got).endswith(b"root\r"))
    text = "".join(event.text for event in events if isinstance(event, ConsoleText))
    assert text == "login: \ufffd␀"
    server.close()


async def test_a_line_that_is_not_there_says_so_and_is_tried_again(
    kernel: Kernel, sessions: Callable[..., LiveSession]
) -> None:
    session = sessions(kernel.socket)
    await session.open()
    await until(lambda: "no such socket" in session.state.link.detail)
    with pytest.raises(SessionError, match="no such socket"):
        await session.wait_ready(0.2)
    await kernel.start()
    await session.wait_ready(20)


async def test_a_serial_port_carries_a_whole_session(kernel: Kernel, tmp_path: Path) -> None:
    """The port is a pseudo-terminal with the kernel's 16550 model behind it."""
    port = tmp_path / "port"
    await kernel.start(serial=f"pty:{port}")
    await until(port.exists)
    session = make_session(Target("serial", str(port)))
    await session.open()
    await session.wait_ready(30)
    assert (await asyncio.wait_for(session.submit(PROMPT), 30)).ok
    assert session.machine is None
    await session.close()


async def test_a_tcp_line_carries_a_whole_session(kernel: Kernel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    await kernel.start(serial=f"tcp:{number}")
    session = make_session(Target("connect", f"tcp:127.0.0.1:{number}"))
    await session.open()
    await session.wait_ready(30)
    assert (await asyncio.wait_for(session.submit("/version"), 30)).ok
    await session.close()


async def test_a_crashed_simulator_is_told_and_a_reset_starts_it_again(live: LiveSession) -> None:
    machine = live.machine
    assert isinstance(machine, Simulator)
    assert machine._child is not None
    running = asyncio.create_task(live.submit(PROMPT))
    await until(lambda: live.state.turn and live.state.turn.tokens)
    machine._child.signal(signal.SIGKILL)
    outcome = await asyncio.wait_for(running, 20)
    assert not outcome.ok
    await until(lambda: live.state.machine.status is MachineStatus.CRASHED)
    await machine.reset()
    await live.wait_ready(20)
    assert live.state.machine.status is MachineStatus.RUNNING
    assert (await live.submit("/version")).ok


async def test_a_face_that_fails_does_not_take_the_line_down(live: LiveSession) -> None:
    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context["exception"]))

    def fail(state: object, event: object) -> None:
        raise ValueError("a face")

    live.listen(fail)
    assert (await live.submit("/version")).ok
    assert seen


async def test_outputs_and_records_reach_every_listener_once(live: LiveSession) -> None:
    events = collect(live)
    undo = live.listen(lambda state, event: pytest.fail("was undone"))
    undo()
    await live.submit("/cpu")
    assert records(events, Output)
    assert len({id(event) for event in events}) == len(events)


@pytest.mark.slow
async def test_an_idle_session_does_not_expire(live: LiveSession) -> None:
    """The kernel takes the line back after ten seconds without a frame from the console."""
    events = collect(live)
    await asyncio.sleep(11)
    assert live.state.link.phase is LinkPhase.MACHINE
    assert not [event for event in events if isinstance(event, LinkChanged)]
