"""Every view as a picture: as text at the widths where layouts change, and with its colours in three themes.

UPDATE_SNAPSHOTS=1 writes them anew: then look at them, a browser shows the SVG files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import assert_snapshot, screen_text, scripted, settled, wait_until
from scripted import NOW, Machine, ScriptedSession, rich_state
from test_hex import BASE, spread_out
from test_pictures import ppm
from textual.pilot import Pilot

from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import LogLine, MachineState
from llmbm_console.tui.app import ConsoleApp

VIEWS = {"console": "f6", "memory": "f2", "log": "f3", "machine": "f4", "dumps": "f5"}
WIDTHS = [(50, 20), (80, 24), (100, 30), (120, 36), (200, 60)]
THEMES = {"dark": "teranga", "light": "paper", "ansi": "sixteen"}
DUMP = (Path(__file__).parents[1] / "dump" / "sample-llmk-failsafe.txt").read_bytes()
REGISTERS = """
CPU#0
RAX=0000000000009c40 RBX=0000000000004e20 RCX=0000000000004e01 RDX=00000000890e73de
RSI=0000000000030d40 RDI=000000000df24b20 RBP=000000000fe905a0 RSP=000000000fe90580
RIP=000000000df1c592 RFL=00000206 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =0038 0000000000000000 ffffffff 00af9a00 DPL=0 CS64 [-R-]
"""
CODES = ("token", "kv", "budget", "token", "load")


def log() -> tuple[LogLine, ...]:
    """A log with something of everything."""
    lines = [
        LogLine(
            NOW - 90 + at * at / 20,
            "kernel",
            "error" if at == 23 else "warn" if at % 9 == 4 else "info",
            CODES[at % 5],
            f"what happened as number {at}",
        )
        for at in range(38)
    ]
    machine = [
        LogLine(NOW - 95, "machine", "info", "machine", "running"),
        LogLine(NOW - 30, "machine", "info", "qmp", "STOP"),
        LogLine(NOW - 30, "machine", "info", "machine", "paused"),
    ]
    return tuple(sorted((*lines, *machine), key=lambda entry: entry.at))


def session() -> ScriptedSession:
    """A paused machine with everything to look at."""
    paused = MachineState(MachineStatus.PAUSED, "", NOW - 30, True)
    one = ScriptedSession(rich_state(arenas=spread_out(), machine=paused, log=log()))
    machine = one.machine
    assert machine is not None
    machine.picture, machine.text = ppm(64, 40, (9, 5)), REGISTERS
    return one


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two dumps of just now, and no file of the person who runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for name in ("20260101-000000-llmk-failsafe.txt", "20251231-235900-llmk-failsafe.txt"):
        (tmp_path / name).write_bytes(DUMP)
    os.utime(tmp_path / "20251231-235900-llmk-failsafe.txt", (1, 1))
    age = "llmbm_console.core.session.choices.age"
    monkeypatch.setattr(age, lambda seconds: "just now" if seconds < 1e6 else "long ago")


async def shown(pilot: Pilot[Any], view: str) -> None:
    """Goes to a view and waits until it has all it asks for."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    machine = app.session.machine if app.session is not None else None
    assert isinstance(machine, Machine)
    await pilot.press("escape", VIEWS[view])
    ready: dict[str, Callable[[], bool]] = {
        "memory": lambda: "hex" not in app.main.deck.regions or bool(app.main.views.hex.pages.octets(BASE, 1)[0]),
        "machine": lambda: "64 x 40" in screen_text(app),
        "dumps": lambda: "tripped" in screen_text(app),
    }
    if view == "memory" and "hex" in app.main.deck.regions:
        await wait_until(pilot, ready[view], "the first pause")
        machine.memory = {BASE + at: 0xEE for at in range(5, 200, 37)}
        paused = replace(app.state.machine, since=NOW - 5)
        app.session.push(machine=paused)  # type: ignore[union-attr]
        await wait_until(pilot, lambda: "since the pause before" in screen_text(app), "the second pause")
        line = app.main.views.bytes  # a sign for each part, also for those of the second pause
        await wait_until(pilot, lambda: len(line._kinds) == len(line._places) > 0, "all samples")
    elif view == "machine" and "display" in app.main.deck.regions:
        await pilot.press("S", "I")
        await wait_until(pilot, ready[view], "the picture")
        await wait_until(pilot, lambda: "RAX=" in screen_text(app), "the registers")
        app.main.focus_pane("machine")
    elif view == "dumps":
        await wait_until(pilot, ready[view], "explained")
    elif view == "log":
        await pilot.press("E")
    await settled(pilot)


@pytest.mark.parametrize("size", WIDTHS, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", list(VIEWS)[1:])
async def test_a_view_at_every_width(view: str, size: tuple[int, int]) -> None:
    async with scripted(session(), size=size) as (app, pilot):
        await shown(pilot, view)
        assert_snapshot(f"view-{view}-{size[0]}x{size[1]}", screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_with_its_colours(view: str, theme: str, size: tuple[int, int]) -> None:
    async with scripted(session(), theme=THEMES[theme], size=size) as (app, pilot):
        await shown(pilot, view)
        picture = app.export_screenshot(title="llmbm-console", simplify=True)
        assert_snapshot(f"{view}-{theme}-{size[0]}x{size[1]}", picture, "svg")
