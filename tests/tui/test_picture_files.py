"""A picture in a file is shown as one: from the list of files, and named on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import messages, screen_text, scripted, settled, simulated, until, wait_until
from scripted import NOW, ScriptedSession, rich_state
from test_pictures import ppm

from llmbm_console.core.errors import SessionError, WrongUsage
from llmbm_console.core.postmortem.summary import file_summary
from llmbm_console.core.session.picture_session import PictureSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import CommandDone, MachineStatus
from llmbm_console.core.state.state import MachineState
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.picture import PicturePage


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "files" / "20260102-030405-[x]screen.ppm"
    path.parent.mkdir()
    path.write_bytes(ppm(64, 48, (63, 47)))
    return path


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36), (200, 60)])
async def test_a_picture_on_the_command_line_fills_the_screen(picture: Path, size: tuple[int, int]) -> None:
    target = Target("file", str(picture))
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, PicturePage), "shown")
        await until(pilot, lambda: "▀" in screen_text(app) and "64 x 48" in screen_text(app), "drawn, and its size")
        await pilot.press("escape")
    assert app.return_value == 0, "there is nothing else to see of it"
    await app.disconnect()


async def test_enter_in_the_list_of_files_shows_it_and_the_session_goes_on(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmbm_console.core.kept_files.saved_folder", lambda: picture.parent)
    monkeypatch.chdir(picture.parent)
    async with simulated() as (app, pilot):
        await pilot.press("escape", "f5")
        await until(pilot, lambda: app.main.views.files.selected is not None, "listed")
        await until(pilot, lambda: "A picture of 64 x 48 pixels" in screen_text(app), "told")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PicturePage), "shown")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main, "back")
        assert app.frame().live


def test_a_picture_is_told_in_a_few_lines_and_compared_with_nothing(picture: Path) -> None:
    assert file_summary(picture)[0] == "A picture of 64 x 48 pixels: what a machine's screen showed."
    with pytest.raises(WrongUsage, match="only post-mortem files can be compared"):
        make_session(Target("file", str(picture), older=picture))


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"P6\n2 2\n255\n12345678901", "ends after 11 of 12 bytes"), (b"P6\n2 2\n65535\n", "65535 shades")],
)
def test_a_picture_that_cannot_be_shown_is_an_error_with_its_name(picture: Path, content: bytes, why: str) -> None:
    picture.write_bytes(content)
    with pytest.raises(SessionError, match=why):
        PictureSession(picture)


async def test_a_file_on_a_machine_that_is_not_ours_is_told_with_the_way_to_get_it() -> None:
    session = ScriptedSession(rich_state(machine=MachineState(MachineStatus.RUNNING)))
    async with scripted(session, size=(120, 36)) as (app, pilot):
        said = "wrote shot.ppm, 1280 x 800, 3072016 bytes\n"
        session.push(CommandDone(NOW, "/save_img shot.ppm", True, said))
        await wait_until(pilot, lambda: any("get shot.ppm with the same --serial" in one for one in messages(app)), "")
        session.push(machine=MachineState(MachineStatus.RUNNING, ours=True))  # it is copied, which an event tells
        session.push(CommandDone(NOW, "/save_img second.ppm", True, said.replace("shot", "second")))
        await settled(pilot)
        assert not any("second.ppm" in one for one in messages(app))
