"""Stops of a machine that stands, or of a kernel that does not look: one octet, however often somebody asks."""

from __future__ import annotations

import asyncio
import os
import signal
from types import SimpleNamespace

import pytest
from live_kernel import PROMPT, collect, records
from waiting import until

from llmbm_console.core.link import sending
from llmbm_console.core.link.hello import STOP
from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.session.live import STOP_WAITS, LiveSession
from llmbm_console.core.session.session import Outcome
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkPhase, MachineStatus, Notice
from llmbm_console.core.state.state import Turn
from llmbm_console.faces import execute
from llmbm_protocol.schema import Leave, StopReason

TIMES = 3  # that somebody asks


@pytest.fixture
def sent(slow_live: LiveSession, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes out from now on, to a session that has all the patience between two stops behind it."""
    monkeypatch.setattr(sending, "STOP_PAUSE", 0.0)
    return tapped(slow_live, monkeypatch)


def tapped(session: LiveSession, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    link, out = session._link, list[bytes]()
    assert link is not None
    monkeypatch.setattr(link, "tap", lambda way, at, data: out.append(data) if way == "o" else None)
    return out


async def begun(session: LiveSession) -> asyncio.Task[Outcome]:
    """An answer that runs."""
    assert (await session.set_parameter("max_tokens", "256")).ok
    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn and session.state.turn.tokens)
    return running


async def assert_stopped(session: LiveSession, running: asyncio.Task[Outcome]) -> None:
    outcome = await asyncio.wait_for(running, 20)
    assert outcome.turn is not None
    assert outcome.turn.finished is not None
    assert outcome.turn.finished.reason is StopReason.STOPPED
    assert (await asyncio.wait_for(session.submit("/version"), 20)).ok
    assert session.state.link.phase is LinkPhase.MACHINE


async def paused(session: LiveSession) -> None:
    assert session.machine is not None
    await session.machine.pause()
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)


async def test_the_answer_of_a_paused_machine_is_stopped_once_and_when_it_goes_on(
    slow_live: LiveSession, sent: list[bytes]
) -> None:
    events = collect(slow_live)
    running = await begun(slow_live)
    await paused(slow_live)
    before = len(sent)
    for _ in range(TIMES):
        await asyncio.wait_for(slow_live.stop(), 5)
    assert sent[before:] == [], "nothing can be taken"
    assert [event.text for event in events if isinstance(event, Notice)] == [STOP_WAITS]
    assert slow_live.machine is not None
    await slow_live.machine.resume()
    await assert_stopped(slow_live, running)
    assert sent.count(STOP) == 1
    assert not records(events, Leave)


async def test_a_stop_that_waits_is_forgotten_with_its_machine(slow_live: LiveSession, sent: list[bytes]) -> None:
    running = await begun(slow_live)
    await paused(slow_live)
    await slow_live.stop()
    assert slow_live.machine is not None
    await slow_live.machine.reset()
    assert (await asyncio.wait_for(running, 20)).error_code == "rebooted"
    await slow_live.wait_ready(20)
    assert (await asyncio.wait_for(slow_live.submit("/version"), 20)).ok
    assert STOP not in sent


async def test_a_line_whose_time_is_over_while_the_machine_is_paused_says_when_it_is_stopped(
    slow_live: LiveSession, sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[asyncio.Timeout] = []

    def limit(_seconds: float) -> asyncio.Timeout:
        """Over when it is said, which is when the machine is paused."""
        limits.append(asyncio.timeout(None))
        return limits[-1]

    monkeypatch.setattr(execute, "asyncio", SimpleNamespace(timeout=limit))
    assert (await slow_live.set_parameter("max_tokens", "256")).ok
    running = asyncio.create_task(execute.run_line(slow_live, PROMPT, 1.0))
    await until(lambda: slow_live.state.turn and slow_live.state.turn.tokens)
    await paused(slow_live)
    limits[0].reschedule(asyncio.get_running_loop().time())
    outcome = await asyncio.wait_for(running, 10)
    assert (
        outcome.error
        == "no end after 1 s (--timeout); the machine is paused, and the generation is stopped when it goes on"
    )
    assert slow_live.machine is not None
    await slow_live.machine.resume()
    await until(lambda: slow_live.state.turn is None)
    assert sent.count(STOP) == 1


async def test_a_kernel_that_does_not_look_finds_one_stop_octet(slow_live: LiveSession, sent: list[bytes]) -> None:
    events = collect(slow_live)
    running = await begun(slow_live)
    assert isinstance(slow_live.machine, Simulator)
    os.kill(slow_live.machine._pid, signal.SIGSTOP)
    stops = [asyncio.create_task(slow_live.stop()) for _ in range(TIMES)]
    await until(lambda: STOP in sent)
    os.kill(slow_live.machine._pid, signal.SIGCONT)
    await asyncio.wait_for(asyncio.gather(*stops), 20)
    await assert_stopped(slow_live, running)
    assert sent.count(STOP) == 1
    assert not records(events, Leave)


@pytest.mark.qemu
async def test_the_answer_of_a_state_that_was_loaded_paused_is_stopped_and_no_stop_of_before_is_kept_for_it(
    qemu: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "STOP_PAUSE", 0.0)
    session = make_session(Target("qemu", accel="tcg"))
    assert isinstance(session, LiveSession)
    await session.open()
    await session.wait_ready(90)
    running = await begun(session)
    await paused(session)
    saved = await session.save_state()
    await session.stop()
    await asyncio.wait_for(session.load_state(saved.number), 60)
    assert (await asyncio.wait_for(running, 20)).error_code == "loaded"
    events, sent = collect(session), tapped(session, monkeypatch)
    assert session.machine is not None
    await session.machine.resume()
    await until(lambda: session.state.turn and len(session.state.turn.tokens) > saved.tokens + 20, 60)
    assert STOP not in sent

    await paused(session)
    await asyncio.wait_for(session.load_state(saved.number), 60)
    assert session.state.turn is not None
    for _ in range(TIMES):
        await session.stop()
    await session.machine.resume()
    await until(lambda: session.state.turn is None, 60)
    last = next(item for item in reversed(session.state.items) if isinstance(item, Turn))
    assert last.finished is not None
    assert last.finished.reason is StopReason.STOPPED
    await session.wait_ready(60)
    assert (await asyncio.wait_for(session.submit("/version"), 20)).ok
    assert sent.count(STOP) == 1
    assert not records(events, Leave)
    await session.close()
