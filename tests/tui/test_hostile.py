"""Text that wants to harm the terminal or the app: it is drawn, and nothing else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import make_app, screen_text, scripted, settled, wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from scripted import NOW, ScriptedSession, rich_state, turn
from textual.app import App, ComposeResult
from textual.color import Color
from textual.widgets import Static

from llmbm_console.core.link.decode import LineDecoder
from llmbm_console.core.session.choices import GROUPS, Choice
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.settings.themes import load_themes, theme_folder
from llmbm_console.core.state.events import ConsoleText, LinkPhase, MachineStatus, RecordReceived
from llmbm_console.core.state.state import Command, LinkState, LogLine, MachineState, PendingValue, Seam, State, Text
from llmbm_console.core.state.store import reduce
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.compare import ComparePage
from llmbm_console.tui.pages.start import StartApp
from llmbm_console.tui.text import ControlFilter
from llmbm_protocol.schema import Load, Phase, Token

HOSTILE = [
    "[/x]",
    "[bold]not bold[/bold] [@click=app.quit]x[/]",
    "\x1b]0;owned\x07\x1b[2J\x1bc",
    "\x9b31m\x90q\x9c",
    "\x00\x01\x7f\x08\r\x0b\x0c",
    "日本語テキスト" * 40,
    "e\u0301\u200b\u200d\ufe0f👨‍👩‍👧‍👦🏳️‍🌈" * 20,
    "\u202egnp.exe\u2066\u200f",
    "\ud800 lone",
    "]" * 50 + "[" * 50 + "\\[",
    "\t\ttabs\t",
    "x" * 100_000,
]


def hostile_state(text: str) -> State:
    """A state with the text in every field that comes from outside."""
    running = turn(2, text, text + "\n" + text, running=True)
    base = rich_state()
    assert base.version is not None
    assert base.model is not None
    unchecked: dict[str, Any] = {
        "version": base.version.model_copy(update={"version": text, "machine": text, "port": text}),
        "model": base.model.model_copy(update={"file": text}),
        "load": Load(time=1, file="x", done=1, total=3, elapsed_ms=1).model_copy(update={"file": text}),
    }
    return rich_state(
        target=text,
        link=LinkState(LinkPhase.SLOW, text, NOW),
        machine=MachineState(MachineStatus.RUNNING, text, NOW, True),
        items=(Text(text, NOW), turn(1, text, text), Command(text, False, text, text, NOW), Seam(text, NOW, "error")),
        turn=running,
        log=tuple(LogLine(NOW, text, severity, text, text) for severity in ("info", "warn", "error")),
        pending={"temp": PendingValue(text, NOW)},
        file_path=text,
        file_kind=text,
        verdict=text,
        phase=Phase.DECODE,
        **unchecked,
    )


def assert_harmless(app: ConsoleApp | App[Any]) -> None:
    strips = app.screen._compositor.render_strips()
    filters = app.get_line_filters()
    for strip in strips:
        for line_filter in filters:
            strip = strip.apply_filter(line_filter, Color(0, 0, 0))
        for segment in strip:
            assert all(ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 for c in segment.text), repr(segment.text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_drawn_and_does_nothing(text: str) -> None:
    session = ScriptedSession(hostile_state(text))
    async with scripted(session) as (app, pilot):
        assert_harmless(app)
        for width, height in ((80, 24), (200, 60), (40, 12)):
            await pilot.resize_terminal(width, height)
            await settled(pilot)
            assert_harmless(app)
        session.push(link=LinkState(LinkPhase.POST_MORTEM, text), turn=None)
        app.pacer.flush()
        app.verbs.say(text, "error")
        await wait_until(pilot, lambda: app._notifications, "notice")
        await settled(pilot)
        assert_harmless(app)
        session.push(link=LinkState(LinkPhase.CLOSED, text), machine=MachineState(MachineStatus.CRASHED, text))
        await settled(pilot)
        assert_harmless(app)
        assert app.is_running


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.text(st.characters(), max_size=80) | st.binary(max_size=80).map(lambda b: b.decode("latin-1")))
async def test_no_text_at_all_reaches_the_terminal_as_a_control(text: str) -> None:
    async with scripted(ScriptedSession(hostile_state(text)), size=(100, 30)) as (app, _pilot):
        assert_harmless(app)


async def test_a_hostile_reason_for_a_failure() -> None:
    app = make_app(ScriptedSession(State(target="x"), failure="\x1b[2J[/x] no such file"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert_harmless(app)
        assert "no such file" in screen_text(app)


def test_the_last_net_catches_what_a_widget_lets_through() -> None:
    segments = [Segment("fine"), Segment("a\x1b[2Jb\x9bc\td")]
    shown = ControlFilter().apply(segments, Color(0, 0, 0))
    assert shown[0] is segments[0]
    assert shown[1].text == "a␛[2Jb\ufffdc    d"


async def test_the_net_hangs_under_every_widget_of_the_app() -> None:
    class Careless(ConsoleApp):
        def compose(self) -> ComposeResult:
            yield Static("\x1b[2J", markup=False)

    app = Careless("x", lambda: ScriptedSession(), clock=lambda: NOW)
    async with app.run_test(size=(40, 10)):
        assert any(isinstance(f, ControlFilter) for f in app.get_line_filters())


# ---- without the last net: every place that shows foreign text makes it harmless by itself


def assert_clean(app: App[Any]) -> None:
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            assert all(ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 for c in segment.text), repr(segment.text)


@pytest.fixture
def _no_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConsoleApp, "get_line_filters", App.get_line_filters)
    monkeypatch.setattr(StartApp, "get_line_filters", App.get_line_filters)


@pytest.mark.usefixtures("_no_net")
@pytest.mark.parametrize("text", [*HOSTILE[:5], *HOSTILE[7:9]], ids=range(7))
async def test_every_view_and_page_makes_foreign_text_harmless_by_itself(text: str) -> None:
    session = ScriptedSession(hostile_state(text))
    async with scripted(session, size=(120, 40), notifications=True) as (app, pilot):
        app.verbs.say(text, "error")
        await wait_until(pilot, lambda: app._notifications, "notice")
        assert_clean(app)
        await pilot.press("escape")
        for pages in (
            ["f2"],
            ["f3"],
            ["f4"],
            ["f7"],
            ["x", "left", "right"],
            ["5", "e"],
            ["5", "enter"],
            ["f1"],
            ["ctrl+o"],
        ):
            await pilot.press(*pages)
            await settled(pilot)
            assert_clean(app)
            while len(app.screen_stack) > 1:
                await pilot.press("escape")
                await pilot.pause()
        for theme_or_word in ("transcript", "events"):
            app.main.focus_pane(theme_or_word)
            await pilot.press("slash", *"a[/")
            await settled(pilot)
            assert_clean(app)
            await pilot.press("escape")
        assert app.is_running


@pytest.mark.usefixtures("_no_net")
@pytest.mark.parametrize("text", HOSTILE[:9], ids=range(9))
async def test_names_of_files_ports_and_machines_are_made_harmless(text: str) -> None:
    choices = [Choice(group, text, text, Target("file", "x"), text) for group in GROUPS]
    app = StartApp(load_themes([theme_folder()])[0], "teranga", lambda: choices)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until(pilot, lambda: len(screen_text(app).split()) > 5, "drawn")
        await pilot.press("enter", "down", "enter")
        await pilot.pause()
        assert_clean(app)


@pytest.mark.usefixtures("_no_net")
async def test_two_files_that_differ_in_hostile_text(tmp_path: Path) -> None:
    old, new = tmp_path / "old.txt", tmp_path / "new[bold]\x1b[2J.txt"
    old.write_text("Context:\n  model=a.bin\n  kv_pos=17\n")
    new.write_text("Context:\n  model=b[/x]\x1b[2J\x9b31m.bin\n  kv_pos=18\n")
    target = Target("file", str(new), older=old)
    app = ConsoleApp(target.title, lambda: make_session(target), clock=lambda: NOW)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until(pilot, lambda: isinstance(app.screen, ComparePage), "compared")
        await pilot.pause()
        assert_clean(app)
    await app.disconnect()


@pytest.mark.usefixtures("_no_net")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(max_size=400))
async def test_no_octets_from_the_line_become_a_control_on_the_screen(data: bytes) -> None:
    """Through the decoder and the store, as they would come: frames, noise and all."""
    state, decoder = rich_state(items=(), turn=None), LineDecoder()
    token = Token(generation=1, index=0, time=1, token=1, cycles=1, text=data[:40])  # the most that one holds
    for heard in (*decoder.feed(data + b"\n"), decoder.flush(), (token, 0)):
        event = ConsoleText(NOW, heard) if isinstance(heard, str) else RecordReceived(NOW, heard[0])  # type: ignore[arg-type]
        state = reduce(state, event)
    async with scripted(ScriptedSession(state), size=(90, 30)) as (app, _pilot):
        assert_clean(app)
