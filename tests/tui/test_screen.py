"""The whole screen as text, at the widths where the layout changes, and in the states a person meets first."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from driving import assert_snapshot, make_app, screen_text, scripted, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state
from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from textual.widgets import OptionList

from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import LinkState, LogLine, MachineState, State
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.screen import MainScreen
from llmbm_protocol.schema import Load, Phase


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (100, 30), (120, 36), (200, 60)], ids=lambda s: f"{s[0]}x{s[1]}")
async def test_main_screen(size: tuple[int, int]) -> None:
    async with scripted(size=size) as (app, _pilot):
        assert_snapshot(f"main-{size[0]}x{size[1]}", screen_text(app))


async def test_main_screen_in_ascii_uses_no_other_sign() -> None:
    async with scripted(glyphs="ascii") as (app, _pilot):
        text = screen_text(app)
        assert_snapshot("ascii-120x36", text)
        assert set(text) - set("·±…") <= {chr(code) for code in range(32, 127)} | {"\n"}


@pytest.mark.parametrize("tab", ["memory", "log", "sampling", "machine"])
async def test_narrow_tabs(tab: str) -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        app.main.relayout(tab=tab)
        await settled(pilot)
        assert_snapshot(f"tab-{tab}-80x24", screen_text(app))


async def shown(state: State, size: tuple[int, int] = (100, 30), **options: bool | str) -> str:
    app = make_app(ScriptedSession(state, **options))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        return screen_text(app)


async def test_nothing_is_known_yet() -> None:
    text = await shown(State(target="sim:stories700K", link=LinkState(LinkPhase.WAITING, "unix socket", NOW)))
    assert_snapshot("waiting-100x30", text)
    assert "Waiting for the kernel to answer." in text


async def test_an_empty_transcript_says_what_to_do() -> None:
    text = await shown(rich_state(items=(), turn=None, phase=Phase.IDLE), (140, 36))
    assert "Write the beginning of a story below and press Enter." in text


async def test_who_only_watches_an_empty_session_is_not_asked_for_a_story() -> None:
    text = await shown(rich_state(items=(), turn=None, phase=Phase.IDLE), (140, 36), read_only=True)
    assert "Nothing was said yet. This session only watches (--read-only)." in text
    assert "Write the beginning" not in text, "there is no prompt"


async def test_loading_shows_how_far() -> None:
    load = Load(time=1, file="stories15M.bin", done=26_214_400, total=60_816_028, elapsed_ms=900)
    text = await shown(rich_state(items=(), turn=None, phase=Phase.LOAD, load=load))
    assert "43 %" in text
    assert "25.0/58.0 MiB" in text


async def test_a_session_that_cannot_be_opened_says_why_and_what_helps() -> None:
    reason = "no UEFI firmware for QEMU was found; install it (Debian: apt-get install ovmf)"
    text = await shown(State(target="qemu"), failure=reason)
    assert_snapshot("failure-100x30", text)
    assert "no UEFI firmware" in text
    assert "r  try again" in text


async def test_a_machine_that_ended_says_so() -> None:
    ended = MachineState(MachineStatus.CRASHED, "QEMU ended with status 1: KVM internal error", NOW, True)
    text = await shown(rich_state(machine=ended, link=LinkState(LinkPhase.OPENING), turn=None))
    assert "QEMU ended with status 1: KVM internal error" in text
    assert "no session" in text


def post_mortem() -> State:
    return rich_state(
        target="llmk-dump.txt",
        link=LinkState(LinkPhase.POST_MORTEM),
        machine=MachineState(),
        turn=None,
        file_path="llmk-dump.txt",
        file_kind="dump",
        verdict="The kernel ran; the sentinel was armed and the last decode pass took 71 % of its budget.",
    )


async def test_post_mortem_shows_the_verdict_and_takes_no_prompt() -> None:
    async with scripted(ScriptedSession(post_mortem(), read_only=True)) as (app, pilot):
        text = screen_text(app)
        assert_snapshot("post-mortem-120x36", text)
        assert "The kernel ran; the sentinel was armed" in text
        assert "prompt" not in app.main.deck.regions
        await pilot.press("i")
        assert app.main.focused_pane == "transcript"
        await pilot.press("7", "right")
        await pilot.pause()
        assert app.session is not None
        assert app.session.parameters == []  # type: ignore[attr-defined]


async def test_stale_values_are_marked() -> None:
    session = ScriptedSession(rich_state())
    async with scripted(session, clock=lambda: NOW + 12) as (app, _pilot):
        text = screen_text(app)
        assert text.count("stale 12 s") >= 3


async def test_every_resize_is_survived() -> None:
    async with scripted() as (app, pilot):
        for width, height in [
            (40, 10),
            (1, 1),
            (200, 60),
            (99, 19),
            (100, 20),
            (20, 50),
            (300, 8),
            (139, 28),
            (3, 3),
            (80, 24),
        ]:
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            app.pacer.flush()
            assert len(screen_text(app).splitlines()) == height
        await wait_until(pilot, lambda: app.main.focused_pane == "prompt", "it has the focus again")
        await settled(pilot)
        assert_snapshot("main-80x24", screen_text(app))


async def resize_quickly(app: ConsoleApp, sizes: list[tuple[int, int]], turns: int) -> None:
    """What a window that is dragged quickly tells: so many turns of the event loop go by, and nothing waits for a
    picture."""
    driver = app._driver
    assert isinstance(driver, HeadlessDriver)
    for width, height in sizes:
        driver._size = (width, height)
        app.post_message(events.Resize(Size(width, height), Size(width, height)))
        for _ in range(turns):
            await asyncio.sleep(0)


THROUGH_THE_BREAKPOINTS = [(width, height) for width in (50, 80, 200, 99, 100) for height in (36, 20, 60, 28)]


@pytest.mark.parametrize(
    ("keys", "pane"),
    [
        ([], "prompt"),
        (["escape"], "transcript"),
        (["escape", "2"], "events"),
        (["escape", "5"], "sentinel"),
        (["escape", "7", "down", "down"], "sampling"),
        (["f2", "tab"], "hex"),
        (["f4"], "machine"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_quick_resizes_leave_the_focus_and_the_view_as_they_were(keys: list[str], pane: str) -> None:
    async with scripted() as (app, pilot):
        await pilot.press(*keys)
        await wait_until(pilot, lambda: app.main.focused_pane == pane, "the pane")
        focused, view = app.focused, app.main.shape.tab
        for turns in (1, 3, 6, 10, 20, 50):
            await resize_quickly(app, [*THROUGH_THE_BREAKPOINTS, (120, 36)], turns)
        await wait_until(pilot, lambda: app.main.size == Size(120, 36), "the last size")
        await settled(pilot)
        assert (app.main.focused_pane, app.main.shape.tab) == (pane, view)
        assert app.focused is focused
        assert focused is not None
        assert focused.has_focus


@pytest.mark.parametrize(
    ("key", "tab"), [("7", "sampling"), ("2", "log"), ("4", "memory"), ("8", "machine"), ("1", "chat")]
)
async def test_where_panes_become_tabs_the_one_with_the_focus_stays_in_front(key: str, tab: str) -> None:
    async with scripted(size=(120, 60)) as (app, pilot):
        await pilot.press("escape", key)
        pane = app.main.focused_pane
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert (app.main.focused_pane, app.main.shape.tab) == (pane, tab)
        await pilot.resize_terminal(120, 60)
        await settled(pilot)
        assert (app.main.focused_pane, app.main.shape.tab) == (pane, "chat"), "and all of them are beside each other"


async def test_a_key_that_is_typed_where_the_focus_had_to_go_keeps_it_there() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("escape", "2")
        await pilot.resize_terminal(120, 24)  # too low for the events
        await settled(pilot)
        assert app.main.focused_pane == "transcript", "where keys are none of the prompt's letters"
        await pilot.press("i")
        await pilot.resize_terminal(120, 36)
        await settled(pilot)
        assert app.main.focused_pane == "prompt"


async def test_two_sizes_at_once_do_not_make_layouts_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a window is placed while the console starts: a layout of each size waits to be told to the screen."""
    async with scripted() as (app, pilot):
        told: list[Size] = []
        heard = MainScreen.on_resize

        def counted(screen: MainScreen, event: events.Resize) -> None:
            told.append(event.size)
            heard(screen, event)
            screen.call_later(lambda: None)  # something else comes between: Textual takes neighbours for one

        monkeypatch.setattr(MainScreen, "on_resize", counted)
        sizes = [Size(100, 30), Size(80, 24)]
        for size in sizes:
            app.main.post_message(events.Resize(size, size))
            app.main.call_later(lambda: None)
        for _ in range(20):
            await pilot.pause()
        assert told == sizes
        assert app.main.size == app.size == Size(120, 36)


async def test_the_theme_is_changed_without_a_restart() -> None:
    async with scripted(theme="teranga", size=(100, 30)) as (app, pilot):
        await pilot.press("escape")
        before = app.main.transcript.rich_style.bgcolor
        app.verbs.use_theme("paper")
        await wait_until(pilot, lambda: app.main.transcript.rich_style.bgcolor != before, "another background")
        assert app.theme.startswith("llm-paper")


async def test_an_unknown_theme_is_a_notice() -> None:
    app = make_app(theme="sunset")
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until(pilot, lambda: any("sunset" in toast.message for toast in app._notifications), "notice")
        assert app.theme_name == "teranga"


async def test_holding_the_view_counts_what_comes_and_catches_up() -> None:
    session = ScriptedSession(rich_state())
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "space")
        entry = LogLine(NOW, "kernel", "info", "info", "while nobody looked")
        session.push(log=(*session.state.log, entry))
        await wait_until(pilot, lambda: "HOLD 1 new" in screen_text(app), "hold mark")
        assert "while nobody looked" not in screen_text(app)
        await pilot.press("space")
        await wait_until(pilot, lambda: "while nobody looked" in screen_text(app), "caught up")
        assert "HOLD" not in screen_text(app)


async def test_link_trouble_is_on_the_status_line() -> None:
    app = make_app(
        ScriptedSession(rich_state(link=LinkState(LinkPhase.SILENT, "no heartbeat", NOW - 7, rejected_lines=2)))
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        status = screen_text(app).splitlines()[0]
        assert "link silent 7.0 s" in status
        assert "2 err" in status


async def test_the_app_paints_before_the_session_opens() -> None:
    session = ScriptedSession(replace(State(), target="slow"))
    app = make_app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        assert isinstance(app, ConsoleApp)
        await wait_until(pilot, lambda: session.opened == 1)
    await app.disconnect()
    assert session.closed == 1


async def test_narrow_tabs_name_their_keys_where_they_fit() -> None:
    for width, shown in ((80, True), (56, False)):
        app = make_app()
        async with app.run_test(size=(width, 24)) as pilot:
            await settled(pilot)
            row = screen_text(app).splitlines()[1]
            assert ("F2 Memory" in row) == shown
            assert "Dumps" in row


async def test_the_memory_pane_says_how_to_see_what_is_in_an_arena() -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        await pilot.press("f2")
        await wait_until(pilot, lambda: "P pauses, Enter opens the hex lens" in screen_text(app), "said")


async def test_the_palette_lists_the_word_itself_first() -> None:
    async with scripted() as (app, pilot):
        await pilot.press("ctrl+p", *"theme")

        def titles() -> list[str]:
            options = app.screen.query_one(OptionList).options
            return [str(option.prompt).splitlines()[0].casefold() for option in options]

        await wait_until(pilot, lambda: titles() and "theme" in titles()[0], "found")
        named = ["theme" in title for title in titles()]
        assert named == sorted(named, reverse=True), titles()
