"""The views: reached by key, palette, leader and mouse, left again, and the same on every size of screen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import SupportsIndex

import pytest
from driving import make_app, rows_of, screen_text, settled, simulated, until, wait_until
from scripted import NOW, ScriptedSession, rich_state, turn

from llmbm_console.core.actions.table import ACTIONS
from llmbm_console.core.log_filter import log_filter
from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.arrange import VIEWS
from llmbm_console.tui.pages.help import help_text
from llmbm_console.tui.pages.leader import LeaderScreen, followers
from llmbm_console.tui.widgets.files import FileList

KEYS = {"memory": "f2", "log": "f3", "machine": "f4", "dumps": "f5", "compare": "f7"}


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the person who runs the tests is listed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (200, 60)], ids=str)
@pytest.mark.parametrize("view", VIEWS)
async def test_a_key_shows_a_view_and_the_same_key_goes_back(view: str, size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(KEYS[view])  # from the prompt
        assert app.main.shape.tab == view
        assert app.main.focused_pane == VIEWS[view][0]
        await settled(pilot)
        await pilot.press(KEYS[view])
        assert app.main.shape.tab == "chat"
        assert app.main.focused_pane == "prompt", "where one goes on with what one was writing"
        await pilot.press("escape", KEYS[view], KEYS[view])
        assert app.main.focused_pane == "transcript", "where one was"


async def test_escape_and_f6_lead_back_to_the_console() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        for key in ("escape", "f6"):
            await pilot.press("f3", key)
            assert app.main.shape.tab == "chat"


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=str)
async def test_every_view_can_be_clicked(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("f2")
        await settled(pilot)
        for title, tab in (
            ("Log", "log"),
            ("Machine", "machine"),
            ("Dumps", "dumps"),
            ("Compare", "compare"),
            ("Memory", "memory"),
        ):
            column = screen_text(app).splitlines()[1].index(title)
            await pilot.click(offset=(column + 1, 1))
            await wait_until(pilot, lambda tab=tab: app.main.shape.tab == tab, tab)
            await settled(pilot)
        await pilot.click(offset=(screen_text(app).splitlines()[1].index("Console") + 1, 1))
        await wait_until(pilot, lambda: app.main.shape.tab == "chat", "back")


async def test_what_is_written_goes_to_the_console_view() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f4", "i")
        assert app.main.focused_pane == "prompt"
        assert app.main.shape.tab == "chat"


async def test_a_pane_that_only_zooming_shows_can_be_left_again() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "h")
        assert set(app.main.deck.regions) == {"status", "hex", "keys"}
        await pilot.press("escape")
        assert "hex" not in app.main.deck.regions
    app = make_app()
    async with app.run_test(size=(120, 24)) as pilot:  # too low for the events
        await settled(pilot)
        await pilot.press("escape", "2")
        assert "events" in app.main.deck.regions
        await pilot.press("escape")
        assert "events" not in app.main.deck.regions


async def test_plus_gives_a_pane_half_then_all_of_the_screen_and_underscore_takes_it_back() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "5")
        before = app.main.deck.regions["sentinel"]
        await pilot.press("plus")
        half = app.main.deck.regions["sentinel"]
        assert half.width == 60 > before.width
        assert {"transcript", "prompt", "memory"} <= set(app.main.deck.regions)
        await pilot.press("plus")
        assert set(app.main.deck.regions) == {"status", "sentinel", "keys"}
        await pilot.press("underscore")
        assert app.main.deck.regions["sentinel"] == half
        await pilot.press("underscore")
        assert app.main.deck.regions["sentinel"] == before
        assert app.main.focused_pane == "sentinel"
        await pilot.press("plus", "escape")
        assert app.main.deck.regions["sentinel"] == before


# ---- the leader key


def test_no_two_actions_have_the_same_key_behind_the_leader() -> None:
    assert len(followers(ACTIONS)) == sum(1 for action in ACTIONS if action.leader)


@pytest.mark.parametrize(
    ("key", "there"),
    [
        ("m", "memory"),
        ("l", "events"),
        ("v", "machine"),
        ("d", "files"),
        ("s", "sentinel"),
        ("k", "context"),
        ("h", "hex"),
    ],
)
async def test_a_key_behind_the_leader_goes_there(key: str, there: str) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "g")
        await wait_until(pilot, lambda: isinstance(app.screen, LeaderScreen), "the list")
        await pilot.press(key)
        await wait_until(pilot, lambda: app.screen is app.main and app.main.focused_pane == there, there)


@pytest.mark.parametrize("size", [(120, 36), (100, 30), (50, 20), (60, 12)], ids=str)
async def test_the_list_behind_the_leader_shows_every_key_and_escape_leaves_it(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "g")
        await wait_until(pilot, lambda: "Esc leaves" in screen_text(app), "the list")
        text = screen_text(app)
        for action in followers(ACTIONS).values():
            assert action.title.removeprefix("Go to ")[: None if size[0] >= 100 else 8] in text
        await pilot.press("escape")
        assert app.screen is app.main
        await pilot.press("g", "f9")
        assert app.screen is app.main


async def test_help_lists_what_is_behind_the_leader_with_the_key_that_a_person_gave_it() -> None:
    app = make_app(settings=Settings(bindings={"view.leader": ("B",)}))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        text = help_text("transcript", app.actions).plain
        assert "Behind B" in text
        assert "B m" in text
        await pilot.press("escape", "g")
        assert app.screen is app.main
        await pilot.press("B", "m")
        await wait_until(pilot, lambda: app.main.shape.tab == "memory", "there")


async def test_gg_is_the_first_line_and_ge_the_newest() -> None:
    items = tuple(turn(number, f"prompt {number}", "a quiet pond " * 30) for number in range(1, 12))
    app = make_app(ScriptedSession(rich_state(items=items, turn=None)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "g", "g")
        await wait_until(pilot, lambda: app.main.transcript.scroll_offset.y == 0, "the first line")
        await pilot.press("g", "e")
        await wait_until(pilot, lambda: app.main.transcript.following, "the newest")


async def test_a_click_in_the_list_behind_the_leader_acts() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "g")
        await wait_until(pilot, lambda: "Esc leaves" in screen_text(app), "the list")
        lines = screen_text(app).splitlines()
        row = next(y for y, text in enumerate(lines) if "Log view" in text)
        await pilot.click(offset=(lines[row].index("Log view") + 1, row))
        await wait_until(pilot, lambda: app.main.shape.tab == "log", "the log")


# ---- the log view

LOG = tuple(
    LogLine(NOW - 60 + at, "kernel" if at % 3 else "link", "warn" if at % 7 == 0 else "info", code, f"line {at}")
    for at, code in enumerate(["token", "kv", "budget"] * 10)
)


async def test_a_value_is_asked_for_then_left_out_then_neither() -> None:
    app = make_app(ScriptedSession(rich_state(log=LOG)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        app.main.focus_pane("facets")
        await pilot.press(*["down"] * 4, "enter")
        assert app.main.event_list.wanted == "code:budget"
        assert len(rows_of(app.main.event_list)) == 10
        await pilot.press("enter")
        assert app.main.event_list.wanted == "!code:budget"
        assert len(rows_of(app.main.event_list)) == 20
        await pilot.press("enter")
        assert app.main.event_list.wanted == ""


async def test_a_level_is_asked_for_alone() -> None:
    app = make_app(ScriptedSession(rich_state(log=LOG)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        app.main.focus_pane("facets")
        await pilot.press("enter")
        assert {entry.severity for entry in LOG if log_filter(app.main.event_list.wanted)(entry)} == {"info"}
        assert len(rows_of(app.main.event_list)) == sum(entry.severity == "info" for entry in LOG)
        await pilot.press("enter")
        assert len(rows_of(app.main.event_list)) == sum(entry.severity != "info" for entry in LOG)


async def test_a_click_on_a_value_and_on_a_column_of_time_acts() -> None:
    app = make_app(ScriptedSession(rich_state(log=LOG)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        lines = screen_text(app).splitlines()
        row = next(y for y, text in enumerate(lines) if "warn" in text)
        await pilot.click(offset=(lines[row].index("warn") + 1, row))
        await wait_until(pilot, lambda: app.main.event_list.wanted == "level:=warn", "filtered")
        region = app.main.deck.regions["histogram"]
        await pilot.click(offset=(region.right - 4, region.y + 2))
        await wait_until(pilot, lambda: app.main.event_list.selected_row == 4, "the last one")
        await wait_until(pilot, lambda: "line 28" in screen_text(app).split("Event ")[-1], "its fields")


@pytest.mark.parametrize(
    ("apart", "count", "why"),
    [(1.0, 5, "Too few events to draw over time:"), (0.1, 7, "The 7 events shown lie within 1 s")],
)
async def test_a_list_without_columns_over_time_says_why(apart: float, count: int, why: str) -> None:
    some = tuple(LogLine(NOW - 60 + at * apart, "kernel", "info", "few", f"line {at}") for at in range(count))
    app = make_app(ScriptedSession(rich_state(log=(*some, *LOG))))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f3")
        await settled(pilot)
        await pilot.press("/", *"code:few", "enter")
        await wait_until(pilot, lambda: f"{count} of {count + len(LOG)}" in screen_text(app), "filtered")
        await wait_until(pilot, lambda: why in screen_text(app), "why")


async def test_the_selected_event_is_told_beside_the_list() -> None:
    app = make_app(ScriptedSession(rich_state(log=LOG)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f3", "up", "up")
        await wait_until(pilot, lambda: "text      line 28" in screen_text(app), "the fields")


# ---- the dumps view

DUMP = (Path(__file__).parents[1] / "dump" / "sample-llmk-failsafe.txt").read_bytes()


@pytest.fixture
def dumps(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "a-llmk-failsafe.txt", tmp_path / "b-llmk-failsafe.txt"
    old.write_bytes(DUMP)
    new.write_bytes(DUMP)
    os.utime(old, (1, 1))
    return old, new


async def test_files_are_listed_newest_first_and_explained_in_a_sentence(dumps: tuple[Path, Path]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: app.main.views.files.selected == dumps[1], "the newest")
        await wait_until(pilot, lambda: "The sentinel tripped" in screen_text(app), "its meaning")
        await pilot.press("down")
        await wait_until(pilot, lambda: dumps[0].name in screen_text(app).splitlines()[2], "the other one")


async def test_home_and_end_go_to_the_first_and_the_last_file(dumps: tuple[Path, Path]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: app.main.views.files.selected == dumps[1], "the newest")
        await pilot.press("end")
        assert app.main.views.files.selected == dumps[0]
        await pilot.press("home")
        assert app.main.views.files.selected == dumps[1]


async def test_a_file_that_was_announced_is_selected_when_the_list_comes_and_not_under_a_hand_that_chooses(
    dumps: tuple[Path, Path],
) -> None:
    old, new = dumps
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        files = app.main.views.files
        await wait_until(pilot, lambda: files.selected == new, "the newest")
        await pilot.press("f5")
        files.announce(old)
        await pilot.press("f5")
        await wait_until(pilot, lambda: files.selected == old, "the announced one")
        files.announce(new)
        another = old.with_name("c-llmk-failsafe.txt")
        another.write_bytes(DUMP)
        await pilot.press("a")
        await wait_until(pilot, lambda: another.name in screen_text(app), "listed anew")
        assert files.selected == old, "the list was on the screen"
        await pilot.press("end", "f5")
        another.unlink()
        await pilot.press("f5")
        await wait_until(pilot, lambda: another.name not in screen_text(app) and old.name in screen_text(app), "again")
        assert files.selected == old, "another one was chosen since"


async def test_the_file_that_others_are_compared_with_has_a_sign_and_the_list_keeps_the_focus(
    dumps: tuple[Path, Path],
) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: "The sentinel tripped" in screen_text(app), "its meaning")
        await pilot.press("down", "c")
        assert f"● {dumps[0].name}" in screen_text(app)
        assert "c unmark" in screen_text(app)
        await pilot.press("f6", "f5")
        assert f"● {dumps[0].name}" in screen_text(app), "kept, and to be seen"
        await pilot.press("up")
        await wait_until(pilot, lambda: "c compare with ●" in screen_text(app), "what the key does now")
        await pilot.press("c")
        await wait_until(pilot, lambda: "The two files say the same" in screen_text(app), "compared")
        assert app.main.focused_pane == "files"
        assert "c ends comparing" in screen_text(app)
        await pilot.press("c")
        await wait_until(pilot, lambda: "The sentinel tripped" in screen_text(app), "its meaning again")
        await pilot.press("down", "c")
        await wait_until(pilot, lambda: "●" not in screen_text(app).splitlines()[3], "no mark")
        await pilot.press("c")
        app.do("view.glyphs")
        await wait_until(pilot, lambda: f"* {dumps[0].name}" in screen_text(app), "in ASCII")


async def test_a_marked_file_that_is_gone_is_no_longer_marked(dumps: tuple[Path, Path]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: app.main.views.files.selected == dumps[1], "listed")
        await pilot.press("c")
        dumps[1].unlink()
        await pilot.press("a")
        await wait_until(pilot, lambda: app.main.views.files.selected == dumps[0], "listed anew")
        assert app.main.views.files.marked is None


async def test_enter_goes_to_what_a_file_means_and_escape_comes_back(dumps: tuple[Path, Path]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: "The sentinel tripped" in screen_text(app), "its meaning")
        assert "Esc list" not in screen_text(app)
        await pilot.press("enter", "enter")
        assert app.main.focused_pane == "explanation"
        await wait_until(pilot, lambda: "Esc list" in screen_text(app), "how to get back")
        assert app.aside is None
        await pilot.press("escape")
        assert app.main.focused_pane == "files"
        assert app.main.shape.tab == "dumps"


async def test_a_file_that_was_saved_meanwhile_is_listed(tmp_path: Path) -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape", "f5")
        await until(pilot, lambda: "No dump and no recording yet." in screen_text(app), "an empty list")
        app.do("kernel.save_dump")
        await until(pilot, lambda: "-llmk-dump.txt" in screen_text(app), "while the list is shown")
        await pilot.press("f6")
        (tmp_path / "d-llmk-dump.txt").write_bytes(DUMP)
        await pilot.press("f5")
        await until(pilot, lambda: "d-llmk-dump.txt" in screen_text(app), "when it is shown again")


def test_of_a_log_that_grows_only_what_is_new_is_looked_at() -> None:
    class Counted(tuple[LogLine, ...]):
        looked = 0

        def __getitem__(self, place: SupportsIndex) -> LogLine:  # type: ignore[override]
            Counted.looked += 1
            return super().__getitem__(place)

    files = FileList(id="files")
    told = LogLine(NOW, "console", "info", "file", "x was saved")
    lines = [LogLine(NOW, "kernel", "info", "token", str(number)) for number in range(1000)]
    assert not files._file_saved(Counted(lines), 0)
    assert files._file_saved(Counted([*lines, told]), 0)
    Counted.looked = 0
    assert not files._file_saved(Counted([*lines, told, *lines[:2]]), 0)
    assert not files._file_saved(Counted([*lines[3:], told, *lines[:5]]), 3), "three were forgotten"
    assert Counted.looked == 5
    assert not files._file_saved(Counted(lines), 0), "an earlier moment"
    assert Counted.looked == 5


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=str)
async def test_behind_escape_single_keys_act_also_for_who_came_from_the_prompt(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert app.main.focused_pane == "prompt"
        await pilot.press("f3", "escape", "left_square_bracket")
        assert (app.main.shape.tab, app.main.focused_pane, app.main.prompt.text) == ("chat", "transcript", "")
        app.main.focus_pane("prompt")
        app.main.zoom("context")
        await pilot.press("escape", "z")
        assert app.main.prompt.text == ""


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=str)
@pytest.mark.parametrize(
    "back", [("f6",), ("f5",), ("f2", "f6"), ("escape", "i"), ("g", "c", "i")], ids=["F6", "F5", "F2 F6", "Esc", "g c"]
)
async def test_a_key_that_acts_in_the_prompt_leads_back_there_and_behind_any_other_the_key_of_the_prompt_does(
    back: tuple[str, ...], size: tuple[int, int]
) -> None:
    """A single key that led into the prompt would be a letter of it when it is pressed again."""
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*"The c", "f5", *back, *"at")
        assert (app.main.shape.tab, app.main.focused_pane, app.main.prompt.text) == ("chat", "prompt", "The cat")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=str)
async def test_a_file_that_is_read_is_opened_by_the_key_that_its_edge_names(
    size: tuple[int, int], dumps: tuple[Path, Path]
) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: app.main.views.files.selected is not None, "listed")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.main.focused_pane == "explanation", "read")
        await wait_until(pilot, lambda: "Esc list  o open" in screen_text(app), "what may follow")
        await pilot.press("o")
        await wait_until(pilot, lambda: app.shows_file and app.state.file_path == str(dumps[1]), "opened")


async def test_a_file_that_is_no_dump_says_so_and_an_empty_folder_what_to_do(tmp_path: Path) -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("f5")
        await wait_until(pilot, lambda: "No dump and no recording yet." in screen_text(app), "empty")
        (tmp_path / "x-llmk-dump.txt").write_bytes(b"\x1b[2J nothing \x00")
        await pilot.press("a")
        await wait_until(pilot, lambda: "cannot be explained" in screen_text(app), "no dump")
        assert "\x1b" not in screen_text(app)
