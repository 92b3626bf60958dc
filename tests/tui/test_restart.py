"""A machine that is started anew, by a reset or after it had ended: what was said stays, and a mark parts it from what
the new kernel says."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from driving import burst, confirm, screen_text, settled, simulated, slow_simulator, until
from textual.pilot import Pilot

from llmbm_console.core.machine.simulator import Simulator
from llmbm_console.core.session.targets import Target, make_session, sessions_of
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import Seam, State, Text, Turn
from llmbm_console.core.state.timeline import FINE_STEP
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import LINKED


def answered(state: State) -> list[str]:
    return [item.prompt for item in state.items if isinstance(item, Turn) and item.finished is not None]


async def tell(app: ConsoleApp, pilot: Pilot[Any], prompt: str) -> None:
    """One prompt and its answer."""
    count = len(answered(app.state))
    await pilot.press("escape", "i", *prompt, "enter")
    await until(pilot, lambda: len(answered(app.state)) == count + 1, f"the answer to {prompt}")
    await pilot.press("escape")


def worries(state: State) -> list[str]:
    """What the event list wants to be looked at, but for what a busy computer brings about: broken budgets, and a
    kernel that it held for a second."""
    lines = [entry for entry in state.log if entry.severity != "info" and entry.code != "budget"]
    return [entry.text for entry in lines if not (entry.code == "link" and entry.text.startswith(LinkPhase.SLOW))]


def stands(app: ConsoleApp, boots: int) -> bool:
    return app.state.boots == boots and app.state.link.phase in LINKED and app.state.kv is not None


async def test_a_reset_parts_the_transcript_before_the_new_kernels_text_and_is_no_warning() -> None:
    async with simulated() as (app, pilot):
        await tell(app, pilot, "Tim")
        worried = worries(app.state)
        await until(pilot, lambda: "turn 1" in screen_text(app), "the title")
        await pilot.press("R")
        await confirm(pilot, "R")
        await until(pilot, lambda: stands(app, 2), "the new kernel")
        kinds = [item for item in app.state.items if isinstance(item, Seam | Text | Turn)]
        place = kinds.index(next(item for item in kinds if isinstance(item, Turn)))
        seam, *behind = kinds[place + 1 :]
        assert isinstance(seam, Seam)
        assert (seam.text, seam.severity) == ("the machine was restarted", "info")
        assert any("boot" in item.text for item in behind if isinstance(item, Text)), "its banner is below"
        assert not any(isinstance(item, Seam) for item in behind), "neither a second one nor a lost line"
        boots = [entry for entry in app.state.log if entry.code in ("reboot", "gap")]
        assert [(entry.code, entry.severity) for entry in boots] == [("reboot", "info")]
        assert worries(app.state) == worried
        await settled(pilot)
        assert "turn 1" not in app.main.transcript.border_title, "the context is empty"
        await tell(app, pilot, "Sara")
        assert [item.number for item in app.state.items if isinstance(item, Turn)] == [1, 1]
        await until(pilot, lambda: "turn 1" in screen_text(app), "of the new kernel")


async def test_a_line_that_waits_behind_a_reboot_reaches_the_new_kernel() -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape", "i")
        burst(pilot, "/reboot\rTim\r")
        await until(pilot, lambda: answered(app.state) == ["Tim"], "the answer of the kernel that came")
        assert app.state.boots == 2
        assert not app.main.prompt.error


@pytest.mark.parametrize("begins", ["R", "/reboot"])
async def test_what_a_new_kernel_begins_with_is_no_change_to_be_undone(begins: str) -> None:
    async with simulated(notifications=True) as (app, pilot):
        await pilot.press(*"/temp 0.5", "enter")
        await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.temperature == 500_000, "set")
        if begins == "R":
            await pilot.press("escape", "R")
            await confirm(pilot, "R")
        else:
            await pilot.press(*begins, "enter", "escape")
        await until(pilot, lambda: stands(app, 2) and app.state.sampling is not None, "the new kernel")
        assert app.state.sampling is not None
        assert app.state.sampling.temperature == 850_000
        await pilot.press("u")
        await until(pilot, lambda: "nothing to undo" in screen_text(app), "that one never had another value")


async def test_connecting_again_after_the_machine_ended_keeps_what_was_said_and_the_past() -> None:
    async with simulated() as (app, pilot):
        await tell(app, pilot, "Tim")
        asked = app.timeline.span[1] + 2 * FINE_STEP
        await until(pilot, lambda: app.timeline.span[1] > asked, "a moment of its own in the timeline")
        await pilot.press("Q")
        await confirm(pilot, "Q")
        await until(pilot, lambda: app.state.machine.status is MachineStatus.STOPPED, "it ended")
        await until(pilot, lambda: "no session" in screen_text(app), "and says so")
        await pilot.press("r")
        await until(pilot, lambda: stands(app, 2), "the new kernel")
        await tell(app, pilot, "Sara")
        items = [item for item in app.state.items if isinstance(item, Turn | Seam)]
        told = [item.prompt if isinstance(item, Turn) else item.text for item in items]
        assert told == ["Tim", "the machine was started again", "Sara"]
        app.look_back(asked)
        assert app.held is not None
        assert answered(app.held.state) == ["Tim"]


async def test_a_recording_goes_on_when_the_session_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "all.llcap"
    target = Target("sim", record=path)
    app = ConsoleApp(target.title, sessions_of(target))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: stands(app, 1), "linked")
        await tell(app, pilot, "Tim")
        await pilot.press("Q")
        await confirm(pilot, "Q")
        await until(pilot, lambda: app.frame().failure != "", "ended")
        await pilot.press("r")
        await until(pilot, lambda: stands(app, 2), "the new kernel")
        await tell(app, pilot, "Sara")
        seams = [item for item in app.state.items if isinstance(item, Seam)]
    await app.disconnect()
    assert app.recorded == [path]
    replay = ConsoleApp("replay", sessions_of(Target("file", str(path))))
    async with replay.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: replay.playback is not None and replay.playback.complete, "read")
        assert answered(replay.state) == ["Tim", "Sara"]
        shown = [item for item in replay.state.items if isinstance(item, Seam)]
        assert [seam.text for seam in shown] == [seam.text for seam in seams]
    await replay.disconnect()


@pytest.mark.parametrize("key", ["Q", "R"])
async def test_an_answer_that_the_person_ended_with_its_machine_is_no_trouble(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_simulator(tmp_path, monkeypatch, 100_000)  # it ends long before the answer would
    async with simulated() as (app, pilot):
        await pilot.press(*"Tim", "enter")
        await until(pilot, lambda: app.state.turn is not None and app.state.turn.tokens, "it answers")
        await pilot.press("escape", key)
        await confirm(pilot, key)
        await until(pilot, lambda: any("had no answer" in entry.text for entry in app.state.log), "it is told")
        assert worries(app.state) == []


async def test_the_end_of_a_kernel_that_was_told_to_quit_is_no_trouble_and_a_crash_behind_a_reset_is() -> None:
    async with simulated() as (app, pilot):
        await pilot.press(*"quit", "enter")
        await until(pilot, lambda: app.state.machine.status is MachineStatus.STOPPED, "it ended")
        assert worries(app.state) == []
        await until(pilot, lambda: "no session" in screen_text(app), "it says so")
        await pilot.press("escape", "R")
        await until(pilot, lambda: stands(app, 2), "the new kernel, and nothing was asked: there was nothing to lose")
        await pilot.press("Q")
        await confirm(pilot, "Q")
        await until(pilot, lambda: app.state.machine.status is MachineStatus.STOPPED, "ended by a key")
        assert worries(app.state) == []
        await pilot.press("escape", "R")
        await until(pilot, lambda: stands(app, 3), "the third kernel")
        assert app.session is not None
        assert isinstance(app.session.machine, Simulator)
        os.kill(app.session.machine._pid, signal.SIGKILL)
        await until(pilot, lambda: app.state.machine.status is MachineStatus.CRASHED, "nobody asked for that")
        assert any("crashed" in text for text in worries(app.state))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGTERM, "the simulator ended, and nobody here asked it to"),
        (signal.SIGKILL, "the simulator was killed by SIGKILL"),
    ],
)
async def test_an_end_from_outside_is_told_as_one_and_the_keys_say_what_starts_again(
    number: signal.Signals, said: str
) -> None:
    async with simulated(notifications=True) as (app, pilot):
        await tell(app, pilot, "Tim")
        assert app.session is not None
        assert isinstance(app.session.machine, Simulator)
        os.kill(app.session.machine._pid, number)
        await until(pilot, lambda: app.frame().failure, "it ended")
        await until(pilot, lambda: said in screen_text(app), "how")
        assert any(said in text for text in worries(app.state))
        await until(pilot, lambda: "r start again" in screen_text(app).splitlines()[-1], "in the footer")
        assert "r  start again" in screen_text(app)
        await pilot.press("Q")
        await until(pilot, lambda: "the machine has ended: r starts again" in screen_text(app), "nothing to end")
        assert app.arming.action is None
        await pilot.press("R")
        await until(pilot, lambda: stands(app, 2), "the new kernel")
        assert answered(app.state) == ["Tim"]


async def test_a_line_behind_quit_makes_no_trouble_of_the_end() -> None:
    async with simulated() as (app, pilot):
        burst(pilot, "quit\rhello\r")
        await until(
            pilot, lambda: app.frame().failure and app.main.prompt.text == "hello", "it ended, the line is back"
        )
        assert worries(app.state) == []
        assert app.state.machine.detail == "quit ended it, as you asked"


async def test_a_machine_that_is_not_there_has_not_crashed(tmp_path: Path) -> None:
    target = Target("qmp", str(tmp_path / "nope"))
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.state.machine.status.over, "it was not found")
        await until(pilot, lambda: "not there" in screen_text(app).splitlines()[0], "told in the status line")
        assert "crashed" not in screen_text(app)
        assert "no such socket" in screen_text(app)
    await app.disconnect()
