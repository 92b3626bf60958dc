"""The same session over real firmware and the real boot image in QEMU."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.link.requests import RequestError
from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_console.core.session.picture_session import read_picture
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkPhase, MachineStatus

pytestmark = pytest.mark.qemu

PROMPT = "Once upon a time"
CONSOLE = """
import asyncio
from llmbm_console.core.session.targets import Target, make_session
async def main():
    session = make_session(Target("qemu", accel="tcg"))
    await session.open()
    while session.state.machine.status != "running":
        await asyncio.sleep(0.05)
    print(session.machine._child.pid, session.machine._child.folder, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""


@pytest.fixture
async def session(qemu: str) -> AsyncIterator[object]:
    try:
        made = make_session(Target("qemu", accel="tcg"))
    except SessionError as error:
        pytest.skip(str(error))
    await made.open()
    await made.wait_ready(90)
    yield made
    await made.close()


async def test_a_prompt_a_pause_and_a_reset(session: object) -> None:
    from llmbm_console.core.session.live import LiveSession

    assert isinstance(session, LiveSession)
    assert session.machine is not None
    outcome = await asyncio.wait_for(session.submit(PROMPT), 60)
    assert outcome.turn is not None
    assert outcome.turn.lost_tokens == 0
    assert len(outcome.turn.tokens) > 20
    assert session.state.version is not None
    assert session.state.version.port == "uefi"

    dump = await asyncio.wait_for(session.download("mem:dump", lambda done, total: None), 60)
    assert parse_post_mortem(dump, "llmk-dump.txt").complete
    assert (await asyncio.wait_for(session.submit("/save_dump"), 60)).ok
    written = await asyncio.wait_for(session.download("llmk-dump.txt", lambda done, total: None), 60)
    assert parse_post_mortem(written, "llmk-dump.txt").complete
    assert (await asyncio.wait_for(session.submit("/save_img Shot-1.ppm"), 60)).ok
    await session.copied()
    pictures = [Path(path) for path in session.state.saved if path.endswith("-Shot-1.ppm")]
    assert len(pictures) == 1
    assert read_picture(pictures[0]).width > 100
    with pytest.raises(RequestError, match="there is no such file"):
        await session.download("missing.txt", lambda done, total: None)

    running = asyncio.create_task(session.submit(PROMPT))
    await until(lambda: session.state.turn and session.state.turn.tokens)
    await session.machine.pause()
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
    await asyncio.sleep(1.5)  # longer than a heartbeat may be late
    assert session.state.link.phase is LinkPhase.MACHINE
    await session.machine.resume()
    assert (await asyncio.wait_for(running, 60)).ok

    assert session.state.hello is not None
    boot = session.state.hello.boot
    await session.machine.reset()
    await until(lambda: session.state.hello and session.state.hello.boot != boot, 90)
    await session.wait_ready(90)
    assert (await asyncio.wait_for(session.submit("/version"), 30)).ok


async def test_a_running_qemu_is_attached_by_its_monitor(session: object) -> None:
    """The line has one client at a time, so the first session leaves it before the second comes."""
    from llmbm_console.core.machine.machine import LaunchedQemu
    from llmbm_console.core.session.live import LiveSession

    assert isinstance(session, LiveSession)
    machine = session.machine
    assert isinstance(machine, LaunchedQemu)
    assert machine._child is not None
    assert session._link is not None
    await session._link.close()
    attached = make_session(Target("qmp", str(machine._child.folder / "qmp2")))
    await attached.open()
    await attached.wait_ready(30)
    assert (await asyncio.wait_for(attached.submit("/version"), 30)).ok
    assert attached.state.machine.status is MachineStatus.RUNNING
    await attached.close()

    await machine.pause()
    again = make_session(Target("qmp", str(machine._child.folder / "qmp2")))
    await again.open()
    await until(lambda: again.state.machine.status is MachineStatus.PAUSED)
    with pytest.raises(SessionError, match="machine paused"):
        await again.wait_ready(2)
    await again.close()

    script = [sys.executable, "-m", "llmbm_console", "exec", "--qmp", str(machine._child.folder / "qmp2"), "--"]
    done = await asyncio.to_thread(
        subprocess.run, [*script, "/version", ":machine.pause", "/version"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1, "the first line was refused at once, and not waited for"
    assert done.stderr.startswith("error: /version: not sent: the machine is paused and answers nothing; `:machine.")
    assert done.stdout.startswith("running\nllmk-"), done.stdout


async def test_a_killed_console_leaves_no_qemu(qemu: str) -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", CONSOLE, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    words = (await asyncio.wait_for(owner.stdout.readline(), 60)).split()
    pid, folder = int(words[0]), Path(words[1].decode())
    os.kill(pid, 0)  # it runs
    owner.kill()
    await owner.wait()
    await until(lambda: not Path(f"/proc/{pid}").exists())
    await until(lambda: not folder.exists())
