"""How the tests drive the interface: an app whose clock stands still, waiting for a condition, the screen as text."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from scripted import NOW, WALL, ScriptedSession, rich_state
from textual.pilot import Pilot

from llmbm_console.core import paths
from llmbm_console.core.paths import simulator_binary
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.arming import READ
from llmbm_console.tui.frame import LINKED
from llmbm_console.tui.terminal.key_parser import KeyParser
from llmbm_console.tui.widgets.lines import Line, LineView

SNAPSHOTS = Path(__file__).parent / "snapshots"
PATIENCE = 400  # turns of the event loop, far more than any condition takes


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def make_app(session: ScriptedSession | None = None, **options: Any) -> ConsoleApp:
    """An app on a scripted session; nothing is read from or written to the user's folders."""
    used = session if session is not None else ScriptedSession(rich_state())
    options = {"clock": lambda: NOW, "wall": WALL, **options}
    return ConsoleApp(used.state.target, lambda: used, **options)


@asynccontextmanager
async def scripted(
    session: ScriptedSession | None = None,
    *,
    size: tuple[int, int] = (120, 36),
    notifications: bool = False,
    **options: Any,
) -> AsyncIterator[tuple[ConsoleApp, Pilot[Any]]]:
    """An app on a scripted session, as soon as it is drawn."""
    app = make_app(session, **options)
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await settled(pilot)
        yield app, pilot


async def wait_until(pilot: Pilot[Any], condition: Callable[[], object], what: str = "") -> None:
    """Lets the app work until the condition holds."""
    for _ in range(PATIENCE):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(f"never came true: {what or condition}\n{screen_text(pilot.app)}")


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str) -> None:
    """As wait_until, with the patience that a process needs."""
    for _ in range(PATIENCE * 8):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(f"never came true: {what}\n{screen_text(pilot.app)}")


def burst(pilot: Pilot[Any], typed: str) -> None:
    """What a terminal sends in one piece, control characters and sequences included: nothing of it waits for anything
    that the app does."""
    driver = pilot.app._driver
    assert driver is not None
    parser = KeyParser()
    for message in [*parser.feed(typed), *parser.feed("")]:  # nothing more comes
        driver.process_message(message)


async def confirm(pilot: Pilot[Any], key: str) -> None:
    """Answers the question of a dangerous action by its key, as soon as that counts."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await wait_until(pilot, lambda: app.arming.action is not None and app.arming.shown, "the question is there")
    if isinstance(app.clock, Clock):
        app.clock.now += READ
    await wait_until(pilot, lambda: app.arming.answerable, "it can be answered")
    await pilot.press(key)


@asynccontextmanager
async def simulated(
    size: tuple[int, int] = (120, 36), *, read_only: bool = False, notifications: bool = False, **options: Any
) -> AsyncIterator[tuple[ConsoleApp, Pilot[Any]]]:
    """An app on a real kernel that runs as a process, as soon as the line stands and its first records are here."""
    target = Target("sim", read_only=read_only)
    app = ConsoleApp(target.title, lambda: make_session(target), **options)
    try:
        async with app.run_test(size=size, notifications=notifications) as pilot:
            await until(pilot, lambda: app.state.link.phase in LINKED and app.state.sampling is not None, "linked")
            yield app, pilot
    finally:
        await app.disconnect()  # of a test that failed, too: its process would run on


def start_instead(folder: Path, monkeypatch: pytest.MonkeyPatch, *, before: str = "", arguments: str = "") -> None:
    """The simulator that is started next is this one: commands of the shell before it, and more arguments for it."""
    program = folder / "other-sim"
    program.write_text(f'#!/bin/sh\n{before}\nexec "{simulator_binary()}" {arguments} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setattr(paths, "simulator_binary", lambda: program)


def slow_simulator(folder: Path, monkeypatch: pytest.MonkeyPatch, token_us: int = 20_000) -> None:
    """The simulator that is started next takes seconds for an answer: for what is done meanwhile."""
    start_instead(folder, monkeypatch, arguments=f"--poll-gap-us {token_us}")


async def settled(pilot: Pilot[Any]) -> None:
    """Until the session was opened and everything is drawn."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await wait_until(pilot, lambda: not app.opening and app.main.status.content_size.width > 0, "session opened")
    app.pacer.flush()
    await pilot.pause()
    app.pacer.flush()
    await pilot.pause()


def screen_text(app: Any) -> str:
    """What is on the screen, a line each, without trailing blanks."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


def messages(app: ConsoleApp) -> list[str]:
    """The notices that are shown."""
    return [notice.message for notice in app._notifications]


def newest_message(app: ConsoleApp) -> str:
    """The notice that was shown last; empty while there is none."""
    return next(reversed(messages(app)), "")


def rows_of(view: LineView) -> list[Line]:
    """All rows of a view."""
    return [view.row_line(row) for row in range(view.row_count)]


def assert_snapshot(name: str, text: str, kind: str = "txt") -> None:
    """Compares with the stored picture; UPDATE_SNAPSHOTS=1 writes it anew (then look at it)."""
    path = SNAPSHOTS / f"{name}.{kind}"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"no picture {path.name}: make it with UPDATE_SNAPSHOTS=1 and look at it"
    assert text == path.read_text("utf-8"), f"{path.name} is another picture now"
