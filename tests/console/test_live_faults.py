"""Faults of the line under a session with a real kernel in the simulator: everything that can break."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from live_kernel import PROMPT, SLOWLY, Kernel, collect, records
from waiting import until

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import ConsoleText, LinkPhase, MachineStatus
from llmbm_console.core.state.state import Seam, Turn
from llmbm_protocol.schema import Counters, SamplingState, StopReason, Stream


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
    await kernel.start(*SLOWLY)
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
    await kernel.start(*SLOWLY)
    async with Chaos(tmp_path / "front", str(kernel.socket), seed=1) as chaos:
        session = sessions(tmp_path / "front")
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
        session = sessions(tmp_path / "front")
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


@pytest.mark.parametrize(("gap_us", "latency_us"), [(1000, 100), (5000, 16_000), (100_000, 1000)])
async def test_a_small_fifo_survives_any_poll_gap_and_latency(
    kernel: Kernel, sessions: Callable[..., LiveSession], gap_us: int, latency_us: int
) -> None:
    """The 16550 model that QEMU does not have, at 115200 bit/s."""
    await kernel.start("--uart", "16550", "--poll-gap-us", str(gap_us), "--latency-us", str(latency_us))
    session = sessions(kernel.socket)
    events = collect(session)
    await session.open()
    await session.wait_ready(60)
    assert (await asyncio.wait_for(session.set_parameter("max_tokens", "8"), 30)).ok
    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn or running.done())
    for number in range(3):
        assert (await asyncio.wait_for(session.set_parameter("seed", str(number)), 30)).ok
    outcome = await asyncio.wait_for(running, 60)
    assert outcome.turn is not None
    assert outcome.turn.lost_tokens == 0
    assert (await asyncio.wait_for(session.submit("/cpu"), 60)).ok
    assert not [record for record in records(events, Counters) if isinstance(record, Counters) and record.overrun]


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


async def test_a_crashed_simulator_is_told_and_a_reset_starts_it_again(slow_live: LiveSession) -> None:
    machine = slow_live.machine
    assert isinstance(machine, Simulator)
    assert machine._child is not None
    running = asyncio.create_task(slow_live.submit(PROMPT))
    await until(lambda: slow_live.state.turn and slow_live.state.turn.tokens)
    machine._child.signal(signal.SIGKILL)
    outcome = await asyncio.wait_for(running, 20)
    assert not outcome.ok
    await until(lambda: slow_live.state.machine.status is MachineStatus.CRASHED)
    await machine.reset()
    await slow_live.wait_ready(20)
    assert slow_live.state.machine.status is MachineStatus.RUNNING
    assert (await slow_live.submit("/version")).ok


async def test_a_reset_while_the_line_is_still_being_closed_leaves_no_hello_behind_that_listens_to_it(
    live: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, link = live.machine, live._link
    assert isinstance(machine, Simulator)
    assert machine._child is not None
    assert link is not None
    resets: list[asyncio.Task[None]] = []
    end = link.choices.end

    def end_and_reset() -> None:
        """The first of what closing does; behind it the session is told of the reset before the line is gone."""
        end()
        if not resets:
            resets.append(asyncio.create_task(machine.reset()))

    monkeypatch.setattr(link.choices, "end", end_and_reset)
    machine._child.signal(signal.SIGKILL)
    await until(lambda: bool(resets))
    await resets[0]
    await live.wait_ready(20)
    assert (await live.submit("/version")).ok
