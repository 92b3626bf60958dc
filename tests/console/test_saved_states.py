"""The state of a whole machine: kept in the middle of an answer, and gone on from, as often as one likes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.machine import LaunchedQemu
from llmbm_console.core.machine.states import copy_sparse
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.replay import Replay
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.context_rows import kv_now
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import MAX_SAVES, Seam, State, Text, Turn
from llmbm_console.core.state.store import reduce
from llmbm_protocol.words import Phase

PROMPT = "Once upon a time"


def test_a_copy_has_the_same_octets_and_no_room_for_zeros(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"begin")
        file.seek(5 << 20)
        file.write(b"middle")
        file.truncate(9_000_001)
    copy_sparse(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < 4 << 20


def turns(state: State) -> list[tuple[str, str, str]]:
    """Prompt, text and why it was cut, of each turn that ended."""
    return [(item.prompt, item.text, item.cut) for item in state.items if isinstance(item, Turn)]


async def ended(session: LiveSession, count: int) -> Turn:
    """The last turn, when so many have ended and the kernel rests."""
    await until(lambda: len(turns(session.state)) == count and session.state.phase is Phase.IDLE, 90)
    return next(item for item in reversed(session.state.items) if isinstance(item, Turn))


@pytest.mark.qemu
async def test_an_answer_goes_on_from_a_saved_state_and_becomes_another_with_other_settings(qemu: str) -> None:
    session = make_session(Target("qemu", accel="tcg"))
    assert isinstance(session, LiveSession)
    with pytest.raises(SessionError, match="can be saved"):
        await session.save_state()
    await session.open()
    await session.wait_ready(90)
    for name, value in (("max_tokens", "300"), ("stop_you", "0"), ("temp", "1")):
        assert (await session.set_parameter(name, value)).ok
    with pytest.raises(SessionError, match="none was saved yet"):
        await session.load_state(1)
    machine = session.machine
    assert isinstance(machine, LaunchedQemu)

    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn and len(session.state.turn.tokens) > 5)
    saved = await session.save_state()
    assert (saved.prompt, saved.generation) == (PROMPT, 1)
    assert session.states == (saved,)
    known = session.state.saves[saved.number]
    assert known.turn is not None
    assert known.sampling is not None
    text, seed = known.turn.text, known.sampling.seed
    assert len(known.turn.tokens) == saved.tokens
    assert session.state.machine.status is MachineStatus.RUNNING
    whole = await asyncio.wait_for(running, 90)
    assert whole.ok, "the answer does not notice"
    assert whole.turn is not None
    assert len(whole.turn.tokens) > saved.tokens + 50
    assert (await asyncio.wait_for(session.submit("/save_dump"), 60)).ok
    assert machine.read_file("llmk-dump.txt")

    await asyncio.wait_for(session.load_state(saved.number), 60)
    again = await ended(session, 2)
    assert (again.prompt, again.text, again.cut) == (PROMPT, whole.output, ""), "the same, from its first token on"
    assert any(isinstance(item, Seam) and "state 1, turn 1 at token" in item.text for item in session.state.items)
    with pytest.raises(FileNotFoundError):
        machine.read_file("llmk-dump.txt")
    log = [line.record.number for line in session.state.log if line.record and line.record.number < saved.logged]
    assert log == list(range(saved.logged)), "what the kernel had logged is not logged again"

    assert (await session.set_parameter("seed", "4711")).ok
    await machine.pause()
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
    await asyncio.wait_for(session.load_state(saved.number), 60)
    assert session.state.machine.status is MachineStatus.PAUSED, "it stays so: there is time to change something"
    then = session.state
    assert then.sampling is not None
    assert (then.sampling.seed, then.sentinel) == (seed, known.sentinel), "not those of the machine that is no more"
    assert then.turn is not None
    assert (then.turn.text, kv_now(then)) == (text, kv_now(known)), "the answer up to there"
    assert " ago stands here, paused: state 1, turn 1 at token " in then.log[-2].text
    asked = asyncio.create_task(session.set_parameter("seed", "7"))
    written = asyncio.create_task(session.submit("/top_k 79"))
    await until(lambda: {"seed", "top_k"} <= session.state.pending.keys())
    await machine.resume()
    assert any(line.text == "running: state 1 goes on" for line in session.state.log)
    assert (await asyncio.wait_for(asked, 60)).ok, "sent as soon as it runs"
    assert (await asyncio.wait_for(written, 60)).output == "top_k = 79", "by a command, too"
    assert session.state.turn is not None, "the answer still runs"
    fork = await ended(session, 3)
    before = [token.token for token in whole.turn.tokens]
    after = [token.token for token in fork.tokens]
    assert after[: saved.tokens] == before[: saved.tokens]
    assert after != before

    running = asyncio.create_task(session.submit("The dog"))
    await until(lambda: session.state.turn and session.state.turn.tokens)
    await asyncio.wait_for(session.load_state(saved.number), 60)
    cut = await asyncio.wait_for(running, 60)
    assert (cut.ok, cut.error_code) == (False, "loaded")
    assert cut.turn is not None
    assert cut.turn.cut
    await ended(session, 5)
    assert session.state.link.lost_frames == 0

    for _ in range(MAX_SAVES):
        last = await session.save_state()
    assert [one.number for one in session.states] == [2, 3, 4]
    await asyncio.wait_for(session.load_state(last.number), 60)
    seam = session.state.items[-1]
    assert isinstance(seam, Seam)
    assert f"s ago goes on: state {last.number}, after turn {last.after}, " in seam.text, "between answers, too"
    assert session.state.kv == session.state.saves[last.number].kv, "as they were then, until they are told again"
    await session.wait_ready(60)
    assert session.state.kv is not None
    assert (await asyncio.wait_for(session.submit("/version"), 30)).ok
    numbers = [line.record.number for line in session.state.log if line.record and line.at > session.state.boot_at]
    assert last.logged > 0
    assert all(number >= last.logged for number in numbers), "nothing of the log is told again, of a state of a state"
    assert (await session.save_state()).after == last.after, "no answer was given since it was loaded"
    texts = [item.text for item in session.state.items if isinstance(item, Text) and item.at > saved.at]
    assert not [text for text in texts if "=" in text or "*" in text], "the rest of a frame is no text"

    replay, played = Replay(), State()
    for entry in session.recorder.kept:
        for event in replay.take(entry, session.recorder.clock):
            played = reduce(played, event)
    assert turns(played) == turns(session.state), "a recording shows the same"

    assert machine._child is not None
    os.kill(machine._child.pid, signal.SIGKILL)
    await until(lambda: session.state.machine.status is MachineStatus.CRASHED)
    assert session.states == ()
    assert "3 saved states went with it" in session.state.machine.detail
    after = make_session(Target("qemu", accel="tcg"))
    assert after.follow(session)
    assert after.state.saves_lost == MAX_SAVES, "the next one knows that there were some"
    await session.close()
