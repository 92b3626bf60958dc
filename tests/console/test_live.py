"""The life of a session with a real kernel in the simulator: everything a face can ask of it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from live_kernel import PROMPT, Kernel, collect, records
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.link.asking import SESSION
from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.postmortem.verdict import is_trip
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkChanged, LinkPhase, MachineStatus, Notice
from llmbm_console.core.state.state import Command, Seam, Turn
from llmbm_protocol.schema import (
    KvCache,
    Output,
    Phase,
    SamplingState,
    SentinelState,
    StopReason,
    Stream,
    Token,
    Zone,
)


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
    assert not live.state.pending
    assert live.state.log[-1].text == f"temp 9: {refused.error}"
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


async def test_a_reset_of_the_sentinel_is_known_as_soon_as_it_is_done(live: LiveSession) -> None:
    for line in ("/budget 500000000000 1", "/strict_budget 1"):
        assert (await live.submit(line)).ok
    outcome = await live.submit("Once upon a time")
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.reason is StopReason.TRIP

    def known() -> SentinelState | None:
        return live.state.sentinel.state if live.state.sentinel is not None else None

    await live.fetch(Stream.SENTINEL)
    assert known() is SentinelState.TRIPPED
    assert (await live.submit("/reset")).ok
    assert known() is SentinelState.ARMED


async def test_a_long_prompt_is_staged_whole(live: LiveSession) -> None:
    await live.set_parameter("max_tokens", "1")
    prompt = "The little dog — naïve, brave & 100% happy — ran to the big tree. " * 3
    outcome = await live.submit(prompt)
    assert outcome.ok, outcome.error
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.prompt_tokens > 40


async def test_a_running_generation_is_stopped(slow_live: LiveSession) -> None:
    await slow_live.set_parameter("max_tokens", "256")
    running = asyncio.create_task(slow_live.submit(PROMPT))
    await until(lambda: slow_live.state.turn and len(slow_live.state.turn.tokens) > 5)
    await slow_live.stop()
    outcome = await asyncio.wait_for(running, 20)
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.reason is StopReason.STOPPED
    assert outcome.turn.finished.tokens < 250
    again = await slow_live.submit("/version")
    assert again.ok, "the line still belongs to the console after a stop"


async def test_a_second_prompt_during_a_generation_is_refused_and_harmless(slow_live: LiveSession) -> None:
    running = asyncio.create_task(slow_live.submit(PROMPT))
    await until(lambda: slow_live.state.turn and slow_live.state.turn.tokens)
    second = await slow_live.submit("Another")
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


async def test_a_prompt_whose_session_ended_tells_why_in_words(live: LiveSession) -> None:
    assert isinstance(live.machine, Simulator)
    assert live.machine._child is not None
    events = collect(live)
    await live.machine.pause()
    asked = asyncio.create_task(live.submit("Once upon a time there was a prompt that does not fit into the credit"))
    await until(lambda: live._link and live._link.requests.waiting)
    live.machine._child.signal(signal.SIGUSR1)  # a break
    await live.machine.resume()
    outcome = await asyncio.wait_for(asked, 20)
    assert (outcome.ok, outcome.error) == (False, "a break on the line gave it back to people")
    told = [event.text for event in events if isinstance(event, Notice)]
    assert told == [f"the prompt had no answer: {outcome.error}"]


async def test_a_reset_fails_what_runs_and_the_session_goes_on_with_the_next_boot(slow_live: LiveSession) -> None:
    assert slow_live.machine is not None
    assert slow_live.state.hello is not None
    boot = slow_live.state.hello.boot
    await slow_live.set_parameter("max_tokens", "256")
    running = asyncio.create_task(slow_live.submit(PROMPT))
    await until(lambda: slow_live.state.turn and slow_live.state.turn.tokens)
    await slow_live.machine.reset()
    outcome = await asyncio.wait_for(running, 20)
    assert (outcome.ok, outcome.error_code) == (False, "rebooted")
    await slow_live.wait_ready(20)
    assert slow_live.state.hello is not None
    assert slow_live.state.hello.boot != boot
    assert slow_live.state.boots == 2
    assert any(isinstance(item, Seam) for item in slow_live.state.items)
    assert any(isinstance(item, Turn) and item.cut for item in slow_live.state.items)
    assert (await slow_live.submit(PROMPT)).ok


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
    phases = {event.phase for event in events if isinstance(event, LinkChanged)}
    assert phases <= set(SESSION), "a heartbeat may be late on a busy computer, and the session stands"
    assert live.state.link.phase in SESSION


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


async def test_a_trip_is_explained_by_its_own_log_entry_and_not_by_an_earlier_one(live: LiveSession) -> None:
    for phase in ("decode", "prefill"):
        assert (await live.submit(f"/test_failsafe {phase} 1")).ok
        outcome = await live.submit(PROMPT)
        assert (outcome.ok, outcome.error_code) == (False, "trip")
        logged = [line.record for line in live.state.log if line.record is not None and is_trip(line.record)]
        took = f"{logged[-1].first:,}"
        said = f"a {phase} pass took {took} cycles, its budget was 1"
        assert outcome.error == f"sentinel tripped in a drill (/test_failsafe): {said}; /reset goes on"
        assert live.state.sentinel is not None
        assert live.state.sentinel.state is SentinelState.TRIPPED
        assert (await live.submit("/reset")).ok
        assert live.state.sentinel.state is SentinelState.ARMED, "the gauge is asked at once"
    assert (await live.submit(PROMPT)).ok


async def test_a_session_that_follows_another_one_on_the_same_kernel_tells_nothing_twice(
    kernel: Kernel, sessions: Callable[..., LiveSession]
) -> None:
    await kernel.start()
    first = sessions(kernel.socket)
    await first.open()
    await first.wait_ready(20)
    assert (await first.submit("Tim")).ok
    assert (await first.submit("/save_dump")).ok
    await until(lambda: any(entry.code == "file" for entry in first.state.log))
    await first.close()
    known = [line.record.number for line in first.state.log if line.record is not None]
    second = sessions(kernel.socket)
    assert second.follow(first)
    await second.open()
    await second.wait_ready(20)
    assert (await second.submit("Sara")).ok
    assert (await second.submit("/save_dump")).ok
    await until(lambda: sum(entry.code == "file" for entry in second.state.log) == 2)
    numbers = [line.record.number for line in second.state.log if line.record is not None]
    assert numbers == list(range(len(numbers)))
    assert numbers[: len(known)] == known
    assert [item.prompt for item in second.state.items if isinstance(item, Turn)] == ["Tim", "Sara"]
    assert second.state.boots == 1
    assert second.recorder is first.recorder
