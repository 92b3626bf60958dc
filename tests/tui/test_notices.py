"""Notices: in the place of the keys and over nothing else, gone with the next key; what they refuse is in the log."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from driving import make_app, messages, screen_text, scripted, settled, simulated, until, wait_until
from scripted import ScriptedSession

from llmbm_console.core.kept_files import saved_folder, spare_folder

THEMES = "t"  # the key of the next theme, which is told


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)], ids=str)
async def test_a_notice_covers_the_keys_only_and_goes_with_the_next_key(size: tuple[int, int]) -> None:
    async with scripted(size=size, notifications=True) as (app, pilot):
        await pilot.press("escape")
        await settled(pilot)
        before = screen_text(app).splitlines()
        await pilot.press(THEMES)
        await wait_until(pilot, lambda: "theme " in screen_text(app).splitlines()[-1], "told")
        assert screen_text(app).splitlines()[:-1] == before[:-1]
        await pilot.press("down")
        await wait_until(pilot, lambda: screen_text(app).splitlines() == before, "the keys again")


async def test_a_chosen_theme_says_whether_it_is_kept(tmp_path: Path) -> None:
    async with scripted(notifications=True, memory=tmp_path) as (app, pilot):
        await pilot.press("escape", THEMES)
        title = app.themes[app.theme_name].title
        assert messages(app) == [f"theme {title}, kept for later runs"]
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    async with scripted(notifications=True, memory=blocked) as (app, pilot):
        await pilot.press("escape")
        app.do(f"theme.{app.theme_name}")  # as the palette does it
        await wait_until(pilot, lambda: messages(app), "told")
        (why,) = messages(app)
        assert why.endswith("the choice holds for now")


async def test_a_refused_key_is_a_line_of_the_log_and_nothing_to_look_at() -> None:
    async with simulated() as (app, pilot):
        app.verbs.say("/home/somebody/a-recording.llcap: no post-mortem file", "error")
        assert app.session is not None
        app.verbs.background(app.session.send_break(0.1))  # which its line has not
        await until(pilot, lambda: any("break" in entry.text for entry in app.state.log), "kept")
        entry = next(entry for entry in app.state.log if "break" in entry.text)
        assert (entry.source, entry.severity) == ("console", "info")
        assert not [entry for entry in app.state.log if "post-mortem" in entry.text], "only its path would be read"
        assert not [entry.text for entry in app.state.log if entry.source == "console" and entry.to_look_at]


async def test_what_was_wrong_before_the_session_is_in_its_log() -> None:
    app = make_app(problems=("config.toml:3: colour is not a setting",))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape")
        assert [entry.text for entry in app.state.log if "colour is not a setting" in entry.text] == [
            "config.toml:3: colour is not a setting"
        ]


async def test_a_saved_file_is_told_with_the_key_that_shows_it_and_its_path_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".local" / "a-folder-with-a-long-name" / "state"))
    monkeypatch.chdir(tmp_path)
    async with simulated() as (app, pilot):
        app.do("kernel.save_dump")
        await until(pilot, lambda: "llmk-dump.txt was saved as ~/" in screen_text(app), "where it is")
        await until(
            pilot, lambda: any("F5 shows it" in notice.message for notice in app._notifications), "how to see it"
        )
        path = next(saved_folder().glob("*-llmk-dump.txt"))
        assert path.name in screen_text(app), "not broken within the name"
        assert "./run" not in screen_text(app)
        await pilot.press("escape", "2", "e", "E")
        entries = app.main.event_list.shown
        app.main.event_list.select(next(at for at, entry in enumerate(entries) if "was saved as" in entry.text))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard.endswith(path.name), "the event is copied")
        await pilot.press("enter")
        await until(pilot, lambda: "y copies" in screen_text(app), "the page of the event")
        assert path.name in screen_text(app)
        await pilot.press("escape", "f5")
        await until(pilot, lambda: app.main.views.files.selected == path, "listed")
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == str(path), "the path is copied")


async def test_a_dump_that_cannot_be_where_dumps_are_is_a_notice_with_its_place_and_f5_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with simulated((200, 60), notifications=True) as (app, pilot):
        app.do("kernel.save_dump")
        await until(pilot, lambda: "F5 shows it" in screen_text(app), "told")
        notice = next(one.message for one in app._notifications if "F5 shows it" in one.message)
        assert notice.startswith(f"llmk-dump.txt was saved as {spare_folder()}/")
        assert "/proc/nowhere/llmbm-console/files cannot be written: No such file or directory" in notice
        await pilot.press("f5")
        await until(pilot, lambda: any(spare_folder().glob("*")), "kept")
        name = next(spare_folder().glob("*-llmk-dump.txt")).name
        await until(pilot, lambda: "llmk-dump.txt" in screen_text(app) and name[:8] in screen_text(app), "listed")


@pytest.mark.parametrize("key", ["t", "v"])
async def test_a_choice_that_cannot_be_kept_is_told(key: str) -> None:
    app = make_app(memory=Path("/proc/nowhere"))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", key)
        await wait_until(pilot, lambda: "the choice holds for now" in screen_text(app), "told")
        assert "/proc/nowhere/tui.json: cannot be written: No such file or directory" in screen_text(app)


async def test_prompts_that_cannot_be_kept_are_told_once() -> None:
    session = ScriptedSession()
    app = make_app(session, memory=Path("/proc/nowhere"))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press(*"one", "enter")
        await wait_until(pilot, lambda: "prompts are kept for now only" in screen_text(app), "told")
        assert "/proc/nowhere/history: cannot be written: No such file or directory" in screen_text(app)
        await pilot.press(*"two", "enter")
        await wait_until(pilot, lambda: "kept for now only" not in screen_text(app), "and not again")
