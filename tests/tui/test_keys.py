"""What keys do: panes, tabs, dangerous actions, copying, errors, help and palette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from driving import Clock, burst, confirm, make_app, screen_text, settled, simulated, slow_simulator, until, wait_until
from scripted import NOW, STORY, Machine, ScriptedSession, rich_state
from textual import events
from textual.screen import Screen
from textual.selection import Offset, Selection

from llmbm_console.core.actions import ACTIONS, BY_ID
from llmbm_console.core.events import MachineStatus
from llmbm_console.core.panes import PANES
from llmbm_console.core.settings import Settings
from llmbm_console.core.state import MachineState, Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.arming import APART, LATE, READ, SECONDS, Arming
from llmbm_console.tui.ask import AskLine
from llmbm_console.tui.details import EventDetails
from llmbm_console.tui.help import HelpScreen
from llmbm_console.tui.jump import LETTERS, JumpScreen
from llmbm_console.tui.jump_targets import jump_targets
from llmbm_console.tui.leader import LeaderScreen
from llmbm_console.tui.screen import MainScreen
from llmbm_console.tui.tour import TourScreen
from llmbm_console.tui.xray import TokenXRay
from llmbm_protocol.schema import Phase, StopReason


def messages(app: ConsoleApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_numbers_and_tab_go_through_the_panes() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert app.main.focused_pane == "prompt"
        await pilot.press("escape")
        assert app.main.focused_pane == "transcript"
        for key, pane in (("2", "events"), ("4", "memory"), ("5", "sentinel"), ("6", "context"), ("7", "sampling")):
            app.main.focus_pane("transcript")
            await pilot.press(key)
            assert app.main.focused_pane == pane
        await pilot.press("tab")
        assert app.main.focused_pane == "transcript"
        await pilot.press("shift+tab")
        assert app.main.focused_pane == "sampling"


async def test_letters_in_the_prompt_are_text() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("R", "P", "space", "4", "z", "q")
        assert app.main.prompt.text == "RP 4zq"
        assert app.main.focused_pane == "prompt"


async def test_a_pane_that_is_not_on_a_narrow_screen_opens_its_tab() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "5")
        assert app.main.focused_pane == "sentinel"
        assert app.main.shape.tab == "memory"
        await pilot.press("2")
        assert app.main.shape.tab == "log"
        await pilot.press("1")
        assert app.main.shape.tab == "chat"
        assert app.main.focused_pane == "transcript"


async def test_a_tab_can_be_clicked() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        column = screen_text(app).splitlines()[1].index("Sampling")
        await pilot.click(offset=(column + 1, 1))
        await wait_until(pilot, lambda: app.main.shape.tab == "sampling", "tab")


async def test_zoom_and_back() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "4", "z")
        assert set(app.main.deck.regions) == {"status", "memory", "keys"}
        await settled(pilot)
        assert "60,816,028" in screen_text(app)  # exact where there is room
        await pilot.press("escape")
        assert "transcript" in app.main.deck.regions
        await pilot.press("f3")
        assert "memory" not in app.main.deck.regions
        assert app.main.focused_pane == "events"
        await pilot.press("f3")
        assert "memory" in app.main.deck.regions


def machine_of(session: ScriptedSession) -> Machine:
    assert session.machine is not None
    return session.machine


async def test_a_dangerous_action_needs_a_second_press() -> None:
    session = ScriptedSession()
    app = make_app(session, clock=Clock())
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "R")
        await wait_until(pilot, lambda: "R again" in screen_text(app), "armed bar")
        assert BY_ID["machine.reset"].danger in screen_text(app)
        assert machine_of(session).calls == []
        await confirm(pilot, "R")
        await wait_until(pilot, lambda: machine_of(session).calls == ["reset"], "reset")
        assert "R again" not in screen_text(app)


async def test_a_press_before_the_question_can_have_been_read_is_no_answer_and_leaves_it() -> None:
    session, clock = ScriptedSession(), Clock()
    app = make_app(session, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape")
        burst(pilot, "RRRR")
        await wait_until(pilot, lambda: app.arming.shown and "R again" in screen_text(app), "asked")
        clock.now += READ - 0.1
        await pilot.press("R")
        assert "R again" in screen_text(app), "the question stays"
        for _ in range(8):  # a key that is held down repeats
            clock.now += APART - 0.1
            await pilot.press("R")
        assert machine_of(session).calls == []
        clock.now += APART
        await pilot.press("R")
        await wait_until(pilot, lambda: machine_of(session).calls == ["reset"], "a press by itself")


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)])
async def test_an_answer_that_comes_too_early_is_told_so(size: tuple[int, int]) -> None:
    session, clock = ScriptedSession(), Clock()
    app = make_app(session, clock=clock)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "R")
        await wait_until(pilot, lambda: app.arming.shown and "R again" in screen_text(app), "asked")
        assert "read first" not in screen_text(app)
        await pilot.press("R")
        await wait_until(pilot, lambda: "read first, then R again" in screen_text(app), "told")
        await confirm(pilot, "R")
        await wait_until(pilot, lambda: machine_of(session).calls == ["reset"], "done when it has been read")
        await pilot.press("Q")
        await wait_until(pilot, lambda: "Q again" in screen_text(app), "another question")
        assert "read first" not in screen_text(app)


async def test_a_question_that_is_not_on_the_screen_cannot_be_answered() -> None:
    clock = Clock()
    arming, reset = Arming(clock), BY_ID["machine.reset"]
    assert not arming.press(reset)
    clock.now += SECONDS / 2
    assert not arming.press(reset)
    arming.seen(reset)
    clock.now += READ
    assert arming.press(reset)


async def test_what_comes_behind_the_key_of_the_prompt_in_one_piece_is_text() -> None:
    async with simulated() as (app, pilot):
        said = len(app.state.items)
        for leave, text in (("escape", "RRa"), ("2", "Pause"), ("4", "The space boy z6")):
            await pilot.press("escape", leave)
            assert app.main.focused_pane != "prompt"
            burst(pilot, f"i{text}")
            await until(pilot, lambda text=text: app.main.prompt.text.endswith(text), f"{text} is written")
        assert app.main.prompt.text == "RRaPauseThe space boy z6"
        assert app.arming.action is None
        assert app.state.machine.status is MachineStatus.RUNNING
        assert len(app.state.items) == said
        await pilot.press("escape")
        burst(pilot, "i\r")
        await until(pilot, lambda: len(app.state.items) > said or app.state.turn is not None, "sent")


@pytest.mark.parametrize(
    ("keys", "pane", "zoomed"),
    [
        ("4z", "memory", "memory"),
        ("?q?q4z", "memory", "memory"),
        ("4\t\t", "context", ""),
        ("5\x1b[Zz", "memory", "memory"),
        ("12i\x1bOS6", "context", ""),
    ],
    ids=["digit", "help closed", "tab", "shift+tab", "F4 from the prompt"],
)
async def test_each_key_of_a_burst_finds_the_focus_where_the_one_before_moved_it(
    keys: str, pane: str, zoomed: str
) -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape")
        burst(pilot, keys)
        await until(pilot, lambda: (app.main.focused_pane, app.main.shape.zoom) == (pane, zoomed), "where they lead")
        assert app.main.prompt.text == ""


@pytest.mark.parametrize(
    ("keys", "screen", "pane", "text"),
    [
        ("ab\x1b?", HelpScreen, "transcript", "ab"),
        ("ab\x1bx", TokenXRay, "transcript", "ab"),
        ("ab\x1bR", MainScreen, "transcript", "ab"),
        ("ab\x1b/", AskLine, "transcript", "ab"),
        ("ab\x1b/cd\x1bic", MainScreen, "prompt", "abc"),
        ("ab\x1bic\x1b", MainScreen, "transcript", "abc"),
        ("ab\x1bi" + "c" * 40, MainScreen, "prompt", "ab" + "c" * 40),
        ("ab\x1b\rc", MainScreen, "prompt", "ab\nc"),
        ("ab\x1b[99;9Xc", MainScreen, "prompt", "abc"),
        ("\x1b4\x1b?\x1b6\x1bz", MainScreen, "context", ""),
    ],
    ids=["help", "tokens", "a question", "find", "out of find", "twice", "long", "new line", "no known key", "panes"],
)
async def test_escape_and_a_key_in_one_piece_do_what_they_do_one_after_the_other(
    keys: str, screen: type[Screen[Any]], pane: str, text: str
) -> None:
    app = make_app(clock=Clock())
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        burst(pilot, keys)
        await wait_until(
            pilot, lambda: isinstance(app.screen, screen) and app.main.focused_pane == pane, "where they lead"
        )
        await wait_until(pilot, lambda: app.main.prompt.text == text, "the text")
        assert (app.arming.action is app.by_id["machine.reset"]) == keys.endswith("R")
        assert app.main.shape.zoom == ("context" if keys.endswith("z") else "")


@pytest.mark.parametrize("keys", ["", "\x1b", "abc\x1b?\x1b", "i\x1bR"])
async def test_keys_behind_the_end_go_nowhere(keys: str) -> None:
    app = make_app(clock=Clock())
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        burst(pilot, "a" + keys)  # some of it is still on its way when all screens are taken down
    burst(pilot, "b\x1bc")
    assert not app.screen_stack
    await app._type_ahead.take(events.Key("escape", "\x1b"))
    await app._deliver(events.Key("escape", "\x1b"))


@pytest.mark.parametrize(
    ("keys", "pane", "text"),
    [
        ("i{transcript}ab", "transcript", ""),
        ("iabR{transcript}", "transcript", "abR"),
        ("{prompt}abR", "prompt", "abR"),
    ],
    ids=["before", "behind", "into the prompt"],
)
async def test_a_click_among_keys_acts_in_its_turn(keys: str, pane: str, text: str) -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape", "4")
        clicks = {}
        for name in ("transcript", "prompt"):
            x, y = (place + 2 for place in app.main.deck.regions[name].offset)
            clicks[name] = f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"
        burst(pilot, keys.format(**clicks))
        await until(pilot, lambda: (app.main.focused_pane, app.main.prompt.text) == (pane, text), "where they lead")
        await settled(pilot)
        assert (app.main.focused_pane, app.main.prompt.text) == (pane, text)
        assert app.arming.action is None


async def test_what_is_bound_to_a_key_with_alt_is_not_escape_and_that_key() -> None:
    settings = Settings(bindings={"view.tour": ("alt+x",)})
    app = make_app(settings=settings)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        burst(pilot, "ab\x1bx")
        await wait_until(pilot, lambda: isinstance(app.screen, TourScreen), "what is bound to it")
        assert app.main.focused_pane == "prompt"


@pytest.mark.parametrize(
    ("keys", "screen"),
    [
        (["f3", "2", "enter"], EventDetails),
        (["f5", "f1"], HelpScreen),
        (["f5", "x"], TokenXRay),
        (["f5", "g"], LeaderScreen),
        (["f5", "/"], AskLine),
    ],
)
async def test_the_key_of_a_view_leaves_a_page_and_no_line_that_is_being_written(
    keys: list[str], screen: type[Screen[Any]]
) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", *keys)
        await wait_until(pilot, lambda: isinstance(app.screen, screen), "the page")
        await pilot.press("f6")
        if screen is AskLine:
            await settled(pilot)
            assert isinstance(app.screen, AskLine)
        else:
            await wait_until(pilot, lambda: app.screen is app.main and app.main.shape.tab == "chat", "the view")


async def test_keys_behind_one_that_opens_a_dialog_go_to_the_dialog() -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape")
        burst(pilot, "7acalm\r")
        await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.temperature == 500_000, "set")
        assert app.screen is app.main
        await pilot.press("escape")
        burst(pilot, "2/level:warn\r")
        await until(pilot, lambda: app.main.event_list.wanted == "level:warn", "filtered")
        await pilot.press("escape")
        burst(pilot, "4gpRa")  # the list behind g, the prompt, its text
        await until(pilot, lambda: app.main.prompt.text == "Ra", "written")
        burst(pilot, "\x03\x10theme paper")
        await until(pilot, lambda: len(app.screen_stack) == 2 and "Theme: Paper" in screen_text(app), "palette")
        assert app.main.prompt.text == ""


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)])
async def test_what_a_dangerous_action_does_is_told_to_the_end(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape")
        before = dict(app.main.deck.regions)
        for action in (action for action in ACTIONS if action.danger):
            app.do(action.id)
            await wait_until(
                pilot, lambda told=action.danger: told in " ".join(screen_text(app).split()), f"all of {action.id}"
            )
            assert "leaves it" in screen_text(app)
            await pilot.press("escape")
            await wait_until(pilot, lambda: "leaves it" not in screen_text(app), "left")
            assert app.main.deck.regions == before


async def test_an_armed_action_disarms_by_itself_and_by_escape() -> None:
    session, clock = ScriptedSession(), Clock()
    app = make_app(session, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "R")
        clock.now += SECONDS + 0.1
        await wait_until(pilot, lambda: "R again" not in screen_text(app), "time is over")
        await pilot.press("R", "escape")
        await wait_until(pilot, lambda: "R again" not in screen_text(app), "escaped")
        await pilot.press("R", "Q")
        await pilot.pause()
        assert machine_of(session).calls == []


@pytest.mark.parametrize("late", [0.0, SECONDS + LATE / 2], ids=["in time", "as the question goes"])
async def test_escape_answers_an_armed_action_and_leaves_nothing_else(late: float) -> None:
    clock = Clock()
    app = make_app(clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f5")
        for action in (action for action in ACTIONS if action.danger):
            app.do(action.id)
            await wait_until(pilot, lambda: "leaves it" in screen_text(app), f"{action.id} asked")
            clock.now += late
            await pilot.press("escape")
            await wait_until(pilot, lambda: "leaves it" not in screen_text(app), f"{action.id} answered")
            assert app.main.shape.tab == "dumps", action.id
            assert app.arming.action is None, action.id
        await pilot.press("escape")
        assert app.main.shape.tab == "chat", "the next one leaves the view"


async def test_pause_and_resume_need_no_confirmation() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "P")
        await wait_until(pilot, lambda: machine_of(session).calls == ["pause"], "pause")
        session.push(machine=MachineState(MachineStatus.PAUSED, "", NOW, True))
        await wait_until(pilot, lambda: "paused" in screen_text(app), "shown")
        await pilot.press("P")
        await wait_until(pilot, lambda: machine_of(session).calls == ["pause", "resume"], "resume")


async def test_a_machine_without_control_says_why() -> None:
    session = ScriptedSession(controllable=False)
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "P")
        await wait_until(pilot, lambda: any("power switch" in text for text in messages(app)), "reason")


async def test_control_c_stops_a_running_answer_from_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_simulator(tmp_path, monkeypatch)
    async with simulated() as (app, pilot):
        await pilot.press(*"/max_tokens 256", "enter", *"Once upon a time", "enter")
        await until(pilot, lambda: app.state.turn is not None and len(app.state.turn.tokens) > 2, "an answer runs")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.state.turn is None and app.state.phase is Phase.IDLE, "ended")
        item = app.state.items[-1]
        assert isinstance(item, Turn)
        assert item.finished is not None
        assert item.finished.reason is StopReason.STOPPED
        await until(pilot, lambda: "stopped" in screen_text(app), "the transcript says so")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: any("^q quits" in text for text in messages(app)), "hint")
        assert app.is_running


async def test_control_c_that_is_bound_to_nothing_else_quits_nothing() -> None:
    app = make_app(
        ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)), settings=Settings(bindings={"chat.break": ()})
    )
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "ctrl+c")
        await wait_until(pilot, lambda: any("nothing runs" in text for text in messages(app)), "what it always does")


async def test_control_c_copies_a_selection_of_the_transcript_unwrapped() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        rows = app.main.transcript.rows
        first = next(i for i, row in enumerate(rows) if "there was a little girl" in row.text)
        last = next(i for i, row in enumerate(rows) if "too high" in row.text)
        selection = Selection(Offset(0, first), Offset(len(rows[last].text), last))
        app.main.selections = {app.main.transcript: selection}
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: app.clipboard == STORY, "copied")
        assert session.stops == 0


async def test_the_last_answer_is_copied() -> None:
    app = make_app(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "y")
        await wait_until(pilot, lambda: app.clipboard == STORY, "copied")


async def test_e_selects_warnings_and_errors_and_nothing_else() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "E")
        assert app.main.event_list.row_line(app.main.event_list.selected_row).style == "events--error"
        await pilot.press("E")
        assert app.main.event_list.row_line(app.main.event_list.selected_row).style == "events--warn"
        await pilot.press("E")
        await wait_until(pilot, lambda: any("no further" in text for text in messages(app)), "end")
        await pilot.press("e")
        assert app.main.event_list.row_line(app.main.event_list.selected_row).style == "events--error"


async def test_help_is_about_the_focused_pane() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "f1")
        await wait_until(pilot, lambda: "Help" in screen_text(app), "help")
        text = screen_text(app)
        assert "The kernel's sampling parameters" in text
        assert "Sampling to the defaults" in text
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main, "closed")


async def test_the_palette_has_every_action_and_says_what_is_not_possible() -> None:
    from llmbm_console.core.actions import ACTIONS
    from llmbm_console.tui.palette_entries import ActionProvider

    app = make_app(ScriptedSession(controllable=False))
    async with app.run_test(size=(120, 50)) as pilot:
        await settled(pilot)
        hits: dict[str, Any] = {}
        provider = ActionProvider(app.main)
        async for hit in provider.discover():
            hits[str(hit.text)] = hit
        assert len(hits) == len(ACTIONS) - 1 + len(app.main.sampling.sliders) + len(app.themes)
        reset = next(hit for text, hit in hits.items() if "Reset the machine" in text)
        assert "not possible" in str(reset.help)
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: len(app.screen_stack) == 2, "palette")
        await pilot.press(*"theme paper")
        await wait_until(pilot, lambda: "Theme: Paper" in screen_text(app), "found")
        await pilot.press("down", "enter")
        await wait_until(pilot, lambda: app.theme_name == "paper", "theme")


async def test_the_palette_shows_letters_strewn_over_a_title_only_where_no_title_has_the_word() -> None:
    from llmbm_console.tui.palette_entries import ActionProvider

    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        provider = ActionProvider(app.main)
        found = [str(hit.text) async for hit in provider.search("theme")]
        assert found, "themes and the actions on them"
        assert all("theme" in text.casefold() for text in found), found
        swapped = [str(hit.text) async for hit in provider.search("paper THEME")]
        assert swapped == ["Theme: Paper"]
        strewn = [str(hit.text) async for hit in provider.search("rstmch")]
        assert any("Reset the machine" in text for text in strewn)


async def test_a_question_mark_is_help_where_single_keys_act() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("?")
        assert app.main.prompt.text == "?"
        await pilot.press("escape", "4", "?")
        await wait_until(pilot, lambda: "Help" in screen_text(app), "help")
        assert "The kernel's arenas" in screen_text(app)
        await pilot.press("?")
        await wait_until(pilot, lambda: app.screen is app.main, "closed by what opened it")


async def test_pane_actions_act_only_in_their_pane() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "s")
        await pilot.pause()
        assert session.parameters == []
        await pilot.press("5", "s")
        await wait_until(pilot, lambda: session.parameters == [("strict_budget", "1")], "strict")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("X", "Reset the sentinel: X acts in Sentinel (5)"),
        ("D", "Sampling to the defaults: D acts in Sampling (7)"),
        ("d", "Read as other numbers: d acts in Hex lens (h)"),
        ("s", "s acts in Sampling (7), Sentinel (5)"),
        ("alt+y", "Reset the sentinel: alt+y acts in Sentinel (5)"),
        ("enter", "no key Enter here: i writes a prompt, F1 shows the keys"),
        ("left", "no key left here: i writes a prompt, F1 shows the keys"),
    ],
)
async def test_a_key_of_another_pane_says_where_it_acts(key: str, told: str) -> None:
    session = ScriptedSession()
    app = make_app(session, settings=Settings(bindings={"sentinel.reset": ("X", "alt+y")}))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", key)
        assert messages(app) == [told]
        assert app.arming.action is None
        assert session.submitted == []


@pytest.mark.parametrize("key", ["T", "X"])
async def test_what_trips_the_sentinel_and_what_resets_it_say_how_the_chat_goes_on(key: str) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "5", key)
        await wait_until(pilot, lambda: f"{key} again" in screen_text(app), "asked")
        assert {"T": "/reset brings the chat back", "X": "the chat goes on"}[key] in screen_text(app)


async def test_retry_opens_the_session_again() -> None:
    session = ScriptedSession(failure="the cable is not plugged in")
    app = make_app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "the cable is not plugged in" in screen_text(app)
        session.failure = ""
        await pilot.press("r")
        await wait_until(pilot, lambda: session.opened == 2 and "no session" not in screen_text(app), "opened again")


async def test_q_leaves_a_failed_session_and_control_q_any() -> None:
    app = make_app(ScriptedSession(failure="gone"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("q")
        await wait_until(pilot, lambda: app._exit, "left")
    app = make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+q")
        await wait_until(pilot, lambda: app._exit, "left")
    assert app.return_value == 0


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (200, 60), (60, 18)])
@pytest.mark.parametrize("glyphs", ["blocks", "ascii"])
async def test_jump_has_a_letter_for_every_pane_slider_and_view_at_every_size(
    size: tuple[int, int], glyphs: str
) -> None:
    app = make_app(glyphs=glyphs)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        titles = [target.title for target in jump_targets(app.main)]
        assert len(titles) == len(set(titles)) <= len(LETTERS)
        assert {title for _name, title in PANES if _name != "sampling"} <= set(titles)
        assert set(app.main.sampling.sliders) <= set(titles)
        assert "Dumps view" in titles
        before = screen_text(app).splitlines()
        await pilot.press("ctrl+o")
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "letters")
        await wait_until(pilot, lambda: "Esc leaves" in screen_text(app), "what to do")
        text = screen_text(app)
        assert all(f"[{letter}]" in text for letter, _title in zip(LETTERS, titles, strict=False))
        for name, slider in app.main.sampling.sliders.items():
            if slider in app.main.focus_chain and app.main.region.contains_region(slider.region):
                row = text.splitlines()[slider.region.y]
                assert row[slider.region.x :].startswith(f"{name} "), "its name stays readable"
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.main, "left")
        assert screen_text(app).splitlines()[1:] == before[1:]


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
@pytest.mark.parametrize("title", ["temp", "Context", "Events", "Dumps view"])
async def test_a_letter_goes_to_what_is_in_sight_and_to_what_is_not(size: tuple[int, int], title: str) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        titles = [target.title for target in jump_targets(app.main)]
        await pilot.press("ctrl+o")
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "letters")
        await pilot.press(LETTERS[titles.index(title)])
        reached = {
            "temp": lambda: app.main.sampling.sliders["temp"].has_focus,
            "Context": lambda: app.main.focused_pane == "context",
            "Events": lambda: app.main.focused_pane == "events",
            "Dumps view": lambda: app.main.shape.tab == "dumps",
        }[title]
        await wait_until(pilot, lambda: app.screen is app.main and reached(), "there")


async def test_lines_are_selected_with_keys_and_copied() -> None:
    app = make_app(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        rows = app.main.transcript.rows
        await pilot.press("escape", "V")
        last = app.main.transcript.text_selection
        assert last is not None
        await pilot.press("up", "k", "up")
        selected = app.main.get_selected_text() or ""
        assert "gap: line silent for 1.8 s" in selected
        assert len(selected.splitlines()) >= 3
        await pilot.press("y")
        await wait_until(pilot, lambda: app.clipboard == selected, "copied")
        assert not app.main.selections
        await pilot.press("up")
        assert not app.main.selections
        await pilot.press("V", "escape")
        assert not app.main.selections
        assert len(rows) == len(app.main.transcript.rows)


def kept_copies(folder: Path) -> list[str]:
    return [path.read_text("utf-8") for path in folder.rglob("copied.txt")]


async def test_the_notice_says_which_way_the_copy_went(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app = make_app(ScriptedSession(rich_state(turn=None, phase=Phase.IDLE)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        monkeypatch.setenv("TERM", "xterm-256color")
        await pilot.press("escape", "y")
        await wait_until(pilot, lambda: any("OSC 52" in text for text in messages(app)), "by the terminal")
        monkeypatch.setenv("TERM", "linux")
        await pilot.press("y")
        await wait_until(pilot, lambda: any("copied.txt" in text for text in messages(app)), "into a file")
    assert kept_copies(tmp_path) == [STORY]
